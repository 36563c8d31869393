"""The overhead: what a search does besides iterating, with the shortest slices that there are.

A real search is worked on in this process with fits that compute nothing (`still_search`), and all that is left is
timed: deciding, asking and telling Optuna, sending, the log of the slices; in the worker reading, building and writing
of fits. Then the live display is kept for some seconds, and the page is written. All of it is processor time, so that
other work on the machine does not count; that the search waits for its disk is told beside it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...execution.runner import TICK
from ...execution.task import STATE
from ...execution.timed_answer import plain_threads
from ...library import preset
from ...report import write_page
from ...run import Callback, Silent, read_study
from ...run.scheduler import Scheduler
from ...run.search_slices import slice_of
from ..shared.machine import Measured, measured_now
from .cluster_cost import ClusterCost, measure_cluster
from .scaling import Scaling, measure_scaling
from .still_search import StillSearch, open_still_search

ALLOWED = 0.03
USUAL, SIZE = "dipsearch_pilot_32", 128
SHOWN = 10.0
"""Seconds for which the display is kept."""


@dataclass(frozen=True)
class Overhead(Measured):
    """What was measured, with one worker that shares its core with the parent process; more cores share its work.

    Attributes:
        network, size: what was fitted, to a picture with so many pixels on each side.
        slices: how many there were.
        candidates: that they belonged to.
        from_files: slices whose fits the worker did not have in its memory any more.
        kept: slices after which it wrote their files.
        state_bytes: of the largest of these files.
        seconds_of_a_slice: of iterations, as counted.
        seconds_in_the_worker: of a slice: reading, building, writing.
        seconds_per_decision: of the policy.
        seconds_of_the_books: of a slice, for what Optuna's storage is asked and told.
        seconds_handing_out: of a slice, in the parent: everything else.
        seconds_waiting: of a slice, not of the processor but for the disk and for other programs.
        seconds_of_the_display: of each second that it is looked at.
        seconds_of_the_page: with all candidates, their curves and their pictures, once per search.
        scaling: of two workers; ``None``: it was not measured.
        cluster: by Dask against local processes; ``None``: it was not measured.
    """

    network: str
    size: int
    slices: int
    candidates: int
    from_files: int
    kept: int
    state_bytes: int
    seconds_of_a_slice: float
    seconds_in_the_worker: float
    seconds_per_decision: float
    seconds_of_the_books: float
    seconds_handing_out: float
    seconds_waiting: float
    seconds_of_the_display: float
    seconds_of_the_page: float
    scaling: Scaling | None = None
    cluster: ClusterCost | None = None

    @property
    def parts(self) -> dict[str, float]:
        """Each part as a share of the time of the iterations."""
        each = self.seconds_of_a_slice
        return {
            "reading, building and writing fits": self.seconds_in_the_worker / each,
            "deciding": self.seconds_per_decision / each,
            "book-keeping": self.seconds_of_the_books / each,
            "handing out": self.seconds_handing_out / each,
            "live display": self.seconds_of_the_display,
            "page and pictures": self.seconds_of_the_page / (self.slices * each),
        }

    @property
    def share(self) -> float:
        """Of a search's time that is not iterating."""
        beside = sum(self.parts.values())
        return beside / (1 + beside)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON, with the shares."""
        scaling = None if self.scaling is None else self.scaling.to_dict()
        return {
            **super().to_dict(),
            "scaling": scaling,
            "cluster": None if self.cluster is None else self.cluster.to_dict(),
            "parts": self.parts,
            "share": self.share,
            "allowed": ALLOWED,
        }

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Label and sentence, for people."""
        parts = ", ".join(f"{name} {100 * share:.2f} %" for name, share in self.parts.items())
        found = [
            (
                "slices",
                f"{self.slices} of {self.seconds_of_a_slice:.2f} s of {self.network} at {self.size}×{self.size}, "
                f"{self.candidates} candidates; {self.from_files} were taken up from files",
            ),
            ("a fit's state", f"{self.state_bytes / 1e6:.1f} MB, written by {self.kept} of the slices"),
            (
                "waiting",
                f"{1000 * self.seconds_waiting:.0f} ms per slice for the disk and for other programs",
            ),
            ("parts", parts),
            ("share", f"{100 * self.share:.2f} % of a search's time; {100 * ALLOWED:.0f} % are allowed"),
        ]
        found += [] if self.scaling is None else [("two workers", self.scaling.sentence)]
        found += [] if self.cluster is None else [("cluster", self.cluster.sentence)]
        return tuple(found)


