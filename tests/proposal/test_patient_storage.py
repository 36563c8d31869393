"""A database may go away, in the middle of anything: what was written is there once, and nobody sees a traceback."""

from __future__ import annotations

import logging
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote_plus

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from dipsearch.errors import DipsearchError, StorageLost, StudyError
from dipsearch.proposal import patient_storage
from dipsearch.proposal.patient_storage import Patience, PatientStorage
from dipsearch.proposal.storage import create_or_load, open_storage, refuse_taken_name
from tests.postgres_server import PostgresServer

GONE = sqlite3.OperationalError("the server is gone\nand more")


def study_in(
    address: str, patience: Patience | None = None, *, name: str = "study", new: bool = False
) -> optuna.Study:
    return create_or_load(
        name,
        open_storage(address, patience=patience).storage,
        sampler=RandomSampler(seed=0),
        pruner=optuna.pruners.NopPruner(),
        space_digest="0123456789ab",
        new=new,
    )


def fit(study: optuna.Study, *, steps: int = 3) -> int:
    """All that a search does with a candidate."""
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.suggest_categorical("kind", ["a", "b"])
    trial.set_user_attr("operator", "crossover")
    for step in range(steps):
        trial.report(float(step), step)
    study.set_user_attr("newest", trial.number)
    study.tell(trial, float(trial.number))
    return trial.number


def check(study: optuna.Study, *, trials: int, steps: int = 3) -> None:
    """Every candidate of ``fit`` is there once, with all that belongs to it."""
    found = study.get_trials(deepcopy=False)
    assert [trial.number for trial in found] == list(range(trials))
    for trial in found:
        assert trial.state == TrialState.COMPLETE
        assert trial.value == trial.number
        assert set(trial.params) == {"x", "kind"}
        assert trial.user_attrs == {"operator": "crossover"}
        assert trial.intermediate_values == {step: float(step) for step in range(steps)}
    assert study.user_attrs == {"space_digest": "0123456789ab", "newest": trials - 1}


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'study.db'}"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_storage, "FIRST_PAUSE", 0.001)


class Flaky:
    """Loses the answers to half of the commits, by chance; the commits themselves are carried out, or are not."""

    def __init__(self, storage: object, monkeypatch: pytest.MonkeyPatch, *, carried_out: bool) -> None:
        assert isinstance(storage, PatientStorage)
        self.failures = 0
        chance = random.Random(0)
        commit: Callable[[object], None] = storage._engine.dialect.do_commit

        def do_commit(connection: object) -> None:
            fails = chance.random() < 0.5
            if carried_out or not fails:
                commit(connection)
            if fails:
                self.failures += 1
                raise GONE

        monkeypatch.setattr(storage._engine.dialect, "do_commit", do_commit)


class TestLostAnswers:
    @pytest.mark.usefixtures("quick")
    @pytest.mark.parametrize("carried_out", [True, False])
    def test_nothing_is_there_twice_or_missing_when_answers_of_commits_are_lost(
        self, address: str, monkeypatch: pytest.MonkeyPatch, carried_out: bool
    ) -> None:
        storage = open_storage(address).storage
        flaky = Flaky(storage, monkeypatch, carried_out=carried_out)
        study = create_or_load(
            "study",
            storage,
            sampler=RandomSampler(seed=0),
            pruner=optuna.pruners.NopPruner(),
            space_digest="0123456789ab",
            new=True,
        )
        study.enqueue_trial({"x": 0.25}, user_attrs={"operator": "crossover"})
        study.enqueue_trial({"x": 0.75}, user_attrs={"operator": "crossover"})
        for _ in range(4):
            fit(study)
        assert flaky.failures > 20
        check(study, trials=4)
        again = study_in(address)
        check(again, trials=4)
        assert [trial.params["x"] for trial in again.trials[:2]] == [0.25, 0.75]
        assert optuna.get_all_study_names(open_storage(address).storage) == ["study"]

    @pytest.mark.usefixtures("quick")
    def test_a_candidate_that_was_told_cannot_be_told_again(self, address: str) -> None:
        study = study_in(address)
        fit(study)
        with pytest.raises(ValueError, match="COMPLETE"):
            study.tell(0, 5.0)


class Clock:
    """A time of its own, which passes only while somebody waits."""

    def __init__(self) -> None:
        self.now, self.pauses = 100.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(patient_storage, "time", found)
    return found


