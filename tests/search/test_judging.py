"""The classical restoration before the same judge: its score, and when a person is told that it is better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dipsearch.files import replacing
from dipsearch.problem import Identity, NoiseModel, Problem, make_split
from dipsearch.search.judging import Baseline, baseline_jobs, classical_of, judged
from dipsearch.search.messages import Done
from dipsearch.search.prepared import Prepared

SHAPE = (1, 3, 64, 64)


def noisy() -> Prepared:
    y = 0.5 + 0.05 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(3))
    problem = Problem("denoise", y, Identity(), NoiseModel("gaussian", 0.05), SHAPE, torch.ones(1, 1, 64, 64))
    return Prepared("cat", problem, make_split(problem, seed=0))


def off(size: float, *, seed: int) -> Tensor:
    return 0.5 + size * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def done(tmp_path: Path) -> dict[Path, Done]:
    """Both jobs of a picture, done: the result is off by 0.05."""
    outcomes = {}
    for job in baseline_jobs(tmp_path, "cat", seed=0):
        with replacing(job.out) as temporary:
            np.savez(temporary, x=off(0.05, seed=1).numpy())
        outcomes[job.out] = Done(0, job, {"name": "non-local means", "seconds": 0.5})
    return outcomes


def test_one_job_sees_everything_and_one_the_fitted_part_alone(tmp_path: Path) -> None:
    assert [job.split_seed for job in baseline_jobs(tmp_path, "cat", seed=7)] == [None, 7]


@pytest.mark.parametrize(("size", "better"), [(0.1, True), (0.025, False)])
def test_it_is_better_when_the_scores_are_apart_by_more_than_the_standard_error(
    tmp_path: Path, done: dict[Path, Done], size: float, better: bool
) -> None:
    picture, classical = noisy(), classical_of(tmp_path, done, "cat")
    found = judged(tmp_path, done, ours=off(size, seed=2), classical=classical, picture=picture)
    assert found is not None
    assert found.score == pytest.approx(-20 * np.log10(0.05), abs=1.0)
    assert found.ahead == pytest.approx(20 * np.log10(size / 0.05), abs=2.5)
    assert 0 < (found.standard_error or 0) < 2.5
    assert found.is_better is better


def test_the_warning_says_by_how_much_and_where_to_look() -> None:
    found = Baseline("biharmonic", 0.5, Path("x.npz"), score=30.0, ahead=1.25, standard_error=0.2)
    assert found.is_better
    assert not replace(found, ahead=0.1).is_better
    assert found.warning("best/biharmonic.png") == (
        "biharmonic is better than what was delivered, by 1.25 dB (± 0.20), judged by measurements that neither "
        "has seen: look at best/biharmonic.png, or give a larger --budget"
    )


def test_without_the_fitted_part_there_is_no_score(tmp_path: Path, done: dict[Path, Done]) -> None:
    done.pop(baseline_jobs(tmp_path, "cat", seed=0)[1].out)
    assert classical_of(tmp_path, done, "cat") is None
    found = judged(tmp_path, done, ours=off(0.1, seed=2), classical=None, picture=noisy())
    assert found is not None
    assert (found.score, found.is_better) == (None, False)
    assert torch.equal(found.image(), off(0.05, seed=1))
    assert judged(tmp_path, {}, ours=off(0.1, seed=2), classical=None, picture=noisy()) is None
