"""Interruptions of a program that only looks like a search: real kills and signals, in tenths of seconds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from dipsearch.bench.interruptions import kills
from dipsearch.bench.interruptions.interrupted_search import NAME, InterruptedSearch
from dipsearch.bench.interruptions.interruption_rows import Kind
from dipsearch.bench.interruptions.interruption_run import interrupted
from dipsearch.bench.promises.promise_rows import Promise
from dipsearch.bench.promises.promise_run import busy_loops, measured
from dipsearch.bench.shared import search_process
from dipsearch.bench.shared.processes import members, processes

# It locks its folder, has two workers, and delivers a copy of the measurement. FAKE names what it omits.
FAKE = """
import fcntl, json, os, shutil, signal, subprocess, sys, time
words, omits = sys.argv[1:], os.environ["FAKE"].split(",")
study = os.path.join("studies", words[words.index("--name") + 1])
os.makedirs(study, exist_ok=True)
os.chdir(study)
lock = os.open("owner.lock", os.O_RDWR | os.O_CREAT)
if "lock" not in omits:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("dipsearch: error: somebody works on it") if "code" in omits else None
        print("dipsearch: error: somebody works on it", file=sys.stderr)
        os._exit(2)
if "--resume" not in words:
    shutil.copy(words[1], "picture.png")
    open("budget", "w").write(words[words.index("--budget") + 1][:-1])
    shutil.copy(os.environ["JOURNAL"], "journal.log")
    open("study.yaml", "w").write("name: x\\n")
elif "books" in omits:
    os.remove("journal.log")
def work():
    sleep = [sys.executable, "-S", "-c", "import time; time.sleep(20)  # spawn_main"]
    return subprocess.Popen(sleep, stderr=subprocess.DEVNULL)
def deliver(*_):
    print("" if "word" in omits else "heard (once more: stop at once)", flush=True)
    if "delivery" not in omits:
        shutil.copy("picture.png", "restored.png")
        result = {"delivered_psnr": 20.0, "pictures": [{"restored": "restored.png"}]}
        mine = f".writing-{os.getpid()}"
        open(mine, "w").write(json.dumps(result))
        os.rename(mine, "result.json")
    for worker in workers:
        worker.kill()
    sys.exit(3 if "exit" in omits else 0)
workers = [work(), work()]
if "signals" not in omits:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, deliver)
until = time.monotonic() + float(open("budget").read())
while time.monotonic() < until:
    if "workers" not in omits:
        workers = [worker if worker.poll() is None else work() for worker in workers]
    elif any(worker.poll() is not None for worker in workers):
        sys.exit("a worker died")
    time.sleep(0.02)
