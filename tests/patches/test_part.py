"""The fitted part of a split is a problem of its own, and nothing else of y is in it."""

import dataclasses

import pytest
import torch

from dipsearch.patches.part import fitted_part
from dipsearch.problem import (
    Downsample,
    Identity,
    Mask,
    NoiseModel,
    Problem,
    Split,
    make_split,
    whole,
)
from dipsearch.problem.splits.recorruption import draw_noise

NONE = NoiseModel("none", None, "none")
SIGMA = 0.1


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def problem(noise=NONE, *, operator=None, observed=None, y=None):
    y = 0.2 + 0.6 * random(1, 3, 32, 32) if y is None else y
    observed = torch.ones(1, 1, *y.shape[-2:]) if observed is None else observed
    operator = Identity() if operator is None else operator
    shape = getattr(operator, "image_shape", tuple(y.shape))
    return Problem(y * observed, operator, noise, shape, observed=observed)


def inpainting():
    observed = (random(1, 1, 32, 32, seed=1) > 0.4).float()
    return problem(operator=Mask(observed), observed=observed)


def test_without_a_split_all_of_y_may_be_looked_at():
    for given in (problem(noise=NoiseModel("gaussian", SIGMA)), inpainting()):
        part = fitted_part(given, None)
        assert torch.equal(part.y, given.y) and torch.equal(part.observed, given.observed)
        assert part.noise == given.noise and part.task == given.task


def test_values_that_impulses_struck_say_nothing():
    y = 0.2 + 0.6 * random(1, 3, 32, 32)
    struck = random(1, 3, 32, 32, seed=1) < 0.2
    part = fitted_part(problem(noise=NoiseModel("impulse"), y=torch.where(struck, 1.0, y)), None)
    assert part.observed.shape == (1, 3, 32, 32)
    assert torch.equal(part.observed == 0, struck)
    assert float((part.y * struck).abs().max()) == 0


def test_recorruption_leaves_noisier_pixels():
    given = problem(noise=NoiseModel("gaussian", SIGMA), y=SIGMA * torch.randn(1, 1, 48, 48, generator=gen()))
    split = make_split(given, seed=0)
    part = fitted_part(given, split)
    assert split.kind == "recorruption" and torch.equal(part.y, split.fit_target)
    assert part.noise.sigma == pytest.approx(SIGMA / 0.9**0.5)
    assert float(part.y.std()) == pytest.approx(part.noise.sigma, rel=0.04)


def test_recorruption_of_correlated_noise_keeps_its_correlation():
    table = ((0.1, 0.4, 0.1), (0.4, 1.0, 0.4), (0.1, 0.4, 0.1))
    noise = NoiseModel("correlated", SIGMA, correlation=table)
    given = problem(noise=noise, y=SIGMA * draw_noise(torch.zeros(1, 1, 48, 48), noise, seed=1))
    part = fitted_part(given, make_split(given, seed=0))
    assert part.noise.correlation == table
    assert float(part.y.std()) == pytest.approx(SIGMA / 0.9**0.5, rel=0.06)
    assert part.noise.sigma == pytest.approx(SIGMA / 0.9**0.5)


def test_after_thinning_every_photon_stands_for_more():
    counts = torch.poisson(torch.full((1, 1, 64, 64), 20.0), generator=gen())
    given = problem(noise=NoiseModel("poisson", gain=1 / 40), y=counts / 40)
    part = fitted_part(given, make_split(given, seed=0))
    assert part.noise.gain == pytest.approx(1 / 36)
    left = part.y / part.noise.gain
    assert torch.allclose(left, left.round(), atol=1e-4)  # whole photons again
    assert float(part.y.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(part.y.var()) == pytest.approx(part.noise.gain * 0.5, rel=0.08)


def test_hidden_pixels_are_not_in_the_part():
    for given in (problem(noise=NoiseModel("unknown", SIGMA)), inpainting(), enlargement()):
        split = make_split(given, seed=0)
        part = fitted_part(given, split)
        hidden = split.score_weight
        assert split.kind == "held-out" and float(hidden.sum()) > 50
        assert float((part.y * hidden).abs().max()) == 0
        assert float((part.observed * hidden).max()) == 0
        assert torch.equal(part.observed + hidden, given.observed)
        assert torch.equal(part.y + given.y * hidden, given.y)
        assert part.noise == given.noise


def test_a_mask_lets_the_part_through_and_nothing_else():
    given = inpainting()
    part = fitted_part(given, make_split(given, seed=0))
    assert isinstance(part.operator, Mask) and torch.equal(part.operator.mask, part.observed)
    assert float(part.operator.mask.sum()) < float(given.operator.mask.sum())


def test_other_operators_stay():
    given = enlargement()
    assert fitted_part(given, make_split(given, seed=0)).operator is given.operator


@pytest.mark.parametrize("kind", ["gaussian", "unknown", "poisson", "impulse", "inpaint", "sr"])
def test_what_the_fit_must_not_see_cannot_be_found_in_the_part(kind):
    noises = {
        "gaussian": NoiseModel("gaussian", SIGMA),
        "unknown": NoiseModel("unknown", SIGMA),
        "impulse": NoiseModel("impulse", 0.0),
    }
    if kind == "poisson":
        counts = torch.poisson(30 * random(1, 3, 32, 32), generator=gen())
        given = problem(noise=NoiseModel("poisson", gain=1 / 30), y=counts / 30)
    elif kind in noises:
        given = problem(noise=noises[kind])
    else:
        given = inpainting() if kind == "inpaint" else enlargement()
    split = make_split(given, seed=0)
    changed = with_other_hidden_values(split)
    other = dataclasses.replace(given, y=torch.where(split.fit_weight > 0, given.y, 7.0))
    if split.kind in ("recorruption", "thinning"):  # all of y scores, too
        other = dataclasses.replace(given, y=random(*given.y.shape, seed=9))
    one, two = fitted_part(given, split), fitted_part(other, changed)
    assert torch.equal(one.y, two.y) and torch.equal(one.observed, two.observed) and one.noise == two.noise


def test_the_split_that_hides_nothing_is_no_split():
    given = problem(noise=NoiseModel("gaussian", SIGMA))
    assert torch.equal(fitted_part(given, whole(given)).y, fitted_part(given, None).y)
    assert fitted_part(given, whole(given)).noise == given.noise


def test_the_problem_and_the_split_are_not_modified():
    given = inpainting()
    split = make_split(given, seed=0)
    before = given.y.clone(), given.operator.mask.clone(), split.fit_target.clone(), split.fit_weight.clone()
    fitted_part(given, split)
    after = given.y, given.operator.mask, split.fit_target, split.fit_weight
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def enlargement():
    return problem(operator=Downsample(2, (1, 3, 64, 64)))


def with_other_hidden_values(split: Split) -> Split:
    return dataclasses.replace(
        split,
        fit_target=torch.where(split.fit_weight > 0, split.fit_target, -3.0),
        score_target=random(*split.score_target.shape, seed=8),
        score_weight=torch.zeros_like(split.score_weight),
    )


def gen():
    return torch.Generator().manual_seed(0)
