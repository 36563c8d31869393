"""What a run of `gpu.sh` has found so far, as `summary.json`: its steps, the figures, and which goals are met.

    python benchmarks/gpu_summary.py RESULTS SCRATCH SECONDS BUDGET

RESULTS is the folder of that script; SCRATCH holds `steps` (name, exit code and seconds of each) and `tests.log`;
SECONDS have passed, and BUDGET is that of each search of the table. What an earlier call left in `summary.json` stays.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

PUBLISHED = Path(__file__).with_name("published.json")
"""Where the rivals' rows are."""

OUTCOMES = "PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS"
LINE = re.compile(
    rf"(?:\[gw\d+\] \[ *\d+%\] )?"
    rf"(?:(?P<first>{OUTCOMES}) (?P<one>tests/.+?)|(?P<other>tests/.+?) (?P<last>{OUTCOMES})\b.*)\s*"
)
"""As pytest says it of each test, with xdist and without: it counts where pytest did not come to its end, too."""

THREE = "F16", "Lena", "Peppers"
"""The pictures of the searches that are made at once, and alone in a third of the time."""

WHOLE = {
    ("denoise", "standard9"): (9, 31.9),
    ("sr4", "set5"): (5, 30.5),
    ("inpaint", "inpainting11"): (11, 34.5),
}
"""Pictures of a row of the literature's table, and the mean in dB that it is to have."""


def main() -> None:
    """Write it beside its place and put it there: whoever ends the script in between leaves the last one."""
    out, scratch, seconds, budget = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    target = out / "summary.json"
    made = summary(out, scratch, before=read(target), seconds=seconds, budget=budget)
    beside = target.with_suffix(".json.new")
    beside.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(target)


def read(file: Path) -> dict[str, Any]:
    """A file of JSON; nothing where it is missing or broken."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def rows(file: Path) -> list[dict[str, Any]]:
    """The rows of a table."""
    found: list[dict[str, Any]] = read(file).get("rows", [])
    return found


def summary(out: Path, scratch: Path, *, before: dict[str, Any], seconds: int, budget: int) -> dict[str, Any]:
    """All of it."""
    steps = (scratch / "steps").read_text().splitlines()
    made = {
        "seconds": seconds,
        "steps": before.get("steps", {})
        | {
            name: {"code": int(code) if code.isdigit() else code, "seconds": int(took)}
            for name, code, took in map(str.split, steps)
        },
    }
    for name, value in (("psnr", "psnr"), ("gpu_busy_share", "gpu_busy_share")):
        made[name] = {
            **{f"F16, {time} s": ours(out / "alone", "F16", time, value=value) for time in (60, 120, 20)},
            **{f"{one}, 20 s": ours(out / "alone", one, 20, value=value) for one in THREE[1:]},
            "three at once, 60 s": {
                one: ours(out / "table", one, 60, at_once=3, value=value) for one in THREE
            },
        }
    tests = tested(scratch / "tests.log") or before.get("tests")
    if tests:
        made["tests"] = tests
    for files, named, measured in (
        ("speed-*.json", ("network", "size", "engine", "precision"), ("its_per_s", "ratio_to_textbook")),
        ("side-by-side-*.json", ("network", "size", "at_once", "way"), ("its_per_s", "gain")),
    ):
        for file in sorted(out.glob(files)):
            made[file.stem] = {
                " ".join(str(row[one]) for one in named): [row[one] for one in measured] for row in rows(file)
            }
    if (out / "utilisation.csv").is_file():
        made["utilisation"] = utilised((out / "utilisation.csv").read_text().splitlines())
    made["table"] = table(rows(out / "table" / "published.json"), budget)
    speeds = [row for file in sorted(out.glob("speed-*.json")) for row in rows(file)]
    made["goals"] = [
        *goals_of_tests(made),
        *goals_of_speed(speeds),
        *goals_of_a_search(made),
        *goals_of_the_table(made),
    ]
    return made


def ours(folder: Path, picture: str, budget: int, *, at_once: int = 1, value: str) -> float | None:
    """A value of a search of ours."""
    wanted = picture, budget, at_once, "dipsearch"
    found = [
        row.get(value)
        for row in rows(folder / "published.json")
        if (row["picture"], row["budget"], row["at_once"], row["method"]) == wanted
    ]
    return found[0] if found else None


def tested(log: Path) -> dict[str, Any] | None:
    """How many tests ended how, from pytest's words; ``None`` where there are none."""
    if not log.is_file():
        return None
    said = {}
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith(("=", "FAILED", "ERROR", "SKIPPED")):  # what pytest repeats at its end
            continue
        if found := LINE.fullmatch(line):
            said[found["one"] or found["other"]] = found["first"] or found["last"]
    counts: dict[str, Any] = {
        word.lower(): sum(one == word for one in said.values()) for word in OUTCOMES.split("|")
    }
    return counts | {"not_passed": sorted(name for name, word in said.items() if word in ("FAILED", "ERROR"))}


