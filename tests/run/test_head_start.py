"""A head start: workers are there before the plan is, and nothing is left of them where nothing comes of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from dipsearch.errors import DipsearchError
from dipsearch.execution.local_processes import LocalProcesses
from dipsearch.run import head_start, read_study, run_search
from dipsearch.run.head_start import HeadStart

from ..execution.studies import PATCHES, study
from .test_study_side import Ear, furnish, request

TAKEN = head_start.taken_cores


def children() -> set[int]:
    """The worker processes of this one, but not what they are forked from, which stays."""
    found = set()
    for one in psutil.Process(os.getpid()).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            word = " ".join(one.cmdline())
            if "resource_tracker" not in word and not ("forkserver" in word and one.ppid() == os.getpid()):
                found.add(one.pid)
    return found


@pytest.fixture(autouse=True)
def nobody_is_left_behind() -> Iterator[None]:
    before = children()
    yield
    # What others that were there begin, as a cluster's nannies do, is not of this test.
    assert {pid for pid in children() - before if not before & ancestors(pid)} == set()


def ancestors(pid: int) -> set[int]:
    """Of a process, as far as they are still there."""
    try:
        return {one.pid for one in psutil.Process(pid).parents()}
    except psutil.NoSuchProcess:
        return set()


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_start, "cores", lambda: 4)
    monkeypatch.setattr(head_start, "taken_cores", lambda: 0)


@pytest.mark.usefixtures("four_cores")
def test_only_those_begin_early_that_have_a_core_of_their_own(tmp_path: Path) -> None:
    before = children()
    with HeadStart(tmp_path) as ahead:
        ahead.begin(("cpu",) * 4, besides=4)
        assert not ahead.free and children() == before
        ahead.begin(("cpu",) * 4, besides=3)
        assert ahead.free and len(children() - before) == 1
        assert len(ahead.workers(("cpu",) * 2).workers) == 2
        assert len(children() - before) == 2


def test_on_a_gpu_all_begin_early_however_busy_the_processor_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[list[str], int | None]] = []

    def noted(self: LocalProcesses, most: int | None = None) -> None:
        begun.append(([one.device for one in self.specs], most))

    monkeypatch.setattr(head_start, "taken_cores", lambda: 100)
    monkeypatch.setattr(LocalProcesses, "start", noted)
    with HeadStart(tmp_path) as ahead:
        ahead.begin(("cuda:0", "cuda:1"), besides=1)
        ahead.workers(("cuda:0", "cuda:1"))
    with HeadStart(tmp_path, budget_seconds=5.0) as short:
        short.begin(("cuda:0",), besides=1)
    assert begun == [(["cuda:0", "cuda:1"], 2), (["cuda:0", "cuda:1"], None)]


def test_of_the_load_of_a_machine_a_process_has_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_start, "cores", lambda: 16)
    monkeypatch.setattr(head_start.os, "cpu_count", lambda: 192)
    monkeypatch.setattr(head_start.os, "getloadavg", lambda: (48.0, 0.0, 0.0))
    assert head_start.taken_cores() == 4


@pytest.mark.usefixtures("four_cores")
def test_on_a_machine_that_is_busy_nobody_begins_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_start.os, "getloadavg", lambda: (2.6, 0.0, 0.0))
    monkeypatch.setattr(head_start, "taken_cores", TAKEN)
    with HeadStart(tmp_path) as ahead:
        ahead.begin(("cpu",), besides=1)
        assert not ahead.free


@pytest.mark.usefixtures("four_cores")
def test_workers_for_other_devices_take_the_place_of_those_that_were_expected(tmp_path: Path) -> None:
    with HeadStart(tmp_path) as ahead:
        ahead.begin(("cpu",), besides=1)
        (first,) = ahead.workers(("cpu",))._processes
        assert ahead.workers(("cpu",))._processes == [first]  # the plan is what was expected
        others = ahead.workers(("cpu", "cpu"))
        assert first.process.exitcode is not None and len(others._processes) == 2


@pytest.mark.usefixtures("four_cores")
def test_what_a_worker_was_given_early_is_done(tmp_path: Path) -> None:
    with HeadStart(study(tmp_path)) as ahead:
        ahead.begin(("cpu",), besides=1)
        ahead.give(PATCHES)
        assert not ahead.free
        ((task, worker, future),) = ahead.given
        executor = ahead.workers(("cpu",))
        while not future.done():
            executor.wait(0.5)
    assert (task, worker) == (PATCHES, 0) and (tmp_path / PATCHES.out).exists()


@pytest.mark.usefixtures("four_cores")
def test_a_request_that_is_refused_leaves_no_file_and_no_process(tmp_path: Path) -> None:
    place = furnish(tmp_path)
    asked = replace(request(place, trials=1, workers=2), sources=(str(tmp_path / "missing.png"),))
    with pytest.raises(DipsearchError):
        run_search(asked, root=place / "studies", resume=False, callback=Ear())
    assert not (place / "studies").exists() or not any((place / "studies").iterdir())


@pytest.mark.usefixtures("four_cores")
def test_so_does_one_that_is_refused_when_its_first_answer_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = furnish(tmp_path)

    def refused(*arguments: object, **more: object) -> None:
        raise DipsearchError("the plan", "cannot be made", "try again")

    monkeypatch.setattr("dipsearch.run.opening.plan_of", refused)
    with pytest.raises(DipsearchError, match="cannot be made"):
        run_search(request(place, trials=1, workers=2), root=place / "studies", resume=False, callback=Ear())
    assert not (place / "studies").exists() or not any((place / "studies").iterdir())


def test_a_head_start_changes_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for count in (1, 4):
        monkeypatch.setattr(head_start, "cores", lambda count=count: count)
        monkeypatch.setattr(head_start, "taken_cores", lambda: 0)
        place = furnish(tmp_path / str(count))
        outcome = run_search(
            request(place, trials=2, steps=60, workers=2),
            root=place / "studies",
            resume=False,
            callback=Ear(),
        )
        trials = [
            (trial.estimated_psnr, trial.step, trial.digest) for trial in read_study(outcome.folder).trials
        ]
        found[count] = trials, outcome.images[0].numpy().tobytes()
        assert json.loads((outcome.folder / "result.json").read_text())["gpu_busy_share"] is None
    assert found[1] == found[4]
