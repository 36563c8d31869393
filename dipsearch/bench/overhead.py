"""The overhead: what a search does besides fitting, measured with candidates that compute nothing.

A real study is opened in a temporary folder, and one desk works on it in this process: genomes are proposed,
check points reported to Optuna and judged by the pruner, curves, outputs and genomes written. Only the fit is
left out. At the end the page is written once, as a search does.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..fitting import Check, Ended, Fit
from ..fitting.loop import Curves
from ..library import starters_for
from ..network import Genome, calibrate, cost
from ..problem import TaskOptions, write_image
from ..search import Request
from ..search.desk import Desk
from ..search.messages import SearchJob
from ..search.objective import Limits, Progress
from ..search.plan import USUAL_STEPS
from ..search.prepared import Prepared
from ..search.session import open_session

_SIZE = 128
ALLOWED = 0.02


@dataclass(frozen=True)
class Overhead:
    """What was measured.

    Attributes:
        candidates: that were proposed, reported and written.
        seconds_per_candidate: of everything but the fit, in the worker.
        seconds_of_a_fit: predicted for a usual network and a usual length at 128 × 128 on this machine.
    """

    candidates: int
    seconds_per_candidate: float
    seconds_of_a_fit: float

    @property
    def share(self) -> float:
        """Of a search's time that is not fitting."""
        return self.seconds_per_candidate / (self.seconds_per_candidate + self.seconds_of_a_fit)

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Label and sentence, for people."""
        return (
            ("candidates", f"{self.candidates} that compute nothing, {USUAL_STEPS // 10} check points each"),
            ("book-keeping", f"{1000 * self.seconds_per_candidate:.0f} ms for each"),
            ("a usual fit", f"{self.seconds_of_a_fit:.0f} s at {_SIZE}×{_SIZE} (predicted)"),
            ("share", f"{100 * self.share:.2f} % of a search's time; {100 * ALLOWED:.0f} % are allowed"),
        )


def measure_overhead(*, seconds: float) -> Overhead:
    """Work on a study of candidates that compute nothing for about `seconds`."""
    with tempfile.TemporaryDirectory() as root:
        desk = _desk(Path(root))
        limits = Limits(max_steps=USUAL_STEPS)
        desk.do(SearchJob(limits))  # what is imported and opened once does not count
        start, count = time.perf_counter(), 0
        while count == 0 or time.perf_counter() - start < seconds:
            desk.do(SearchJob(limits))
            count += 1
        each = (time.perf_counter() - start) / count
    usual = starters_for("denoise")[0][1]
    predicted = cost(usual, image_shape=(1, 3, _SIZE, _SIZE), calibration=calibrate("cpu"))
    return Overhead(count, each, (predicted.seconds_per_step or 0.0) * USUAL_STEPS)


def _desk(root: Path) -> Desk:
    picture = root / "picture.png"
    write_image(picture, torch.rand(1, 3, _SIZE, _SIZE, generator=torch.Generator().manual_seed(0)))
    request = Request(
        sources=(str(picture),),
        options=TaskOptions("denoise", sigma=25, simulate=True),
        trials=10**6,
        workers=1,
        device="cpu",
        name="overhead",
    )
    session = open_session(request, root=root, resume=False, started=time.monotonic())
    return Desk(session.folder, session.settings, 0, "cpu", evaluate=_nothing)


def _nothing(
    genome: Genome,
    images: Sequence[Prepared],
    *,
    seed: int,
    limits: Limits,
    progress: Progress,
    halted: Callable[[], bool] = lambda: False,
) -> list[Fit]:
    """Show check points like those of a fit that slowly gets better, each candidate unlike the others."""
    level = 0.01 * (1 + int(genome.digest[:4], 16) / 2**16)
    steps = np.arange(limits.check_every, limits.max_steps + 1, limits.check_every)
    losses = level * (1 + 100 / steps)
    image = images[0].problem.y
    ended = Ended.STEPS
    for step, loss in zip(steps, losses, strict=True):
        ended = progress(0, Check(int(step), float(loss), float(loss)), image) or ended
        if ended is not Ended.STEPS:
            break
    curves = Curves(steps, losses, losses, 0.0 * losses)
    return [Fit(image, int(steps[-1]), ended, float(losses[-1]), float(losses[-1]), curves, 0.0)]
