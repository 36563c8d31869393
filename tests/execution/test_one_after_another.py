"""Slices in which the pictures have their first look one after another, and then go on together."""

from dataclasses import replace
from pathlib import Path

import pytest

from dipsearch.execution.task import Advanced, Slice
from dipsearch.execution.worker import Worker
from dipsearch.trials.problem_files import write_problem

from ..fitting.test_loop import inpainting
from .studies import LEARNS, PICTURE, a_slice, advanced, same_files

LOOK, COUNT = 20, 3


def study(folder: Path) -> Path:
    """Three pictures of different sizes."""
    for number in range(COUNT):
        problem = inpainting(24 + 4 * number)
        write_problem(folder / f"inputs/search-{number}.npz", problem)
    return folder


def race(**changes: object) -> Slice:
    """Twenty iterations of each picture."""
    pictures = tuple(replace(PICTURE, problem=f"inputs/search-{number}.npz") for number in range(COUNT))
    return replace(a_slice(pictures=pictures, look=LOOK), **changes)


def chosen(found: Advanced) -> list[int]:
    """The iterations that would be delivered, of each picture; 0: it was not begun."""
    return [one.step for one in found.pictures]


def test_a_slice_ends_with_the_look_at_a_picture(tmp_path: Path) -> None:
    found = advanced(Worker(study(tmp_path), "cpu"), race(), slices=COUNT)
    assert [(one.steps, one.made) for one in found] == [(20, 20), (40, 20), (60, 20)]
    assert [[step > 0 for step in chosen(one)] for one in found] == [
        [True, False, False], [True, True, False], [True, True, True],
    ]  # fmt: skip
    assert [[len(one.curve) for one in slice_.pictures] for slice_ in found] == [
        [2, 0, 0],
        [0, 2, 0],
        [0, 0, 2],
    ]
    assert found[0].pictures[1].sketch is None


@pytest.mark.parametrize("remembered", [True, False])
def test_after_it_they_go_on_together_as_if_they_always_had(tmp_path: Path, remembered: bool) -> None:
    worker = Worker(study(tmp_path / "race"), "cpu")
    at = 0
    for _ in range(COUNT + 1):
        if not remembered:
            worker = Worker(tmp_path / "race", "cpu")  # that has to take them from their files
        found = worker.do(race(at=at))
        assert isinstance(found, Advanced)
        at = found.steps
    assert (found.steps, found.made) == (COUNT * 2 * LOOK, COUNT * LOOK)
    together = Worker(study(tmp_path / "together"), "cpu")
    (other,) = advanced(together, race(look=0, steps=2 * LOOK), slices=1)
    assert other.steps == found.steps and chosen(other) == chosen(found)
    assert same_files(tmp_path / "race", tmp_path / "together", LEARNS)


def test_a_slice_that_is_over_before_the_look_is_gone_on_with(tmp_path: Path) -> None:
    worker = Worker(study(tmp_path), "cpu")
    found = advanced(worker, race(seconds=0.0), slices=3)
    assert [one.steps for one in found] == [10, 20, 30]
    assert [len(one.curve) for one in found[2].pictures] == [0, 1, 0]


def test_who_only_asks_hears_everything_of_every_picture(tmp_path: Path) -> None:
    worker = Worker(study(tmp_path), "cpu")
    advanced(worker, race(), slices=2)
    found = Worker(tmp_path, "cpu").do(race(at=40, steps=0))
    assert isinstance(found, Advanced)
    assert [len(one.curve) for one in found.pictures] == [2, 2, 0] and found.made == 0
