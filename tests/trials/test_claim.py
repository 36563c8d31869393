"""A study's folder has one owner, however many come at once and however the last one ended."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from dipsearch.errors import DipsearchError, InputError, ResourceError, StudyError
from dipsearch.trials import claim as module
from dipsearch.trials.claim import claim
from dipsearch.trials.holder import LOCK, Holder, read_holder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is neither fork nor SIGKILL")

forked = multiprocessing.get_context("fork")  # to import anew would take seconds

Start = Callable[..., tuple[BaseProcess, Connection]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes that claim a folder, say what came of it, and stay until they hear something."""
    processes = []

    def started(folder: Path, *, new: bool, barrier: Barrier | None = None) -> tuple[BaseProcess, Connection]:
        mine, theirs = forked.Pipe()
        process = forked.Process(target=come, args=(folder, new, barrier, theirs), daemon=True)
        process.start()
        processes.append(process)
        return process, mine

    yield started
    for process in processes:
        process.kill()
        process.join()


def come(folder: Path, new: bool, barrier: Barrier | None, pipe: Connection) -> None:
    if barrier is not None:
        barrier.wait()
    try:
        with claim(folder, new=new) as claimed:
            pipe.send(("owner", os.getpid(), claimed.notes))
            if pipe.recv() == "begin":
                begin(folder)
                pipe.send("begun")
                pipe.recv()
    except DipsearchError as error:
        pipe.send(("refused", os.getpid(), (str(error),)))


def begin(folder: Path) -> None:
    """What a search writes first."""
    (folder / "inputs").mkdir()
    (folder / "inputs" / "whole-a.npz").touch()
    (folder / "study.yaml").touch()


def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_flock", lambda handle: None)


