"""Workers are started without the user's script: it needs no main guard, and what it defines arrives all the same."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from multiprocessing.context import ForkServerProcess, SpawnProcess
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

import dipsearch
from dipsearch.bench.processes import workers
from dipsearch.errors import ResourceError
from dipsearch.execution.executor import WorkerSpec
from dipsearch.execution.local_processes import (
    FORKED,
    LocalProcesses,
    _environment,
    _without_main,
    start_fork_server,
    visible_as,
)
from dipsearch.trials.own_parts import OwnParts


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder of its own."""
    (folder / "script.py").write_text(dedent(script))
    return subprocess.run(
        [sys.executable, "-W", "ignore", "script.py"],
        cwd=folder,
        env={"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1", "TMPDIR": str(folder / "tmp")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_the_main_module_is_back_after_a_start() -> None:
    main = sys.modules["__main__"]
    with pytest.raises(OSError), _without_main():
        assert sys.modules["__main__"] is not main and not hasattr(sys.modules["__main__"], "__file__")
        raise OSError
    assert sys.modules["__main__"] is main


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    done = run(
        """
        import multiprocessing
        from dipsearch.execution.local_processes import _without_main
        print("the script runs", flush=True)
        with _without_main():
            child = multiprocessing.get_context("spawn").Process(target=print, args=("a worker runs",))
            child.start()
        child.join()
        """,
        tmp_path,
    )
    assert done.stdout.splitlines() == ["the script runs", "a worker runs"], done.stderr


def test_a_worker_is_told_which_gpu_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with _environment(WorkerSpec(1, "cuda:1", threads=2)):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "5"
        assert os.environ["OMP_NUM_THREADS"] == "2"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3,5"
    assert "OMP_NUM_THREADS" not in os.environ


UUID, PART = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "MIG-1eba7a7c-2ae5-5e4a-9f0d-5d7a4dd0c4a2"


@pytest.mark.parametrize(
    ("visible", "device", "expected"),
    [
        (None, "cuda:1", "1"),
        ("3,5", "cuda:1", "5"),
        ("3, 5 ", "cuda:1", "5"),
        (UUID, "cuda:0", UUID),
        (f"{UUID},{PART}", "cuda:1", PART),
        ("GPU-8932", "cuda:0", "GPU-8932"),  # the beginning of one is enough
        ("", "cuda:0", "0"),
    ],
)
def test_gpus_keep_the_names_by_which_this_process_sees_them(
    visible: str | None, device: str, expected: str
) -> None:
    assert visible_as(device, visible) == expected


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
    monkeypatch.setattr("dipsearch.execution.local_processes.FORKED", forked)
    specs = [WorkerSpec(0, "cpu"), WorkerSpec(1, "cpu")]
    seen = {}
    for colour in ("red", "blue"):
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
    assert len({one["draw"] for both in seen.values() for one in both}) == 4
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


def test_folders_that_are_no_text_are_no_places_to_look_for_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, Path("src")])
    assert start_fork_server() == FORKED


@pytest.mark.skipif(not FORKED, reason="workers are spawned here")
def test_workers_are_the_same_dipsearch_wherever_the_script_begins(tmp_path: Path) -> None:
    """The folder that one stands in is no place to look for modules, though ``python -c`` does so."""
    (tmp_path / "dipsearch").mkdir()
    (tmp_path / "dipsearch" / "__init__.py").write_text("print('another dipsearch', flush=True)")
    done = run(
        """
        import sys, pathlib
        sys.path.remove(str(pathlib.Path().resolve()))
        from dipsearch.execution.executor import WorkerSpec
        from dipsearch.execution.local_processes import LocalProcesses, start_fork_server
        start_fork_server()
        with LocalProcesses(pathlib.Path(), [WorkerSpec(0, "cpu")]) as executor:
            print(executor.free(), flush=True)
        """,
        tmp_path,
    )
    assert done.stdout.splitlines() == ["1"], done.stderr


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
