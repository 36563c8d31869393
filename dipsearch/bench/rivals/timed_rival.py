"""A rival at work on one case: what it makes of it, how long that takes, and the ways in which it may fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from torch import Tensor

from ...errors import DipsearchError
from ...problem import psnr, ssim
from ...problem.metrics import WINDOW
from ...trials.true_quality import finite
from ..cases.rival_case import RivalCase
from .rival_limits import Limits
from .rivals import Rival

FAILURES = (DipsearchError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
"""Other people's programs refuse pictures in whatever way they like."""


@dataclass(frozen=True, eq=False)
class TimedImage:
    """A restoration and what it took.

    Args:
        image: (1, C, H, W), cut to [0, 1] as a file would be.
        cpu_s: processor seconds of this process.
        wall_s: seconds on the clock.
    """

    image: Tensor
    cpu_s: float
    wall_s: float

    def psnr(self, case: RivalCase) -> float | None:
        """In dB, against the clean picture; ``None`` where it is infinite."""
        return finite(psnr(self.image, case.clean))

    def ssim(self, case: RivalCase) -> float | None:
        """Likewise; ``None`` for pictures that are too small."""
        return finite(ssim(self.image, case.clean)) if min(case.clean.shape[-2:]) >= WINDOW else None


def restored(rival: Rival, case: RivalCase, limits: Limits) -> TimedImage:
    """Let a rival restore a case; its modules are imported before the clock starts.

    Raises:
        FAILURES: the rival does not like the picture.
    """
    for module in rival.modules:
        import_module(module)
    return timed(lambda: rival.restore(case.problem, limits))


def timed(work: Callable[[], Tensor]) -> TimedImage:
    """What ``work`` restores, with its times."""
    cpu, wall = time.process_time(), time.monotonic()
    image = work()
    cpu_s, wall_s = time.process_time() - cpu, time.monotonic() - wall
    return TimedImage(image.detach().cpu().clamp(0, 1), cpu_s, wall_s)
