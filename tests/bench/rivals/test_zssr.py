"""Zero-Shot Super-Resolution: turns, what it learns, agreement with the measurement, and limits."""

from types import SimpleNamespace

import pytest
import torch

from dipsearch.bench.rivals.back_projection import back_projected, enlarged, reduction
from dipsearch.bench.rivals.rival_limits import Limits
from dipsearch.bench.rivals.zssr import VIEWS, turned, turned_back, zero_shot_super_resolution
from dipsearch.problem import Downsample, NoiseModel, Problem, psnr


def stripes(side: int = 64) -> torch.Tensor:
    """Edges that recur at several sizes, which is what the method lives on."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    return ((12 * (rows**2 + columns**2 + 0.3 * rows)).sin() > 0).float()[None, None] * 0.6 + 0.2


def problem(factor: int = 2) -> tuple[torch.Tensor, Problem]:
    x = stripes()
    operator = Downsample(factor, tuple(x.shape))
    y = operator.A(x)
    return x, Problem(y, operator, NoiseModel("none"), (1, 1, 64, 64), observed=torch.ones_like(y))


@pytest.mark.parametrize("view", range(VIEWS))
def test_a_turn_is_undone(view: int) -> None:
    x = torch.rand(1, 3, 5, 7)
    assert torch.equal(turned_back(turned(x, view), view), x)


def test_the_eight_views_differ() -> None:
    x = torch.arange(9.0).view(1, 1, 3, 3)
    assert len({tuple(turned(x, view).flatten().tolist()) for view in range(VIEWS)}) == VIEWS


def test_it_learns_from_the_picture_and_agrees_with_it() -> None:
    x, measured = problem()
    limits = Limits(seconds=60)
    restored = zero_shot_super_resolution(measured, limits)
    start = back_projected(enlarged(measured), measured.y, reduction(measured)).clamp(0, 1)
    assert psnr(restored, x) > psnr(start, x) + 1
    assert (
        float((measured.operator.A(restored) - measured.y).abs().mean()) < 0.01
    )  # but for values beyond [0, 1]
    quick = Limits(seconds=60, steps=5)
    again = [zero_shot_super_resolution(measured, quick) for _ in range(2)]
    assert torch.equal(*again)


def test_the_time_is_kept_and_odd_sizes_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def clock() -> float:
        looks.append(float(len(looks)))
        return looks[-1]

    # Other threads of this process have the real clock.
    monkeypatch.setattr("dipsearch.bench.rivals.zssr.time", SimpleNamespace(monotonic=clock))
    x = torch.rand(1, 3, 33, 29)
    operator = Downsample(4, tuple(x.shape))
    y = operator.A(x)
    odd = Problem(y, operator, NoiseModel("none"), (1, 3, 33, 29), observed=torch.ones_like(y[:, :1]))
    assert zero_shot_super_resolution(odd, Limits(seconds=4)).shape == x.shape
    assert len(looks) < 10  # one second passes between two looks
