"""The rows of the interruptions: what was done to a search, and whether anything was lost by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

COMMAND = "bench interruptions"

Kind = Literal["kill", "term", "int", "hup", "worker", "ten", "beside"]
KINDS: tuple[Kind, ...] = get_args(Kind)

USUAL_NUMBERS: Mapping[Kind, int] = MappingProxyType(
    {"kill": 100, "term": 20, "int": 20, "hup": 20, "worker": 20, "ten": 3, "beside": 3}
)
"""How many of each kind are made when nothing else is asked for."""

TITLES: Mapping[Kind, str] = MappingProxyType(
    {
        "kill": "kill -9 of all processes, then `--resume`",
        "term": "SIGTERM",
        "int": "SIGINT",
        "hup": "SIGHUP",
        "worker": "kill -9 of a worker, in one search",
        "ten": "ten searches of one name at once",
        "beside": "two `--resume` beside the running search",
    }
)


@dataclass(frozen=True)
class InterruptionRow:
    """One interruption.

    Args:
        kind: what was done.
        number: which one of its kind, from 0 on.
        moment_s: when, in seconds after the start of the process.
        ok: all that is promised was found true.
        lost_steps: iterations that have to be made again, of all candidates under way; ``None``: not counted.
        seconds: of a signal: from it until the search was gone; of kills: of the next run; else of the search.
        note: what went wrong, else what there is to say.
        version: of the program.
        at_stake: candidates that were finished or under way at a kill; ``None``: not counted.
        setting: of the search that was interrupted.
    """

    kind: Kind
    number: int
    moment_s: float
    ok: bool
    lost_steps: int | None
    seconds: float
    note: str
    version: str
    at_stake: int | None = None
    setting: str = ""

    @property
    def group(self) -> tuple[object, ...]:
        """A row stands for itself."""
        return self.kind, self.number, self.setting

    @property
    def measurement(self) -> str:
        """All rows are of one picture."""
        return ""
