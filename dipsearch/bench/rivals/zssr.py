"""Zero-Shot Super-Resolution: a small network learns to enlarge from the picture's own smaller copy.

Own code after Shocher, Cohen and Irani, CVPR 2018 (arXiv 1712.06087): eight layers of 64 channels learn the residual
to the bicubic enlargement, with the mean absolute error, from the picture at several sizes in its eight turns and
flips; the answer is the median over these eight, and then agrees with the measurement by back projection. Unlike the
paper's, the picture is reduced by our operator, in one step whatever the factor, and the learning rate falls at set
times.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...problem import Downsample, Problem
from ...problem.randomness import generator_for
from .back_projection import back_projected, enlarged, interpolated, reduction
from .rival_limits import Limits
from .zs_n2n import plain_net

WIDTH, LAYERS = 64, 8
STEPS, LEARNING_RATE = 300, 3e-4
"""Chosen in its favour, on two small pictures (astronaut and house, 128 × 128) and their clean versions: 32 × 32 pixels
teach little, and with the paper's 1e-3 and a thousand steps the answer was worse than the bicubic one."""

FALLS, FALL = (0.5, 0.75, 0.9), 0.1
"""At these shares of the steps, or of the time, whichever is further, the learning rate falls to a tenth."""

SIZES = (1.0, 1.0, 7 / 8, 6 / 8, 5 / 8)
"""Of the picture that is learnt from, relative to its own; each as likely as the others."""

CROP = 128
"""The side of the random crops that a step learns from, at most."""

VIEWS = 8


@dataclass(frozen=True, eq=False)
class _Lesson:
    """What is learnt from: a picture, and the bicubic enlargement of its smaller copy."""

    wanted: Tensor
    blurred: Tensor


def zero_shot_super_resolution(problem: Problem, limits: Limits) -> Tensor:
    """Enlarge y ``(1, C, h, w)`` without any other picture; the result is ``(1, C, H, W)``."""
    operator = reduction(problem)
    draw = generator_for("zero-shot super-resolution", limits.seed)
    network = plain_net(
        problem.y.shape[1], width=WIDTH, layers=LAYERS, activation=nn.ReLU(), last_kernel=3, draw=draw
    )
    _learn(network, _lessons(problem.y, factor=operator.factor), limits, draw)
    with torch.no_grad():
        blurred = enlarged(problem)
        seen = [turned_back(_enhanced(network, turned(blurred, view)), view) for view in range(VIEWS)]
        image = torch.stack(seen).median(dim=0).values
    return back_projected(image, problem.y, operator).clamp(0, 1)


def _lessons(y: Tensor, *, factor: int) -> list[_Lesson]:
    lessons = []
    for size in SIZES:
        height, width = (max(round(side * size), 1) for side in y.shape[-2:])
        wanted = y if size == 1 else F.interpolate(y, (height, width), mode="bicubic", antialias=True)
        smaller = Downsample(factor, tuple(wanted.shape)).A(wanted)
        lessons.append(_Lesson(wanted, interpolated(smaller, factor=factor, height=height, width=width)))
    return lessons


def _learn(network: nn.Module, lessons: list[_Lesson], limits: Limits, draw: torch.Generator) -> None:
    adam = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    for progress in _progress(limits):
        for group in adam.param_groups:
            group["lr"] = LEARNING_RATE * FALL ** sum(progress >= share for share in FALLS)
        lesson = lessons[int(torch.randint(len(lessons), (1,), generator=draw))]
        view = int(torch.randint(VIEWS, (1,), generator=draw))
        wanted, blurred = (turned(part, view) for part in _crop(lesson, draw))
        adam.zero_grad()
        (_enhanced(network, blurred) - wanted).abs().mean().backward()  # type: ignore[no-untyped-call]
        adam.step()


def _progress(limits: Limits) -> Iterator[float]:
    """For every step the share of the work that is done."""
    start, steps = time.monotonic(), limits.most(STEPS)
    for step in range(steps):
        spent = (time.monotonic() - start) / limits.seconds
        if step and spent >= 1:
            return
        yield max(step / steps, spent)


def _crop(lesson: _Lesson, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    height, width = lesson.wanted.shape[-2:]
    rows, columns = min(height, CROP), min(width, CROP)
    top = int(torch.randint(height - rows + 1, (1,), generator=draw))
    left = int(torch.randint(width - columns + 1, (1,), generator=draw))
    window = (..., slice(top, top + rows), slice(left, left + columns))
    return lesson.wanted[window], lesson.blurred[window]


def _enhanced(network: nn.Module, blurred: Tensor) -> Tensor:
    return blurred + network(blurred)  # type: ignore[no-any-return]


def turned(x: Tensor, view: int) -> Tensor:
    """One of the eight turns and flips of ``(1, C, H, W)``."""
    x = torch.rot90(x, view % 4, (-2, -1))
    return x.flip(-1) if view >= 4 else x


def turned_back(x: Tensor, view: int) -> Tensor:
    """What ``turned`` undoes."""
    x = x.flip(-1) if view >= 4 else x
    return torch.rot90(x, -(view % 4), (-2, -1))