def utilised(lines: list[str]) -> dict[str, Any]:
    """What `nvidia-smi` saw of the whole process of the search of two minutes, its start and its page among it."""
    samples = [line.split(",") for line in lines]
    busy = [float(words[1]) for words in samples if len(words) == 3 and words[1].strip().isdigit()]
    return {
        "samples": len(busy),
        "mean_percent": round(fmean(busy), 1) if busy else None,
        "busy_share": round(sum(value > 0 for value in busy) / len(busy), 3) if busy else None,
    }


def table(found: list[dict[str, Any]], budget: int) -> dict[str, Any]:
    """The means of the rows of the literature's table."""
    known = [row for row in found if row["psnr"] is not None and row["budget"] == budget]
    made = {}
    for task, name in sorted({(row["task"], row["set"]) for row in known}):
        for method in ("dipsearch", "networks", "first"):
            levels = [
                row["psnr"] if row["psnr_y"] is None else row["psnr_y"]
                for row in known
                if (row["task"], row["set"], row["method"]) == (task, name, method)
            ]
            if levels:
                made[f"{task} {name} {method}"] = {"pictures": len(levels), "mean": round(fmean(levels), 3)}
    return made


def goal(part: int, what: str, measured: object, at_least: float | None, met: bool | None) -> dict[str, Any]:
    """A goal: of which part, what was measured, what it is to be at least, and whether it is; ``None``: not known."""
    return {"part": part, "goal": what, "measured": measured, "at_least": at_least, "met": met}


def reaches(part: int, what: str, measured: float | None, at_least: float) -> dict[str, Any]:
    """A number that is to reach another one."""
    return goal(part, what, measured, at_least, None if measured is None else measured >= at_least)


def goals_of_tests(made: dict[str, Any]) -> list[dict[str, Any]]:
    """All tests of the GPU pass, and they come to their end."""
    tests, code = made.get("tests"), made["steps"].get("tests", {}).get("code")
    if tests is None or code in (None, "skipped"):
        return [goal(1, "all gpu tests pass", None, None, None)]
    said = f"{tests['passed']} passed, {tests['failed'] + tests['error']} failed, exit code {code}"
    met = code == 0 and tests["passed"] > 0 and not tests["not_passed"]
    return [goal(1, "all gpu tests pass", said, None, met)]


def goals_of_speed(speeds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Over a textbook loop, the slowest network each, in the usual precision."""

    def slowest(engine: str, value: str, *sizes: int, network: str | None = None) -> float | None:
        return min(
            (
                round(row[value], 3)
                for row in speeds
                if row["engine"] == engine and row["precision"] == "tf32" and row["size"] in sizes
                if network in (None, row["network"])
            ),
            default=None,
        )

    ratio = "ratio_to_textbook"
    return [
        reaches(2, "graph over textbook at 128² and 256²", slowest("cuda_graph", ratio, 128, 256), 5),
        reaches(2, "graph over textbook at 512²", slowest("cuda_graph", ratio, 512), 4),
        reaches(
            2, "128x5 at 512², steps a second", slowest("cuda_graph", "its_per_s", 512, network="128x5"), 150
        ),
        reaches(2, "eager over textbook", slowest("eager", ratio, 128, 256, 512), 1),
    ]


def goals_of_a_search(made: dict[str, Any]) -> list[dict[str, Any]]:
    """F16 in a minute, the GPU busy during two, and three at once against one in a third of the time."""
    psnr, at_once = made["psnr"], made["psnr"]["three at once, 60 s"]
    bm3d = [
        row["psnr"]
        for row in rows(PUBLISHED)
        if (row["task"], row["picture"], row["method"]) == ("denoise", "F16", "bm3d")
    ]
    found = [
        reaches(3, "F16 in a minute, dB", psnr["F16, 60 s"], 33.2),
        *[
            reaches(3, "F16 in a minute, BM3D + 0.3 dB", psnr["F16, 60 s"], round(one + 0.3, 3))
            for one in bm3d
        ],
        reaches(3, "GPU busy during two minutes", made["gpu_busy_share"]["F16, 120 s"], 0.85),
    ]
    for one in THREE:
        third = psnr[f"{one}, 20 s"]
        what = f"{one} as one of three at once, a third of the time alone - 0.1 dB"
        if third is None:
            found.append(goal(3, what, at_once[one], None, None))
        else:
            found.append(reaches(3, what, at_once[one], round(third - 0.1, 3)))
    return found


def goals_of_the_table(made: dict[str, Any]) -> list[dict[str, Any]]:
    """At least one row of the literature's table as a whole."""
    found = []
    for (task, name), (pictures, level) in WHOLE.items():
        row = made["table"].get(f"{task} {name} dipsearch")
        what = f"{task} {name}, mean of {pictures} pictures, dB"
        if row is None or row["pictures"] < pictures:
            found.append(goal(4, what, None if row is None else f"{row['pictures']} pictures", level, None))
        else:
            found.append(reaches(4, what, row["mean"], level))
    return found


if __name__ == "__main__":
    main()
