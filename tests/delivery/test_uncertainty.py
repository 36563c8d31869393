"""The uncertainty of a restored picture: its scale, where it is nothing, and how it is compared with the truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dipsearch.delivery.uncertainty import Uncertainty, calibration, full_scale, uncertainty
from dipsearch.problem import Downsample, Identity, Mask, NoiseModel, Operator, Problem, make_split

SHAPE = (1, 3, 48, 48)


def problem(task: str = "denoise", *, sigma: float | None = 0.1) -> Problem:
    generator = torch.Generator().manual_seed(0)
    x, observed, operator = torch.full(SHAPE, 0.5), torch.ones(1, 1, 48, 48), Identity()
    damaged: Operator = operator
    if task == "inpaint":
        observed = (torch.rand(1, 1, 48, 48, generator=generator) < 0.6).float()
        damaged = Mask(observed)
    elif task == "sr":
        damaged, observed = Downsample(2, SHAPE), torch.ones(1, 1, 24, 24)
    y = damaged.A(x)
    noise = NoiseModel("none", None, "none")
    if sigma is not None:
        y = y + sigma * torch.randn(y.shape, generator=generator)
        noise = NoiseModel("gaussian", sigma)
    return Problem(y, damaged, noise, SHAPE, observed=observed)


def members(count: int, *, seed: int = 1) -> tuple[list[Tensor], Tensor]:
    """Images that are off by a common and an own error, both larger to the right; and how large they are."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.linspace(0.01, 0.1, 48).expand(SHAPE)
    common = torch.randn(SHAPE, generator=generator)
    own = [torch.randn(SHAPE, generator=generator) for _ in range(count)]
    return [0.5 + size * (common + part) for part in own], size


def mean_of(images: list[Tensor]) -> Tensor:
    return torch.stack(images).mean(dim=0)


@pytest.mark.parametrize("task", ["denoise", "inpaint", "sr"])
def test_its_mean_square_is_the_error_on_what_scores(task: str) -> None:
    asked = problem(task, sigma=0.1 if task == "denoise" else None)
    split = make_split(asked, seed=0)
    images, _ = members(4)
    found = uncertainty(mean_of(images), images, asked, split=split, validation_mse=0.004)
    assert found is not None
    assert found.scale is not None
    assert found.deviation.shape == (48, 48)
    square = np.square(found.deviation)
    if task == "denoise":
        assert square.mean() == pytest.approx(0.004, rel=0.02)
    elif task == "inpaint":
        hidden = asked.observed[0, 0].numpy() == 0
        assert square[hidden].mean() == pytest.approx(0.004, rel=1e-3)


def test_where_the_measurement_is_shown_there_is_no_doubt() -> None:
    asked = problem("inpaint", sigma=None)
    images, _ = members(3)
    found = uncertainty(mean_of(images), images, asked, split=make_split(asked, seed=0), validation_mse=0.01)
    assert found is not None
    seen = asked.observed[0, 0].numpy() == 1
    assert not found.deviation[seen].any()
    assert (found.deviation[~seen] > 0).all()


def test_where_nobody_disagrees_nothing_is_said() -> None:
    asked = problem()
    split = make_split(asked, seed=0)
    images, _ = members(2)
    assert uncertainty(images[0], images[:1], asked, split=split, validation_mse=0.01) is None
    assert uncertainty(images[0], [], asked, split=split, validation_mse=0.01) is None


def test_a_classical_restoration_has_a_voice() -> None:
    asked = problem()
    split = make_split(asked, seed=0)
    alone, _ = members(1)
    other = alone[0].clone()
    other[..., :24] += 0.1
    found = uncertainty(alone[0], [*alone, other], asked, split=split, validation_mse=0.01)
    assert found is not None
    assert found.deviation[:, :23].min() > 0.1
    assert not found.deviation[:, 26:].any()


def test_a_score_below_the_noise_leaves_the_spread_as_it_is() -> None:
    asked = problem()
    images, _ = members(2)
    found = uncertainty(mean_of(images), images, asked, split=make_split(asked, seed=0), validation_mse=-1e-4)
    assert found is not None
    assert found.scale is None
    spread = torch.stack(images).var(dim=0, correction=0).mean().sqrt()
    assert np.sqrt(np.square(found.deviation).mean()) == pytest.approx(float(spread), rel=0.02)


def test_it_knows_where_the_error_is_large() -> None:
    asked = problem()
    images, size = members(6)
    split = make_split(asked, seed=0)
    mean = torch.stack(images).mean(dim=0)
    truth = torch.full(SHAPE, 0.5)
    found = uncertainty(
        mean, images, asked, split=split, validation_mse=float((mean - truth).square().mean())
    )
    assert found is not None
    compared = calibration(found, mean, truth)
    assert compared is not None
    assert compared.rank_correlation > 0.6
    assert compared.within_one == pytest.approx(0.68, abs=0.03)
    assert compared.within_two == pytest.approx(0.95, abs=0.02)
    assert float(np.corrcoef(found.deviation.ravel(), size[0, 0].ravel())[0, 1]) > 0.9


def test_only_doubtful_pixels_are_compared() -> None:
    deviation = np.array([[0.0, 0.1], [0.2, 0.3]], dtype=np.float32)
    restored = torch.tensor([[[[9.0, 0.05], [0.3, 0.4]]]])
    compared = calibration(Uncertainty(deviation, 1.0), restored, torch.zeros(1, 1, 2, 2))
    assert compared is not None
    assert compared.rank_correlation == pytest.approx(1)
    assert compared.within_one == pytest.approx(1 / 3)
    assert compared.within_two == pytest.approx(1)
    nothing = Uncertainty(np.zeros((2, 2), dtype=np.float32), 1.0)
    assert calibration(nothing, restored, torch.zeros(1, 1, 2, 2)) is None


def test_a_scale_leaves_out_the_few_largest_values() -> None:
    values = np.full((100, 100), 0.02)
    values[0, 0] = 1.0
    assert full_scale(values) == pytest.approx(0.02)
    assert full_scale(np.zeros((2, 2))) == 0.01
