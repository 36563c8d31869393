"""What cannot be restored is one line, and what can is restored sensibly: odd measurements, one by one."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dipsearch.errors import InputError
from dipsearch.patches import answer, polished
from dipsearch.problem import (
    Downsample,
    Identity,
    Mask,
    NoiseModel,
    Operator,
    Problem,
    make_split,
    psnr,
    read_image,
)

module = import_module("dipsearch.patches.answer")
NONE = NoiseModel("none", None, "none")


def noise_of(shape: tuple[int, ...], *, level: float) -> Tensor:
    return level / 255 * torch.randn(shape, generator=torch.Generator().manual_seed(0))


def photo(size: int = 32) -> Tensor:
    return read_image("sample:chelsea").pixels[..., 100 : 100 + size, 150 : 150 + size].contiguous()


def measured(
    y: Tensor,
    operator: Operator | None = None,
    noise: NoiseModel = NONE,
    *,
    observed: Tensor | None = None,
) -> Problem:
    observed = torch.ones(1, 1, *y.shape[-2:]) if observed is None else observed
    operator = Identity() if operator is None else operator
    shape = getattr(operator, "image_shape", tuple(y.shape))
    return Problem(y, operator, noise, shape, observed=observed)


class Blur:
    """A 3 × 3 binomial filter; it is its own adjoint."""

    kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])[None, None] / 16

    def A(self, x: Tensor) -> Tensor:
        return F.conv2d(x[0][:, None], self.kernel.to(x), padding=1)[:, 0][None]

    def A_adjoint(self, y: Tensor) -> Tensor:
        return self.A(y)

    def to(self, device: torch.device | str) -> Blur:
        return self


@pytest.mark.parametrize("kind", ["mask", "impulse"])
def test_noise_is_removed_also_where_nothing_is_missing(kind: str) -> None:
    x = photo()
    y = (x + noise_of(x.shape, level=10)).clamp(0.01, 0.99)
    given = (
        measured(y, Mask(torch.ones(1, 1, 32, 32)), NoiseModel("gaussian", 10 / 255))
        if kind == "mask"
        else measured(y, None, NoiseModel("impulse", 10 / 255))
    )
    assert psnr(answer(given), x) > psnr(y, x) + 3
    assert psnr(polished(given, x), x) > psnr(y, x) + 6


@pytest.mark.parametrize("noise", [NONE, NoiseModel("unknown", 0.0)], ids=["none", "sigma 0"])
def test_hidden_pixels_of_a_picture_without_noise_are_filled(noise: NoiseModel) -> None:
    x = photo()
    given = measured(x, None, noise)
    split = make_split(given, seed=0)
    hidden = split.score_weight.expand_as(x) > 0
    assert float((answer(given, split=split) - x)[hidden].abs().mean()) < 0.05


def test_the_noise_is_estimated_from_what_may_be_seen() -> None:
    x = photo(64)
    given = measured(x + noise_of(x.shape, level=10), None, NoiseModel("unknown"))
    part = module.fitted_part(given, make_split(given, seed=0))
    assert module.assumed_sigma(part) == pytest.approx(10 / 255, rel=0.15)


def test_the_noise_beside_missing_pixels_is_estimated_without_them() -> None:
    x = photo(64)
    observed = (torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(1)) > 0.3).float()
    y = (x + noise_of(x.shape, level=10)) * observed
    given = measured(y, Mask(observed), NoiseModel("unknown"), observed=observed)
    assert module.assumed_sigma(module.fitted_part(given, None)) == pytest.approx(10 / 255, rel=0.3)


@pytest.mark.parametrize("level", [0.5, 2, 5])
def test_a_noisy_blur_is_not_made_worse(level: float) -> None:
    x, blur = photo(), Blur()
    y = blur.A(x) + noise_of(x.shape, level=level)
    assert psnr(answer(measured(y, blur, NoiseModel("gaussian", level / 255))), x) > psnr(y, x) + 1


def test_an_enlargement_in_tiles_measures_as_y(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SIDE", 32)
    monkeypatch.setattr(module, "OVERLAP", 16)
    x = photo(48)
    half = Downsample(2, tuple(x.shape))
    given = measured(half.A(x), half)
    assert float((half.A(answer(given)) - given.y).abs().max()) < 1e-4


def test_the_noise_is_estimated_once_for_all_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SIDE", 32)
    monkeypatch.setattr(module, "OVERLAP", 16)
    seen, original = [], module.estimate_sigma
    monkeypatch.setattr(module, "estimate_sigma", lambda y: seen.append(tuple(y.shape)) or original(y))
    x = photo(48)
    answer(measured(x + noise_of(x.shape, level=12), None, NoiseModel("unknown")))
    assert seen == [(1, 3, 48, 48)]


@pytest.mark.parametrize("channels", [slice(1, 2), slice(None)], ids=["one", "all"])
def test_a_channel_of_which_nothing_was_measured_is_one_line(channels: slice) -> None:
    observed = torch.ones(1, 3, 16, 16)
    observed[:, channels] = 0
    given = measured(photo(16) * observed, Mask(observed), observed=observed)
    with pytest.raises(InputError, match="nothing was measured"):
        answer(given)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("y", "measurement has values"),
        ("pilot", "pilot has values"),
        ("sigma nan", "sigma is nan"),
        ("sigma inf", "sigma is inf"),
        ("small", "9 × 4"),
    ],
)
def test_what_is_no_number_or_too_small_is_one_line(what: str, said: str) -> None:
    y = photo(16).clone()
    pilot, sigma = y.clone(), 0.1
    if what in ("y", "pilot"):
        (y if what == "y" else pilot)[0, 0, 3, 3] = float("nan")
    if what.startswith("sigma"):
        sigma = float(what.split()[1])
    if what == "small":
        y = y[..., :4, :9]
    given = measured(y, None, NoiseModel("gaussian", sigma))
    with pytest.raises(InputError, match=said):
        _ = polished(given, pilot) if what == "pilot" else answer(given)


def test_a_hole_that_covers_a_tile_is_filled_with_the_level_around_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SIDE", 24)
    monkeypatch.setattr(module, "OVERLAP", 8)
    x = torch.full((1, 3, 64, 64), 0.6)
    observed = torch.ones(1, 1, 64, 64)
    observed[..., 10:54, 10:54] = 0
    found = answer(measured(x * observed, Mask(observed), observed=observed))
    assert torch.allclose(found, x, atol=0.02)


def test_a_tile_whose_channel_was_struck_everywhere_is_filled() -> None:
    observed = torch.ones(1, 3, 16, 16)
    observed[:, 2, :, :15] = 0
    observed[:, 2, :, 15] = 1
    x = photo(16)
    found = answer(measured(x * observed, Mask(observed), observed=observed))
    assert bool(found.isfinite().all())
