"""The guide: scores that a few hidden pixels make nearly as sure as all missing ones would."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dipsearch.problem import Identity, Mask, NoiseModel, Problem, make_split, read_image
from dipsearch.problem.splits.control_variate import ControlVariate, control_weight, make_control_variate

NONE = NoiseModel("none", None, "none")
SIDE = 64


def camera() -> Tensor:
    return F.avg_pool2d(read_image("sample:camera").pixels, 4)[..., 40:104, 30:94]


def scattered(*, seed: int = 0, share: float = 0.5) -> Tensor:
    return (torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)) > share).float()


def stripes() -> Tensor:
    mask = torch.ones(1, 1, SIDE, SIDE)
    for top in range(6, SIDE, 16):
        mask[..., top : top + 4, 8:-8] = 0
    return mask


def inpainting(observed: Tensor) -> Problem:
    x = camera()
    return Problem(x * observed, Mask(observed), NONE, (1, 1, SIDE, SIDE), observed=observed)


def restored(observed: Tensor) -> Tensor:
    """Missing pixels from those around them: errors are where the edges are, as those of a network."""
    known, window = camera() * observed, {"kernel_size": 5, "stride": 1, "padding": 2}
    around, share = F.avg_pool2d(known, **window), F.avg_pool2d(observed, **window)
    return around / share.clamp(min=1e-3)


def error_where_missing(observed: Tensor) -> float:
    apart = (restored(observed) - camera()).square() * (1 - observed)
    return float(apart.sum() / (1 - observed).sum())


def scores(observed: Tensor, *, guided: bool) -> np.ndarray:
    found = []
    for seed in range(16):
        split = make_split(inpainting(observed), seed=seed)
        assert split.control is not None
        found.append(
            float(
                (split if guided else dataclasses.replace(split, control=None)).validation_mse(
                    restored(observed)
                )
            )
        )
    return np.array(found)


@pytest.mark.parametrize("observed", [scattered(), stripes()], ids=["scattered", "stripes"])
def test_a_guided_score_is_nearer_to_the_error_where_nothing_was_measured(observed: Tensor) -> None:
    truth = error_where_missing(observed)
    plain, guided = (
        float(np.sqrt(np.mean((scores(observed, guided=one) - truth) ** 2))) for one in (False, True)
    )
    assert guided < 0.85 * plain


def test_a_guided_score_is_right_on_average_even_when_the_guide_is_wrong() -> None:
    observed, found = scattered(), []
    for seed in range(60):
        split = make_split(inpainting(observed), seed=seed)
        assert split.control is not None
        wrong = ControlVariate(0.5 + 0.2 * split.control.values, split.control.known, split.control.weight)
        found.append(float(dataclasses.replace(split, control=wrong).validation_mse(restored(observed))))
    apart = np.mean(found) - error_where_missing(observed)
    # Hidden pixels are drawn among the observed ones, which are a sample of the picture themselves.
    assert abs(apart) < 0.3 * error_where_missing(observed)


@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
def test_an_image_that_is_much_better_than_the_guide_is_scored_no_worse_than_without(share: float) -> None:
    observed, truth, plain, guided = scattered(), camera(), [], []
    for seed in range(16):
        split = make_split(inpainting(observed), seed=seed)
        assert split.control is not None
        x = truth + share * (split.control.image - truth)
        error = float(((x - truth).square() * (1 - observed)).sum() / (1 - observed).sum())
        plain.append(float(dataclasses.replace(split, control=None).validation_mse(x)) / error - 1)
        guided.append(float(split.validation_mse(x)) / error - 1)
        assert guided[-1] > -1  # a score of squares without noise is not negative
    assert np.square(guided).mean() < np.square(plain).mean()


def test_the_guide_counts_most_where_images_are_no_better_than_it() -> None:
    assert float(control_weight(0.02, 0.01)) == float(control_weight(0.02, 0.0)) == 0.75
    assert float(control_weight(0.001, 0.01)) == pytest.approx(0.1)
    assert float(control_weight(0.0, 0.01)) == 0


def test_a_channel_of_which_nothing_is_known_gets_no_guide() -> None:
    values, known = camera().expand(1, 3, -1, -1), torch.ones(1, 3, SIDE, SIDE)
    known[:, 1] = 0
    assert make_control_variate(values, known, sought=1 - known) is None


def test_a_guide_is_made_once_and_moves_with_its_split(monkeypatch: pytest.MonkeyPatch) -> None:
    split = make_split(inpainting(scattered()), seed=0)
    assert split.control is not None
    before = split.validation_mse(restored(scattered()))
    monkeypatch.setattr("dipsearch.problem.splits.control_variate.biharmonic", None)
    moved = split.to("cpu")
    assert moved.control is not split.control
    assert torch.equal(moved.validation_mse(restored(scattered())), before)


def test_a_guide_has_not_seen_what_is_hidden() -> None:
    problem = inpainting(scattered())
    split = make_split(problem, seed=0)
    told = problem.y + split.score_weight
    again = make_split(dataclasses.replace(problem, y=told), seed=0)
    assert split.control is not None
    assert again.control is not None
    assert torch.equal(split.control.image, again.control.image)


def test_struck_values_are_sought_channel_by_channel() -> None:
    x = camera().expand(1, 3, -1, -1).clamp(0.05, 0.95)
    struck = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) < 0.3
    y = torch.where(struck, 1.0, x)
    noise = NoiseModel("impulse", None, "given")
    problem = Problem(y, Identity(), noise, (1, 3, SIDE, SIDE), observed=torch.ones(1, 1, SIDE, SIDE))
    control = make_split(problem, seed=0).control
    assert control is not None
    assert torch.equal(control.weight, struck.float())
    assert float((control.image - x).square()[struck].mean()) < 0.01


@pytest.mark.parametrize("kind", ["gaussian", "unknown", "poisson"])
def test_where_measurements_are_noisy_there_is_no_guide(kind: str) -> None:
    counts = torch.poisson(camera() * 30, generator=torch.Generator().manual_seed(0)) / 30
    noise = NoiseModel(kind, None if kind == "poisson" else 0.1, "given", gain=1 / 30)  # type: ignore[arg-type]
    problem = Problem(counts, Identity(), noise, (1, 1, SIDE, SIDE), observed=torch.ones(1, 1, SIDE, SIDE))
    assert make_split(problem, seed=0).control is None


def test_nothing_sought_or_too_much_to_restore_gives_no_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    observed = scattered()
    assert make_control_variate(camera(), observed, sought=torch.zeros_like(observed)) is None
    monkeypatch.setattr("dipsearch.problem.splits.control_variate.MOST_PIXELS", 1000)
    assert make_control_variate(camera(), observed, sought=1 - observed) is None
