"""The search that is interrupted: a tiny picture, a short budget, and moments that are drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ... import __version__
from ...errors import FormatError
from ..promises.promise_run import damaged
from ..rivals.own_search import search_arguments
from ..shared.search_process import Ending
from ..shared.study_files import read_delivery
from .interruption_rows import InterruptionRow, Kind

NAME = "interrupted"
RESUME = ("search", "--name", NAME, "--resume")
"""What is typed to go on."""

PATIENCE = 4
"""After so many times its budget, and two minutes, a search is given up."""

TASKS = ("denoise", "inpaint")


@dataclass(frozen=True)
class InterruptedSearch:
    """What is searched when the interruption comes.

    Args:
        budget: seconds.
        side: of the picture, in pixels.
        workers: processes.
        seed: of damage, search and moments.
    """

    budget: float
    side: int
    workers: int
    seed: int

    @property
    def setting(self) -> str:
        """All of it in words."""
        return f"{self.budget:g} s, {self.side}², processes: {self.workers}, seed {self.seed}"

    def arguments(self, place: Path, number: int, *, budget: float | None = None) -> list[str]:
        """Write a damaged picture into a folder, and say what is typed to restore it; tasks take turns."""
        case = damaged(TASKS[number % len(TASKS)], self.side, seed=self.seed, folder=place)
        return search_arguments(
            case, budget=budget or self.budget, workers=self.workers, seed=self.seed, name=NAME
        )

    def random(self, kind: Kind, number: int) -> Random:
        """The source of all that is drawn for an interruption."""
        return Random(f"{self.seed} {kind} {number}")

    @property
    def patience(self) -> float:
        """Seconds after which a search is given up."""
        return PATIENCE * self.budget + 120


def study_of(place: Path) -> Path:
    """The folder of the study."""
    return place / "studies" / NAME


def faults_of_end(ended: Ending, study: Path) -> list[str]:
    """What is wrong with a search that should have delivered."""
    found = []
    if ended.code is None:
        found.append(ended.last_line)
    if "Traceback" in ended.errors:
        found.append(f"a traceback: {ended.last_line}")
    return found + [f"{fault}; {ended.last_line}" for fault in faults_of_delivery(study)]


def faults_of_delivery(study: Path) -> list[str]:
    """What is wrong with what was delivered so far."""
    try:
        read_delivery(study)
    except FormatError as error:
        return [f"nothing was delivered: {error}"]
    return []


def row(
    kind: Kind,
    number: int,
    *,
    moment: float,
    seconds: float,
    faults: Sequence[str],
    lost: int | None = None,
    at_stake: int | None = None,
    remark: str = "",
) -> InterruptionRow:
    """A row that is right when there are no faults."""
    return InterruptionRow(
        kind=kind,
        number=number,
        moment_s=round(moment, 2),
        ok=not faults,
        lost_steps=lost,
        seconds=round(seconds, 2),
        note="; ".join(part for part in (*faults, remark) if part),
        version=f"dipsearch {__version__}",
        at_stake=at_stake,
    )
