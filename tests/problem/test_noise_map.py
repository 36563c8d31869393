"""A map of noise is the same table in a crop, and what depends on sigma follows it."""

import pytest
import torch

from dipsearch.errors import InputError
from dipsearch.problem import Identity, NoiseModel, Problem, crop_problem
from dipsearch.problem.noise_map import cropped, for_every_strength, of_every_pixel

RAMP = tuple(tuple(0.5 + 0.25 * column for column in range(4)) for _ in range(4))


def test_a_pixel_has_what_lies_between_the_middles_of_cells():
    found = of_every_pixel(RAMP, 64, 64)
    assert found.shape == (1, 1, 64, 64)
    assert torch.allclose(found[0, 0, 0, 8:56].diff(), torch.tensor(0.25 / 16), atol=1e-6)
    assert found.min() == 0.5 and found.max() == 1.25


def test_a_crop_has_the_strengths_of_its_place():
    part = cropped(RAMP, (64, 64), top=0, left=32, height=64, width=32)
    assert (len(part), len(part[0])) == (4, 2)
    there = of_every_pixel(RAMP, 64, 64)[..., 32:]
    assert torch.allclose(of_every_pixel(part, 64, 32), there, atol=0.13)  # a cell ends where the crop does
    noise = NoiseModel("unknown", 0.1, "estimated", places=RAMP)
    problem = Problem(
        torch.rand(1, 1, 64, 64), Identity(), noise, (1, 1, 64, 64), observed=torch.ones(1, 1, 64, 64)
    )
    assert crop_problem(problem, top=0, left=32, height=64, width=32).noise.places == part


def test_every_pixel_has_what_belongs_to_its_own_sigma():
    strength = of_every_pixel(RAMP, 64, 64)
    found = for_every_strength(lambda sigma: torch.full((1, 2, 64, 64), sigma), 0.2, strength)
    assert torch.allclose(found, 0.2 * strength.expand_as(found), atol=1e-6)
    even = for_every_strength(lambda sigma: torch.full((1, 1, 2, 2), sigma), 0.2, torch.ones(1, 1, 2, 2))
    assert torch.allclose(even, torch.tensor(0.2))


@pytest.mark.parametrize("places", [(), ((),), ((1.0,), (1.0, 2.0)), ((0.0, 1.0),), ((float("nan"),),)])
def test_a_table_that_is_none_is_refused(places):
    with pytest.raises(InputError, match="strengths of the noise by place"):
        NoiseModel("unknown", 0.1, "estimated", places=places)
