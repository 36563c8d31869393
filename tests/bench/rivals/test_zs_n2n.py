"""Zero-Shot Noise2Noise: its pair, its loss, and that it denoises within its limits."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from dipsearch.bench.rivals.rival_limits import Limits
from dipsearch.bench.rivals.zs_n2n import pair_loss, pair_of, zero_shot_noise2noise
from dipsearch.problem import Identity, NoiseModel, Problem, psnr


def clean(side: int = 48) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 3, side), torch.linspace(0, 3, side), indexing="ij")
    return (
        torch.stack([rows.sin().abs(), columns.cos().abs(), (rows + columns).sin().abs()])[None] * 0.7 + 0.1
    )


def noisy(x: torch.Tensor, sigma: float = 0.1) -> Problem:
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)) * sigma
    shape = (1, 3, *x.shape[-2:])
    return Problem(
        x + noise, Identity(), NoiseModel("gaussian", sigma), shape, observed=torch.ones_like(x[:, :1])
    )


class Nothing(nn.Module):
    """A network that finds no noise."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x)


def test_the_pair_are_the_means_of_the_diagonals() -> None:
    y = torch.tensor([[1.0, 2.0, 9.0], [3.0, 4.0, 9.0], [9.0, 9.0, 9.0]])[None, None]
    first, second = pair_of(y)
    assert (first.item(), second.item()) == (2.5, 2.5)
    first, second = pair_of(torch.tensor([[0.0, 1.0], [0.0, 2.0]])[None, None])
    assert (first.item(), second.item()) == (0.5, 1.0)


def test_the_loss_of_doing_nothing_is_the_difference_of_the_pair() -> None:
    y = torch.tensor([[0.0, 1.0], [0.0, 2.0]])[None, None]
    assert float(pair_loss(Nothing(), y)) == 0.25  # half of 0.25 twice, and nothing inconsistent


def test_noise_is_removed_and_the_seed_decides() -> None:
    x = clean()
    problem = noisy(x)
    limits = Limits(seconds=60, steps=150, seed=1)
    restored = zero_shot_noise2noise(problem, limits)
    assert psnr(restored, x) > psnr(problem.y.clamp(0, 1), x) + 4
    assert torch.equal(restored, zero_shot_noise2noise(problem, limits))


def test_the_time_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def clock() -> float:
        looks.append(float(len(looks)))
        return looks[-1]

    # The module's clock alone: other threads look at the machine's.
    monkeypatch.setattr("dipsearch.bench.rivals.zs_n2n.time", SimpleNamespace(monotonic=clock))
    zero_shot_noise2noise(noisy(clean()), Limits(seconds=4))
    assert (
        len(looks) == 6
    )  # one second passes between two looks: the first is the start, the last is too late
