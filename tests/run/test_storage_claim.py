"""A study in a database has one search at a time, also where its folder was copied."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest

from dipsearch.errors import StorageLost, StudyError
from dipsearch.proposal.storage import create_or_load, open_storage
from dipsearch.run import run_search, storage_claim
from dipsearch.run.storage_claim import HOLDER, STALE_SECONDS, StorageClaim
from dipsearch.trials.holder import Holder

from .test_study_side import Ear, furnish, request

if TYPE_CHECKING:
    from tests.postgres_server import PostgresServer

GONE = 2**31 - 1
"""A number that no process has."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_claim, "AGAIN_SECONDS", 0.0)


def study_in(address: str, name: str = "study") -> optuna.Study:
    storage = open_storage(address).storage
    sampler, pruner = optuna.samplers.RandomSampler(seed=0), optuna.pruners.NopPruner()
    return create_or_load(name, storage, sampler=sampler, pruner=pruner, space_digest="0123456789ab")


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    return study_in(f"sqlite:///{tmp_path / 'study.db'}")


def me() -> Holder:
    return Holder.me(new=False)


def other(*, host: str = "", pid: int = 0, ago: float = 0.0) -> Mapping[str, Any]:
    """What a study says of another process, which lives where nothing else is said."""
    there = replace(me(), host=host or socket.gethostname(), pid=pid or os.getppid())
    return {**asdict(there), "seen": time.time() - ago}


@pytest.mark.parametrize("what", [{}, {"host": "node7"}, {"host": "node7", "ago": 0.5 * STALE_SECONDS}])
def test_who_may_be_at_work_is_named(study: optuna.Study, what: dict[str, Any]) -> None:
    there = other(**what)
    study.set_user_attr(HOLDER, there)
    with pytest.raises(StudyError, match=f"by process {there['pid']} on {there['host']} since") as refused:
        StorageClaim(study, me())
    assert "\n" not in str(refused.value)
    assert study.user_attrs[HOLDER] == there


@pytest.mark.parametrize(
    "what",
    [
        {"pid": GONE},
        {"pid": os.getpid()},
        {"ago": 2 * STALE_SECONDS},
        {"host": "node7", "ago": 2 * STALE_SECONDS},
    ],
)
def test_who_is_gone_is_followed_and_that_is_said(study: optuna.Study, what: dict[str, Any]) -> None:
    there = other(**what)
    study.set_user_attr(HOLDER, there)
    claim = StorageClaim(study, me())
    (said,) = claim.notes
    assert f"process {there['pid']} on {there['host']}" in said and "taken over" in said
    assert study.user_attrs[HOLDER]["pid"] == os.getpid()


def test_after_a_search_nobody_has_it(study: optuna.Study) -> None:
    claim = StorageClaim(study, me())
    claim.release()
    assert study.user_attrs[HOLDER] is None
    assert StorageClaim(study, me()).notes == ()
    claim.release()  # which is not its any more
    assert study.user_attrs[HOLDER] is not None


def test_of_two_that_come_at_once_the_later_has_it(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: study.set_user_attr(HOLDER, other()))
    with pytest.raises(StudyError, match=f"by process {os.getppid()}"):
        StorageClaim(study, me())


def test_the_holder_says_now_and_then_that_it_is_there(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = StorageClaim(study, me())
    before = study.user_attrs[HOLDER]
    claim.keep()
    assert study.user_attrs[HOLDER] == before
    monkeypatch.setattr(storage_claim, "SAY_SECONDS", 0.0)
    claim.keep()
    assert study.user_attrs[HOLDER]["seen"] > before["seen"]


def test_who_was_taken_for_gone_writes_nothing_any_more(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = StorageClaim(study, me())
    study.set_user_attr(HOLDER, other(host="node7"))
    monkeypatch.setattr(storage_claim, "SAY_SECONDS", 0.0)
    with pytest.raises(StorageLost, match=r"was taken over by process .* on node7"):
        claim.keep()
    with pytest.raises(StorageLost, match="was taken over"):
        study.ask()


def test_a_copied_folder_is_no_way_to_a_second_search(tmp_path: Path, postgres: PostgresServer) -> None:
    furnish(tmp_path)
    asked = request(
        tmp_path, storage=postgres.url, name=f"claim{os.getpid()}", trials=1, steps=20
    )  # the server may be that of other tests
    first = run_search(asked, root=tmp_path / "studies", resume=False, callback=Ear())
    study = study_in(postgres.url, asked.name)
    assert study.user_attrs[HOLDER] is None
    shutil.copytree(first.folder, tmp_path / "copy" / asked.name)
    study.set_user_attr(HOLDER, other(host="node7"))
    more, ear = replace(asked, trials=2), Ear()
    with pytest.raises(StudyError, match=r"is being worked on by process .* on node7"):
        run_search(more, root=tmp_path / "copy", resume=True, callback=Ear())
    study.set_user_attr(HOLDER, other(pid=GONE))
    again = run_search(more, root=tmp_path / "copy", resume=True, callback=ear)
    assert again.result["trials"]["complete"] == 2
    assert any("taken over" in note for note in ear.notes) and study.user_attrs[HOLDER] is None
