"""Workers are started without the user's script: it needs no main guard, and what it defines arrives all the same."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

from dipsearch.execution.pool import _without_main


def run(script: str, folder) -> subprocess.CompletedProcess[str]:
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


def test_the_main_module_is_back_after_a_start():
    main = sys.modules["__main__"]
    with pytest.raises(OSError), _without_main():
        assert sys.modules["__main__"] is not main and not hasattr(sys.modules["__main__"], "__file__")
        raise OSError
    assert sys.modules["__main__"] is main


def test_a_script_without_a_main_guard_runs_once(tmp_path):
    done = run(
        """
        import os
        from dipsearch.execution.pool import _SPAWN, _without_main
        print("the script runs", flush=True)
        with _without_main():
            child = _SPAWN.Process(target=print, args=("a worker runs",))
            child.start()
        child.join()
        """,
        tmp_path,
    )
    assert done.stdout.splitlines() == ["the script runs", "a worker runs"], done.stderr


@pytest.mark.slow
def test_a_whole_search_works_in_a_script_without_a_main_guard(tmp_path):
    """Its operator is registered, its network and its callback are the script's own; nothing is left behind."""
    (tmp_path / "tmp").mkdir()
    done = run(
        """
        import numpy as np, torch
        import dipsearch as ds
        print("the script runs", flush=True)

        @ds.register("a flip of test_pool_main")
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
