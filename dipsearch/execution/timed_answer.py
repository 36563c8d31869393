"""An answer by similar patches in the time that there is: by as thorough settings as fit into it, or a quick method."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import InputError
from ..patches import (
    DEFAULT,
    HURRIED,
    QUICK,
    SHORTENED,
    PatchSettings,
    Progress,
    answer,
    assumed_sigma,
    first_guess,
    fitted_part,
    settings_for,
)
from ..problem import Identity, Problem, Split, crop_problem
from ..trials.first_files import Made

DENOISING, OTHERS = (4.6, 2.9, 1.9), (15.0, 8.0, 2.7)
"""The time of the usual, the shortened and the quick settings, in that of the hurried ones: denoising, and everything
else; see ``HURRIED``."""

SLOW = 1e-3
"""Seconds per pixel that a machine six times as slow as usual takes; where even that is there, nothing is measured."""

FAST = 5e-6
"""Seconds per pixel and thread that a processor twice as fast as that of ``HURRIED``'s table takes; where not even that
is there, nothing is measured either."""

PROBE, PROBE_ON_GPU, TILE = 64, 256, 256 * 256
"""Side of the part on which the speed is measured (a GPU takes as long for smaller ones), and pixels of a tile, which
one thread works on."""

LATE = 1.5
"""Times its time that an answer may be expected to take before it is begun anew with less thorough settings: its time
is 0.6 of what is left before the output, which it may have nearly all of. Beside two busy loops, which a first
measurement had not seen, 512 × 512 pixels with half of them missing took 75 seconds of 32; with 1.25 one with noise was
begun anew, and was 1.4 dB worse after 35 seconds of 60 than it had been after 43."""

APPLICATIONS = 280
"""Of an operator that cannot be cropped and of its adjoint, in an answer: counted, 280 to 281 with any settings."""

MOST_THREADS = 8
"""Each works on a tile of its own, which takes about 0.2 GB."""


@dataclass(frozen=True, eq=False)
class TimedAnswer:
    """What there was time for.

    Args:
        image: the restored picture, (1, C, H, W).
        made: by the settings that suit the size of the picture, by less thorough ones, or by something else.
    """

    image: Tensor
    made: Made


def answer_within(
    problem: Problem,
    *,
    left: float,
    threads: int,
    split: Split | None = None,
    progress: Progress | None = None,
) -> TimedAnswer:
    """Restore a picture with groups of similar patches, or with a quicker method where there is no time for them.

    Args:
        problem: what was measured, on the device that works.
        left: seconds of wall time for it; infinite: the usual settings.
        threads: that work on tiles, on a CPU; the same numbers come out.
        split: look at its fitted part alone; ``None``: at all of y.
        progress: hears of every tile.

    Returns:
        The image, on the device of y, and how it was made.
    """
    threads = tile_threads(problem, threads)
    with plain_threads():
        until = time.perf_counter() + LATE * left
        settings = _affordable(problem, threads=threads, left=left)
        while settings is not None:
            pace = _Pace(problem, settings, until, progress)
            try:
                image = answer(problem, split=split, settings=settings, threads=threads, progress=pace)
            except _TooSlow as slow:
                settings = slow.instead
                continue
            usual = settings == settings_for(_pixels(problem))
            return TimedAnswer(image, "as usual" if usual else "hurried")
        part = fitted_part(problem, split)
        return TimedAnswer(first_guess(part, noise_sigma=assumed_sigma(part)), "by a quick method")


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
    """

    problem: Problem
    settings: PatchSettings
    until: float
    progress: Progress | None
    _begun: float = field(default_factory=lambda: time.perf_counter(), init=False)

    def __call__(self, done: int, tiles: int) -> None:
        """Hear of one more tile."""
        if self.progress is not None:
            self.progress(done, tiles)
        now = _finished(self.problem.y)
        whole = (now - self._begun) * tiles / done
        ends = self._begun + whole
        if done == tiles or ends <= self.until:
            return
        choices = _choices(self.problem)
        usual = choices.get(self.settings, 1.0)
        for settings, factor in choices.items():
            if factor < usual and now + whole * factor / usual <= min(self.until, ends):
                raise _TooSlow(settings)


def tile_threads(problem: Problem, threads: int) -> int:
    """How many of some threads work on the tiles of a picture at a time; on a GPU one tile keeps all of it at work."""
    return 1 if problem.y.is_cuda else min(threads, MOST_THREADS)


def threads_for(problem: Problem, threads: int) -> int:
    """How many of some threads a picture keeps at work at the most: each needs a tile of its own."""
    return 1 if max(problem.image_shape[-2:]) ** 2 <= TILE else min(threads, MOST_THREADS)


def _affordable(problem: Problem, *, threads: int, left: float) -> PatchSettings | None:
    """The best settings for which there is time; ``None``: there is none for any."""
    usual, pixels = settings_for(_pixels(problem)), _pixels(problem)
    # A hurried answer to a small part shows how fast this machine is at the moment, as busy as it is.
    side = min(PROBE_ON_GPU if problem.y.is_cuda else PROBE, *problem.y.shape[-2:])
    if not problem.croppable:  # the operator is applied to all of it, as often with any settings
        return usual if math.isinf(left) or APPLICATIONS * _seconds_of_operator(problem) < left else None
    if pixels * SLOW < left or side == max(problem.y.shape[-2:]):
        return usual
    top, start = (problem.y.shape[-2] - side) // 2, (problem.y.shape[-1] - side) // 2
    part = crop_problem(problem, top=top, left=start, height=side, width=side)
    parallel = min(threads, max(1, pixels // TILE))
    if not problem.y.is_cuda and left < pixels * FAST / parallel:
        return None
    try:
        # The first time, libraries are loaded, too.
        took = min(_seconds_of(part) for _ in range(2))
    except InputError:  # nothing was measured there
        return HURRIED
    each = took / _pixels(part) * pixels / parallel
    able = [settings for settings, factor in _choices(problem).items() if factor * each <= left]
    if usual in able:
        return usual
    return able[0] if able else None


def _choices(problem: Problem) -> dict[PatchSettings, float]:
    """Settings, the most thorough ones first, and how long they take in the time of the last."""
    times = DENOISING if isinstance(problem.operator, Identity) else OTHERS
    return dict(zip((DEFAULT, SHORTENED, QUICK, HURRIED), (*times, 1.0), strict=True))


def _seconds_of_operator(problem: Problem) -> float:
    """Of A and its adjoint, each applied once."""

    def once() -> float:
        begun = _finished(problem.y)
        problem.operator.A(problem.operator.A_adjoint(problem.y))
        return _finished(problem.y) - begun

    return min(once() for _ in range(2))


def _seconds_of(part: Problem) -> float:
    begun = _finished(part.y)
    answer(part, settings=HURRIED)
    return _finished(part.y) - begun


def _finished(y: Tensor) -> float:
    """The time when all that was asked of a device is done: a GPU goes on while this process asks for more."""
    if y.is_cuda:
        torch.cuda.synchronize(y.device)
    return time.perf_counter()


def _pixels(problem: Problem) -> int:
    """Of the picture."""
    return problem.image_shape[-2] * problem.image_shape[-1]


@contextmanager
def plain_threads() -> Iterator[None]:
    """Let PyTorch itself use one thread only."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
