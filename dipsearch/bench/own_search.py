"""Our own search as one of the methods that are compared: the command line, as a person would type it.

It runs in a folder of its own. The clean picture is given to it as ``--reference``, which only reports read.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ResourceError
from .rival_case import RivalCase
from .rival_rows import RivalRow, finite

NAME = "rival"
PATIENCE = 3
"""After so many times its budget, and five minutes, a search is given up."""


@dataclass(frozen=True)
class SearchOutcome:
    """What a search of ours ended with.

    Args:
        result: of ``result.json``.
        cpu_s: processor seconds of all its processes.
        wall_s: seconds on the clock.
    """

    result: Mapping[str, Any]
    cpu_s: float
    wall_s: float


Clock = dict[str, float | None]
"""``cpu_s`` and ``wall_s`` of a row."""

Searcher = Callable[[RivalCase, int, int], SearchOutcome]
"""From a case, seconds and a seed to the outcome; tests put something quicker in its place."""


def run_search(workers: int) -> Searcher:
    """A searcher that runs the program with so many workers.

    The searcher raises ResourceError when the program fails.
    """

    def search(case: RivalCase, seconds: int, seed: int) -> SearchOutcome:
        with tempfile.TemporaryDirectory(prefix="dipsearch-rivals-") as folder:
            command = search_command(case, seconds=seconds, workers=workers, seed=seed)
            cpu, start = _children(), time.monotonic()
            done = _run(command, folder=folder, timeout=PATIENCE * seconds + 300)
            cpu_s, wall_s = _children() - cpu, time.monotonic() - start
            file = Path(folder) / "studies" / NAME / "result.json"
            if done.returncode != 0 or not file.is_file():
                lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
                raise ResourceError(
                    f"the search of {seconds} s failed: {lines[-1].removeprefix('dipsearch: error: ')}"
                )
            return SearchOutcome(json.loads(file.read_text(encoding="utf-8")), cpu_s, wall_s)

    return search


def search_command(case: RivalCase, *, seconds: int, workers: int, seed: int) -> list[str]:
    """The command line of a search; its paths are absolute."""
    factor = ["--factor", str(case.damage.factor)] if case.damage.task == "sr" else []
    return [
        *(sys.executable, "-m", "dipsearch", "search", str(case.file.resolve())),
        *("--task", case.damage.task, *factor, "--reference", str(case.reference.resolve())),
        *(
            "--budget",
            f"{seconds}s",
            "--workers",
            str(workers),
            "--seed",
            str(seed),
            "--name",
            NAME,
            "--json",
        ),
    ]


def search_title(seconds: int) -> str:
    """A budget as the tables name it: 20 s, 1 min."""
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


def search_rows(case: RivalCase, outcome: SearchOutcome, *, seconds: int, first: bool) -> list[RivalRow]:
    """The rows of one search: what it delivered, its networks alone, and, if wanted, its first answer."""
    result, budget = outcome.result, search_title(seconds)
    answers = _answers(result)
    # Where the ensemble was no better than its best network, that one is all that the networks say.
    networks = (answers.get("ensemble"), result.get("stack"), answers.get("best"))
    alone = next((one for one in networks if one is not None and one.get("psnr") is not None), None)
    whole: Clock = {"cpu_s": outcome.cpu_s, "wall_s": outcome.wall_s}
    found: list[tuple[str, Any, Any, Clock]] = [
        (f"dipsearch {budget}", result.get("delivered_psnr"), result.get("delivered_ssim"), whole)
    ]
    if alone is not None:
        found.append((f"networks alone {budget}", alone["psnr"], alone.get("ssim"), whole))
    if first and (answer := answers.get("first")) is not None and answer.get("psnr") is not None:
        clock: Clock = {"cpu_s": answer.get("cpu_s"), "wall_s": answer.get("seconds")}
        found.append(("first answer", answer["psnr"], answer.get("ssim"), clock))
    return [
        RivalRow(
            picture=case.picture,
            task=case.damage.task,
            damage=case.damage.name,
            method=title,
            psnr=finite(psnr),
            ssim=finite(ssim),
            version=f"dipsearch {result.get('version', '')}".strip(),
            seed=case.seed,
            side="ours",
            measurement=case.digest,
            cpu_s=finite(times["cpu_s"]),
            wall_s=finite(times["wall_s"]),
        )
        for title, psnr, ssim, times in found
    ]


def listed_answers(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The answers that a search chose from, simplest first; older versions do not list them."""
    pictures: list[Mapping[str, Any]] = list(result.get("pictures") or ())
    return list(result.get("answers") or (pictures[0].get("answers") if pictures else None) or ())


def _answers(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The same by name."""
    return {str(answer.get("name")): answer for answer in listed_answers(result)}


def _run(command: list[str], *, folder: str, timeout: float) -> subprocess.CompletedProcess[str]:
    # The package may not be installed: `python cli.py` runs it from a checkout.
    path = os.pathsep.join(
        part for part in (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")) if part
    )
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ResourceError(f"the search had not ended after {timeout:.0f} s") from error


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
