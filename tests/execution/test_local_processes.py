"""Workers of this machine begin with the surroundings of now, do not hear signals, and end with their parent."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from multiprocessing.context import ForkServerProcess, SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dipsearch
from dipsearch.bench.shared.processes import workers
from dipsearch.errors import ResourceError
from dipsearch.execution.executor import WorkerSpec
from dipsearch.execution.fork_server import FORKED
from dipsearch.execution.local_processes import LocalProcesses, _wait_for
from dipsearch.trials.own_parts import OwnParts

from .scripts import run


def test_workers_do_not_hear_ctrl_c_and_end_when_they_are_killed(tmp_path: Path) -> None:
    with LocalProcesses(tmp_path, [WorkerSpec(0, "cpu")]) as executor:
        process = executor._processes[0].process
        assert process.pid is not None
        for _ in range(6):  # also while its Python starts and imports what it needs
            os.kill(process.pid, signal.SIGINT)
            process.join(0.3)
            assert process.is_alive()
        executor.kill()
        process.join(5)
        assert process.exitcode == -signal.SIGKILL


class Witness:
    """Part of one's own that writes down, where it arrives, what is to be seen there."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def __setstate__(self, state: dict[str, Any]) -> None:
        seen = {
            "colour": os.environ.get("COLOUR"),
            "leftover": os.environ.get("PYTHONSAFEPATH"),
            "draw": np.random.random(),  # noqa: NPY002  (which those of others may use)
            "dipsearch": dipsearch.__file__,
            "threads": len(list(Path("/proc/self/task").iterdir())) if FORKED else 1,
        }
        (state["out"] / str(os.getpid())).write_text(json.dumps(seen))

    def __call__(self, *arguments: Any) -> float:
        return 0.0


@pytest.mark.parametrize("forked", [FORKED, False])
def test_workers_see_the_surroundings_of_now_and_draw_numbers_of_their_own(
    forked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the process that they are forked from saw when it began."""
    monkeypatch.setattr("dipsearch.execution.fork_server.FORKED", forked)
    specs = [WorkerSpec(0, "cpu"), WorkerSpec(1, "cpu")]
    seen = {}
    for colour in ("red", "blue")[: 2 if forked else 1]:  # nothing is left of what a spawned one does not see
        (folder := tmp_path / colour).mkdir()
        monkeypatch.setenv("COLOUR", colour)
        with LocalProcesses(tmp_path, specs, OwnParts(metric=Witness(folder))) as executor:
            end = time.monotonic() + 60
            while len(written := [path for path in folder.iterdir() if path.stat().st_size]) < 2:
                assert time.monotonic() < end
                executor.wait(0.05)
            assert {one.process.pid for one in executor._processes} <= set(workers(os.getpid()))
        seen[colour] = [json.loads(path.read_text()) for path in written]
    assert all(one["colour"] == colour for colour, both in seen.items() for one in both)
    assert all(one["leftover"] is None and one["threads"] == 1 for both in seen.values() for one in both)
    assert len({one["draw"] for both in seen.values() for one in both}) == 2 * len(seen)
    assert {one["dipsearch"] for both in seen.values() for one in both} == {dipsearch.__file__}


@pytest.mark.skipif(not FORKED, reason="workers are spawned here")
@pytest.mark.parametrize("error", [EOFError(), BlockingIOError("fork")])
def test_where_no_worker_can_be_forked_one_is_spawned(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(process: ForkServerProcess) -> object:
        del process
        raise error

    monkeypatch.setattr(ForkServerProcess, "_Popen", staticmethod(refused))
    monkeypatch.setattr("dipsearch.execution.local_processes.start_fork_server", lambda: True)
    with LocalProcesses(tmp_path, [WorkerSpec(0, "cpu")]) as executor:
        assert isinstance(executor._processes[0].process, SpawnProcess) and executor.free() == 1


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    script = """
        import os, signal, pathlib
        from dipsearch.execution.executor import WorkerSpec
        from dipsearch.execution.local_processes import LocalProcesses
        with LocalProcesses(pathlib.Path(), [WorkerSpec(0, "cpu")]) as executor:
            print(executor._processes[0].process.pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    number = int(run(script, tmp_path).stdout)
    end = time.monotonic() + 30
    while alive(number) and time.monotonic() < end:
        time.sleep(0.1)
    assert not alive(number)


def alive(number: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_a_whole_search_works_in_a_script_without_a_main_guard(tmp_path: Path) -> None:
    """Its operator is registered, its network and its callback are the script's own; nothing is left behind."""
    (tmp_path / "tmp").mkdir()
    done = run(
        """
        import numpy as np, torch
        import dipsearch as ds
        print("the script runs", flush=True)

        @ds.register("a flip of test_local_processes")
        class Flip:
            def A(self, x): return x.flip(-1)
            def A_adjoint(self, y): return y.flip(-1)
            def to(self, device): return self
            def to_arrays(self): return {}
            @classmethod
            def from_arrays(cls, arrays): return cls()

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Conv2d(32, 1, 3, padding=1)
            def forward(self, z):
                return torch.sigmoid(self.layer(z))

        seen = []
        y = np.random.default_rng(0).random((16, 20))
        found = ds.search(ds.Problem(y, Flip(), ds.Gaussian(0.1)), network=lambda trial: Net(), trials=1, steps=20,
                          workers=1, device="cpu", callbacks=[lambda study, trial: seen.append(trial.state.name)])
        print([trial.state for trial in found.trials], seen, found.image.shape)
        """,
        tmp_path,
    )
    assert done.stdout.splitlines() == ["the script runs", "['complete'] ['COMPLETE'] (16, 20)"], done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["script.py", "tmp"]
    assert not list((tmp_path / "tmp").glob("dipsearch-*"))


def test_a_process_that_may_have_no_children_is_told_of_one_that_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    with pytest.raises(ResourceError, match=r"in a daemonic process, .*; call it in a process of concurrent"):
        LocalProcesses(tmp_path, [WorkerSpec(0, "cpu", threads=1)]).start()


class Deaf:
    """A process whose disk hangs: it does not even hear that it is killed."""

    exitcode = None

    def join(self, timeout: float) -> None:
        pass

    def kill(self) -> None:
        pass


def test_nobody_waits_for_a_process_that_does_not_end_not_even_python_at_its_exit() -> None:
    deaf: Any = Deaf()
    children = multiprocessing.process._children  # type: ignore[attr-defined]
    children.add(deaf)
    try:
        assert _wait_for(deaf) == "its process is through and did not end within 5 s"
        assert deaf not in children
    finally:
        children.discard(deaf)
