"""What a person sees: the plan, the work while it goes on, the outcome.

A search's ``Callback`` in three manners: ``LiveConsole`` redraws a display in a terminal, ``LineConsole``
prints a line whenever a candidate ended and every now and then, ``SilentConsole`` serves ``--quiet`` and
``--json``. All of them run in the parent process and only show what they are told. The outcome is printed by the
verb, once the page is written too.
"""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..planning.plan import ENDLESS
from ..report import result_rows
from ..report.wording import NOTHING, clause, decibels, duration
from ..visible import escaped_json, visible

if TYPE_CHECKING:
    from ..run import Outcome, Plan, Snapshot, Trial
    from ..run.outcome import WorkerState

_WIDER_THAN_ANY_TABLE = 10_000

LINE_SECONDS, LINE_SHARE = 30.0, 0.02
"""Between two lines on the state of a search: seconds at the least, and the share of the whole time."""

LINE_WORKERS = 8
"""Workers that are named on a line; a cluster may have hundreds."""


class Manner(Protocol):
    """A search's callback that also has something to tidy up."""

    def planned(self, plan: Plan) -> None: ...
    def note(self, sentence: str) -> None: ...
    def warn(self, sentence: str) -> None: ...
    def progress(self, snapshot: Snapshot) -> None: ...
    def evaluated(self, trial: Trial) -> None: ...
    def finished(self, outcome: Outcome) -> None: ...
    def close(self) -> None: ...


class SilentConsole:
    """Says nothing while the work goes on; notes reach standard error when ``notes`` is set."""

    def __init__(self, *, notes: bool = False) -> None:
        self._notes = notes

    def planned(self, plan: Plan) -> None:
        """A program reads the result."""

    def note(self, sentence: str) -> None:
        """Say what must not be overlooked where it cannot disturb the output."""
        if self._notes:
            print(f"dipsearch: {visible(sentence)}", file=sys.stderr)

    def warn(self, sentence: str) -> None:
        """Say it on standard error."""
        print(f"dipsearch: warning: {visible(sentence)}", file=sys.stderr)

    def progress(self, snapshot: Snapshot) -> None:
        """Nobody watches."""

    def evaluated(self, trial: Trial) -> None:
        """The study remembers it."""

    def finished(self, outcome: Outcome) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""


class LineConsole:
    """Plain lines, for logs and pipes: one for each candidate that ended, and now and then one on the whole."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seconds = self._told = 0.0
        self._phase = ""

    def planned(self, plan: Plan) -> None:
        """Print the plan."""
        print_pairs(plan.lines, self._console)

    def note(self, sentence: str) -> None:
        """Print a sentence of the search."""
        self._line(sentence)

    def warn(self, sentence: str) -> None:
        """Say it here and on standard error."""
        self._line(sentence)
        print(f"dipsearch: warning: {visible(sentence)}", file=sys.stderr)

    def progress(self, snapshot: Snapshot) -> None:
        """Keep the time; print a line when another phase begins, and on who works on what every now and then."""
        self._seconds = snapshot.seconds
        whole = snapshot.seconds + (snapshot.seconds_left or 0.0)
        if snapshot.phase != self._phase:
            self._phase, self._told = snapshot.phase, snapshot.seconds
            self._line(f"{self._seconds:7.1f} s  {overall(snapshot)}")
        elif snapshot.seconds - self._told >= max(LINE_SECONDS, LINE_SHARE * whole):
            self._told = snapshot.seconds
            self._line(f"{self._seconds:7.1f} s  {overall(snapshot)}; {at_work(snapshot)}")

    def evaluated(self, trial: Trial) -> None:
        """Print a line about the candidate."""
        self._line(f"{self._seconds:7.1f} s  {ended(trial)}")

    def finished(self, outcome: Outcome) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""

    def _line(self, words: str) -> None:
        self._console.print(_text(words), soft_wrap=True)


class LiveConsole:
    """A display that is redrawn in place: a row per worker, the whole below it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def planned(self, plan: Plan) -> None:
        """Print the plan."""
        print_pairs(plan.lines, self._console)

    def note(self, sentence: str) -> None:
        """Print a sentence above the display."""
        self._console.print(_text(sentence))

    def warn(self, sentence: str) -> None:
        """Print a sentence that stands out."""
        self._console.print(_text(sentence, style="bold red"))

    def progress(self, snapshot: Snapshot) -> None:
        """Redraw; the first time, open the display."""
        if self._live is None:
            self._live = Live(console=self._console, refresh_per_second=2, transient=True)
            self._live.start()
        self._live.update(display(snapshot))

    def evaluated(self, trial: Trial) -> None:
        """Leave a line about the candidate above the display."""
        self._console.print(_text(ended(trial)))

    def finished(self, outcome: Outcome) -> None:
        """Close the display."""
        self.close()

    def close(self) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None


