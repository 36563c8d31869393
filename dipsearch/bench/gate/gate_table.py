"""The table of the gate's benchmark: its cases, the shares that are right, and how well the strengths were found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np

from ...problem.gate.diagnosis import Branch
from .gate_kinds import HARDLY_GROWS, KINDS

BRANCHES: tuple[Branch, ...] = get_args(Branch)
FAR = 95

AIM = 0.10
"""Of the errors of sigma: so many per cent of them were to lie below that."""


@dataclass(frozen=True)
class GateRow:
    """One case: what was done to which picture, and what the gate made of it.

    ``sigma_error``, ``gain_error`` and ``zero_error`` are relative, of sigma the largest of all channels, of
    the zero a share of the picture's range; ``None`` where nothing is known, or nothing was found.
    """

    picture: str
    side: int
    kind: str
    level: str
    branch: str
    right: bool
    sentence: str
    sigma_error: float | None = None
    gain_error: float | None = None
    zero_error: float | None = None


@dataclass(frozen=True)
class GateTable:
    """All cases."""

    rows: tuple[GateRow, ...]

    def share_right(self, kind: str | None = None) -> float:
        """The share of cases, of one kind or of all, with a right branch."""
        of_kind = [row.right for row in self.rows if kind in (None, row.kind)]
        return sum(of_kind) / max(len(of_kind), 1)

    def count(self, kind: str, branch: str | None = None) -> int:
        """How many cases of a kind took a branch, or how many there are."""
        return sum(row.kind == kind and branch in (None, row.branch) for row in self.rows)

    def errors(self, name: str, kind: str | None = None) -> list[float]:
        """The absolute values of an error, of one kind or of all."""
        found = (getattr(row, name) for row in self.rows if kind in (None, row.kind))
        return [abs(value) for value in found if value is not None]

    def to_dict(self) -> dict[str, Any]:
        """The table as JSON can hold it; of the cases only the wrong ones."""
        return {
            "cases": len(self.rows),
            "pictures": sorted({row.picture for row in self.rows}),
            "share_right": round(self.share_right(), 4),
            "sigma_error": _spread(self.errors("sigma_error")),
            "gain_error": _spread(self.errors("gain_error")),
            "zero_error": _spread(self.errors("zero_error")),
            "kinds": [
                {
                    "kind": kind.name,
                    "right": list(kind.right),
                    "cases": self.count(kind.name),
                    "share_right": round(self.share_right(kind.name), 4),
                    "branches": {branch: n for branch in BRANCHES if (n := self.count(kind.name, branch))},
                    "sigma_error": _spread(self.errors("sigma_error", kind.name)),
                    "gain_error": _spread(self.errors("gain_error", kind.name)),
                    "zero_error": _spread(self.errors("zero_error", kind.name)),
                }
                for kind in KINDS
                if self.count(kind.name)
            ],
            "wrong": [asdict(row) for row in self.rows if not row.right],
        }


def gate_markdown(table: GateTable, *, command: str, version: str, tuning: str = "") -> str:
    """The table for people: a row per kind, a column per branch, the share that is right, the errors of the
    strengths."""
    used = [branch for branch in BRANCHES if any(row.branch == branch for row in table.rows)]
    lines = [
        "## The gate: which noise a picture has",
        "",
        f"`{command}`, dipsearch {version}: {len(table.rows)} cases on "
        f"{len({row.picture for row in table.rows})} pictures (crops of {min(row.side for row in table.rows)} to "
        f"{max(row.side for row in table.rows)} pixels at half size); the right branch in "
        f"{100 * table.share_right():.1f} %. Errors are medians and, after the stroke, {FAR} % lie below: of sigma "
        "where it was found as white noise (relative), of the gain (relative), of the zero, which is offset − read "
        f"noise² / gain (share of the range).{tuning}",
        "",
        "| damage | right | " + " | ".join(used) + " | share right | σ | gain | zero |",
        "|---" * (len(used) + 6) + "|",
    ]
    for kind in KINDS:
        if table.count(kind.name):
            counts = [str(table.count(kind.name, branch) or "·") for branch in used]
            errors = [
                _in_words(table.errors(name, kind.name))
                for name in ("sigma_error", "gain_error", "zero_error")
            ]
            lines.append(
                f"| {kind.name} | {' or '.join(kind.right)} | {' | '.join(counts)} | "
                f"{100 * table.share_right(kind.name):.0f} % | {' | '.join(errors)} |"
            )
    everything = [_in_words(table.errors(name)) for name in ("sigma_error", "gain_error", "zero_error")]
    lines.append(
        f"| all | {' | ' * len(used)} | {100 * table.share_right():.1f} % | {' | '.join(everything)} |"
    )
    return "\n".join([*lines, "", *_notes(table)]) + "\n"


def _notes(table: GateTable) -> list[str]:
    """What a reader has to know beside the table."""
    far = {
        kind.name: float(np.percentile(errors, FAR))
        for kind in KINDS
        if (errors := table.errors("sigma_error", kind.name))
    }
    beyond = sorted((name for name in far if far[name] > AIM), key=lambda name: -far[name])
    everything = table.errors("sigma_error")
    missed = bool(everything) and float(np.percentile(everything, FAR)) > AIM
    aim = (
        f"{FAR} % of the errors of sigma were to lie below {100 * AIM:.0f} %; "
        f"{'that is missed' if missed else 'that is reached over all kinds'}"
        f"{', above it are ' + ', '.join(f'{name} ({100 * far[name]:.0f} %)' for name in beyond) if beyond else ''}."
    )
    placed = (
        "A branch counts as right only where noise is also said to be where it is, everywhere or in a part."
    )
    grows = (
        f"Where the variance of photons grows by less than {HARDLY_GROWS:g} times between dark and bright places, "
        "white and held-out are right, too. The total of the gain is better than its kinds with a camera because "
        "counts have gains that are nearly exact. Offset and noise of reading have no column: a line tells the zero "
        "alone, and the offset that goes with it is not known unless some place is without light."
    )
    return [f"{aim if everything else ''} {placed} {grows}".strip()]


def _spread(errors: Sequence[float]) -> dict[str, float | int] | None:
    if not errors:
        return None
    return {
        "cases": len(errors),
        "median": round(float(np.median(errors)), 4),
        f"share_{FAR}": round(float(np.percentile(errors, FAR)), 4),
    }


def _in_words(errors: Sequence[float]) -> str:
    if not errors:
        return "·"
    middle, far = float(np.median(errors)), float(np.percentile(errors, FAR))
    return f"{100 * middle:.1f} % / {100 * far:.0f} %" if math.isfinite(far) else "·"
