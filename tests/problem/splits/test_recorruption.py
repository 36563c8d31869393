"""Noise of a known covariance: what is drawn has it, and the score stays the error."""

import numpy as np
import pytest
import torch

from dipsearch.errors import InputError
from dipsearch.problem import Identity, NoiseModel, Problem, make_split
from dipsearch.problem.splits.recorruption import draw_noise

SIGMA = 25 / 255


def correlation_of(kernel):
    """The autocorrelation of white noise after a filter with ``kernel`` (odd, square)."""
    size = 2 * len(kernel) - 1
    spectrum = np.abs(np.fft.fft2(kernel, (size, size))) ** 2
    table = np.fft.fftshift(np.fft.ifft2(spectrum).real)
    return tuple(tuple(row) for row in (table / table.max()).tolist())


BLUR = np.outer([1, 2, 1], [1, 2, 1]) / 16
NOISE = NoiseModel("correlated", SIGMA, correlation=correlation_of(BLUR))


def blurred_noise(shape, seed):
    white = torch.randn(
        shape[0], shape[1], shape[2] + 2, shape[3] + 2, generator=torch.Generator().manual_seed(seed)
    )
    kernel = torch.tensor(BLUR / np.sqrt((BLUR**2).sum()), dtype=torch.float32)[None, None]
    flat = white.flatten(0, 1)[:, None]
    return torch.nn.functional.conv2d(flat, kernel).view(shape) * SIGMA


def denoising(noise, *, size=64, seed=0):
    x = torch.linspace(0.3, 0.7, size).expand(1, 3, size, size)
    y = x + blurred_noise(tuple(x.shape), seed)
    return Problem(y, Identity(), noise, tuple(y.shape), observed=torch.ones(1, 1, size, size)), x


def test_drawn_noise_has_the_correlation_that_was_asked_for():
    w = draw_noise(torch.zeros(1, 3, 200, 200), NOISE, seed=0)[0].double()
    middle = len(NOISE.correlation) // 2
    assert float(w.var()) == pytest.approx(1, rel=0.03)
    for down, right in ((0, 1), (1, 0), (1, 1), (0, 2), (0, 3)):
        product = w[:, down:, right:] * w[:, : 200 - down, : 200 - right]
        expected = NOISE.correlation[middle + down][middle + right] if right < 3 else 0
        assert float(product.mean()) == pytest.approx(expected, abs=0.02)
    assert abs(float((w[0] * w[1]).mean())) < 0.02


def test_with_the_right_covariance_a_smoothed_fit_is_scored_by_its_error():
    smoothing = torch.nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    wrong, right = [], []
    for seed in range(12):
        for noise, found in ((NOISE, right), (NoiseModel("gaussian", SIGMA), wrong)):
            problem, x = denoising(noise, seed=seed)
            split = make_split(problem, seed=seed)
            estimate = smoothing(split.fit_target)
            found.append(float(split.validation_mse(estimate)) - float((estimate - x).square().mean()))
    assert make_split(problem, seed=0).kind == "recorruption"
    assert np.mean(right) == pytest.approx(0, abs=3e-4)
    # Taken for white, a third of the noise's energy passes for the image.
    assert np.mean(wrong) < -3e-3


def test_its_sentence_names_the_covariance():
    problem, _ = denoising(NOISE)
    assert "measured covariance" in make_split(problem, seed=0).assumes


@pytest.mark.parametrize(
    "table",
    [None, ((1.0, 0.5), (0.5, 1.0)), ((0.0, 0.2, 0.0), (0.2, 0.9, 0.2), (0.0, 0.2, 0.0)), ((0.1, 1.0, 0.3),)],
)
def test_an_autocorrelation_is_square_odd_symmetric_and_1_in_the_middle(table):
    with pytest.raises(InputError, match="autocorrelation"):
        NoiseModel("correlated", SIGMA, correlation=table)


def test_a_correlated_noise_needs_its_strength():
    with pytest.raises(InputError, match="sigma None"):
        NoiseModel("correlated", correlation=NOISE.correlation)


def test_a_kind_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match=r"'shot'.*poisson"):
        NoiseModel("shot")
