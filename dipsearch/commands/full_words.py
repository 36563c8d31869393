"""A search in full, as ``--verbose`` shows it: every candidate, every worker, every number of the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..planning.plan import ENDLESS
from ..report import result_rows
from ..report.timeline import because
from ..report.wording import NOTHING, clause, decibels, duration
from .made_files import file_rows

if TYPE_CHECKING:
    from ..run import Outcome, Plan, Snapshot, Trial
    from ..run.outcome import WorkerState

WAITING = "waiting"

LINE_WORKERS = 8
"""Workers that are named on a line; a cluster may have hundreds."""


def display(snapshot: Snapshot) -> RenderableType:
    """The state of a search as a terminal shows it: workers, then the whole."""
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for heading in ("worker", "fits", "iteration", "score", "speed"):
        table.add_column(heading, justify="left" if heading == "fits" else "right")
    for worker in snapshot.workers:
        speed = worker.steps_per_second
        table.add_row(
            str(worker.index),
            clause(worker.label, worker.digest, because(worker.why)) or WAITING,
            iteration(worker),
            decibels(worker.estimated_psnr),
            NOTHING if speed is None else f"{speed:.1f} it/s",
        )
    return Group(table, Text(overall(snapshot)))


def iteration(worker: WorkerState) -> str:
    """How far its fit has come, and of how many iterations where their number is limited."""
    if not worker.max_steps:
        return NOTHING
    return f"{worker.step} / {worker.max_steps}" if worker.max_steps < ENDLESS else str(worker.step)


def overall(snapshot: Snapshot) -> str:
    """One line about the whole search: counts, the best so far, the time left."""
    left = snapshot.seconds_left
    parts = (
        snapshot.phase,
        clause(
            f"{snapshot.complete} complete",
            f"{snapshot.resting} resting" if snapshot.resting else None,
            f"{snapshot.pruned} pruned",
            f"{snapshot.failed} failed" if snapshot.failed else None,
        ),
        _best_so_far(snapshot),
        f"{duration(left)} left" if left is not None else None,
    )
    return "; ".join(part for part in parts if part)


def _best_so_far(snapshot: Snapshot) -> str | None:
    best = snapshot.best
    if best is None:
        return None
    if snapshot.better is not None:
        return f"best so far candidate {best.number}, with an error that is too small to be told"
    return f"best so far {decibels(best.estimated_psnr)} (candidate {best.number})"


def at_work(snapshot: Snapshot) -> str:
    """What every worker does, and why: ``worker 0: candidate 8 at iteration 310, first look; worker 1: waiting``."""
    words = []
    for worker in snapshot.workers[:LINE_WORKERS]:
        step = f" at iteration {worker.step}" if worker.max_steps else ""
        words.append(
            f"worker {worker.index}: {clause(f'{worker.label or WAITING}{step}', because(worker.why))}"
        )
    if len(snapshot.workers) > LINE_WORKERS:
        words.append(f"and {len(snapshot.workers) - LINE_WORKERS} other workers")
    return "; ".join(words)


def ended(trial: Trial) -> str:
    """One line about a candidate that ended: its estimate and where it came from, or why there is none."""
    parents = " and ".join(str(parent) for parent in trial.parents)
    origin = f"{trial.operator} of {parents}" if parents else trial.operator
    reached = f"{decibels(trial.estimated_psnr)} at iteration {trial.step}"
    fate = {
        "complete": reached,
        "resting": f"{reached if trial.looked_at else trial.reason}, may be gone on with",
        "pruned": f"given up, {trial.reason or 'others are ahead'}",
        "failed": f"failed, {trial.reason or 'no reason was recorded'}",
    }.get(trial.state, trial.state)
    took = duration(trial.seconds) if trial.seconds is not None else None
    return f"candidate {trial.number}: {clause(fate, took)}" + (f" ({origin})" if origin else "")


class FullWords:
    """Everything."""

    details = True
    state, candidate, display = staticmethod(overall), staticmethod(ended), staticmethod(display)

    def told(self, sentence: str) -> None:
        """The outcome repeats it."""

    def plan(self, plan: Plan) -> tuple[tuple[str, str], ...]:
        """All of the plan."""
        return plan.lines

    def state_now_and_then(self, snapshot: Snapshot) -> str:
        """The state, and what every worker does."""
        return f"{overall(snapshot)}; {at_work(snapshot)}"

    def outcome(self, outcome: Outcome) -> tuple[tuple[str, str], ...]:
        """What came out, and where it lies."""
        return (*result_rows(outcome.result), *file_rows(outcome))
