"""`--help` answers at once: nothing heavy is imported before a verb runs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "optuna", "plotly", "skimage", "scipy", "numpy", "PIL", "yaml", "sqlalchemy")
PROBE = """
import sys
sys.argv = ["cli.py", *{arguments!r}]
try:
    import runpy
    runpy.run_path("cli.py", run_name="__main__")
except SystemExit as end:
    print("exit", end.code or 0, file=sys.stderr)
print("heavy", *[name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["search", "--help"], 0),
        (["--version"], 0),
        (["search", "--task", "inpaint", "x.png", "--budget", "abc"], 2),
        (["search", "--no-such-option"], 2),
    ],
)
def test_nothing_heavy_is_imported(arguments: list[str], code: int) -> None:
    probe = PROBE.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-2:] == [f"exit {code}", "heavy"]


def test_importing_the_package_is_light() -> None:
    probe = f"import sys, dipsearch; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_search_begins_without_what_only_a_report_or_a_race_needs() -> None:
    late = (
        "scipy.stats",
        "scipy.optimize",
        "sqlalchemy",
        "plotly",
        "pandas",
        "distributed",
        "skimage.restoration",
    )
    probe = f"import sys, dipsearch.problem, dipsearch.run; print(*[n for n in {late!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
