"""Fits side by side on one device: the iterations that all of them make together, by the ways that there are.

A small network leaves most of a GPU idle. One process can make some steps of one fit after the other ("turns", as the
worker of a search does), or replay their graphs on streams of their own ("streams"); or each fit has a process
("processes", as with ``--workers``). Every fit is read at its check points, as in a search.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError
from typing import Literal

import torch

from ...errors import out_of_memory
from ...fitting import give_back_memory, make_engine
from ...fitting.compute import USUAL, Compute
from ...fitting.cuda_graph import captured, warm_up
from ...fitting.engine import Engine, read
from ...fitting.precision import Precision
from ...fitting.step import Step
from ...problem import Problem, Split, make_split
from ..shared.machine import Measured, measured_now, one_thread
from ..shared.sections import crossed, or_dash
from ..shared.worker_pool import end_with_parent
from .memory_prediction import random_problem
from .speed import CHECK_EVERY, FEWEST_TURNS, NETWORKS

Way = Literal["turns", "streams", "processes"]

PATIENCE = 180.0
"""Seconds that a process waits for the others to have a fit: each may load CUDA's libraries for twenty."""


@dataclass(frozen=True)
class SideRow:
    """Some fits of one network at once, in one way.

    Args:
        network, size: as in the table of speeds.
        way: see above.
        at_once: fits.
        its_per_s: iterations of all of them together, per second on the clock.
        gain: that, in what one fit alone makes; ``None`` where there was no room for so many.
    """

    network: str
    size: int
    device: str
    way: Way
    at_once: int
    its_per_s: float | None
    gain: float | None
    precision: Precision


@dataclass(frozen=True)
class SideTable(Measured):
    """The rows, and what they were measured on."""

    rows: tuple[SideRow, ...]


def measure_side_by_side(
    networks: Sequence[str],
    sizes: Sequence[int],
    *,
    at_once: Sequence[int],
    device: str = "cpu",
    compute: Compute = USUAL,
    seconds: float = 2.0,
    watch: Callable[[SideTable], None] = lambda table: None,
) -> SideTable:
    """Measure every network at every size, alone and so many at once in every way that the device has.

    Args:
        networks: names in `NETWORKS`.
        sizes: sides of the square picture, in pixels.
        at_once: numbers of fits, above 1.
        device: as PyTorch names it.
        compute: engine and precision.
        seconds: of each row.
        watch: told after each row, with the table so far.
    """
    ways: tuple[Way, ...] = ("turns", "streams", "processes")
    table = SideTable(*measured_now(device), ())
    for size, name in product(sizes, networks):
        alone = None
        for way, number in (("turns", 1), *((way, number) for number in at_once for way in ways)):
            if way == "streams" and not device.startswith("cuda"):
                continue
            made = _measured(way, name, size, device, compute, number=number, seconds=seconds)
            rate, precision = (None, compute.precision) if made is None else made
            alone = rate if number == 1 else alone
            gain = None if rate is None or alone is None else rate / alone
            row = SideRow(name, size, device, way, number, rate, gain, precision)
            table = replace(table, rows=(*table.rows, row))
            watch(table)
    return table


def _measured(
    way: Way, name: str, size: int, device: str, compute: Compute, *, number: int, seconds: float
) -> tuple[float, Precision] | None:
    """Iterations per second of all of them, and in which precision; ``None`` where memory was not enough."""
    try:
        if way == "processes":
            return _in_processes(name, size, device, compute, number=number, seconds=seconds)
        turn, precision = _prepared(way, name, size, device, compute, seeds=range(number))
        return number * CHECK_EVERY * _per_second(turn, seconds), precision
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
    give_back_memory(device)  # after the block above, whose frames hold the fits
    return None


Turn = Callable[[], object]
"""Advances every fit of a process to its next check point."""


