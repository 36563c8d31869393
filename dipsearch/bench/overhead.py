"""The overhead: what a search does besides fitting, measured with candidates that compute nothing.

A real study is opened in a temporary folder, and one worker works on it in this process: genomes are proposed,
check points reported to Optuna and judged by the pruner, curves, outputs and genomes written. Only the fit is
left out. Then the state of the search is read and shown as a live display shows it, and the page with all its
curves and pictures is written. The parts are in processor time, so that other work on the machine does not count.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..execution.messages import SearchJob
from ..execution.worker import Worker
from ..fitting import Check, Ended, Fit
from ..fitting.ongoing import Curves
from ..library import starters_for
from ..network import Genome, Network, calibrate, cost
from ..planning.plan import USUAL_STEPS
from ..problem import TaskOptions, write_image
from ..report import write_page
from ..run import Request, Snapshot, read_study
from ..run.outcome import WorkerState
from ..run.run import Run, open_run
from ..trials.objective import Limits, Progress
from ..trials.problem_files import SplitProblem
from ..trials.trial import ranked
from .machine import command_line, machine_name, versions

_SIZE = 128
ALLOWED = 0.02

DRAWS_PER_SECOND = 4
"""How often a live display is drawn anew."""

_DRAWS = 40


@dataclass(frozen=True)
class Overhead:
    """What was measured.

    Attributes:
        candidates: that were proposed, reported and written.
        seconds_per_candidate: of the book-keeping, in the worker.
        seconds_per_reading: of reading all candidates anew, in the parent, after each of them.
        seconds_per_draw: of the live display.
        seconds_of_the_page: with all candidates, their curves and their pictures, once per search.
        seconds_of_a_fit: predicted for a usual network and a usual length at 128 × 128 on this machine.
    """

    machine: str
    command: str
    versions: dict[str, str]
    date: str
    candidates: int
    seconds_per_candidate: float
    seconds_per_reading: float
    seconds_per_draw: float
    seconds_of_the_page: float
    seconds_of_a_fit: float

    @property
    def parts(self) -> dict[str, float]:
        """Each part as a share of the fits' time, with one worker on one core; more cores share the parent's work."""
        fit = self.seconds_of_a_fit
        return {
            "book-keeping": self.seconds_per_candidate / fit,
            "reading the study": self.seconds_per_reading / fit,
            "live display": self.seconds_per_draw * DRAWS_PER_SECOND,
            "page and pictures": self.seconds_of_the_page / (self.candidates * fit),
        }

    @property
    def share(self) -> float:
        """Of a search's time that is not fitting."""
        beside = sum(self.parts.values())
        return beside / (1 + beside)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON, with the shares."""
        return {**asdict(self), "parts": self.parts, "share": self.share, "allowed": ALLOWED}

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Label and sentence, for people."""
        parts = ", ".join(f"{name} {100 * share:.2f} %" for name, share in self.parts.items())
        return (
            ("candidates", f"{self.candidates} that compute nothing, {USUAL_STEPS // 10} check points each"),
            ("book-keeping", f"{1000 * self.seconds_per_candidate:.0f} ms for each"),
            ("a usual fit", f"{self.seconds_of_a_fit:.0f} s at {_SIZE}×{_SIZE} (predicted)"),
            ("parts", parts),
            ("share", f"{100 * self.share:.2f} % of a search's time; {100 * ALLOWED:.0f} % are allowed"),
        )


def measure_overhead(*, seconds: float, draw: Callable[[Snapshot], None] = lambda snapshot: None) -> Overhead:
    """Work on a study of candidates that compute nothing for about `seconds`.

    Args:
        seconds: of wall time.
        draw: draws the live display.
    """
    limits = Limits(max_steps=USUAL_STEPS)
    with tempfile.TemporaryDirectory() as root:
        run = _session(Path(root))
        worker = Worker(run.folder, run.settings, 0, "cpu", evaluate=_nothing)
        worker.do(SearchJob(limits))  # what is imported and opened once does not count
        draw(_snapshot(run))
        until, clock, count = time.perf_counter() + seconds, time.process_time(), 0
        while count == 0 or time.perf_counter() < until:
            worker.do(SearchJob(limits))
            count += 1
        keeping = time.process_time() - clock
        clock = time.process_time()
        snapshot = _snapshot(run)
        reading = time.process_time() - clock
        clock = time.process_time()
        for _ in range(_DRAWS):
            draw(snapshot)
        drawing = time.process_time() - clock
        clock = time.process_time()
        write_page(read_study(run.folder))
        page = time.process_time() - clock
    usual = starters_for("denoise")[0][1]
    predicted = cost(usual, image_shape=(1, 3, _SIZE, _SIZE), calibration=calibrate("cpu"))
    return Overhead(
        machine_name("cpu"),
        command_line(),
        versions(),
        time.strftime("%Y-%m-%d"),
        count,
        keeping / count,
        reading,
        drawing / _DRAWS,
        page,
        (predicted.seconds_per_step or 0.0) * USUAL_STEPS,
    )


def _snapshot(run: Run) -> Snapshot:
    """The state of the search, read anew, as it is after each candidate."""
    trials = run.trials()
    counts = {state: sum(e.state == state for e in trials) for state in ("complete", "pruned", "failed")}
    best = ranked(trials)
    workers = tuple(
        WorkerState(i, f"candidate {i}", "0" * 12, 500, USUAL_STEPS, 25.0, 10.0) for i in range(2)
    )
    return Snapshot("searching", run.seconds, 60.0, workers, best=best[0] if best else None, **counts)


def _session(root: Path) -> Run:
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
    return open_run(request, root=root, resume=False, started=time.monotonic())


def _nothing(
    genome: Network,
    images: Sequence[SplitProblem],
    *,
    seed: int,
    limits: Limits,
    progress: Progress,
    halted: Callable[[], bool] = lambda: False,
) -> list[Fit]:
    """Show check points like those of a fit that slowly gets better, each candidate unlike the others."""
    assert isinstance(genome, Genome)
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
