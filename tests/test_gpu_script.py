"""`benchmarks/gpu.sh` without a GPU: every command that it runs can be typed, and a part that fails costs no other."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from dipsearch.commands.main import app

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "gpu.sh"


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """In the place of Python: notes what it is to run, fails at tests, and runs the summary."""
    stub = tmp_path / "python"
    stub.write_text(
        "#!/usr/bin/env bash\n"
        f'[ "$1" = - ] && exec {shlex.quote(sys.executable)} "$@"\n'
        f'printf "%q " "$@" >>{shlex.quote(str(tmp_path / "typed"))}\n'
        f"echo >>{shlex.quote(str(tmp_path / 'typed'))}\n"
        f'[ "$2" = pytest ] && cat {shlex.quote(str(tmp_path / "said"))} 2>/dev/null\n'
        f'[ "$2" = pytest ] && [ -e {shlex.quote(str(tmp_path / "hangs"))} ] && exec sleep 60\n'
        '[ "$2" = pytest ] && exit 3\nexit 0\n'
    )
    stub.chmod(0o755)
    return stub


def ran(python: Path, folder: str = "results", **variables: str) -> dict[str, object]:
    out = python.parent / folder
    environment = {name: value for name, value in os.environ.items() if name not in ("DATA", "PARTS")}
    subprocess.run(
        [str(SCRIPT), str(out)],
        env=environment | {"PYTHON": str(python)} | variables,
        check=True,
        capture_output=True,
        timeout=60,
    )
    summary: dict[str, object] = json.loads((out / "summary.json").read_text())
    return summary


def test_every_command_can_be_typed(python: Path, tmp_path: Path) -> None:
    summary = ran(python, DATA=str(tmp_path))
    steps = summary["steps"]
    assert isinstance(steps, dict)
    searches = ["minute", "two-minutes", "third", "three-at-once", "table"]
    assert list(steps) == ["tests", "speed", "side-by-side", *searches]
    assert [step["code"] for step in steps.values()] == [3, 0, 0, 0, 0, 0, 0, 0]
    typed = [shlex.split(line) for line in (tmp_path / "typed").read_text().splitlines()]
    assert typed[0][:4] == ["-m", "pytest", "-m", "gpu"]
    for program, verb, *arguments in typed[1:]:
        assert (program, verb) == ("cli.py", "bench")
        typer.main.get_command(app).commands["bench"].make_context("bench", arguments)  # type: ignore[attr-defined]
        name, *options = arguments
        bench = typer.main.get_command(app).commands["bench"]  # type: ignore[attr-defined]
        bench.commands[name].make_context(name, options)


def test_parts_are_left_out_when_asked_and_without_pictures(python: Path, tmp_path: Path) -> None:
    assert ran(python, PARTS="2")["steps"].keys() == {"speed", "side-by-side"}  # type: ignore[attr-defined]
    assert ran(python, "two")["steps"].keys() == {"tests", "speed", "side-by-side"}  # type: ignore[attr-defined]
    assert ran(python, "three", DATA=str(tmp_path), PARTS="4")["steps"].keys() == {"table"}  # type: ignore[attr-defined]


SAID = """\
[gw0] [ 10%] PASSED tests/a.py::test_one[x y]
[gw3] [ 20%] FAILED tests/a.py::test_two
tests/b.py::test_three SKIPPED (needs two GPUs) [ 30%]
FAILED tests/a.py::test_two - AssertionError
"""


def test_what_was_tested_is_kept_when_the_script_is_asked_to_end(python: Path, tmp_path: Path) -> None:
    (tmp_path / "said").write_text(SAID)
    (tmp_path / "hangs").touch()
    out = tmp_path / "results"
    script = subprocess.Popen(
        [str(SCRIPT), str(out)],
        env=os.environ | {"PYTHON": str(python), "PARTS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert script.stdout is not None
    for line in script.stdout:
        if "SKIPPED" in line:
            break
    script.terminate()
    script.stdout.read()
    assert script.wait(timeout=60) == 143
    tests = json.loads((out / "summary.json").read_text())["tests"]
    assert (tests["passed"], tests["failed"], tests["skipped"]) == (1, 1, 1)
    assert tests["not_passed"] == ["tests/a.py::test_two"]


def test_a_second_call_goes_on_with_the_summary_of_the_first(python: Path, tmp_path: Path) -> None:
    (tmp_path / "said").write_text(SAID)
    first = ran(python, PARTS="1 2")
    second = ran(python, DATA=str(tmp_path), PARTS="3 4")
    assert second["tests"] == first["tests"] and first["tests"]["passed"] == 1  # type: ignore[index]
    searches = {"minute", "two-minutes", "third", "three-at-once", "table"}
    assert second["steps"].keys() == {"tests", "speed", "side-by-side", *searches}  # type: ignore[attr-defined]


def test_nothing_is_begun_when_the_time_is_over(python: Path, tmp_path: Path) -> None:
    summary = ran(python, DATA=str(tmp_path), LIMIT="1")
    assert {step["code"] for step in summary["steps"].values()} == {"skipped"}  # type: ignore[attr-defined]
    assert not (tmp_path / "typed").exists()


def test_the_summary_has_the_figures_that_matter(python: Path, tmp_path: Path) -> None:
    rows = [
        {"task": "denoise", "set": "standard9", "picture": name, "budget": budget, "at_once": at_once}
        | {"method": "dipsearch", "psnr": level, "psnr_y": None, "gpu_busy_share": 0.9}
        for name, budget, at_once, level in (
            ("F16", 60, 1, 33.25),
            ("F16", 20, 1, 32.5),
            ("F16", 60, 3, 33.0),
            ("Lena", 60, 3, 32.0),
        )
    ]
    results = tmp_path / "results"
    for folder, some in (("alone", rows[:2]), ("table", rows[1:])):
        (results / folder).mkdir(parents=True)
        (results / folder / "published.json").write_text(json.dumps({"rows": some}))
    speed = {
        "network": "32x4",
        "size": 128,
        "engine": "cuda_graph",
        "precision": "tf32",
        "its_per_s": 400.0,
        "ratio_to_textbook": 8.0,
    }
    (results / "speed-gpu.json").write_text(json.dumps({"rows": [speed]}))
    side = {"network": "32x4", "size": 128, "way": "streams", "at_once": 3, "its_per_s": 900.0, "gain": 2.25}
    (results / "side-by-side-gpu.json").write_text(json.dumps({"rows": [side]}))
    (results / "utilisation.csv").write_text(
        "2026, 100, 900\n2026, 0, 900\n2026, [N/A], 900\n2026, 80, 900\n"
    )
    summary = ran(python, PARTS="")
    assert summary["psnr"] == {
        "F16, 60 s": 33.25,
        "F16, 120 s": None,
        "F16, 20 s": 32.5,
        "three at once, 60 s": {"F16": 33.0, "Lena": 32.0, "Peppers": None},
    }
    assert summary["speed-gpu"] == {"32x4 128 cuda_graph tf32": [400.0, 8.0]}
    assert summary["side-by-side-gpu"] == {"32x4 128 3 streams": [900.0, 2.25]}
    assert summary["utilisation"] == {"samples": 3, "mean_percent": 60.0, "busy_share": 0.667}
    assert summary["table"] == {"denoise standard9 dipsearch": {"pictures": 2, "mean": 32.5}}
