"""Noise that grows with the signal becomes noise of one strength, and the way back has no bias."""

import math

import pytest
import torch

from dipsearch.errors import InputError
from dipsearch.patches import stabilise
from dipsearch.patches.stabilise import GeneralisedAnscombe, Logarithm

SAMPLES = 400_000
COUNTERS = [
    GeneralisedAnscombe(1 / 30),
    GeneralisedAnscombe(1 / 30, read_sigma=0.02),
    GeneralisedAnscombe(1 / 255, offset=0.1, read_sigma=0.04),
    GeneralisedAnscombe(2.0, offset=-3.0, read_sigma=1.0),
]


def measured(stabiliser, mean, *, seed=0):
    generator = torch.Generator().manual_seed(seed)
    counts = torch.poisson(torch.full((SAMPLES,), float(mean), dtype=torch.float64), generator=generator)
    reading = torch.randn(SAMPLES, generator=generator, dtype=torch.float64) * stabiliser.read_sigma
    return stabiliser.gain * counts + stabiliser.offset + reading


def speckled(x, speckle):
    noise = torch.randn(SAMPLES, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x * (1 + speckle * noise)


def algebraic(stabiliser, z):
    counts = z**2 / 4 - 3 / 8 - (stabiliser.read_sigma / stabiliser.gain) ** 2
    return stabiliser.gain * counts + stabiliser.offset


@pytest.mark.parametrize("mean", [0.1, 0.5, 1, 3, 10, 50, 300])
@pytest.mark.parametrize("stabiliser", COUNTERS, ids=str)
def test_counts_that_were_averaged_come_back_without_bias(stabiliser, mean):
    z = stabiliser.forward(measured(stabiliser, mean))
    truth = stabiliser.gain * mean + stabiliser.offset
    # The error of the mean of z, taken through the slope of the inverse.
    reading = stabiliser.read_sigma / stabiliser.gain
    error = float(z.std()) / math.sqrt(SAMPLES) * stabiliser.gain * math.sqrt(mean + reading**2 + 3 / 8)
    assert abs(float(stabiliser.inverse(z.mean())) - truth) < 4 * error
    assert abs(algebraic(stabiliser, float(z.mean())) - truth) > 4 * error


@pytest.mark.parametrize("mean", [0.0, 0.1, 1, 7, 60, 199, 201, 2000])
def test_the_inverse_is_that_of_the_exact_mean_of_the_root(mean):
    stabiliser = GeneralisedAnscombe(1.0)
    counts = torch.arange(3000, dtype=torch.float64)
    chance = torch.distributions.Poisson(torch.tensor(max(mean, 1e-300), dtype=torch.float64)).log_prob(
        counts
    )
    expected = (chance.exp() * stabiliser.forward(counts)).sum()
    assert float(stabiliser.inverse(expected)) == pytest.approx(mean, abs=5e-6, rel=1e-7)
    assert float(stabiliser.inverse(expected.float())) == pytest.approx(mean, abs=5e-5, rel=1e-6)


@pytest.mark.parametrize("reading", [1.0, 10.0])
def test_many_counts_with_noise_of_reading_continue_the_table(reading):
    stabiliser = GeneralisedAnscombe(1.0, read_sigma=reading)
    counts = torch.arange(4000, dtype=torch.float64)
    roots = stabilise._mean_root(counts + 3 / 8 + reading**2, reading)
    for mean in (150.0, 250.0, 2000.0):
        chance = torch.distributions.Poisson(torch.tensor(mean, dtype=torch.float64)).log_prob(counts).exp()
        assert float(stabiliser.inverse((chance * roots).sum())) == pytest.approx(mean, abs=1.5e-5)


def test_the_mean_of_a_root_of_gaussian_noise_is_integrated_over_its_kink():
    centres = torch.tensor([0.0, 0.4, 1.4, 30.0], dtype=torch.float64)
    t = torch.linspace(-9, 9, 400_001, dtype=torch.float64)
    density = torch.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)
    for spread in (0.01, 1.0, 20.0):
        direct = torch.stack(
            [torch.trapezoid(density * 2 * (c + spread * t).clamp(min=0).sqrt(), t) for c in centres]
        )
        assert torch.allclose(stabilise._mean_root(centres, spread), direct, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("stabiliser", COUNTERS[:2], ids=str)
@pytest.mark.parametrize("mean", [5, 20, 100, 1000])
def test_the_noise_of_counts_has_a_variance_of_one(stabiliser, mean):
    assert float(stabiliser.forward(measured(stabiliser, mean)).var()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("stabiliser", [*COUNTERS, Logarithm(0.05), Logarithm(0.35)], ids=str)
def test_the_inverse_never_falls_and_never_leaves_the_range(stabiliser):
    z = torch.linspace(-10, 80, 20_001, dtype=torch.float64)
    x = stabiliser.inverse(z)
    assert float(x[0]) == pytest.approx(getattr(stabiliser, "offset", 0.0), abs=1e-12)
    assert bool((x.diff() >= 0).all())
    assert float(x[-1]) > float(x[-2])


def test_a_mean_below_that_of_no_light_is_no_light():
    stabiliser = GeneralisedAnscombe(0.1, offset=0.3)
    z = torch.tensor([-5.0, 0.0, 2 * math.sqrt(3 / 8)])
    assert torch.allclose(stabiliser.inverse(z), torch.full((3,), 0.3), atol=1e-6)
    assert torch.equal(stabiliser.forward(torch.tensor([-100.0])), torch.zeros(1))


@pytest.mark.parametrize("speckle", [0.1, 0.2, 0.35, 0.6])
@pytest.mark.parametrize("x", [0.03, 0.1, 0.5, 1.0])
def test_speckle_that_was_averaged_comes_back_without_bias(speckle, x):
    stabiliser = Logarithm(speckle)
    z = stabiliser.forward(speckled(x, speckle))
    error = x * float(z.std()) * stabiliser._spread / math.sqrt(SAMPLES)
    assert abs(float(stabiliser.inverse(z.mean())) - x) < 6 * error
    plain = stabiliser.floor * math.exp(float(z.mean()) * stabiliser._spread)
    assert abs(plain - x) > 10 * error


@pytest.mark.parametrize("speckle", [0.05, 0.2, 0.35, 0.6])
def test_the_noise_of_speckle_has_a_variance_of_one_in_the_middle_of_the_range(speckle):
    stabiliser = Logarithm(speckle)
    assert float(stabiliser.forward(speckled(0.5, speckle)).std()) == pytest.approx(1, abs=0.01)


def test_values_at_the_floor_and_below_are_black():
    stabiliser = Logarithm(0.35, floor=0.02)
    z = stabiliser.forward(torch.tensor([-3.0, 0.0, 0.02, 0.5]))
    assert z[:3].tolist() == [0, 0, 0]
    assert stabiliser.inverse(z).tolist()[:3] == [0, 0, 0]
    assert float(z[3]) > 5


def test_both_keep_shape_and_precision():
    y = torch.rand(1, 3, 16, 20, generator=torch.Generator().manual_seed(0))
    for stabiliser in (GeneralisedAnscombe(0.1), Logarithm(0.2)):
        z = stabiliser.forward(y.to(memory_format=torch.channels_last))
        x = stabiliser.inverse(z)
        assert (z.dtype, x.dtype, x.shape) == (torch.float32, torch.float32, y.shape)


def test_a_table_is_made_once_for_each_ratio_of_noise_and_gain():
    stabilise._root_correction.cache_clear()
    for gain in (1.0, 0.5, 0.25):
        GeneralisedAnscombe(gain, offset=gain, read_sigma=gain / 2).inverse(torch.ones(3))
    assert stabilise._root_correction.cache_info().misses == 1


@pytest.mark.parametrize("gain, read_sigma", [(0, 0), (-1, 0), (math.nan, 0), (1, -0.1), (math.inf, 0)])
def test_a_gain_or_a_noise_out_of_range_is_refused(gain, read_sigma):
    with pytest.raises(InputError, match="gain is"):
        GeneralisedAnscombe(gain, read_sigma=read_sigma)


@pytest.mark.parametrize("speckle, floor", [(0, 0.1), (0.1, 0), (math.nan, 0.1)])
def test_speckle_or_a_floor_out_of_range_is_refused(speckle, floor):
    with pytest.raises(InputError, match="speckle is"):
        Logarithm(speckle, floor)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same():
    y = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    for stabiliser in (GeneralisedAnscombe(1 / 30, read_sigma=0.01), Logarithm(0.35)):
        z = stabiliser.forward(y)
        assert torch.allclose(stabiliser.forward(y.cuda()).cpu(), z, atol=1e-5)
        assert torch.allclose(stabiliser.inverse(z.cuda()).cpu(), stabiliser.inverse(z), atol=1e-5)
