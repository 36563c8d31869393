"""Children begin without the script of the user, which needs no main guard, and with an environment of their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dipsearch.execution.executor import WorkerSpec
from dipsearch.execution.surroundings import surroundings_for, visible_as, without_main

from .scripts import run


def test_the_main_module_is_back_after_a_start() -> None:
    main = sys.modules["__main__"]
    with pytest.raises(OSError), without_main():
        assert sys.modules["__main__"] is not main and not hasattr(sys.modules["__main__"], "__file__")
        raise OSError
    assert sys.modules["__main__"] is main


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    done = run(
        """
        import multiprocessing
        from dipsearch.execution.surroundings import without_main
        print("the script runs", flush=True)
        with without_main():
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
    with surroundings_for(WorkerSpec(1, "cuda:1", threads=2)):
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
