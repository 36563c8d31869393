"""How long similar patches take for a picture here and now, from what they take for a small part of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from ..patches import (
    DEFAULT,
    HURRIED,
    QUICK,
    SHORTENED,
    PatchSettings,
    answer,
    assumed_sigma,
    first_guess,
    settings_for,
)
from ..patches.alternation import smoothed
from ..patches.answer import alternations
from ..patches.colour import decorrelation_for
from ..problem import Identity, Mask, Problem, crop_problem, sees_little

DENOISING, OTHERS = (4.6, 2.9, 1.9), (15.0, 8.0, 2.7)
"""The time of the usual, the shortened and the quick settings, in that of the hurried ones: denoising, and everything
else; see ``HURRIED``."""

SLOW = 1e-3
"""Seconds per pixel that a machine six times as slow as usual takes; where even that is there, nothing is measured."""

FAST = 5e-6
"""Seconds per pixel and thread that a processor twice as fast as that of ``HURRIED``'s table takes; where not even that
is there, nothing is measured either."""

PROBE_SHARE = 0.1
"""Of the time that there is, what the speed may be measured for: around a deep hole that is as long as the answer."""

MOSTLY_MISSING = 0.75
"""Share of a part from which on too little in it says what is missing, for the speed to be measured there."""

PROBE, PROBE_ON_GPU, TILE = 64, 256, 256 * 256
"""Side of the part on which the speed is measured (a GPU takes as long for smaller ones), and pixels of a tile, which
one thread works on."""

APPLICATIONS, OF_LITTLE = 750, 1080
"""Of an operator that cannot be cropped and of its adjoint, in an answer, the second where it sees little: counted, 721
and 749 for a gain by columns and a blur, 1078 for random projections; Fourier samples, met exactly, take 295."""


def affordable(problem: Problem, *, threads: int, left: float) -> PatchSettings | None:
    """The best settings for which there is time; ``None``: there is none for any."""
    pixels = pixels_of(problem)
    usual = settings_for(pixels)
    # A hurried answer to a small part shows how fast this machine is at the moment, as busy as it is.
    side = _probe_side(problem)
    if not problem.croppable:  # the operator is applied to all of it, as often with any settings
        return usual if math.isinf(left) or seconds_whole(problem) < left else None
    if pixels * SLOW < left or side == max(problem.y.shape[-2:]):
        return usual
    part, parallel = _probed(problem), _tiles_at_a_time(problem, threads)
    if not problem.y.is_cuda and left < _worked_on(problem) * FAST / parallel:
        return None
    within = PROBE_SHARE * left
    try:
        took = _seconds_of(part, within)
        if took < within / 2:  # the first time, libraries are loaded, too
            took = min(took, _seconds_of(part, within))
    except InputError:  # nothing was measured there
        return HURRIED
    each = took / _worked_on(part) * _worked_on(problem) / parallel
    if took >= within:  # it may not have been finished, so more than that is needed
        return HURRIED if each <= left else None
    able = [settings for settings, factor in choices(problem).items() if factor * each <= left]
    if usual in able:
        return usual
    return able[0] if able else None


def choices(problem: Problem) -> dict[PatchSettings, float]:
    """Settings, the most thorough ones first, and how long they take in the time of the last."""
    times = DENOISING if isinstance(problem.operator, Identity) else OTHERS
    return dict(zip((DEFAULT, SHORTENED, QUICK, HURRIED), (*times, 1.0), strict=True))


def seconds_whole(problem: Problem) -> float:
    """Of an answer to what cannot be cropped, from A and its adjoint, each applied once; on a GPU, where these take no
    longer than the launch of a few kernels, also from one pass of patches over its image."""
    seconds = (OF_LITTLE if sees_little(problem) else APPLICATIONS) * _least_of_two(
        problem, lambda: problem.operator.A(problem.operator.A_adjoint(problem.y))
    )
    if problem.y.is_cuda:
        back = problem.operator.A_adjoint(problem.y)
        how, _ = alternations(problem, settings_for(pixels_of(problem)))
        (sigma, _, members), colours = how.passes()[0], decorrelation_for(back)
        seconds += len(how.sigmas) * _least_of_two(
            problem, lambda: smoothed(back, how, colours, sigma=sigma, members=members)
        )
    return seconds


def _least_of_two(problem: Problem, work: Callable[[], object]) -> float:
    """Seconds that something takes on the device of a problem; the first time libraries are loaded, too."""

    def once() -> float:
        begun = finished(problem.y)
        work()
        return finished(problem.y) - begun

    return min(once() for _ in range(2))


def _seconds_of(part: Problem, within: float) -> float:
    """Of a hurried answer to a part; where that is more than ``within``, of as many of its passes."""
    begun = finished(part.y)
    answer(part, settings=HURRIED, over=lambda: finished(part.y) - begun >= within)
    return finished(part.y) - begun


def seconds_of_guess(problem: Problem, threads: int) -> float:
    """Of what a quick method makes of the whole, from what it takes for a part."""
    if not problem.croppable:
        return 0.0  # it comes whole, and begins with the guess
    part = _probed(problem)
    begun = finished(part.y)
    first_guess(part, noise_sigma=assumed_sigma(part))
    took = finished(part.y) - begun
    return took / _worked_on(part) * _worked_on(problem) / _tiles_at_a_time(problem, threads)


def _tiles_at_a_time(problem: Problem, threads: int) -> int:
    return min(threads, max(1, pixels_of(problem) // TILE))


def _probe_side(problem: Problem) -> int:
    height, width = problem.y.shape[-2:]
    return min(PROBE_ON_GPU if problem.y.is_cuda else PROBE, height, width)


def _probed(problem: Problem) -> Problem:
    """The part on which the speed is measured: in the middle, or where most has to be filled in."""
    side, height, width = _probe_side(problem), *problem.y.shape[-2:]
    if not isinstance(problem.operator, Mask):
        top, left = (height - side) // 2, (width - side) // 2
        return crop_problem(problem, top=top, left=left, height=side, width=side)
    stride = max(1, side // 4)
    missing = (problem.observed == 0).any(1, keepdim=True).float()
    shares = F.avg_pool2d(missing, side, stride)[0, 0]
    there = torch.where(shares <= MOSTLY_MISSING, shares, -shares)
    row, column = divmod(int(there.argmax()), int(shares.shape[1]))
    return crop_problem(problem, top=row * stride, left=column * stride, height=side, width=side)


def _worked_on(problem: Problem) -> int:
    """Pixels that an answer takes time for: where nothing is noisy, those that are missing."""
    if not isinstance(problem.operator, Mask) or assumed_sigma(problem) > 0:
        return pixels_of(problem)
    return max(1, int((problem.observed == 0).any(1).sum()))


def finished(y: Tensor) -> float:
    """The time when all that was asked of a device is done: a GPU goes on while this process asks for more."""
    if y.is_cuda:
        torch.cuda.synchronize(y.device)
    return time.perf_counter()


def pixels_of(problem: Problem) -> int:
    """Of the picture."""
    return problem.image_shape[-2] * problem.image_shape[-1]
