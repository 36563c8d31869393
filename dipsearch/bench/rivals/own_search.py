"""Our own search as one of the methods that are compared: the command line, as a person would type it.

It runs in a folder of its own. The clean picture is given to it as ``--reference``, which only reports read.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ResourceError
from ...trials.true_quality import finite
from ..cases.rival_case import RivalCase
from ..shared.processes import with_processor_seconds
from ..shared.search_process import run_program
from .rival_rows import RivalRow

NAME = "rival"
DELIVERED, NETWORKS, FIRST = "delivered", "networks", "first"
"""The answers of a search that stand beside rivals."""

PATIENCE = 3
"""After so many times its budget, and five minutes, a search is given up."""


@dataclass(frozen=True)
class SearchOutcome:
    """What a search of ours ended with.

    Args:
        result: of ``result.json``.
        cpu_s: processor seconds of all its processes; ``None`` where others ran at the same time.
        wall_s: seconds on the clock.
    """

    result: Mapping[str, Any]
    cpu_s: float | None
    wall_s: float


@dataclass(frozen=True)
class OwnAnswer:
    """One of the answers of a search that stand beside rivals.

    Args:
        name: "delivered", "networks" or "first".
        psnr, ssim: against the reference; ``None`` where they are not known.
        psnr_luma: of the luma without a border, likewise.
        cpu_s, wall_s: what it took; of the first answer when the search had it, else the whole search.
        source: what the search calls it: "combined", "ensemble", …
    """

    name: str
    psnr: float | None
    ssim: float | None
    psnr_luma: float | None
    cpu_s: float | None
    wall_s: float | None
    source: str


Searcher = Callable[[RivalCase, int, int], SearchOutcome]
"""From a case, seconds and a seed to the outcome; tests put something quicker in its place."""


def run_search(workers: int) -> Searcher:
    """A searcher that runs the program with so many workers.

    The searcher raises ResourceError when the program fails.
    """

    def search(case: RivalCase, seconds: int, seed: int) -> SearchOutcome:
        with tempfile.TemporaryDirectory(prefix="dipsearch-rivals-") as folder:
            typed = search_arguments(case, budget=seconds, workers=workers, seed=seed, name=NAME)
            ended, cpu_s = with_processor_seconds(
                lambda: run_program(typed, folder=Path(folder), timeout=PATIENCE * seconds + 300)
            )
            file = Path(folder) / "studies" / NAME / "result.json"
            if ended.code != 0 or not file.is_file():
                raise ResourceError(f"the search of {seconds} s failed: {ended.last_line}")
            return SearchOutcome(json.loads(file.read_text(encoding="utf-8")), cpu_s, ended.seconds)

    return search


def search_arguments(
    case: RivalCase,
    *,
    budget: float,
    workers: int | None,
    seed: int,
    name: str,
    device: str = "auto",
) -> list[str]:
    """What is typed behind the name of the program; paths are absolute.

    Args:
        budget: seconds.
        workers: ``None``: as many as the program wants.
    """
    options = {
        "--task": case.damage.task,
        "--factor": str(case.damage.factor) if case.damage.task == "sr" else None,
        "--kernel": case.damage.kernel,
        "--sigma": None if case.damage.sigma is None else f"{case.damage.sigma:g}",
        "--reference": str(case.reference.resolve()),
        "--budget": f"{budget:g}s",
        "--workers": None if workers is None else str(workers),
        "--device": None if device == "auto" else device,
        "--seed": str(seed),
        "--name": name,
    }
    typed = [word for option, value in options.items() if value is not None for word in (option, value)]
    return ["search", str(case.file.resolve()), *typed]


def search_title(seconds: float) -> str:
    """A budget as the tables name it: 1.5 s, 20 s, 1 min."""
    return f"{seconds / 60:g} min" if seconds % 60 == 0 else f"{seconds:g} s"


def search_rows(case: RivalCase, outcome: SearchOutcome, *, seconds: int, first: bool) -> list[RivalRow]:
    """The rows of one search: what it delivered, its networks alone, and, if wanted, its first answer."""
    budget = search_title(seconds)
    titles = {DELIVERED: f"dipsearch {budget}", NETWORKS: f"networks alone {budget}", FIRST: "first answer"}
    return [
        RivalRow(
            picture=case.picture,
            task=case.damage.task,
            damage=case.damage.name,
            method=titles[answer.name],
            psnr=answer.psnr,
            ssim=answer.ssim,
            version=program(outcome),
            seed=case.seed,
            side="ours",
            measurement=case.digest,
            cpu_s=answer.cpu_s,
            wall_s=answer.wall_s,
        )
        for answer in own_answers(outcome)
        if first or answer.name != FIRST
    ]


def own_answers(outcome: SearchOutcome) -> list[OwnAnswer]:
    """What a search delivered, its networks alone, and its first answer, as far as they are there."""
    result, answers = outcome.result, _answers(outcome.result)
    delivered = {
        "name": result.get("delivered"),
        **{word: result.get(f"delivered_{word}") for word in ("psnr", "ssim", "psnr_luma")},
    }
    found = [_own(DELIVERED, delivered, outcome.cpu_s, outcome.wall_s)]
    # Where the ensemble was no better than its best network, that one is all that the networks say.
    networks = (answers.get("ensemble"), result.get("stack"), answers.get("best"))
    alone = next((one for one in networks if one is not None and one.get("psnr") is not None), None)
    if alone is not None:
        found.append(_own(NETWORKS, alone, outcome.cpu_s, outcome.wall_s))
    if (first := answers.get("first")) is not None and first.get("psnr") is not None:
        found.append(_own(FIRST, first, first.get("cpu_s"), first.get("seconds")))
    return found


def program(outcome: SearchOutcome) -> str:
    """The program that searched, and its version."""
    return f"dipsearch {outcome.result.get('version', '')}".strip()


def _own(name: str, answer: Mapping[str, Any], cpu_s: float | None, wall_s: float | None) -> OwnAnswer:
    return OwnAnswer(
        name=name,
        psnr=finite(answer.get("psnr")),
        ssim=finite(answer.get("ssim")),
        psnr_luma=finite(answer.get("psnr_luma")),
        cpu_s=finite(cpu_s),
        wall_s=finite(wall_s),
        source=str(answer.get("name") or ""),
    )


def listed_answers(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The answers that a search chose from, simplest first; none where it came to no result."""
    return list(result.get("answers") or ())


def _answers(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The same by name."""
    return {str(answer.get("name")): answer for answer in listed_answers(result)}