def _prepared(
    way: Way, name: str, size: int, device: str, compute: Compute, *, seeds: Sequence[int]
) -> tuple[Turn, Precision]:
    """Some fits in this process, which have made their first steps."""
    one_thread()
    problem = random_problem(size, device=device)
    split = make_split(problem.to("cpu"), seed=0).to(device)
    if way == "streams":
        steps = [Step(NETWORKS[name], problem, split=split, seed=seed, compute=compute) for seed in seeds]
        turn, precision = _on_streams(steps, problem, split), steps[0].precision
    else:
        engines = [make_engine(compute, NETWORKS[name], problem, split=split, seed=seed) for seed in seeds]
        turn, precision = _in_turns(engines), engines[0].precision
    turn()
    return turn, precision


def _per_second(turn: Turn, seconds: float) -> float:
    """Turns per second; every one of them ends with a reading, which waits for the device."""
    begun, made = time.perf_counter(), 0
    while made < FEWEST_TURNS or time.perf_counter() < begun + seconds:
        turn()
        made += 1
    return made / (time.perf_counter() - begun)


def _in_turns(engines: Sequence[Engine]) -> Turn:
    return lambda: [one.advance(CHECK_EVERY) for one in engines]


def _on_streams(steps: Sequence[Step], problem: Problem, split: Split) -> Turn:
    """Graphs that are replayed at the same time can share no memory, unlike those that take turns."""
    device = steps[0].device
    graphs = []
    for step in steps:
        warm_up(step)
        graphs.append(captured(step, torch.cuda.graph_pool_handle()))
    streams = [torch.cuda.Stream(device) for _ in steps]  # type: ignore[no-untyped-call]

    def turn() -> None:
        torch.cuda.synchronize(device)
        for _ in range(CHECK_EVERY):
            for graph, stream in zip(graphs, streams, strict=True):
                with torch.cuda.stream(stream):
                    graph.replay()
        torch.cuda.synchronize(device)
        for step in steps:
            read(step, problem, split=split)

    return turn


def _in_processes(
    name: str, size: int, device: str, compute: Compute, *, number: int, seconds: float
) -> tuple[float, Precision] | None:
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    ready = context.Barrier(number)
    ends, processes = [], []
    for seed in range(number):
        here, there = context.Pipe(duplex=False)
        arguments = there, ready, name, size, device, compute, seed, seconds
        processes.append(context.Process(target=_alone, args=arguments, daemon=True))
        processes[-1].start()
        there.close()
        ends.append(here)
    try:
        found = [end.recv() for end in ends]
    except EOFError:  # it was ended, for lack of memory as a rule
        return None
    finally:
        for process in processes:
            process.join()
    rates = [rate for rate, _ in found]
    return CHECK_EVERY * sum(rates), found[0][1]


def _alone(
    out: Connection,
    ready: Barrier,
    name: str,
    size: int,
    device: str,
    compute: Compute,
    seed: int,
    seconds: float,
) -> None:
    """One of several processes, which begin to count when all of them have a fit."""
    end_with_parent()
    try:
        with ExitStack() as unless_ready:
            unless_ready.callback(ready.abort)  # whatever it is that goes wrong: the others are waiting
            turn, precision = _prepared("processes", name, size, device, compute, seeds=(seed,))
            ready.wait(PATIENCE)
            unless_ready.pop_all()
        out.send((_per_second(turn, seconds), precision))
    except BrokenBarrierError:
        return  # another one has said why
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise


def side_by_side_markdown(table: SideTable) -> str:
    """The table as a section of BENCHMARKS.md."""
    cells: dict[tuple[str, str], str] = {}
    for row in table.rows:
        line = f"{row.network}, {row.size}², {row.precision}"
        if row.at_once == 1:
            cells[line, "alone, it/s"] = or_dash(row.its_per_s, ".1f")
        else:
            cells[line, f"{row.at_once}, {row.way}"] = or_dash(row.gain)
    return "\n".join(
        [
            f"## Fits side by side on {table.machine}",
            "",
            f"`{table.command}`, {table.date}; torch {table.versions['torch']}. Iterations per second of one fit "
            "alone, and how many times as many several at once make together: in turns in one process, on streams of "
            "their own, or each in a process. A dash: there was not enough memory.",
            "",
            crossed("network", cells),
        ]
    )
