"""`benchmarks/gpu.sh` without a GPU: every command that it runs can be typed, and a part that fails costs no other."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
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
        f'[ "$1" = benchmarks/gpu_summary.py ] && exec {shlex.quote(sys.executable)} "$@"\n'
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


BROKEN = ["", '{"steps": {"tests"', "[1, 2]", "\x00"]


@pytest.mark.parametrize("left", BROKEN)
def test_a_broken_summary_of_an_earlier_call_costs_nothing(left: str, python: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    out.mkdir()
    (out / "summary.json").write_text(left)
    (out / "speed-gpu.json").write_text(left)
    assert ran(python, PARTS="2")["steps"].keys() == {"speed", "side-by-side"}  # type: ignore[attr-defined]
    assert sorted(one.name for one in out.iterdir()) == ["gpu.log", "speed-gpu.json", "summary.json"]


def limits(log: Path) -> dict[str, int]:
    """The seconds that each step was given."""
    found = re.findall(r"^== (\S+), at most (\d+) s: ", log.read_text(), re.MULTILINE)
    return {name: int(seconds) for name, seconds in found}


@pytest.mark.parametrize(
    ("parts", "last", "least", "most"),
    [("1 2", "side-by-side", 50, 550), ("3 4", "table", 150, 550), ("1 2 3 4", "table", 90, 710)],
)
def test_the_steps_before_leave_the_last_one_its_time(
    parts: str, last: str, least: int, most: int, python: Path, tmp_path: Path
) -> None:
    ran(python, DATA=str(tmp_path), PARTS=parts)
    given = limits(tmp_path / "results" / "gpu.log")
    before = sum(seconds for name, seconds in given.items() if name != last)
    assert before + least <= most and least <= given[last] <= most
    thirds = [
        line for line in (tmp_path / "typed").read_text().splitlines() if "--seconds-per-picture 20" in line
    ]
    assert [("Lena" in line) for line in thirds] == {"1 2": [], "3 4": [True], "1 2 3 4": [False]}[parts]


TINY = """\
import pytest

@pytest.mark.gpu
@pytest.mark.parametrize("given", ["x y", 2])
def test_passes(given):
    pass

@pytest.mark.gpu
def test_fails():
    assert False

@pytest.mark.gpu
def test_is_left_out():
    pytest.skip("needs two GPUs")

@pytest.fixture
def broken():
    raise RuntimeError

@pytest.mark.gpu
def test_cannot_begin(broken):
    pass

def test_of_no_gpu():
    pass
