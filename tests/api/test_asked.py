"""What is asked in the words of Python: budgets, numbers, devices, problems, and the operators that have to travel."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
import torch

from dipsearch.api.asked import (
    cases_of,
    own_operators,
    problems_of,
    refuse_other_means,
    seconds_of,
    whole_number,
)
from dipsearch.errors import InputError, ResourceError
from dipsearch.problem import Gaussian, LinearOperator, Mask, Problem, Product, register

MEANS = {"seed": 0, "engine": "auto", "precision": "tf32", "device": "auto"}


def a_problem(operator=None):
    return Problem(np.random.default_rng(0).random((12, 16)), operator, Gaussian(0.1), image_shape=(12, 16))


@pytest.mark.parametrize(
    ("budget", "seconds"),
    [
        ("4m", 240),
        ("90s", 90),
        ("1h30m", 5400),
        ("1.5h", 5400),
        (" 4m ", 240),
        ("1h1m1s", 3661),
        (90, 90),
        (0.5, 0.5),
        (np.int64(90), 90),
        (np.float32(90), 90),
        (timedelta(minutes=4), 240),
        (np.timedelta64(4, "m"), 240),
        (None, None),
    ],
)
def test_a_budget_is_a_word_seconds_or_a_timedelta(budget, seconds):
    assert seconds_of(budget) == seconds


@pytest.mark.parametrize(
    "budget",
    [
        "",
        "m",
        "90",
        "4 minutes",
        "4M",
        "1m1h",
        "-4m",
        "0s",
        0,
        -1,
        True,
        [4],
        timedelta(0),
        np.timedelta64("NaT"),
        float("nan"),
        float("inf"),
        1e9,
    ],
)
def test_a_budget_is_a_time_above_0(budget):
    with pytest.raises(InputError, match=r"the budget is .*; give for example budget="):
        seconds_of(budget)


def test_numbers_of_numpy_are_numbers():
    assert whole_number("trials", np.int64(3), least=1) == 3
    for value in (0, -1, 2.0, "3", True, None, np.float64(2)):
        with pytest.raises(InputError, match=r"trials is .*; it is a whole number from 1 on"):
            whole_number("trials", value, least=1)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": -1},
        {"seed": None},
        {"engine": "fast"},
        {"precision": "fp16"},
        {"device": "gpu"},
        {"device": None},
        {"workers": 0},
        {"workers": "2"},
    ],
)
def test_a_word_that_there_is_not_is_refused(other):
    refuse_other_means(**MEANS)
    with pytest.raises(InputError, match=next(iter(other))):
        refuse_other_means(**(MEANS | other))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(
        ResourceError, match=r'the device is .cuda:1.; this machine has none; give device="cpu"'
    ):
        refuse_other_means(**(MEANS | {"device": "cuda:1"}))


@pytest.mark.parametrize("given", [None, np.zeros((12, 16)), 3])
def test_a_problem_is_one_or_a_list_of_them(given):
    one = a_problem()
    assert problems_of(one) == [one] and problems_of((one, one)) == [one, one]
    with pytest.raises(InputError, match=r"dipsearch.Problem"):
        cases_of(problems_of(given))


def test_a_list_has_problems_only_and_at_least_one():
    with pytest.raises(InputError, match=r"a problem is ndarray"):
        cases_of([a_problem(), np.zeros((12, 16))])
    with pytest.raises(InputError, match=r"no problem was given"):
        cases_of([])


def test_cases_have_names_and_no_reference():
    one, *_ = cases_of([a_problem()])
    assert (one.name, one.source, one.reference) == ("image", "array:image", None)
    assert [case.name for case in cases_of([a_problem()] * 3)] == ["image0", "image1", "image2"]


def test_operators_that_no_file_holds_travel_and_classes_that_only_a_script_knows():
    @register("a gain of test_asked")
    class Gain:
        def A(self, x):
            return 2 * x

        A_adjoint = A

        def to(self, device):
            return self

        def to_arrays(self):
            return {}

        @classmethod
        def from_arrays(cls, arrays):
            return cls()

    pair = (lambda x: x.flip(-1), lambda y: y.flip(-1))
    problems = [
        a_problem(),
        a_problem(pair),
        a_problem(Gain()),
        a_problem(Product(Mask(np.ones((12, 16))), Product(Gain()))),
        a_problem(Product(Gain(), LinearOperator(*pair, image_shape=(12, 16)))),
    ]
    own = own_operators(cases_of(problems))
    assert dict(own.operators) == {"image1": problems[1].operator, "image4": problems[4].operator}
    assert dict(own.registered) == {"a gain of test_asked": Gain}
    assert not own_operators(cases_of(problems[:1])).registered
