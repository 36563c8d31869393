"""Learning warm weights: the courses, and that an interrupted one ends where it would have."""

from pathlib import Path

import pytest
import torch

from dipsearch.bench.warm import warm_training
from dipsearch.bench.warm.warm_training import PICTURES, Course, Lesson, learn
from dipsearch.library import preset
from dipsearch.network import build
from dipsearch.problem import Mask, Problem, make_split
from dipsearch.problem.noise import NO_NOISE

NAME = "dipsearch_pilot_16"


@pytest.fixture(autouse=True)
def small_lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lessons of 32 × 32 pixels whose first answer is the measurement."""

    def lesson_of(index: int, *, folder: Path) -> Lesson:
        generator = torch.Generator().manual_seed(index)
        observed = (torch.rand(1, 1, 32, 32, generator=generator) > 0.5).float()
        y = torch.rand(1, 3, 1, 1, generator=generator).expand(1, 3, 32, 32) * observed
        problem = Problem(y, Mask(observed), NO_NOISE, (1, 3, 32, 32), observed=observed)
        return Lesson(problem, make_split(problem, seed=0), y)

    monkeypatch.setattr(warm_training, "lesson_of", lesson_of)


def test_reptile_moves_less_and_less_and_the_mean_is_a_mean() -> None:
    course = Course(lessons=4, rounds=3)
    rates = [course.rate(episode) for episode in range(course.episodes)]
    assert len(rates) == 12 and rates[0] == 0.5 and rates[-1] == pytest.approx(0.1)
    assert rates == sorted(rates, reverse=True)
    mean = Course(way="mean", lessons=4, rounds=3)
    value = 0.0
    for episode, end in enumerate((4.0, 8.0, 0.0, 4.0)):
        value += mean.rate(episode) * (end - value)
    assert mean.episodes == 4 and value == 4.0


def test_an_interrupted_course_ends_where_it_would_have(tmp_path: Path) -> None:
    course = Course(lessons=2, rounds=2, steps=3)
    whole = learn(NAME, course, folder=tmp_path / "whole")

    def interrupt(line: str) -> None:
        if "fit 2 of 4" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(NAME, course, folder=tmp_path / "parts", watch=interrupt)
    heard: list[str] = []
    parts = learn(NAME, course, folder=tmp_path / "parts", watch=heard.append)
    assert len(heard) == 2
    assert all(torch.equal(parts[name], value) for name, value in whole.items())
    begun = build(preset(NAME), channels=3, seed=0).state_dict()
    assert set(whole) == set(begun)
    assert any(not torch.equal(whole[name], value) for name, value in begun.items())


def test_nothing_is_learnt_from_pictures_that_tables_report() -> None:
    assert PICTURES == ("sample:coffee", "sample:chelsea", "sample:rocket", "sample:coins")
