"""The storage: what a kill, a full disk or a cut file may do to a study, and what it may not."""

from __future__ import annotations

import importlib.util
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from dipsearch.errors import InputError, ResourceError, StudyError
from dipsearch.proposal.storage import create_or_load, open_storage
from dipsearch.trials import journal
from dipsearch.trials.journal import TidyLock, journal_backend


def study_in(place: Path | str) -> optuna.Study:
    return create_or_load(
        "study",
        open_storage(place).storage,
        sampler=RandomSampler(seed=0),
        pruner=optuna.pruners.NopPruner(),
        space_digest="0123456789ab",
    )


def fill(study: optuna.Study, *, trials: int) -> None:
    for number in range(trials):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        study.tell(trial, float(number))


def values(study: optuna.Study) -> list[float | None]:
    return [trial.value for trial in study.trials]


class TestOpening:
    def test_a_study_is_found_again_in_its_folder(self, tmp_path: Path) -> None:
        fill(study_in(tmp_path / "new" / "folder"), trials=3)
        again = study_in(tmp_path / "new" / "folder")
        assert values(again) == [0.0, 1.0, 2.0]
        assert again.direction == optuna.study.StudyDirection.MAXIMIZE
        assert again.user_attrs["space_digest"] == "0123456789ab"
        assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["journal.log"]

    def test_a_relative_folder_works(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        fill(study_in(Path("studies/one")), trials=1)
        assert values(study_in(tmp_path / "studies" / "one")) == [0.0]

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ResourceError, match="cannot use the journal"):
            open_storage(tmp_path / "file" / "study")

    def test_sqlite_serves_as_well(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'study.db'}"
        fill(study_in(url), trials=2)
        assert values(study_in(url)) == [0.0, 1.0]

    @pytest.mark.parametrize("url", ["mysql://me:secret@host/name", "redis://host", "nonsense://"])
    def test_an_unknown_kind_of_database_is_refused_without_showing_passwords(self, url: str) -> None:
        with pytest.raises(InputError, match=r"postgresql\+psycopg://") as refused:
            open_storage(url)
        assert "secret" not in str(refused.value)

    @pytest.mark.skipif(importlib.util.find_spec("psycopg") is not None, reason="the driver is installed")
    @pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
    def test_a_missing_driver_names_the_extra(self, scheme: str) -> None:
        with pytest.raises(ResourceError, match=r"pip install 'dipsearch\[postgres\]'") as refused:
            open_storage(f"{scheme}://me:secret@localhost/name")
        assert "postgresql+psycopg://me:***@localhost/name" in str(refused.value)
        assert "secret" not in str(refused.value)

    def test_a_database_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ResourceError, match="cannot use the database"):
            open_storage(f"sqlite:///{tmp_path / 'missing' / 'study.db'}")


class TestCutJournal:
    @pytest.mark.parametrize("removed", [1, 2, 20, 150])
    def test_a_torn_last_record_is_set_aside_and_the_study_goes_on(
        self, tmp_path: Path, removed: int
    ) -> None:
        fill(study_in(tmp_path), trials=3)
        log = tmp_path / "journal.log"
        content = log.read_bytes()
        torn = content[:-removed].splitlines(keepends=True)[-1]
        assert not torn.endswith(b"\n")
        log.write_bytes(content[:-removed])

        opened = open_storage(tmp_path)
        assert opened.notes == (
            f"the last record of journal.log was cut; its {len(torn)} bytes were moved to journal.log.torn",
        )
        assert (tmp_path / "journal.log.torn").read_bytes() == torn + b"\n"
        assert open_storage(tmp_path).notes == ()

        study = study_in(tmp_path)
        assert values(study) == [0.0, 1.0, None]
        fill(study, trials=2)
        assert [trial.state for trial in study_in(tmp_path).trials] == [
            TrialState.COMPLETE,
            TrialState.COMPLETE,
            TrialState.RUNNING,
            TrialState.COMPLETE,
            TrialState.COMPLETE,
        ]

    @pytest.mark.parametrize(
        "tail", [b"\0" * 300, b'{"op_code":4,"wor{"op_code":4}\n', b"[]\n", b"\xff\xfe\n"]
    )
    def test_whatever_stands_after_the_last_record_is_set_aside(self, tmp_path: Path, tail: bytes) -> None:
        fill(study_in(tmp_path), trials=2)
        with (tmp_path / "journal.log").open("ab") as log:
            log.write(tail)
        opened = open_storage(tmp_path)
        assert len(opened.notes) == 1
        assert f"{len(tail)} bytes" in opened.notes[0]
        assert values(study_in(tmp_path)) == [0.0, 1.0]

    def test_a_worker_that_meets_a_torn_record_while_running_does_not_add_to_it(self, tmp_path: Path) -> None:
        study = study_in(tmp_path)
        fill(study, trials=1)
        with (tmp_path / "journal.log").open("ab") as log:  # another worker died, or the disk was full
            log.write(b'{"op_code":6,"worker_id":"dead')
        fill(study, trials=2)
        assert values(study_in(tmp_path)) == [0.0, 0.0, 1.0]
        assert (tmp_path / "journal.log.torn").read_bytes() == b'{"op_code":6,"worker_id":"dead\n'

    def test_damage_before_the_last_record_is_refused_and_nothing_is_touched(self, tmp_path: Path) -> None:
        fill(study_in(tmp_path), trials=3)
        log = tmp_path / "journal.log"
        lines = log.read_bytes().splitlines(keepends=True)
        lines[4] = lines[4][:30] + b"\n"
        log.write_bytes(b"".join(lines))
        with pytest.raises(StudyError, match=r"line 5 of .*journal\.log is damaged") as refused:
            open_storage(tmp_path)
        assert refused.value.rule
        assert "another name" in refused.value.fix
        assert log.read_bytes() == b"".join(lines)

    def test_an_empty_journal_is_a_new_study(self, tmp_path: Path) -> None:
        (tmp_path / "journal.log").touch()
        assert open_storage(tmp_path).notes == ()
        assert values(study_in(tmp_path)) == []


