"""Iterations per second of our engines beside those of the textbook loop, on the same networks, in one
process.

The two take turns of about a second, so that whatever else the machine does meets both; the ratio of each
pair of turns is one sample, and the median of them the result. The share of the peak counts the operations of
the plain convolutions (six per multiply-add and iteration), whatever form computed them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import torch

from ...fitting import make_engine
from ...fitting.compute import Compute
from ...fitting.memory import allocate_as_usual, keep_freed_memory
from ...fitting.precision import Precision, effective
from ...network import Genome, Scale, build, cost, make_input
from ...network.peak_memory import memory_bytes
from ...problem import make_split
from ..shared.machine import Ceilings, Clock, Measured, measure_ceilings, measured_now
from ..shared.sections import markdown_table, or_dash
from .memory_prediction import measured_bytes, random_problem
from .textbook import TextbookLoop

CHECK_EVERY = 10
FLOPS_PER_MULTIPLY_ADD = 6  # a product and a sum, forward and for either gradient
FEWEST_TURNS, TURN_SECONDS = 3, 1.0


def _pyramid(widths: Sequence[int], skips: Sequence[int], **changes: Any) -> Genome:
    scales = tuple(
        Scale(width, width, channels_skip=skip, kernel_skip=1 if skip else None)
        for width, skip in zip(widths, skips, strict=True)
    )
    return Genome(scales=scales, **changes)


NETWORKS: dict[str, Genome] = {
    "128x5": Genome(),  # the authors' default
    "8-16-32-64-128": _pyramid((8, 16, 32, 64, 128), (0, 0, 0, 4, 4), input_channels=3),
    "32x4": _pyramid((32,) * 4, (4,) * 4),
    "64x4": _pyramid((64,) * 4, (4,) * 4),
    "decoder": _pyramid((64,) * 5, (0,) * 5, upsampling="nearest"),
}


@dataclass(frozen=True)
class SpeedRow:
    """One network at one size on one engine.

    Attributes:
        its_per_s, textbook_its_per_s: medians over the turns.
        ratio_to_textbook: median over the pairs of turns; ratio_low, ratio_high: the smallest and the
            largest.
        peak_share: operations per second, of those of the measured matrix product in the same precision.
        gflop, mbyte: of one iteration; bytes are those that are kept for the backward pass, written and read.
        memory_predicted_mb, memory_measured_mb: in 10⁶ bytes; the latter None where it cannot be told.
        turns: pairs that were measured.
    """

    network: str
    size: int
    device: str
    engine: str
    its_per_s: float
    ratio_to_textbook: float
    peak_share: float
    memory_predicted_mb: float
    memory_measured_mb: float | None
    textbook_its_per_s: float
    ratio_low: float
    ratio_high: float
    gflop: float
    mbyte: float
    precision: str
    turns: int


@dataclass(frozen=True)
class SpeedTable(Measured):
    """The rows, and what they were measured on."""

    threads: int
    clock: str
    ceilings: Ceilings
    rows: tuple[SpeedRow, ...]


def measure_speed(
    networks: Sequence[str],
    sizes: Sequence[int],
    *,
    device: str = "cpu",
    threads: int = 1,
    seconds: float = 10.0,
    memory: bool = True,
    watch: Callable[[SpeedTable], None] = lambda table: None,
) -> SpeedTable:
    """Measure every network at every size.

    Args:
        networks: names in `NETWORKS`.
        sizes: sides of the square picture, in pixels.
        device: as PyTorch names it.
        threads: of the process, on a CPU.
        seconds: for each network and size, both loops together; at least three turns are made anyway.
        memory: whether the memory is measured too, in a process of its own for each row.
        watch: told after each row, with the table so far.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    clock = Clock(device, threads=threads)
    computes: tuple[Compute, ...] = (Compute("eager"),)
    if device.startswith("cuda"):
        computes += Compute("cuda_graph"), Compute("cuda_graph", precision="bf16")
    elif effective("bf16", torch.device(device)) == "bf16":
        computes += (Compute("eager", precision="bf16"),)
    try:
        ceilings = measure_ceilings(device, clock=clock)
        table = SpeedTable(*measured_now(device), threads, clock.kind, ceilings, ())
        for size, name, compute in product(sizes, networks, computes):
            row = _row(name, size, device, compute, ceilings, clock=clock, seconds=seconds, memory=memory)
            table = replace(table, rows=(*table.rows, row))
            watch(table)
    finally:
        torch.set_num_threads(before)
    return table


