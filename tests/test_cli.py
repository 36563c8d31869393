"""`python cli.py`, the program of a checkout."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import cli

ROOT = Path(cli.__file__).parent


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *flags, str(ROOT / "cli.py"), "--version"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_python_without_what_it_needs_is_told_in_one_line_what_to_do() -> None:
    done = run("-S", "-E")  # without site-packages
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("dipsearch is not installed for this Python, which has no ")
    assert "run `make demo` once, then `.venv/bin/python cli.py …`" in done.stderr


def test_what_else_cannot_be_imported_shows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dipsearch.commands.main", None)
    with pytest.raises(ModuleNotFoundError, match="dipsearch"):
        cli.main()


def test_all_that_it_depends_on_is_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [one.partition(">")[0] for one in project["dependencies"]]
    imported = {"pillow": "PIL", "pyyaml": "yaml", "scikit-image": "skimage"}
    assert {imported.get(name, name) for name in names} <= set(cli.NEEDED)


def test_where_all_is_there_it_is_the_program() -> None:
    done = run()
    assert done.returncode == 0 and done.stdout.startswith("dipsearch ")
