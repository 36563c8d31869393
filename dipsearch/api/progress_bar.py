"""Progress in a notebook or a script: a bar, sentences, or nothing."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Literal

from ..calling import from_python
from ..errors import InputError
from ..run import Callback, Outcome, Plan, Silent, Snapshot, Trial
from ..trials.objective import in_decibels


class Quiet(Silent):
    """Says nothing but what nobody must overlook, as a warning of Python's."""

    def warn(self, sentence: object) -> None:
        """Warn whoever called dipsearch."""
        warnings.warn(str(sentence), stacklevel=_calls_inside())


def _calls_inside() -> int:
    """How many calls lie between the caller of this and the code outside of dipsearch, itself included."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("dipsearch."):
        depth, frame = depth + 1, frame.f_back
    return depth


class ProgressBar:
    """Shows a ``tqdm`` bar over the seconds of a budget, or over the candidates without one.

    Args:
        seconds: of the budget.
        notes: whether sentences are written above it.
    """

    def __init__(self, *, seconds: float | None, notes: bool) -> None:
        from tqdm.auto import tqdm

        self._seconds, self._notes = seconds, notes
        unit, form = ("s", "{l_bar}{bar}| {n:.0f}/{total:.0f} s {postfix}") if seconds else ("network", None)
        self._bar: Any = tqdm(total=seconds, unit=unit, bar_format=form, file=sys.stderr)

    def planned(self, plan: Plan) -> None:
        """Take over the number of candidates."""
        if self._seconds is None:
            self._bar.total = plan.trials

    def note(self, sentence: str) -> None:
        """Write a sentence."""
        if self._notes:
            self._bar.write(sentence, file=sys.stderr)

    def detail(self, sentence: str) -> None:
        """Write it as a note; whoever asks for sentences wants them all."""
        self.note(sentence)

    def warn(self, sentence: str) -> None:
        """Write a sentence that nobody must overlook."""
        self._bar.write(sentence, file=sys.stderr)

    def progress(self, snapshot: Snapshot) -> None:
        """Move on."""
        # tqdm forgets its total as soon as it is exceeded.
        fitted = snapshot.complete + snapshot.resting
        self._bar.n = min(snapshot.seconds, self._seconds) if self._seconds else fitted
        best = snapshot.best
        score = (
            ""
            if best is None or best.estimated_psnr is None
            else f", best {in_decibels(best.estimated_psnr)} estimated"
        )
        self._bar.set_postfix_str(f"{snapshot.phase}: {fitted} networks{score}")

    def evaluated(self, trial: Trial) -> None:
        """The next snapshot shows it."""

    def finished(self, outcome: Outcome) -> None:
        """The bar is closed by whoever opened it."""

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


@contextmanager
def callback_for(progress: bool | Literal["notes"], *, seconds: float | None) -> Iterator[Callback]:
    """Who hears what happens, in words of Python. Optuna, which would print lines of its own, is quiet meanwhile."""
    from ..trials.quiet_optuna import quiet_optuna

    if progress not in (True, False, "notes"):
        raise InputError(f"progress is {progress!r}", 'it is True, False or "notes"', "choose one of these")
    with quiet_optuna(), from_python():
        if not progress:
            yield Quiet()
            return
        with closing(ProgressBar(seconds=seconds, notes=progress == "notes")) as bar:
            yield bar