@pytest.fixture(params=["flock", "pid"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both kinds of locks."""
    if request.param == "pid":
        without_flock(monkeypatch)
    return str(request.param)


@pytest.mark.usefixtures("kind")
class TestOwning:
    def test_the_file_says_who_it_is_for_as_long_as_it_lasts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        address = "postgresql://me:secret@host/db"
        monkeypatch.setattr(
            sys, "argv", ["dipsearch", "search", f"--storage={address}", "--storage", address]
        )
        folder = tmp_path / "studies" / "one"
        with claim(folder, new=True) as claimed:
            begin(folder)
            holder = read_holder(folder)
            assert holder is not None
            assert (holder.host, holder.pid) == (socket.gethostname(), os.getpid())
            assert holder.command == (
                "dipsearch search --storage=postgresql://me:***@host/db --storage postgresql://me:***@host/db"
            )
            assert "secret" not in (folder / LOCK).read_text()
            assert set(json.loads((folder / LOCK).read_text())) == {"host", "pid", "since", "command", "new"}
        assert claimed.notes == ()
        assert sorted(path.name for path in folder.iterdir()) == ["inputs", "study.yaml"]
        with claim(folder, new=False) as again:
            assert again.notes == ()

    def test_a_second_search_hears_who_has_it_since_when_and_what_to_do(
        self, tmp_path: Path, start: Start
    ) -> None:
        process, pipe = start(tmp_path / "one", new=True)
        assert pipe.recv()[0] == "owner"
        pipe.send("begin")
        pipe.recv()
        holder = read_holder(tmp_path / "one")
        assert holder is not None
        for new in (True, False):
            with pytest.raises(StudyError) as refused:
                claim(tmp_path / "one", new=new)
            assert refused.value.given == (
                f"the study 'one' is being worked on by process {process.pid} on {socket.gethostname()} "
                f"since {holder.since[:19]}"
            )
            assert refused.value.rule == "one search at a time has a study"
            assert "--resume" in refused.value.fix
            assert "--name" in refused.value.fix
        assert read_holder(tmp_path / "one") == holder

    def test_the_same_process_is_refused_as_well(self, tmp_path: Path) -> None:
        with claim(tmp_path / "one", new=True), pytest.raises(StudyError, match=f"process {os.getpid()} on"):
            claim(tmp_path / "one", new=True)

    def test_a_killed_holder_makes_room_and_is_named(self, tmp_path: Path, start: Start) -> None:
        process, pipe = start(tmp_path / "one", new=True)
        pipe.recv()
        pipe.send("begin")
        pipe.recv()
        process.kill()
        process.join()
        with pytest.raises(StudyError, match="'one' is there already"):  # its study is
            claim(tmp_path / "one", new=True)
        with claim(tmp_path / "one", new=False) as claimed:
            [note] = claimed.notes
            assert f"process {process.pid} on {socket.gethostname()} since " in note
            assert note.endswith("which has stopped without a word: it is taken over")
        with claim(tmp_path / "one", new=False) as claimed:
            assert claimed.notes == ()  # this one did say goodbye


@pytest.mark.usefixtures("kind")
class TestNothingBegun:
    def test_a_refused_request_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(InputError), claim(tmp_path / "studies" / "one", new=True):
            (tmp_path / "studies" / "one" / "inputs").mkdir()
            raise InputError("sigma is -3")
        assert list(tmp_path.iterdir()) == []

    def test_what_a_kill_in_the_first_seconds_leaves_is_not_in_the_way(
        self, tmp_path: Path, start: Start
    ) -> None:
        process, pipe = start(tmp_path / "one", new=True)
        pipe.recv()
        (tmp_path / "one" / "inputs").mkdir()
        (tmp_path / "one" / ".writing-x.npz").write_bytes(b"half")
        process.kill()
        process.join()
        with pytest.raises(StudyError, match="there is no study 'one'"):
            claim(tmp_path / "one", new=False)
        with claim(tmp_path / "one", new=True) as claimed:
            assert len(claimed.notes) == 1
            assert [path.name for path in (tmp_path / "one").iterdir()] == [LOCK]
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["photo.png", "study.yaml", "journal.log", "trials"])
    def test_what_lies_in_a_folder_is_never_touched(self, tmp_path: Path, name: str) -> None:
        folder = tmp_path / "one"
        folder.mkdir()
        (folder / name).write_bytes(b"mine")
        with pytest.raises(StudyError, match="is there already"):
            claim(folder, new=True)
        assert [path.name for path in folder.iterdir()] == [name]
        assert (folder / name).read_bytes() == b"mine"

    @pytest.mark.parametrize("name", ["study.yaml", "journal.log", "trials"])
    def test_what_a_killed_search_has_made_is_never_cleared_away(
        self, tmp_path: Path, start: Start, name: str
    ) -> None:
        process, pipe = start(tmp_path / "one", new=True)
        pipe.recv()
        (tmp_path / "one" / name).write_bytes(b"work")
        process.kill()
        process.join()
        with pytest.raises(StudyError, match="is there already"):
            claim(tmp_path / "one", new=True)
        assert (tmp_path / "one" / name).read_bytes() == b"work"

    def test_nothing_is_cleared_away_where_another_search_has_come_since(self, tmp_path: Path) -> None:
        folder = tmp_path / "one"
        first = claim(folder, new=True)
        (folder / LOCK).unlink()  # as somebody does who removes the folder
        folder.rmdir()
        with claim(folder, new=True):
            (folder / "inputs").mkdir()
            first.release()
            assert sorted(path.name for path in folder.iterdir()) == ["inputs", LOCK]

    def test_a_study_that_is_not_there_cannot_be_resumed(self, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match="leave --resume out, or correct --name"):
            claim(tmp_path / "one", new=False)
        assert list(tmp_path.iterdir()) == []

    def test_a_place_where_no_folder_can_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ResourceError, match="cannot claim the folder"):
            claim(tmp_path / "file" / "one", new=True)


class TestAtOnce:
    @pytest.mark.parametrize("round", range(5))
    @pytest.mark.usefixtures("kind")
    def test_of_ten_at_once_one_is_the_owner_and_the_others_leave_no_trace(
        self, tmp_path: Path, start: Start, round: int
    ) -> None:
        folder = tmp_path / "studies" / "one"
        barrier = forked.Barrier(10)
        pipes = [start(folder, new=True, barrier=barrier)[1] for _ in range(10)]
        answers = [pipe.recv() for pipe in pipes]
        [winner] = [index for index, (what, _, _) in enumerate(answers) if what == "owner"]
        pid = answers[winner][1]
        for what, _, (sentence, *_) in answers[:winner] + answers[winner + 1 :]:
            assert what == "refused"
            assert f"the study 'one' is being worked on by process {pid} on" in sentence
            assert "\n" not in sentence
        assert [path.name for path in folder.iterdir()] == [LOCK]
        holder = read_holder(folder)
        assert holder is not None
        assert holder.pid == pid
        pipes[winner].send("begin")
        assert pipes[winner].recv() == "begun"

    def test_when_ten_want_what_a_killed_one_had_one_gets_it(self, tmp_path: Path, start: Start) -> None:
        process, pipe = start(tmp_path / "one", new=True)
        pipe.recv()
        pipe.send("begin")
        pipe.recv()
        process.kill()
        process.join()
        barrier = forked.Barrier(10)
        pipes = [start(tmp_path / "one", new=False, barrier=barrier)[1] for _ in range(10)]
        answers = [pipe.recv() for pipe in pipes]
        assert sorted(what for what, _, _ in answers) == ["owner"] + ["refused"] * 9
        [notes] = [notes for what, _, notes in answers if what == "owner"]
        assert f"process {process.pid} on" in notes[0]


class TestByNameAlone:
    """Where the file system knows no locks, the file's content is the lock."""

    def test_nothing_is_known_of_processes_of_other_hosts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_flock(monkeypatch)
        begin_in = tmp_path / "one"
        begin_in.mkdir()
        begin(begin_in)
        content = {
            "host": "another",
            "pid": 7,
            "since": "2026-10-01 12:00:00+00:00",
            "command": "",
            "new": True,
        }
        (begin_in / LOCK).write_text(json.dumps(content))
        with pytest.raises(StudyError, match="by process 7 on another since 2026-10-01 12:00:00"):
            claim(begin_in, new=False)
        assert json.loads((begin_in / LOCK).read_text()) == content

    def test_a_file_that_says_nothing_holds_nobody_up(self, tmp_path: Path, kind: str) -> None:
        folder = tmp_path / "one"
        folder.mkdir()
        begin(folder)
        for content in ("", "{", "[]", '{"pid": "x"}'):
            (folder / LOCK).write_text(content)
            with claim(folder, new=False) as claimed:
                assert claimed.notes == ()


def test_taking_over_clears_away_halves_of_files_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    (folder / "trials" / "0000").mkdir(parents=True)
    (folder / "study.yaml").write_text("task: denoise\n")
    half, whole = folder / "trials" / "0000" / ".writing-abc.npz", folder / "trials" / "0000" / "fit.npz"
    for file in (half, whole):
        file.write_bytes(b"PK")
    with claim(folder, new=False):
        assert half.exists()  # nobody died here: it may be being written
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_holder = replace(Holder.me(new=False), pid=gone.pid)
    (folder / LOCK).write_text(json.dumps(asdict(write_holder)))
    with claim(folder, new=False) as claimed:
        assert claimed.notes and not half.exists() and whole.exists()