"""


@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_pytest_says_with_this_projects_settings_is_counted(
    processes: str, python: Path, tmp_path: Path
) -> None:
    settings = tomllib.loads((SCRIPT.parents[1] / "pyproject.toml").read_text())["tool"]["pytest"][
        "ini_options"
    ]
    markers = "".join(f"\n    {one}" for one in settings["markers"])
    (tmp_path / "pytest.ini").write_text(f"[pytest]\naddopts = {settings['addopts']}\nmarkers ={markers}\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_tiny.py").write_text(TINY)
    # Where the stand-in would note the tests, it makes these.
    words = python.read_text().splitlines()
    run = f'[ "$2" = pytest ] && cd {shlex.quote(str(tmp_path))} && exec {shlex.quote(sys.executable)} "$@"'
    python.write_text("\n".join([*words[:2], run, *words[2:]]))
    summary = ran(python, PARTS="1", TESTS_AT_ONCE=processes)
    tests = summary["tests"]
    assert isinstance(tests, dict)
    counts = {word: number for word, number in tests.items() if number and word != "not_passed"}
    assert counts == {"passed": 2, "failed": 1, "skipped": 1, "error": 1}
    assert tests["not_passed"] == [
        f"tests/test_tiny.py::{name}" for name in ("test_cannot_begin", "test_fails")
    ]
    goals = summary["goals"]
    assert isinstance(goals, list)
    assert goals[0]["measured"] == "2 passed, 2 failed, exit code 1" and goals[0]["met"] is False


def test_nothing_is_begun_when_the_time_is_over(python: Path, tmp_path: Path) -> None:
    summary = ran(python, DATA=str(tmp_path), LIMIT="1")
    assert {step["code"] for step in summary["steps"].values()} == {"skipped"}  # type: ignore[attr-defined]
    assert not (tmp_path / "typed").exists()


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """A folder with what parts 2 to 4 leave."""
    rows = [
        {"task": "denoise", "set": "standard9", "picture": name, "budget": budget, "at_once": at_once}
        | {"method": "dipsearch", "psnr": level, "psnr_y": None, "gpu_busy_share": busy}
        for name, budget, at_once, level, busy in (
            ("F16", 60, 1, 33.25, 0.8),
            ("F16", 120, 1, 33.4, 0.9),
            ("F16", 20, 1, 32.5, 0.3),
            ("Lena", 20, 1, 32.2, 0.3),
            ("F16", 60, 3, 33.0, 0.5),
            ("Lena", 60, 3, 32.0, 0.6),
        )
    ]
    rows += [
        {"task": "sr4", "set": "set5", "picture": name, "budget": 60, "at_once": 3}
        | {"method": "dipsearch", "psnr": 29.0, "psnr_y": level, "gpu_busy_share": 0.9}
        for name, level in zip(
            ("baby", "bird", "butterfly", "head", "woman"), (33, 33, 26, 32, 30), strict=True
        )
    ]
    results = tmp_path / "results"
    for folder, some in (("alone", rows[:4]), ("table", rows[4:])):
        (results / folder).mkdir(parents=True)
        (results / folder / "published.json").write_text(json.dumps({"rows": some}))
    speeds = [
        {"network": network, "size": size, "engine": engine, "precision": "tf32", "its_per_s": made}
        | {"ratio_to_textbook": ratio}
        for network, size, engine, made, ratio in (
            ("32x4", 128, "cuda_graph", 400.0, 8.0),
            ("128x5", 256, "cuda_graph", 360.0, 4.6),
            ("128x5", 512, "cuda_graph", 151.0, 4.1),
            ("32x4", 128, "eager", 60.0, 0.98),
        )
    ]
    (results / "speed-gpu.json").write_text(json.dumps({"rows": speeds}))
    side = {"network": "32x4", "size": 128, "way": "streams", "at_once": 3, "its_per_s": 900.0, "gain": 2.25}
    (results / "side-by-side-gpu.json").write_text(json.dumps({"rows": [side]}))
    (results / "utilisation.csv").write_text(
        "2026, 100, 900\n2026, 0, 900\n2026, [N/A], 900\n2026, 80, 900\n"
    )
    return results


def test_the_summary_has_the_figures_that_matter(python: Path, measured: Path) -> None:
    summary = ran(python, PARTS="")
    assert summary["psnr"] == {
        "F16, 60 s": 33.25,
        "F16, 120 s": 33.4,
        "F16, 20 s": 32.5,
        "Lena, 20 s": 32.2,
        "Peppers, 20 s": None,
        "three at once, 60 s": {"F16": 33.0, "Lena": 32.0, "Peppers": None},
    }
    assert summary["gpu_busy_share"] == {
        "F16, 60 s": 0.8,
        "F16, 120 s": 0.9,
        "F16, 20 s": 0.3,
        "Lena, 20 s": 0.3,
        "Peppers, 20 s": None,
        "three at once, 60 s": {"F16": 0.5, "Lena": 0.6, "Peppers": None},
    }
    speeds = summary["speed-gpu"]
    assert isinstance(speeds, dict) and speeds["32x4 128 cuda_graph tf32"] == [400.0, 8.0]
    assert summary["side-by-side-gpu"] == {"32x4 128 3 streams": [900.0, 2.25]}
    assert summary["utilisation"] == {"samples": 3, "mean_percent": 60.0, "busy_share": 0.667}
    assert summary["table"] == {
        "denoise standard9 dipsearch": {"pictures": 2, "mean": 32.5},
        "sr4 set5 dipsearch": {"pictures": 5, "mean": 30.8},
    }


def test_the_summary_says_which_goals_are_met(python: Path, measured: Path) -> None:
    goals = ran(python, PARTS="")["goals"]
    assert isinstance(goals, list)
    assert [(one["part"], one["goal"], one["measured"], one["at_least"], one["met"]) for one in goals] == [
        (1, "all gpu tests pass", None, None, None),
        (2, "graph over textbook at 128² and 256²", 4.6, 5, False),
        (2, "graph over textbook at 512²", 4.1, 4, True),
        (2, "128x5 at 512², steps a second", 151.0, 150, True),
        (2, "eager over textbook", 0.98, 1, False),
        (3, "F16 in a minute, dB", 33.25, 33.2, True),
        (3, "F16 in a minute, BM3D + 0.3 dB", 33.25, 33.131, True),
        (3, "GPU busy during two minutes", 0.9, 0.85, True),
        (3, "F16 as one of three at once, a third of the time alone - 0.1 dB", 33.0, 32.4, True),
        (3, "Lena as one of three at once, a third of the time alone - 0.1 dB", 32.0, 32.1, False),
        (3, "Peppers as one of three at once, a third of the time alone - 0.1 dB", None, None, None),
        (4, "denoise standard9, mean of 9 pictures, dB", "2 pictures", 31.9, None),
        (4, "sr4 set5, mean of 5 pictures, dB", 30.8, 30.5, True),
        (4, "inpaint inpainting11, mean of 11 pictures, dB", None, 34.5, None),
    ]
