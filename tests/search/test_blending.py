"""Blending: the classical restoration gets a share where the measurements say so, and only there."""

from __future__ import annotations

import pytest
import torch

from dipsearch.fitting import Stack
from dipsearch.problem import Mask, NoiseModel, Problem, make_split, psnr
from dipsearch.search.blending import Classical, blended
from dipsearch.search.candidate import Output
from dipsearch.search.delivering import Delivery, Member, deliver
from dipsearch.search.prepared import Prepared

SIDE = 64


def clean() -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, SIDE), torch.linspace(0, 1, SIDE), indexing="ij")
    return torch.stack([rows, columns, (rows * columns).sqrt()])[None]


def picture() -> Prepared:
    observed = (torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(5)) < 0.5).float()
    noise = NoiseModel("none", None, "none")
    problem = Problem("inpaint", clean() * observed, Mask(observed), noise, (1, 3, SIDE, SIDE), observed)
    return Prepared("ramp", problem, make_split(problem, seed=0))


def off_by(amount: float, *, seed: int) -> torch.Tensor:
    return clean() + amount * torch.randn(clean().shape, generator=torch.Generator().manual_seed(seed))


def delivery(image: torch.Tensor) -> Delivery:
    place = picture()
    score = float(place.split.score(place.problem.view(image)))
    return deliver(place, [Member(0, Output(image, image), score)])


def test_two_restorations_that_err_differently_are_better_together() -> None:
    ours, theirs = off_by(0.05, seed=1), off_by(0.05, seed=2)
    found = blended(delivery(ours), Classical("biharmonic", theirs, theirs), picture())
    assert found.blend is not None
    assert found.blend.share == pytest.approx(0.5, abs=0.1)
    assert found.blend.gain_db == pytest.approx(3, abs=0.7)
    assert psnr(found.judged, clean()) == pytest.approx(psnr(ours, clean()) + 3, abs=0.4)


def test_a_far_worse_restoration_gets_no_share() -> None:
    ours, theirs = off_by(0.02, seed=1), off_by(0.3, seed=2)
    before = delivery(ours)
    found = blended(before, Classical("biharmonic", theirs, theirs), picture())
    assert found.blend is None
    assert found.delivery is before
    assert torch.equal(found.judged, ours)


def test_observed_pixels_stay_exact_in_a_blend() -> None:
    ours, theirs = off_by(0.05, seed=1), off_by(0.05, seed=2)
    place = picture()
    found = blended(delivery(ours), Classical("biharmonic", theirs, theirs), place)
    kept = place.problem.observed.bool().expand_as(ours)
    assert torch.equal(found.delivery.image[kept], place.problem.y[kept])


def test_what_is_delivered_has_seen_all_of_the_measurement() -> None:
    ours, fitted, full = off_by(0.05, seed=1), off_by(0.05, seed=2), off_by(0.01, seed=3)
    place = picture()
    found = blended(delivery(ours), Classical("biharmonic", fitted, full), place)
    missing = ~place.problem.observed.bool().expand_as(ours)
    assert found.blend is not None
    share = found.blend.share
    mixed = (1 - share) * ours + share * full
    assert torch.allclose(found.delivery.image[missing], mixed[missing], atol=1e-6)


def test_without_a_classical_restoration_nothing_changes() -> None:
    before = delivery(off_by(0.05, seed=1))
    assert blended(before, None, picture()).delivery is before
    broken = Classical("biharmonic", torch.full((1, 3, SIDE, SIDE), float("nan")), clean())
    assert blended(before, broken, picture()).blend is None


def test_the_delivery_keeps_its_stack() -> None:
    before = delivery(off_by(0.05, seed=1))
    found = blended(before, Classical("biharmonic", off_by(0.05, seed=2), clean()), picture())
    assert found.delivery.stack == before.stack
    assert isinstance(found.delivery.stack, Stack)
