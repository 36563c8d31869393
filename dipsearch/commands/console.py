"""What a person sees: the plan, the work while it goes on, the outcome.

A search's ``Callback`` in three manners: ``LiveConsole`` redraws a display in a terminal, ``LineConsole``
prints a line every now and then, ``SilentConsole`` serves ``--quiet`` and ``--json``. All of them run in the parent
process and only show what they are told, in the words that they are given: a few plain ones, or with ``--verbose``
all. The outcome is printed by the verb, once the page is written too.
"""

from __future__ import annotations

import json as json_format
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..errors import ResourceError
from ..visible import escaped_json, visible
from .lasting_streams import LastingStream

if TYPE_CHECKING:
    from ..run import Callback, Outcome, Plan, Snapshot, Trial

    class Manner(Callback, Protocol):
        """A search's callback that also has something to tidy up."""

        def close(self) -> None: ...


_LONGEST_LABEL = 20
"""Letters of a label that make room beside all the others; a longer one pushes its own sentence alone."""
_WIDER_THAN_ANY_TABLE = 10_000

LINE_SECONDS, LINE_SHARE = 30.0, 0.02
"""Between two lines on the state of a search: seconds at the least, and the share of the whole time."""


class Words(Protocol):
    """How much is said, and how."""

    @property
    def details(self) -> bool: ...
    def told(self, sentence: str) -> None: ...
    def plan(self, plan: Plan) -> tuple[tuple[str, str], ...]: ...
    def state(self, snapshot: Snapshot) -> str: ...
    def state_now_and_then(self, snapshot: Snapshot) -> str: ...
    def candidate(self, trial: Trial) -> str: ...
    def display(self, snapshot: Snapshot) -> RenderableType: ...
    def outcome(self, outcome: Outcome) -> tuple[tuple[str, str], ...]: ...


class SilentConsole:
    """Says nothing while the work goes on; notes reach standard error when ``notes`` is set."""

    def __init__(self, *, notes: bool = False) -> None:
        self._notes = notes

    def planned(self, heard: object) -> None:
        """A program reads the result, and the study remembers its candidates."""

    detail = progress = evaluated = finished = planned

    def note(self, sentence: str) -> None:
        """Say what must not be overlooked where it cannot disturb the output."""
        if self._notes:
            print(f"dipsearch: {visible(sentence)}", file=sys.stderr)

    def warn(self, sentence: str) -> None:
        """Say it on standard error."""
        print(f"dipsearch: warning: {visible(sentence)}", file=sys.stderr)

    def close(self) -> None:
        """Nothing is open."""


class LineConsole:
    """Plain lines, for logs and pipes: now and then one on the whole, and what the words say of each candidate."""

    def __init__(self, console: Console, words: Words) -> None:
        self._console, self._words = console, words
        self._seconds = self._told = 0.0
        self._phase = ""

    def planned(self, plan: Plan) -> None:
        """Print the plan."""
        print_pairs(self._words.plan(plan), self._console)

    def note(self, sentence: str) -> None:
        """Print a sentence of the search."""
        self._words.told(sentence)
        self._line(sentence)

    def detail(self, sentence: str) -> None:
        """Print it where details are wanted."""
        if self._words.details:
            self.note(sentence)

    def warn(self, sentence: str) -> None:
        """Say it here and on standard error; the outcome need not repeat it."""
        self.note(sentence)
        print(f"dipsearch: warning: {visible(sentence)}", file=sys.stderr)

    def progress(self, snapshot: Snapshot) -> None:
        """Keep the time; print a line when another phase begins, and on who works on what every now and then."""
        self._seconds = snapshot.seconds
        whole = snapshot.seconds + (snapshot.seconds_left or 0.0)
        if snapshot.phase != self._phase or snapshot.seconds < self._told:  # or another picture's turn began
            self._phase, self._told = snapshot.phase, snapshot.seconds
            self._line(f"{self._seconds:7.1f} s  {self._words.state(snapshot)}")
        elif snapshot.seconds - self._told >= max(LINE_SECONDS, LINE_SHARE * whole):
            self._told = snapshot.seconds
            self._line(f"{self._seconds:7.1f} s  {self._words.state_now_and_then(snapshot)}")

    def evaluated(self, trial: Trial) -> None:
        """Print a line about the candidate."""
        if said := self._words.candidate(trial):
            self._line(f"{self._seconds:7.1f} s  {said}")

    def finished(self, outcome: Outcome) -> None:
        """Close what is open."""
        self.close()

    def close(self) -> None:
        """Nothing is open."""

    def _line(self, words: str) -> None:
        self._console.print(_text(words), soft_wrap=True)


