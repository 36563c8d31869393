"""Slices of many pictures: each ends with a picture, in whose first look they come one after another."""

from dataclasses import replace
from pathlib import Path

import pytest

from dipsearch.execution.task import Advanced, Slice
from dipsearch.execution.worker import Worker
from dipsearch.fitting.stopping import Check, Decision, StoppingRule, Waiting
from dipsearch.trials.own_parts import OwnParts
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


def test_a_slice_whose_time_is_over_ends_between_two_pictures(tmp_path: Path) -> None:
    found = advanced(Worker(study(tmp_path), "cpu"), race(look=0, seconds=0.0), slices=4)
    assert [one.made for one in found] == [10, 10, 10, 10]
    assert [[len(one.curve) for one in slice_.pictures] for slice_ in found] == [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
        [1, 0, 0],
    ]


@pytest.mark.parametrize("remembered", [True, False])
def test_slices_of_any_length_lead_to_the_same_fits(tmp_path: Path, remembered: bool) -> None:
    worker, at = Worker(study(tmp_path / "cut"), "cpu"), 0
    for cut in (
        True,
        True,
        False,
        True,
        True,
        True,
        True,
    ):  # the one in between makes what is left of its steps
        worker = worker if remembered else Worker(tmp_path / "cut", "cpu")
        found = worker.do(race(look=0, at=at, steps=20, seconds=0.0 if cut else None))
        assert isinstance(found, Advanced)
        at = found.steps
    assert at == 20 + 40 + 40  # two check points, then as many of each until 20, then four more
    worker.do(race(look=0, at=at, steps=10))
    whole = Worker(study(tmp_path / "whole"), "cpu")
    (other,) = advanced(whole, race(look=0, steps=40), slices=1)
    assert other.steps == COUNT * 40
    assert same_files(tmp_path / "cut", tmp_path / "whole", LEARNS)


def test_where_all_have_to_begin_its_time_is_over_after_that(tmp_path: Path) -> None:
    task = race(look=0, seconds=0.0, all_begin=True)
    found = advanced(Worker(study(tmp_path), "cpu"), task, slices=2)
    assert [one.made for one in found] == [10 * COUNT, 10]


def test_a_metric_of_ones_own_is_asked_once_all_pictures_have_begun(tmp_path: Path) -> None:
    worker = Worker(study(tmp_path), "cpu", OwnParts(metric=lambda x, y, weight: float(x.isfinite().all())))
    found = advanced(worker, race(look=0, seconds=0.0), slices=COUNT)
    assert [one.value for one in found] == [None, None, 1.0]


def test_going_on_with_all_data_ends_between_two_pictures_too(tmp_path: Path) -> None:
    workers = [Worker(study(tmp_path / name), "cpu") for name in ("cut", "whole")]
    on = race(look=0, at=20 * COUNT, steps=0, all_data=True)
    for one in workers:
        one.do(race(look=0, steps=20))
    workers[1].do(on)
    slices = 20 // 5 * COUNT  # of 5 of the 20 iterations of one picture
    found = [workers[0].do(replace(on, seconds=0.0, keep=False)) for _ in range(slices)]
    assert [one.kept for one in found if isinstance(one, Advanced)] == [False] * (slices - 1) + [True]
    assert same_files(tmp_path / "cut", tmp_path / "whole", LEARNS)


class Latest(StoppingRule[Waiting]):
    """A rule of the user's that knows nothing to say before its first check point."""

    def update(self, memory: Waiting, check: Check) -> tuple[Waiting, Decision]:
        return Waiting(recent=(*memory.recent, check.validation_mse)), Decision(best=0)

    def finish(self, memory: Waiting) -> Decision:
        return Decision(best=0 if memory.recent[-1] <= min(memory.recent) else None)


def test_a_rule_is_not_asked_about_a_picture_that_was_not_begun(tmp_path: Path) -> None:
    worker = Worker(study(tmp_path), "cpu", OwnParts(rule=Latest()))
    found = advanced(worker, race(look=0, seconds=0.0), slices=COUNT)
    assert [[step > 0 for step in chosen(one)] for one in found] == [
        [True, False, False], [True, True, False], [True, True, True],
    ]  # fmt: skip