def write_for_ever(folder: Path, numbers: Connection) -> None:
    study = study_in(folder)
    while True:
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        for step in range(20):
            trial.report(float(step), step)
        study.tell(trial, float(trial.number))
        numbers.send(trial.number)


def hold_the_lock(log: Path, numbers: Connection) -> None:
    TidyLock(log).acquire()
    numbers.send(0)
    time.sleep(60)


@contextmanager
def another_process(
    target: Callable[[Path, Connection], None], argument: Path
) -> Iterator[tuple[BaseProcess, Connection]]:
    """A process that can be killed at any moment; forked, since it would take seconds to import."""
    mine, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=target, args=(argument, theirs), daemon=True)
    process.start()
    yield process, mine
    process.kill()
    process.join()


@pytest.mark.skipif(sys.platform == "win32", reason="there is neither fork nor SIGKILL")
class TestKill:
    def test_a_killed_search_loses_no_finished_trial(self, tmp_path: Path) -> None:
        with another_process(write_for_ever, tmp_path) as (worker, numbers):
            finished = [numbers.recv() for _ in range(5)]
            worker.kill()
            worker.join()
        study = study_in(tmp_path)
        running = study.get_trials(states=(TrialState.RUNNING,))
        fill(study, trials=3)
        assert finished == [0, 1, 2, 3, 4]
        assert [study.trials[number].value for number in finished] == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert len(running) <= 1
        assert [trial.value for trial in study.trials[-3:]] == [0.0, 1.0, 2.0]

    def test_a_worker_that_was_killed_with_the_lock_makes_nobody_wait(self, tmp_path: Path) -> None:
        fill(study_in(tmp_path), trials=1)
        with another_process(hold_the_lock, tmp_path / "journal.log") as (worker, numbers):
            numbers.recv()
            worker.kill()
            worker.join()
        assert TidyLock(tmp_path / "journal.log").acquire()

    def test_where_only_lock_files_work_a_stale_one_is_broken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(journal, "_has_flock", lambda path: False)
        monkeypatch.setattr(journal, "GRACE_SECONDS", 1)
        (tmp_path / "journal.log.lock").touch()
        with pytest.warns(UserWarning, match="grace_period"):
            backend, _ = journal_backend(tmp_path / "journal.log")
        backend.append_logs([{"op_code": 0, "worker_id": "me"}])
        assert not (tmp_path / "journal.log.lock").exists()

    def test_the_lock_excludes(self, tmp_path: Path) -> None:
        log = tmp_path / "journal.log"
        log.touch()
        with another_process(hold_the_lock, log) as (worker, numbers):
            numbers.recv()
            killer = threading.Timer(0.3, worker.kill)
            killer.start()
            assert TidyLock(log).acquire()
            assert killer.finished.is_set()  # not before whoever held it was gone
            killer.join()
