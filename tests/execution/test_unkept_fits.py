"""Fits whose files were not left, or are gone: a worker that forgets them loses nothing, and invents nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dipsearch.errors import ResourceError
from dipsearch.execution.executor import TaskFailed
from dipsearch.execution.task import OUTPUT, STATE, Advanced
from dipsearch.execution.worker import REMEMBERED, Worker
from dipsearch.fitting import unpack
from dipsearch.trials.own_parts import OwnParts
from dipsearch.trials.trial_files import has_full, read_output

from .studies import LEARNS, a_slice, advanced, expected, same, study


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(study(tmp_path / "study"), "cpu")


def test_those_that_were_not_kept_are_written_when_they_are_forgotten(worker: Worker, tmp_path: Path) -> None:
    task = a_slice()
    ours = expected(tmp_path / "other", task, slices=3)
    theirs = advanced(worker, task, slices=2, keep=False)
    assert not (worker.folder / LEARNS).exists()
    for number in range(REMEMBERED["cpu"]):
        worker.do(a_slice(f"trials/01{number:02d}", steps=1))
    assert worker.remembers(LEARNS) == 0
    theirs += advanced(worker, replace(task, at=40), slices=1)
    assert all(same(one, other) for one, other in zip(ours, theirs, strict=True))


def test_those_that_were_kept_are_not_written_again(worker: Worker) -> None:
    worker.do(a_slice())
    (worker.folder / LEARNS / STATE).unlink()
    for number in range(REMEMBERED["cpu"]):
        worker.do(a_slice(f"trials/01{number:02d}", steps=1))
    assert not (worker.folder / LEARNS / STATE).exists()


def test_a_disk_with_no_room_for_the_state_keeps_what_is_delivered(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes, *, durable: bool = True) -> None:
        raise ResourceError(f"cannot write {path}", "the system says: No space left on device")

    monkeypatch.setattr("dipsearch.execution.picture_fits.write_bytes", full)
    found = worker.do(a_slice(steps=100))
    assert isinstance(found, Advanced) and found.steps == 100 and not found.kept
    assert found.note == "how to go on with it could not be kept; the system says: No space left on device"
    assert read_output(worker.folder / LEARNS / OUTPUT).delivered.isfinite().all()
    whole = worker.do(a_slice(at=100, steps=0, all_data=True, seconds=10.0))
    assert isinstance(whole, Advanced) and whole.kept and has_full(worker.folder / LEARNS / OUTPUT)
    for number in range(REMEMBERED["cpu"]):
        worker.do(a_slice(f"trials/01{number:02d}", steps=1))
    assert has_full(worker.folder / LEARNS / OUTPUT)


def test_a_disk_that_is_full_for_a_moment_costs_no_fit(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, values: object) -> None:
        raise ResourceError(f"cannot write {path}", "the system says: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("dipsearch.trials.trial_files.write_npz", full)
        found = worker.do(a_slice(steps=100))
    assert isinstance(found, Advanced) and (found.steps, found.kept) == (100, False)
    assert found.note == "what it found could not be kept; the system says: No space left on device"
    assert worker.remembers(LEARNS) == 100
    again = worker.do(a_slice(at=100, steps=0))
    assert isinstance(again, Advanced) and (again.steps, again.kept) == (100, True)
    assert (worker.folder / LEARNS / STATE).exists() and (worker.folder / LEARNS / OUTPUT).exists()


def test_where_the_state_is_gone_nothing_takes_the_place_of_the_images(worker: Worker) -> None:
    """A fit goes on with all data from its state; without it there is nothing new to be written."""
    worker.do(a_slice())
    before = (worker.folder / LEARNS / OUTPUT).read_bytes()
    (worker.folder / LEARNS / STATE).unlink()
    on = a_slice(at=20, steps=0, all_data=True, seconds=10.0)
    with pytest.raises(TaskFailed, match="there is no fit to be gone on with"):
        Worker(worker.folder, "cpu").do(on)
    assert (worker.folder / LEARNS / OUTPUT).read_bytes() == before


def test_with_it_there_are_images_of_all_data_beside_those_that_were_judged(worker: Worker) -> None:
    worker.do(a_slice(steps=100))
    before = read_output(worker.folder / LEARNS / OUTPUT)
    worker.do(a_slice(at=100, steps=0, all_data=True, seconds=10.0))
    after = read_output(worker.folder / LEARNS / OUTPUT)
    assert before.delivered.equal(before.judged)
    assert after.judged.equal(before.judged)
    assert not after.delivered.equal(after.judged)


def test_going_on_with_all_data_in_slices_comes_to_the_same(worker: Worker, tmp_path: Path) -> None:
    other = Worker(study(tmp_path / "other"), "cpu")
    on = a_slice(at=200, steps=0, all_data=True)
    for one in (worker, other):
        one.do(a_slice(steps=200))
    other.do(on)
    slices = [worker.do(replace(on, seconds=0.0, keep=False)) for _ in range(6)]  # of 5 of the 30 iterations
    assert [one.kept for one in slices if isinstance(one, Advanced)] == [False] * 5 + [True]
    ours, theirs = (read_output(one.folder / LEARNS / OUTPUT) for one in (worker, other))
    assert ours.delivered.equal(theirs.delivered) and not ours.delivered.equal(ours.judged)


def test_what_has_come_of_all_data_is_delivered_with_the_last_slice(worker: Worker) -> None:
    worker.do(a_slice(steps=200))
    on = a_slice(at=200, steps=0, all_data=True, seconds=0.0)
    assert not has_full(worker.folder / LEARNS / OUTPUT)
    first, last = worker.do(replace(on, keep=False)), worker.do(on)
    assert (
        isinstance(first, Advanced)
        and isinstance(last, Advanced)
        and (first.kept, last.kept) == (False, True)
    )
    assert has_full(worker.folder / LEARNS / OUTPUT)


def test_images_of_all_data_stay_when_their_fits_are_forgotten(worker: Worker) -> None:
    worker.do(a_slice(steps=100, keep=False))
    worker.do(a_slice(at=100, steps=0, all_data=True))
    before = read_output(worker.folder / LEARNS / OUTPUT)
    for number in range(REMEMBERED["cpu"]):
        worker.do(a_slice(f"trials/01{number:02d}", steps=1))
    assert worker.remembers(LEARNS) == 0
    after = read_output(worker.folder / LEARNS / OUTPUT)
    assert after.delivered.equal(before.delivered) and not after.delivered.equal(after.judged)
    assert (worker.folder / LEARNS / STATE).exists()


def test_where_nobody_will_go_on_with_all_data_no_weights_are_kept_for_it(worker: Worker) -> None:
    for place, may_go_on in (("trials/0020", True), ("trials/0021", False)):
        worker.do(a_slice(place, steps=100, may_go_on=may_go_on))
        (state,), _ = unpack((worker.folder / place / STATE).read_bytes())
        assert (state.weights is not None) is may_go_on


def test_what_a_metric_raises_is_said_once(worker: Worker) -> None:
    worker.own = OwnParts(metric=lambda x, y, weight: 1 / 0)
    with pytest.raises(TaskFailed) as failed:
        worker.do(a_slice())
    assert str(failed.value) == "the metric failed: ZeroDivisionError: division by zero"
