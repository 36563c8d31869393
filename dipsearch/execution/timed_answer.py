"""An answer by similar patches in the time that there is: by as thorough settings as fit into it, or a quick method.

What an answer will take is known roughly: deep holes take ten times as long per pixel as scattered ones, and other
programs come and go. So it is also left at what there is when its time is over.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..patches import (
    PatchSettings,
    Progress,
    answer,
    assumed_sigma,
    first_guess,
    fitted_part,
    settings_for,
)
from ..problem import Problem, Split
from ..trials.first_files import Made
from .answer_speed import TILE, affordable, choices, finished, pixels_of, seconds_of_guess, seconds_whole

LATE = 1.5
"""Times its time that an answer may be expected to take before it is begun anew with less thorough settings: its time
is 0.6 of what is left before the output, which it may have nearly all of. Beside two busy loops, which a first
measurement had not seen, 512 × 512 pixels with half of them missing took 75 seconds of 32; with 1.25 one with noise was
begun anew, and was 1.4 dB worse after 35 seconds of 60 than it had been after 43."""

MOST_THREADS = 8
"""Each works on a tile of its own, which takes about 0.2 GB."""


@dataclass(frozen=True, eq=False)
class TimedAnswer:
    """What there was time for.

    Args:
        image: the restored picture, (1, C, H, W).
        made: by the settings that suit the size of the picture, by less thorough ones, or by something else.
        usually: see ``KeptFirst``.
    """

    image: Tensor
    made: Made
    usually: float = 0.0


def answer_within(
    problem: Problem,
    *,
    left: float,
    threads: int,
    split: Split | None = None,
    progress: Progress | None = None,
    may_be_quick: bool = True,
) -> TimedAnswer:
    """Restore a picture with groups of similar patches, or with a quicker method where there is no time for them.

    Args:
        problem: what was measured, on the device that works.
        left: seconds of wall time for it; infinite: the usual settings.
        threads: that work on tiles, on a CPU; the same numbers come out.
        split: look at its fitted part alone; ``None``: at all of y.
        progress: hears of every tile.
        may_be_quick: whether a quick method may take their place.

    Returns:
        The image, on the device of y, and how it was made.

    Raises:
        OnlyQuickError: there is no time for similar patches, and nothing else may take their place.
    """
    threads = tile_threads(problem, threads)
    with plain_threads():
        until = time.perf_counter() + LATE * left
        settings = affordable(problem, threads=threads, left=left)
        guess = 0.0 if settings is None or math.isinf(left) else seconds_of_guess(problem, threads)
        while settings is not None:
            pace = _Pace(problem, settings, until, progress, guess)
            try:
                image = answer(
                    problem, split=split, settings=settings, threads=threads, progress=pace, over=pace.over
                )
            except _TooSlow as slow:
                settings = slow.instead
                continue
            usual = settings == settings_for(pixels_of(problem)) and not pace.was_over
            return TimedAnswer(image, "as usual" if usual else "hurried")
        if not may_be_quick:
            raise OnlyQuickError
        part = fitted_part(problem, split)
        usually = 0.0 if problem.croppable else seconds_whole(problem)
        guessed = first_guess(
            part, noise_sigma=assumed_sigma(part), over=lambda: time.perf_counter() >= until
        )
        return TimedAnswer(guessed, "by a quick method", usually)


class OnlyQuickError(Exception):
    """There is no time for similar patches."""


class _TooSlow(Exception):
    """The tiles of an answer take longer than there is time for, and less thorough settings do not."""

    def __init__(self, instead: PatchSettings) -> None:
        super().__init__(instead)
        self.instead = instead


@dataclass
class _Pace:
    """Hears of every tile of an answer, and ends it where the others would come too late.

    What a part of a moment has shown of the speed is of no use where other programs come and go.

    Args:
        problem: that is answered.
        settings: by which.
        until: when all of them have to be there, of ``time.perf_counter()``.
        progress: hears of every tile, too.
        guess: seconds that it takes to do the tiles by a quick method that are not begun when the time is over.

    Attributes:
        was_over: whether the time was over before the answer was finished.
    """

    problem: Problem
    settings: PatchSettings
    until: float
    progress: Progress | None
    guess: float = 0.0
    was_over: bool = field(default=False, init=False)
    _begun: float = field(default_factory=lambda: time.perf_counter(), init=False)
    _undone: float = field(default=1.0, init=False)

    def over(self) -> bool:
        """Whether no time is left."""
        if not self.was_over and math.isfinite(self.until):
            self.was_over = finished(self.problem.y) + self._undone * self.guess >= self.until
        return self.was_over

    def __call__(self, done: int, tiles: int) -> None:
        """Hear of one more tile."""
        self._undone = 1 - done / tiles
        if self.progress is not None:
            self.progress(done, tiles)
        now = finished(self.problem.y)
        whole = (now - self._begun) * tiles / done
        ends = self._begun + whole
        if done == tiles or ends <= self.until:
            return
        able = choices(self.problem)
        usual = able.get(self.settings, 1.0)
        for settings, factor in able.items():
            if factor < usual and now + whole * factor / usual <= min(self.until, ends):
                raise _TooSlow(settings)


def tile_threads(problem: Problem, threads: int) -> int:
    """How many of some threads work on the tiles of a picture at a time; on a GPU one tile keeps all of it at work."""
    return 1 if problem.y.is_cuda else min(threads, MOST_THREADS)


def threads_for(problem: Problem, threads: int) -> int:
    """How many of some threads a picture keeps at work at the most: each needs a tile of its own."""
    return 1 if max(problem.image_shape[-2:]) ** 2 <= TILE else min(threads, MOST_THREADS)


@contextmanager
def plain_threads() -> Iterator[None]:
    """Let PyTorch itself use one thread only."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