deliver()
"""

Omit = Callable[[str], None]


@pytest.fixture
def omit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Omit:
    """The fake in the place of the program, with one finished candidate; called with what it shall omit."""
    (tmp_path / "fake.py").write_text(FAKE)
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
    study = optuna.create_study(study_name=NAME, storage=storage)
    study.tell(study.ask(), 30.5)
    study.ask()
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal.log"))
    monkeypatch.setenv("FAKE", "nothing")
    monkeypatch.setattr(search_process, "PROGRAM", (sys.executable, "-S", str(tmp_path / "fake.py")))
    monkeypatch.setattr(kills, "EARLIEST", 0.4)
    monkeypatch.setattr(kills, "SPACING", 0.3)
    monkeypatch.setattr(kills, "APPEARS", 1.0)
    monkeypatch.setattr(kills, "WRITING", 0.05)
    return lambda what: monkeypatch.setenv("FAKE", what)


SEARCH = InterruptedSearch(budget=0.8, side=16, workers=2, seed=0)


def test_a_chain_of_kills_loses_nothing(omit: Omit) -> None:
    rows = interrupted(SEARCH, "kill", [0, 1, 2])
    assert [(row.kind, row.number, row.ok, row.lost_steps) for row in rows] == [
        ("kill", number, True, 0) for number in range(3)
    ]
    assert [row.note.split(",")[0] for row in rows] == ["at work", "late", "writing"]
    assert all(row.moment_s > 0 and row.seconds > 0 for row in rows)


def test_lost_books_are_a_fault_of_the_kill_before(omit: Omit) -> None:
    omit("books")
    last = interrupted(InterruptedSearch(1.5, 16, 2, 0), "kill", [1])[0]
    assert not last.ok
    assert (
        "candidate 0 was ('COMPLETE', 30.5) and is None; candidate 1 was under way and is gone" in last.note
    )


@pytest.mark.parametrize("kind", ["term", "int", "hup"])
def test_signals_bring_a_picture(omit: Omit, kind: Kind) -> None:
    alone, everyone = interrupted(SEARCH, kind, [0, 1])
    assert alone.ok and everyone.ok and alone.moment_s > 0.35
    assert alone.note.startswith("to it alone, a word after 0.") and everyone.note.startswith("to all, ")
    for what, fault in (("word", "nothing said that it was heard"), ("exit", "it ended with exit code 3")):
        omit(what)
        (row,) = interrupted(SEARCH, kind, [0])
        assert not row.ok and fault in row.note
    omit("signals")
    (row,) = interrupted(SEARCH, kind, [0])
    assert not row.ok and "nothing was delivered: there is no result.json" in row.note
    assert ("a traceback: KeyboardInterrupt" if kind == "int" else "no word") in row.note


def test_dead_workers_are_survived_or_not(omit: Omit) -> None:
    rows = interrupted(SEARCH, "worker", [0, 1, 2])
    assert [(row.ok, row.note) for row in rows] == [(True, "3 in a search of 1.7 s")] * 3
    assert rows[0].moment_s < rows[1].moment_s < rows[2].moment_s < rows[0].seconds
    omit("workers")
    rows = interrupted(SEARCH, "worker", [0, 1])
    assert not any(row.ok for row in rows)
    assert "a worker died" in rows[0].note and "there was no worker to kill" in rows[1].note


def test_one_of_ten_owns_the_study(omit: Omit) -> None:
    (row,) = interrupted(InterruptedSearch(3.0, 16, 2, 0), "ten", [0])
    assert row.ok and row.note == "somebody works on it"
    omit("lock")
    (row,) = interrupted(SEARCH, "ten", [0])
    assert not row.ok and " owned it" in row.note  # all ten, unless they get into each other's way
    omit("code")
    (row,) = interrupted(InterruptedSearch(3.0, 16, 2, 0), "ten", [0])
    assert not row.ok and "9 of 9 were not refused in one line with exit code 2 (exit code 1" in row.note


def test_a_running_search_is_not_gone_on_with(omit: Omit) -> None:
    (row,) = interrupted(InterruptedSearch(2.0, 16, 2, 0), "beside", [1])
    assert row.ok and row.note == "somebody works on it"
    omit("lock")
    (row,) = interrupted(SEARCH, "beside", [1])
    assert not row.ok and "2 of 2 were not refused" in row.note


def test_a_promise_is_timed_and_the_busy_loops_are_gone_afterwards(omit: Omit) -> None:
    row = measured(Promise("inpaint", 16, True, 0.5), workers=2, seed=0)
    assert (row.delivered, row.kept, row.looks, row.psnr, row.note) == (True, True, 0, 20.0, "")
    assert row.seconds > 0.5
    omit("delivery")
    row = measured(Promise("denoise", 16, False, 0.2), workers=2, seed=0)
    assert (row.delivered, row.psnr, row.note) == (False, None, "there is no result.json")
    assert not [one for one in processes() if one.parent == os.getpid() and "getppid" in one.command]


def test_busy_loops_are_busy_until_the_block_ends_however_it_ends() -> None:
    with pytest.raises(KeyboardInterrupt), busy_loops(2) as loops:
        time.sleep(0.3)
        there = {one.pid: one for one in processes()}
        assert len(loops) == 2 and all(there[pid].alive for pid in loops)
        raise KeyboardInterrupt
    assert not [one for one in processes() if one.pid in loops and one.alive]


def test_a_search_that_does_not_end_is_given_up_with_all_its_processes(omit: Omit, tmp_path: Path) -> None:
    arguments = SEARCH.arguments(tmp_path, 0, budget=30)
    with search_process.started(arguments, folder=tmp_path) as process:
        assert search_process.wait_for(lambda: len(members(process.pid)) == 3, seconds=10)
        ended = process.ending(0.1)
    assert ended.code is None and ended.last_line == "it had not ended and was given up"
    assert members(process.pid) == []
