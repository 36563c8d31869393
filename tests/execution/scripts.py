"""Scripts of a user's, run in a process of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent


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
