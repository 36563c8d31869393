"""A search and what it found used again, as in a notebook: y, an operator and noise in units of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dipsearch as ds
from dipsearch.errors import InputError
from dipsearch.report.wording import plural

FEW = {"workers": 1, "device": "cpu"}
SIDE = 40


def picture(seed):
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    return 127 + 100 * np.sin(rng.uniform(3, 6) * rows) * np.cos(rng.uniform(3, 6) * columns)


def operator():
    """Every value 50 times as large, from the right to the left."""

    def turned(x):
        return 50 * np.asarray(x)[..., ::-1]

    return turned, turned


def measured(seed):
    noise = np.random.default_rng(seed + 9).normal(0, 15, (SIDE, SIDE))
    return 50 * (picture(seed) + noise)[:, ::-1]


@pytest.fixture(scope="module")
def found():
    problem = ds.Problem(measured(0), operator(), noise=ds.Gaussian(50 * 15))
    return ds.search(problem, space="small", trials=1, steps=60, **FEW)


@pytest.fixture(scope="module")
def again(found):
    problem = ds.Problem(measured(1), operator(), noise=found.problems[0].noise)
    return ds.restore(problem, found, budget="6s", **FEW)


def test_the_noise_of_the_first_problem_is_that_of_the_second(found, again):
    for problem in (*found.problems, *again.problems):
        assert "gaussian of sigma 750 (given)" in repr(problem)


def test_both_come_back_in_grey_levels(found, again):
    for seed, one in enumerate((found, again)):
        assert np.sqrt(np.mean((one.image - picture(seed)) ** 2)) < 12  # of 15


def test_a_restoration_has_the_networks_that_it_fitted(again):
    networks = again.genomes()
    assert networks and [trial.genome for trial in again.trials] == networks[: len(again.trials)]
    assert again.best in again.trials and again.best.state == "complete" and again.best.step >= 10
    rows = again.trials_dataframe()
    assert len(rows) == len(again.trials) > 0
    assert again.best.estimated_psnr > 15 and again.best.seconds > 0 and again.best.ended
    assert plural(len(again.trials), "network") + " fitted" in repr(again)


def test_the_members_of_its_ensemble_are_named(again):
    stack = again.summary["pictures"][0]["stack"]
    assert stack["members"] and sum(stack["weights"]) == pytest.approx(1)
    assert set(stack["members"]) <= {trial.number for trial in again.trials if trial.state == "complete"}


class TestWhatBelongsToAnotherProblem:
    @staticmethod
    def pairs(gain: float) -> ds.LinearOperator:
        return ds.LinearOperator(
            lambda x: gain * (x[..., ::2] + x[..., 1::2]),
            lambda y: gain * y.repeat_interleave(2, -1),
            image_shape=(1, 1, 32, 32),
        )

    def measured(self, gain: float, *, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        x = low + (high - low) * np.random.default_rng(0).random((1, 1, 32, 32))
        return np.asarray(self.pairs(gain).A(torch.tensor(x, dtype=torch.float32)))[0, 0]

    def test_an_operator_with_a_gain_measures_the_next_one_alike(self) -> None:
        y = self.measured(100.0)
        first = ds.Problem(y, self.pairs(100.0), noise=ds.Gaussian(5))
        again = ds.Problem(y, first.operator, noise=first.noise)
        assert (again.form.low, again.form.high) == (first.form.low, first.form.high)
        assert again.noise.sigma == pytest.approx(first.noise.sigma)

    def test_photons_are_counted_from_where_the_operator_puts_black(self) -> None:
        y = self.measured(1.0, low=100, high=1000)
        first = ds.Problem(y, self.pairs(1.0), noise=ds.Poisson(1.0), data_range=(100, 1000))
        assert first.noise.offset == pytest.approx(-200 / 900)
        again = ds.Problem(y, self.pairs(1.0), noise=first.noise, data_range=(100, 1000))
        assert again.noise == first.noise

    def test_what_was_not_measured_is_no_count(self) -> None:
        seen = np.random.default_rng(1).random((32, 32)) < 0.5
        counts = np.random.default_rng(2).poisson(20, (32, 32))
        assert ds.Problem(np.where(seen, counts, -1.0), ds.Mask(seen), noise=ds.Poisson(1.0)).noise.gain

    def test_the_noise_of_three_channels_is_none_of_one(self) -> None:
        noise = ds.NoiseModel("gaussian", 0.1, channels=((2.8, 0, 0), (0, 0.1, 0), (0, 0, 0.1)))
        with pytest.raises(InputError, match="the noise is that of 3 channels"):
            ds.Problem(np.random.default_rng(0).random((32, 32)), noise=noise)
