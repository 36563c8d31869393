"""The scaling: how much faster two workers are than one, with processes, slices and files as in a search."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from ...execution.executor import Executor, WorkerSpec
from ...execution.local_processes import LocalProcesses
from ...execution.task import Advanced, Limits, Result, Slice

WANTED = 1.8
TURNS, SECONDS = 3, 10.0
ENDLESS = 10**9


@dataclass(frozen=True)
class Scaling:
    """Iterations per second of all workers, each the median of some turns.

    Attributes:
        one, two: of so many workers.
        ratios: of each turn.
    """

    one: float
    two: float
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How much faster two are, the median of the turns."""
        return median(self.ratios)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "ratio": self.ratio, "wanted": WANTED}

    @property
    def sentence(self) -> str:
        """For people."""
        turns = ", ".join(f"{ratio:.2f}" for ratio in self.ratios)
        return (
            f"{self.two:.1f} iterations per second, {self.one:.1f} with one: {self.ratio:.2f} times as many "
            f"(in turns {turns}; at least {WANTED} on a machine that does nothing else)"
        )


def measure_scaling(folder: Path, task: Slice) -> Scaling:
    """Let one worker and two of them work in turns.

    Args:
        folder: of a study.
        task: a slice of a fit in it.
    """
    rates: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(TURNS):
        for count, found in rates.items():
            place = f"scaling/{turn}-{count}"
            specs = [WorkerSpec(index, "cpu") for index in range(count)]
            with LocalProcesses(folder, specs) as executor:
                found.append(iterations_per_second(executor, replace(task, place=place), seconds=SECONDS))
    ratios = tuple(two / one for one, two in zip(rates[1], rates[2], strict=True))
    return Scaling(median(rates[1]), median(rates[2]), ratios)


def iterations_per_second(
    executor: Executor, task: Slice, *, seconds: float, clock: Callable[[], float] = time.monotonic
) -> float:
    """Of all workers together, each with fits of its own in slices of a second.

    Args:
        seconds: after everybody's first slice, in which libraries are loaded and networks built.
    """
    limits = Limits(max_steps=ENDLESS, patience=ENDLESS, compute=task.limits.compute)
    endless = replace(task, limits=limits, at=0, steps=ENDLESS, seconds=1.0, keep=True)
    steps = _first_slices(executor, endless)
    begun, at_work = clock(), dict[str, Future[Result]]()
    made, passed = dict.fromkeys(steps, 0), dict.fromkeys(steps, 0.0)
    while at_work or clock() - begun < seconds:
        for place in [place for place in steps if place not in at_work and clock() - begun < seconds]:
            _, at_work[place] = executor.submit(replace(endless, place=place, at=steps[place]))
        executor.wait(1.0)
        for place in [place for place, future in at_work.items() if future.done()]:
            found = at_work.pop(place).result()
            assert isinstance(found, Advanced)
            steps[place], passed[place] = found.steps, clock() - begun
            made[place] += found.made
    return sum(made[place] / passed[place] for place in steps)


def _first_slices(executor: Executor, endless: Slice) -> dict[str, int]:
    """Have a slice of a fit done for every worker; how far they have come, by their places."""
    places = [f"{endless.place}-{one.index}" for one in executor.workers]
    futures = {place: executor.submit(replace(endless, place=place))[1] for place in places}
    while not all(future.done() for future in futures.values()):
        executor.wait(1.0)
    found = {place: future.result() for place, future in futures.items()}
    return {place: one.steps for place, one in found.items() if isinstance(one, Advanced)}