def measure_overhead(
    *,
    seconds: float,
    callback: Callback | None = None,
    scaling: bool = False,
    cluster: bool = False,
    network: str = USUAL,
    size: int = SIZE,
    show: float = SHOWN,
    watch: Callable[[str], None] = lambda sentence: None,
) -> Overhead:
    """Work on a search in which nothing is computed.

    Args:
        seconds: of the search, as counted: about as many slices.
        callback: shows it; by default nothing does.
        scaling: measure two workers against one as well; that takes a minute or two.
        cluster: measure a worker of Dask's against a local process as well; that takes two minutes.
        network: the preset of all candidates.
        size: of the picture, pixels on each side.
        show: seconds for which the display is kept.
        watch: hears what is measured.
    """
    hears = callback or Silent()
    with plain_threads(), tempfile.TemporaryDirectory() as root:  # as workers have it
        still = open_still_search(
            Path(root),
            preset(network),
            size=size,
            seconds=seconds,
            scheduled=lambda run, runner: Scheduler(run, runner, hears),
        )
        watch("a search in which nothing is computed")
        wall, processor = time.perf_counter(), time.process_time()
        still.search.work()
        processor = time.process_time() - processor
        wall = time.perf_counter() - wall
        watch("the live display")
        display = _displayed(still, seconds=show)
        clock = time.process_time()
        write_page(read_study(still.folder))
        page = time.process_time() - clock
        found = _overhead(still, processor=processor, wall=wall, display=display, page=page)
        found = replace(found, network=network, size=size)
        task = slice_of(still.search.run, next(iter(still.search.candidates.values())))
        if scaling:
            watch("two workers against one")
            found = replace(found, scaling=measure_scaling(still.folder, task))
        if cluster:
            watch("a worker of Dask's against a local process")
            found = replace(found, cluster=measure_cluster(still.folder, task))
    return found


def _displayed(still: StillSearch, *, seconds: float) -> float:
    """Processor time of each second in which the state is shown as while a search is at work: by the clock, and after
    every slice of a second."""
    still.runner.shown = True
    still.scheduler.heard()
    time.sleep(TICK)  # what is imported and opened once does not count
    clock, begun = time.process_time(), time.perf_counter()
    while time.perf_counter() - begun < seconds:
        still.scheduler.heard()
        time.sleep(1 / (1 / TICK + 1))
    return (time.process_time() - clock) / (time.perf_counter() - begun)


def _overhead(still: StillSearch, *, processor: float, wall: float, display: float, page: float) -> Overhead:
    executor, books, policy = still.executor, still.books.watch, still.policy.watch
    slices, begun = executor.slices, executor.worker.begun.seconds
    rest = processor - executor.watch.seconds - books.seconds - policy.seconds
    return Overhead(
        *measured_now("cpu"),
        network="",
        size=0,
        slices=slices,
        candidates=len(still.search.candidates),
        from_files=executor.worker.from_files,
        kept=executor.kept,
        state_bytes=max(file.stat().st_size for file in still.folder.glob(f"trials/*/{STATE}")),
        seconds_of_a_slice=executor.passed / slices,
        seconds_in_the_worker=(executor.watch.seconds - begun) / slices,
        seconds_per_decision=policy.seconds / slices,
        seconds_of_the_books=books.seconds / slices,
        seconds_handing_out=rest / slices,
        seconds_waiting=(wall - processor) / slices,
        seconds_of_the_display=display,
        seconds_of_the_page=page,
    )
