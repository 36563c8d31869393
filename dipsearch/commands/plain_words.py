"""A search in a few words, for whoever has one damaged picture: what was found, what is happening, what came out.

Differences between restorations of one picture are sure where their levels are not: an estimate may be decibels off
for all of them alike. So a gain over the first answer is said, and no level without a reference; where an error is too
small to be told, not even how large that gain is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from ..report.in_brief import brief_rows
from ..report.timeline import because
from ..report.wording import clause, duration, plural
from .made_files import file_rows

if TYPE_CHECKING:
    from ..run import Outcome, Plan, Snapshot, Trial

PLANNED = ("picture", "searched on", "candidates", "networks", "too large for this machine")
"""Lines of a plan that need no knowledge of how a search works."""

EVEN = 0.05
"""Gains of fewer decibels are none."""

PHASES = {
    "similar patches": "making a first answer from similar patches",
    "searching": "trying networks",
    "delivering": "combining the best",
    "polishing": "last touches",
}


class PlainWords:
    """What a first-time user wants to read."""

    details = False

    def __init__(self) -> None:
        self._told: set[str] = set()

    def told(self, sentence: str) -> None:
        """The outcome need not repeat it."""
        self._told.add(sentence)

    def plan(self, plan: Plan) -> tuple[tuple[str, str], ...]:
        """What is worked on, and how long that takes."""
        lines = [line for line in plan.lines if line[0] in PLANNED]
        if plan.deliver_until is not None:
            if not plan.networks:
                lines += [line for line in plan.lines if line[0] == "time"]
            else:
                lines.append(
                    ("time", f"ready within {duration(plan.deliver_until)}; Ctrl-C delivers what there is")
                )
        return tuple(lines)

    def state(self, snapshot: Snapshot) -> str:
        """What is being done, how good the best network is, and how long it still takes."""
        parts = (
            PHASES.get(snapshot.phase, snapshot.phase),
            _tried(snapshot) if snapshot.phase == "searching" else None,
            _gain(snapshot),
            _continued(snapshot) if snapshot.phase == "searching" else None,
            f"{plural(snapshot.failed, 'network')} failed" if snapshot.failed else None,
            f"{duration(snapshot.seconds_left)} left" if snapshot.seconds_left is not None else None,
        )
        return clause(*parts)

    def state_now_and_then(self, snapshot: Snapshot) -> str:
        """The same."""
        return self.state(snapshot)

    def candidate(self, trial: Trial) -> str:
        """Only a failure is worth a line."""
        if trial.state != "failed":
            return ""
        return f"a network failed: {trial.reason or 'no reason was recorded'}"

    def display(self, snapshot: Snapshot) -> RenderableType:
        """One line."""
        return Text(f"{duration(snapshot.seconds):>12}  {self.state(snapshot)}")

    def outcome(self, outcome: Outcome) -> tuple[tuple[str, str], ...]:
        """What came out, and what to do with it."""
        return (*brief_rows(outcome.result, told=self._told), *file_rows(outcome, architecture=False))


def _tried(snapshot: Snapshot) -> str | None:
    tried = snapshot.complete + snapshot.resting + snapshot.pruned
    rest = f" ({snapshot.resting} may be gone on with)" if snapshot.resting else ""
    return f"{tried} tried so far{rest}" if tried else None


def _continued(snapshot: Snapshot) -> str | None:
    """Who of those that were tried is gone on with, and why: one of them is enough for a line."""
    for worker in snapshot.workers:
        if worker.label and worker.why.startswith("it "):  # no first look
            return f"{worker.label.replace('candidate', 'network')} goes on {because(worker.why)}"
    return None


def _gain(snapshot: Snapshot) -> str | None:
    best, bar = snapshot.best, snapshot.bar
    if best is None or best.estimated_psnr is None or bar is None:
        return None
    gain = best.estimated_psnr - bar
    if gain < EVEN if snapshot.better is None else not snapshot.better:
        return "none is better than the first answer yet"
    if snapshot.better:
        return "the best is better than the first answer"
    return f"the best is {gain:.1f} dB better than the first answer"