@contextmanager
def listening(*, quiet: bool = False, json: bool = False) -> Iterator[Manner]:
    """The manner that fits this process; the terminal is given back however the block ends."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # what it would say is shown here, in our words
    console = plain_console()
    manner: Manner
    if quiet or json:
        manner = SilentConsole(notes=json and not quiet)
    elif console.is_terminal:
        manner = LiveConsole(console)
    else:
        manner = LineConsole(console)
    try:
        yield manner
    finally:
        manner.close()


def display(snapshot: Snapshot) -> RenderableType:
    """The state of a search as a terminal shows it: workers, then the whole."""
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for heading in ("worker", "fits", "iteration", "score", "speed"):
        table.add_column(heading, justify="left" if heading == "fits" else "right")
    for worker in snapshot.workers:
        speed = worker.steps_per_second
        table.add_row(
            str(worker.index),
            clause(worker.label, worker.digest) or "waiting",
            iteration(worker),
            decibels(worker.score),
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
    best, left = snapshot.best, snapshot.seconds_left
    parts = (
        snapshot.phase,
        clause(
            f"{snapshot.complete} complete",
            f"{snapshot.resting} resting" if snapshot.resting else None,
            f"{snapshot.pruned} pruned",
            f"{snapshot.failed} failed" if snapshot.failed else None,
        ),
        f"best so far {decibels(best.score)} (candidate {best.number})" if best is not None else None,
        f"{duration(left)} left" if left is not None else None,
    )
    return "; ".join(part for part in parts if part)


def at_work(snapshot: Snapshot) -> str:
    """What every worker does: ``worker 0: candidate 8 at iteration 310; worker 1: waiting``."""
    words = []
    for worker in snapshot.workers[:LINE_WORKERS]:
        step = f" at iteration {worker.step}" if worker.max_steps else ""
        words.append(f"worker {worker.index}: {worker.label or 'waiting'}{step}")
    if len(snapshot.workers) > LINE_WORKERS:
        words.append(f"and {len(snapshot.workers) - LINE_WORKERS} other workers")
    return "; ".join(words)


def ended(trial: Trial) -> str:
    """One line about a candidate that ended: its score and where it came from, or why there is none."""
    parents = " and ".join(str(parent) for parent in trial.parents)
    origin = f"{trial.operator} of {parents}" if parents else trial.operator
    fate = {
        "complete": f"{decibels(trial.score)} at iteration {trial.step}",
        "pruned": f"given up, {trial.reason or 'others are ahead'}",
        "failed": f"failed, {trial.reason or 'no reason was recorded'}",
    }.get(trial.state, trial.state)
    took = duration(trial.seconds) if trial.seconds is not None else None
    return f"candidate {trial.number}: {clause(fate, took)}" + (f" ({origin})" if origin else "")


def summary(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """What came out and where it lies: labels and sentences."""
    folder, architecture = outcome.folder, outcome.folder / "best" / "architecture.yaml"
    pictures = sorted(folder.glob("best/*restored.*")) or sorted(folder.glob("best/*/*restored.*"))
    files = [file for file in (*pictures, architecture, folder / "report.html") if file.exists()]
    rows = [("look at" if index == 0 else "", str(file)) for index, file in enumerate(files)]
    if architecture.exists():
        kernel = " --kernel KERNEL" if outcome.result["task"] == "deblur" else ""
        rows.append(
            ("use it again", f"dipsearch restore {folder} IMAGE --task {outcome.result['task']}{kernel}")
        )
    return (*result_rows(outcome.result), *rows)


def print_pairs(rows: Iterable[tuple[str, str]], console: Console | None = None) -> None:
    """Print labels and sentences in two columns; where there is no terminal, a line each, never wrapped."""
    console, rows = console or plain_console(), list(rows)
    if not console.is_terminal:
        width = max((len(label) + 1 for label, _ in rows), default=0)
        for label, sentence in rows:
            start = f"{label}:" if label else ""
            console.print(_text(f"{start:<{width}}  {sentence}"), soft_wrap=True)
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, sentence in rows:
        table.add_row(_text(label), _text(sentence))
    console.print(table)


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, flush_right: Collection[str] = ()
) -> None:
    """Print rows below headings; where there is no terminal nothing is cut off or wrapped."""
    console = plain_console()
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for heading in headings:
        justify: Literal["left", "right"] = "right" if heading in flush_right else "left"
        table.add_column(Text(heading), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(_text(cell) for cell in row))
    if not console.is_terminal:
        console.width = _WIDER_THAN_ANY_TABLE
    console.print(table)


def print_json(content: object) -> None:
    """Print ``content`` as JSON on standard output, for a program to read."""
    print(escaped_json(json_format.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)))


def _text(words: str, *, style: str = "") -> Text:
    return Text(visible(words), style=style)


def plain_console() -> Console:
    """A console for standard output that reads no markup and colours no numbers."""
    return Console(highlight=False, markup=False, emoji=False)
