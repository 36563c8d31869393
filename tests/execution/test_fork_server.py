"""Workers are forked from a server of ours, which is the same dipsearch as this process and none of the user's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dipsearch.execution.fork_server import FORKED, start_fork_server

from .scripts import run


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
        from dipsearch.execution.fork_server import start_fork_server
        from dipsearch.execution.local_processes import LocalProcesses
        start_fork_server()
        with LocalProcesses(pathlib.Path(), [WorkerSpec(0, "cpu")]) as executor:
            print(executor.free(), flush=True)
        """,
        tmp_path,
    )
    assert done.stdout.splitlines() == ["1"], done.stderr


OURS_AND_THEIRS = """
    import multiprocessing, os, pathlib, signal, sys

    def look(out):
        deaf = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        imported = "dipsearch.execution.warm_up" in sys.modules
        out.put((os.getppid(), sorted(deaf), imported, os.environ.get("PYTHONSAFEPATH")))

    def server_of_users_process():
        context = multiprocessing.get_context("forkserver")
        out = context.SimpleQueue()
        process = context.Process(target=look, args=(out,))
        process.start()
        parent, *seen = out.get()
        process.join()
        print(*seen, flush=True)
        return parent

    def server_of_worker():
        from dipsearch.execution.executor import WorkerSpec
        from dipsearch.execution.local_processes import LocalProcesses
        with LocalProcesses(pathlib.Path(), [WorkerSpec(0, "cpu")]) as executor:
            process = executor._processes[0].process
            print(type(process).__name__, flush=True)
            return int(pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[1])

    if __name__ == "__main__":
        from dipsearch.execution.fork_server import start_fork_server
        start_fork_server()
        ours, theirs, again = FIRST(), SECOND(), FIRST()
        print(ours != theirs, ours == again)
    """


@pytest.mark.skipif(not FORKED, reason="workers are spawned here")
def test_processes_of_the_users_own_program_come_from_another_server(tmp_path: Path) -> None:
    """Whoever is first; theirs hear signals, have not imported our libraries, and keep their own environment."""
    theirs, ours = "[] False None", "ForkServerProcess"
    names = "server_of_worker", "server_of_users_process"
    for (first, second), expected in (
        (names, [ours, theirs, ours]),
        (names[::-1], [theirs, ours, theirs]),
    ):
        done = run(OURS_AND_THEIRS.replace("FIRST", first).replace("SECOND", second), tmp_path)
        assert done.stdout.splitlines() == [*expected, "True True"], done.stderr
