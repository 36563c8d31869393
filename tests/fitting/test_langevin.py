"""Langevin sampling: means, deviations, and what ends it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dipsearch.errors import InputError
from dipsearch.fitting import Ended, Langevin, sample
from dipsearch.fitting.langevin import LangevinStep
from dipsearch.network import Genome, Scale
from dipsearch.problem import Identity, NoiseModel, Problem, psnr

GENOME = Genome(scales=(Scale(8, 8, channels_skip=2),) * 2, upsampling="nearest", input_channels=4)
SHORT = Langevin(burn_in=40, every=10, steps=120)


def noisy(side: int = 24) -> tuple[Problem, torch.Tensor]:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    clean = torch.stack([rows, columns, (rows + columns) / 2])[None]
    y = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    noise = NoiseModel("gaussian", 0.1, "given")
    return Problem(y, Identity(), noise, (1, 3, side, side), observed=torch.ones(1, 1, side, side)), clean


def test_samples_are_taken_after_the_burn_in_at_their_distance() -> None:
    found = sample(GENOME, noisy()[0], langevin=SHORT, seed=0)
    assert found.samples == 9  # iterations 40, 50, …, 120
    assert found.steps == 120
    assert found.ended is Ended.STEPS


def test_the_mean_is_closer_to_the_truth_than_the_measurement() -> None:
    problem, clean = noisy()
    found = sample(GENOME, problem, langevin=Langevin(burn_in=200, every=10, steps=400), seed=0)
    assert psnr(found.mean, clean) > psnr(problem.y, clean) + 2


def test_more_noise_on_the_weights_spreads_the_samples() -> None:
    calm = sample(GENOME, noisy()[0], langevin=Langevin(0.0, burn_in=40, every=10, steps=120), seed=0)
    wild = sample(GENOME, noisy()[0], langevin=Langevin(8.0, burn_in=40, every=10, steps=120), seed=0)
    assert float(wild.deviation.mean()) > 1.5 * float(calm.deviation.mean())


def test_the_same_seed_gives_the_same_mean() -> None:
    first, second = (sample(GENOME, noisy()[0], langevin=SHORT, seed=3).mean for _ in range(2))
    assert torch.equal(first, second)


def test_only_weights_of_convolutions_are_disturbed() -> None:
    plain, disturbed = (
        LangevinStep(GENOME, noisy()[0], langevin=Langevin(noise=noise), seed=0) for noise in (0.0, 2.0)
    )
    for step in (plain, disturbed):
        step()
    pairs = zip(plain.network.parameters(), disturbed.network.parameters(), strict=True)
    changed = {(a.dim() == 4, bool(torch.equal(a, b))) for a, b in pairs}
    assert changed == {(True, False), (False, True)}


def test_time_that_is_over_ends_the_sampling_with_what_there_is() -> None:
    found = sample(GENOME, noisy()[0], langevin=Langevin(), seed=0, seconds=0.3)
    assert found.ended is Ended.TIME
    assert found.samples >= 1
    assert found.steps < 7000


def test_a_burn_in_beyond_the_end_is_refused() -> None:
    with pytest.raises(ValueError, match="burn_in lies below steps"):
        Langevin(burn_in=100, steps=50)


def test_a_pilot_is_sampled_with() -> None:
    problem, clean = noisy()
    genome = replace(GENOME, input_kind="pilot", pilot_scale=1.0)
    helped, plain = (
        sample(one, problem, langevin=SHORT, seed=0, pilot=clean).mean for one in (genome, GENOME)
    )
    assert psnr(helped, clean) > psnr(plain, clean) + 0.5
    with pytest.raises(InputError, match="has a pilot in its input, and there is none"):
        sample(genome, problem, langevin=SHORT, seed=0)