def _row(
    name: str,
    size: int,
    device: str,
    compute: Compute,
    ceilings: Ceilings,
    *,
    clock: Clock,
    seconds: float,
    memory: bool,
) -> SpeedRow:
    genome, shape = NETWORKS[name], (1, 3, size, size)
    asked = cost(genome, image_shape=shape)
    flop = FLOPS_PER_MULTIPLY_ADD * asked.multiply_adds
    kind, precision, pairs = _take_turns(genome, size, device, compute, clock=clock, seconds=seconds)
    ratios = [ours / theirs for ours, theirs in pairs]
    ours = statistics.median(pair[0] for pair in pairs)
    measured = measured_bytes(genome, size, device=device) if memory else None
    predicted = memory_bytes(genome, image_shape=shape, device=device.split(":")[0])
    return SpeedRow(
        network=name,
        size=size,
        device=device,
        engine=kind,
        its_per_s=ours,
        ratio_to_textbook=statistics.median(ratios),
        peak_share=ours * flop / ceilings.of(precision),
        memory_predicted_mb=predicted / 1e6,
        memory_measured_mb=None if measured is None else measured / 1e6,
        textbook_its_per_s=statistics.median(pair[1] for pair in pairs),
        ratio_low=min(ratios),
        ratio_high=max(ratios),
        gflop=flop / 1e9,
        mbyte=2 * asked.saved_bytes / 1e6,
        precision=precision,
        turns=len(pairs),
    )


def _take_turns(
    genome: Genome, size: int, device: str, compute: Compute, *, clock: Clock, seconds: float
) -> tuple[str, Precision, list[tuple[float, float]]]:
    """The engine's name and precision, and iterations per second of ours and theirs for each pair of turns."""
    problem = random_problem(size, device=device)
    split = make_split(problem.to("cpu"), seed=0).to(device)
    keep_freed_memory()
    engine = make_engine(compute, genome, problem, split=split, seed=0)
    side = -(-size // 2**genome.depth) * 2**genome.depth
    z = make_input(genome, height=side, width=side, seed=0).to(device)
    y = torch.nn.functional.pad(problem.y, (0, side - size, 0, side - size))
    textbook = TextbookLoop(genome, z, y, like=build(genome, channels=3, seed=0))
    once = min(_seconds(lambda: engine.advance(1), clock) for _ in range(2))
    textbook.step()
    turn = min(TURN_SECONDS, seconds / FEWEST_TURNS) / 2
    steps = max(1, min(CHECK_EVERY, round(turn / once)))
    repeats = max(1, round(turn / (once * steps)))
    pairs: list[tuple[float, float]] = []
    until = time.perf_counter() + seconds
    while len(pairs) < FEWEST_TURNS or time.perf_counter() < until:
        keep_freed_memory()
        ours = _seconds(lambda: [engine.advance(steps) for _ in range(repeats)], clock)
        allocate_as_usual()
        theirs = _seconds(lambda: [textbook.step() for _ in range(steps * repeats)], clock)
        pairs.append((steps * repeats / ours, steps * repeats / theirs))
    keep_freed_memory()
    return engine.name, engine.precision, pairs


def _seconds(work: Callable[[], object], clock: Clock) -> float:
    start = clock()
    work()
    return clock() - start


_HEADINGS = (
    "network",
    "size",
    "engine",
    "it/s",
    "textbook it/s",
    "ratio",
    "GFLOP/it",
    "share of peak",
    "MB predicted",
    "MB measured",
)


def speed_markdown(table: SpeedTable) -> str:
    """The table as a section of BENCHMARKS.md."""
    best = table.ceilings
    others = [
        f", {rate / 1e9:.0f} with {name}" for name, rate in (("TF32", best.tf32), ("bf16", best.bf16)) if rate
    ]
    ceilings = f"{best.flops / 1e9:.0f} GFLOP/s{''.join(others)}, copy {best.bytes / 1e9:.1f} GB/s"
    lines = [
        f"## Speed on {table.machine}",
        "",
        f"`{table.command}`, {table.date}; {table.threads} thread(s), {table.clock} time, "
        f"torch {table.versions['torch']}, {table.versions['instructions']}. Matrix product {ceilings}. "
        "Medians; in brackets the smallest and the largest ratio. More than 100 % of the peak is possible: "
        "the share counts the operations of plain convolutions, and wide layers need fewer.",
        "",
        markdown_table(_HEADINGS, map(_cells, table.rows)),
    ]
    return "\n".join(lines)


def _cells(row: SpeedRow) -> tuple[str, ...]:
    return (
        row.network,
        f"{row.size}²",
        f"{row.engine} {row.precision}",
        f"{row.its_per_s:.2f}",
        f"{row.textbook_its_per_s:.2f}",
        f"{row.ratio_to_textbook:.2f} ({row.ratio_low:.2f}–{row.ratio_high:.2f})",
        f"{row.gflop:.2f}",
        f"{100 * row.peak_share:.0f} %",
        f"{row.memory_predicted_mb:.0f}",
        or_dash(row.memory_measured_mb, ".0f"),
    )