REDRAWN = 1.0
"""Seconds between two drawings of a display, each of which takes about 6 ms."""


class LiveConsole(LineConsole):
    """A display that is redrawn in place, with the same lines above it, which a terminal wraps."""

    def __init__(self, console: Console, words: Words) -> None:
        super().__init__(console, words)
        self._live: Live | None = None
        self._drawn = float("-inf")

    def warn(self, sentence: str) -> None:
        """Print a sentence that stands out; the outcome need not repeat it."""
        self._words.told(sentence)
        self._console.print(_text(sentence, style="bold red"))

    def progress(self, snapshot: Snapshot) -> None:
        """Redraw, every second at the most, and where another phase begins; the first time, open the display."""
        now = time.monotonic()
        if now - self._drawn < REDRAWN and snapshot.phase == self._phase:
            return
        self._drawn, self._phase = now, snapshot.phase
        if self._live is None:
            # Its own thread would wake up once more for each redrawing.
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(self._words.display(snapshot), refresh=True)

    def evaluated(self, trial: Trial) -> None:
        """Leave a line about the candidate above the display."""
        if said := self._words.candidate(trial):
            self._line(said)

    def close(self) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _line(self, words: str) -> None:
        self._console.print(_text(words))


def words_of(*, verbose: bool) -> Words:
    """Everything, or what a first-time user wants to read."""
    if verbose:
        from .full_words import FullWords

        return FullWords()
    from .plain_words import PlainWords

    return PlainWords()


@contextmanager
def listening(words: Words, *, quiet: bool = False, json: bool = False) -> Iterator[Manner]:
    """The manner that fits this process; the terminal is given back however the block ends."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # what it would say is shown here, in our words
    console = plain_console()
    manner: Manner
    if quiet or json:
        manner = SilentConsole(notes=json and not quiet)
    elif console.is_terminal:
        manner = LiveConsole(console, words)
    else:
        manner = LineConsole(console, words)
    try:
        yield manner
    finally:
        manner.close()


def print_pairs(rows: Iterable[tuple[str, str]], console: Console | None = None) -> None:
    """Print labels and sentences in two columns; where there is no terminal, a line each, never wrapped."""
    console, rows = console or plain_console(), list(rows)
    if not console.is_terminal:
        width = max((len(label) + 1 for label, _ in rows if len(label) <= _LONGEST_LABEL), default=0)
        for label, sentence in rows:
            start = f"{label}:" if label else ""
            console.print(_text(f"{start:<{width}}  {sentence}"), soft_wrap=True)
        return
    table = Table.grid(padding=(0, 2))
    longest = max((len(label) for label, _ in rows), default=0)
    table.add_column(style="bold", width=min(longest, _LONGEST_LABEL))
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


def print_json(content: object, *, kept: str = "") -> None:
    """Print ``content`` as JSON on standard output, for a program to read.

    Args:
        kept: where else it is, or what it is about, in words for who does not get it.

    Raises:
        ResourceError: standard output takes it no more.
    """
    print(escaped_json(json_format.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)), flush=True)
    refused = sys.stdout.refused if isinstance(sys.stdout, LastingStream) else None
    if refused is not None:
        raise ResourceError(
            "the JSON cannot be written", f"the system says: {refused.strerror or refused}", kept
        )


def _text(words: str, *, style: str = "") -> Text:
    return Text(visible(words), style=style)


def plain_console() -> Console:
    """A console for standard output that reads no markup and colours no numbers."""
    return Console(highlight=False, markup=False, emoji=False)