class TestPatience:
    @contextmanager
    def gone(self, study: optuna.Study, still: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Every statement fails, while ``still`` says so."""
        assert isinstance(study._storage, PatientStorage)
        dialect = study._storage._engine.dialect
        with pytest.MonkeyPatch.context() as patch:

            def failing(statement: Callable[..., object]) -> Callable[..., object]:
                def fail(*arguments: object, **named: object) -> object:
                    if still():
                        raise GONE
                    return statement(*arguments, **named)

                return fail

            for name in ("do_execute", "do_commit", "do_ping"):
                patch.setattr(dialect, name, failing(getattr(dialect, name)))
            yield

    def test_it_is_told_once_that_the_database_is_away_and_once_that_it_is_back(
        self, address: str, clock: Clock
    ) -> None:
        told: list[str] = []
        study = study_in(address, Patience(tell=told.append))
        fit(study)
        assert told == []
        with self.gone(study, still=lambda: clock.now < 120):
            fit(study)
        check(study, trials=2)
        assert told == [
            f"the database {address} does not answer (the server is gone): it is asked again for up to 300 s",
            f"the database answers again after {clock.now - 100:.1f} s",
        ]
        assert clock.pauses[:2] == [patient_storage.FIRST_PAUSE, 2 * patient_storage.FIRST_PAUSE]
        assert max(clock.pauses) == patient_storage.LONGEST_PAUSE

    def test_when_patience_runs_out_trials_can_be_read_and_nothing_else_and_nobody_waits_again(
        self, address: str, clock: Clock
    ) -> None:
        study = study_in(address, Patience(seconds=7.5))
        fit(study)
        trial = study.ask()
        check_point = study.get_trials(deepcopy=False)
        with self.gone(study):
            with pytest.raises(StorageLost) as lost:
                trial.report(1.0, 1)
            assert clock.now == pytest.approx(107.5)
        assert str(lost.value) == (
            f"the database {address} has not answered for 8 s; "
            "it says: the server is gone; go on by --resume when it is there again"
        )
        assert isinstance(lost.value, DipsearchError)
        for call in (study.ask, lambda: study.set_user_attr("a", 1), lambda: study.tell(trial, 1.0)):
            with pytest.raises(StorageLost):
                call()
        assert [t.number for t in study.get_trials(states=(TrialState.COMPLETE,))] == [0]
        assert study.get_trials() == check_point
        assert clock.now == pytest.approx(107.5)
        assert [t.state for t in study_in(address).trials] == [TrialState.COMPLETE, TrialState.RUNNING]

    def test_a_deadline_ends_the_waiting(self, address: str, clock: Clock) -> None:
        study = study_in(address, Patience(ended=lambda: clock.now > 110))
        with self.gone(study), pytest.raises(StorageLost):
            fit(study)
        assert 110 < clock.now <= 110 + patient_storage.LONGEST_PAUSE

    def test_without_patience_nobody_waits_and_nothing_is_told(self, address: str, clock: Clock) -> None:
        told: list[str] = []
        study = study_in(address, Patience(seconds=0, tell=told.append))
        with self.gone(study), pytest.raises(StorageLost):
            study.ask()
        assert clock.pauses == [] and told == []

    def test_ctrl_c_is_not_taken_for_a_lost_connection(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        study = study_in(address)
        assert isinstance(study._storage, PatientStorage)

        def interrupted(*arguments: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(study._storage._engine.dialect, "do_execute", interrupted)
        with pytest.raises(KeyboardInterrupt):
            study.ask()

    def test_what_the_database_refuses_is_not_asked_for_again(self, address: str) -> None:
        told: list[str] = []
        study = study_in(address, Patience(tell=told.append))
        assert isinstance(study._storage, PatientStorage)

        def refused(*arguments: object) -> None:
            raise sqlite3.ProgrammingError("permission denied for table trials")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(study._storage._engine.dialect, "do_execute", refused)
            with pytest.raises(
                StorageLost, match="refuses to go on; it says: permission denied for table trials"
            ):
                study.set_user_attr("a", 1)
        assert told == []


class TestNames:
    def test_a_new_study_does_not_join_one_of_its_name(self, address: str) -> None:
        refuse_taken_name("study", address)
        study_in(address, new=True)
        refuse_taken_name("another", address)
        for make in (lambda: study_in(address, new=True), lambda: refuse_taken_name("study", address)):
            with pytest.raises(StudyError, match="the storage has a study 'study' already") as refused:
                make()
            assert "--resume" in refused.value.fix and "here is no folder of that name" in refused.value.given
        assert f"optuna delete-study --study-name study --storage {address}" in refused.value.fix
        fit(study_in(address))
        check(study_in(address), trials=1)

    def test_a_brace_in_an_address_is_only_a_brace(self, tmp_path: Path) -> None:
        fit(study_in(f"sqlite:///{tmp_path / 'a{b}.db'}"))
        assert (tmp_path / "a{b}.db").exists()


def connections(server: PostgresServer) -> int:
    [[count]] = server.query(
        "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    return int(count)


class TestPostgres:
    """A real server, which is stopped, crashed, and throws everybody out."""

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest, postgres: PostgresServer) -> str:
        """Of a study of the test's own; nobody else is connected when it begins."""
        postgres.terminate_connections()
        return str(request.node.name)

    def test_a_search_goes_through_lost_connections_and_a_server_that_is_away(
        self,
        postgres: PostgresServer,
        name: str,
        capfd: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        told: list[str] = []
        study = study_in(postgres.url, Patience(tell=told.append), name=name, new=True)
        assert connections(postgres) == 1
        enough, fitted, errors = threading.Event(), [], []

        def search() -> None:
            try:
                while not enough.is_set():
                    fitted.append(fit(study))
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=search)
        thread.start()
        for _ in range(3):
            time.sleep(0.5)
            assert postgres.terminate_connections() >= 1
        for how in ("fast", "immediate"):
            time.sleep(0.5)
            postgres.stop(how=how)
            time.sleep(float(os.environ.get("DIPSEARCH_SERVER_AWAY", "2")))
            postgres.start()
        until = len(fitted) + 5
        while len(fitted) < until and not errors:
            time.sleep(0.1)
        enough.set()
        thread.join()
        assert errors == []
        assert len(fitted) > 10
        check(study, trials=len(fitted))
        check(study_in(postgres.url, name=name), trials=len(fitted))
        away, back = (
            sum(words in sentence for sentence in told) for words in ("not answer", "answers again")
        )
        assert 2 <= away == back <= 5
        assert all("\n" not in sentence for sentence in told)
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err

    def test_a_connection_that_broke_in_between_is_replaced_without_a_word(
        self, postgres: PostgresServer, name: str
    ) -> None:
        told: list[str] = []
        study = study_in(postgres.url, Patience(tell=told.append), name=name)
        for _ in range(3):
            fit(study)
            assert postgres.terminate_connections() == 1
        postgres.stop()
        postgres.start()
        fit(study)
        check(study, trials=4)
        assert told == []

    def test_a_server_that_stays_away_ends_in_one_line_and_trials_can_be_read(
        self, postgres: PostgresServer, name: str
    ) -> None:
        told: list[str] = []
        study = study_in(postgres.url, Patience(seconds=1, tell=told.append), name=name)
        fit(study)
        assert len(study.get_trials()) == 1
        postgres.stop()
        try:
            with pytest.raises(StorageLost, match="go on by --resume") as lost:
                fit(study)
            assert "\n" not in str(lost.value)
            assert len(study.get_trials()) == 1
            with pytest.raises(DipsearchError, match="cannot use the database"):
                open_storage(postgres.url)
        finally:
            postgres.start()
        fit(study_in(postgres.url, name=name))

    def test_nothing_is_printed_when_a_server_goes_away(self, postgres: PostgresServer, name: str) -> None:
        code = f"""
import sys
import optuna
from dipsearch.proposal.patient_storage import Patience
from dipsearch.proposal.storage import create_or_load, open_storage

optuna.logging.set_verbosity(optuna.logging.WARNING)  # as the console does
storage = open_storage({postgres.url!r}, patience=Patience(tell=lambda told: print(told, flush=True))).storage
study = create_or_load({name!r}, storage, sampler=optuna.samplers.RandomSampler(), pruner=optuna.pruners.NopPruner(),
                       space_digest="x", new=True)
print("ready", flush=True)
while len(study.trials) < 40:
    trial = study.ask()
    trial.report(1.0, 1)
    study.tell(trial, 1.0)
"""
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(2):
            time.sleep(0.05)
            postgres.terminate_connections()
        postgres.stop()
        time.sleep(1)
        postgres.start()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert err == ""
        host = quote_plus(str(postgres.folder))
        assert {line.partition(" (")[0].partition(" after")[0] for line in out.splitlines()} <= {
            f"the database postgresql+psycopg://postgres@/postgres?host={host} does not answer",
            "the database answers again",
        }
        assert len(out.splitlines()) >= 2

    def test_several_searches_may_make_the_tables_of_a_new_database_at_once(
        self, postgres: PostgresServer
    ) -> None:
        import psycopg

        with psycopg.connect(
            f"host={postgres.folder} user=postgres dbname=postgres", autocommit=True
        ) as connection:
            connection.execute("CREATE DATABASE fresh")
        address = postgres.url.replace("/postgres?", "/fresh?")
        failed: list[Exception] = []

        def open_it(number: int) -> None:
            try:
                fit(study_in(address, name=f"study {number}", new=True))
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=open_it, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []

    def test_two_new_studies_of_one_name_are_not_made_at_once(
        self, postgres: PostgresServer, name: str
    ) -> None:
        made: list[str] = []

        def make() -> None:
            try:
                study_in(postgres.url, name=name, new=True)
                made.append("made")
            except StudyError as error:
                made.append(error.given)

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = (
            f"the storage has a study '{name}' already, and here is no folder of that name with its files"
        )
        assert sorted(made) == ["made"] + [refused] * 3
