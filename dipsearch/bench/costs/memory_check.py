"""The memory check: predicted and measured peaks of random genomes, beside each other.

The genomes are others than those that the shares of `network.peak_memory` were fitted to. Rows that a file holds
already are not measured again, so a check can be interrupted anywhere; those of genomes that a space draws no more are
left out of the table. Predictions are made anew for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FormatError, ResourceError
from ...files import write_text
from ...network import Genome, load_space
from ...network.peak_memory import memory_bytes
from ..shared.machine import Measured, measured_now
from .memory_prediction import measured_bytes

FIRST_SEED = 1000
GOAL = 0.1
"""How far a prediction may be off, as a share of what was measured."""


@dataclass(frozen=True)
class MemoryRow:
    """One genome at one size; 10⁶ bytes."""

    space: str
    seed: int
    digest: str
    label: str
    size: int
    predicted_mb: float
    measured_mb: float

    @property
    def ratio(self) -> float:
        """Predicted over measured."""
        return self.predicted_mb / self.measured_mb


@dataclass(frozen=True)
class MemoryTable(Measured):
    """The rows, and where they were measured."""

    device: str
    rows: tuple[MemoryRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON, with the summary."""
        return {**super().to_dict(), "summary": _summary([row.ratio for row in self.rows])}


def check_memory(
    file: Path,
    *,
    spaces: Sequence[str],
    genomes: int,
    sizes: Sequence[int],
    device: str = "cpu",
    workers: int = 1,
    watch: Callable[[MemoryRow], None] = lambda row: None,
) -> MemoryTable:
    """Measure random genomes of each space at each size; write `file` after each of them.

    Args:
        file: JSON; rows that it has already are kept.
        spaces: names of search spaces.
        genomes: of each space.
        sizes: sides of the square picture, in pixels.
        device: "cpu" or a CUDA device.
        workers: how many are measured at the same time; each in a process of its own.
        watch: told about each new row.

    Raises:
        ResourceError: memory cannot be measured on this system, or was not enough for a genome.
        FormatError: `file` is something else.
    """
    there, by = _read(file)
    rows = {(row.space, row.seed, row.digest, row.size): row for row in there}
    drawn = [
        (name, seed, _draw(name, seed)) for seed in range(FIRST_SEED, FIRST_SEED + genomes) for name in spaces
    ]
    missing = [(*one, size) for size in sizes for one in drawn if (*one[:2], one[2].digest, size) not in rows]

    def measure(job: tuple[str, int, Genome, int]) -> MemoryRow:
        name, seed, genome, size = job
        measured = measured_bytes(genome, size, device=device)
        if measured is None:
            raise ResourceError(
                f"the memory of {genome.label} at {size} × {size} was not measured",
                "that needs Linux or CUDA, and enough memory",
                "choose smaller --sizes, or another machine",
            )
        predicted = _predicted_mb(genome, size, device)
        return MemoryRow(name, seed, genome.digest, genome.label, size, predicted, measured / 1e6)

    with ThreadPoolExecutor(workers) as pool:
        for row in pool.map(measure, missing):
            rows[row.space, row.seed, row.digest, row.size] = row
            _write(file, _table(device, list(rows.values())))
            watch(row)
    table = _table(device, predicted_anew(list(rows.values()), device=device))
    if not missing:
        table = replace(table, **by)
    _write(file, table)
    return table


def predicted_anew(rows: Sequence[MemoryRow], *, device: str) -> list[MemoryRow]:
    """The rows of genomes that their spaces draw still, with what is predicted of them now."""
    found = []
    for row in rows:
        genome = _draw(row.space, row.seed)
        if genome.digest == row.digest:
            found.append(replace(row, predicted_mb=_predicted_mb(genome, row.size, device)))
    return found


def _predicted_mb(genome: Genome, size: int, device: str) -> float:
    return memory_bytes(genome, image_shape=(1, 3, size, size), device=device.split(":")[0]) / 1e6


def _write(file: Path, table: MemoryTable) -> None:
    write_text(file, json.dumps(table.to_dict(), indent=1) + "\n")


def _table(device: str, rows: Sequence[MemoryRow]) -> MemoryTable:
    ordered = sorted(rows, key=lambda row: (row.size, row.space, row.seed))
    return MemoryTable(*measured_now(device), device, tuple(ordered))


def _draw(name: str, seed: int) -> Genome:
    space = load_space(name)
    return space.genome(space.sample(np.random.default_rng(seed)))


def _read(file: Path) -> tuple[list[MemoryRow], dict[str, Any]]:
    """The rows of a file, and what it says of where, how and when they were measured."""
    if not file.exists():
        return [], {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        by = {name: content[name] for name in ("machine", "command", "versions", "date") if name in content}
        return [MemoryRow(**row) for row in content["rows"]], by
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{file} holds no rows of a memory check",
            "bench memory wrote such a file",
            "remove it, or choose --out",
        ) from error


def _summary(ratios: Sequence[float]) -> dict[str, float]:
    """Of predicted over measured: median, tenth and ninetieth percentile, smallest, largest, share within the goal."""
    low, median, high = (float(value) for value in np.percentile(ratios, [10, 50, 90]))
    within = float(np.mean([abs(ratio - 1) <= GOAL for ratio in ratios]))
    return {"median": median, "p10": low, "p90": high, "smallest": min(ratios), "largest": max(ratios),
            "within_10_percent": within}  # fmt: skip


def memory_markdown(table: MemoryTable) -> str:
    """The table as a section of BENCHMARKS.md: a line for each space and size, and one for all."""
    lines = [
        f"## Memory on {table.machine}",
        "",
        f"`{table.command}`, {table.date}, torch {table.versions['torch']}, {table.versions['instructions']}. The peak "
        "of a fit, predicted over measured, for random genomes that the prediction was not fitted to; measured is the "
        "growth of a fresh process in three iterations. Measured by the program of that date, predicted by the present "
        "one; genomes that their space draws no more are left out.",
        "",
        "| space | size | genomes | MB measured | median | 10th–90th percentile | smallest–largest | within 10 % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    groups = dict.fromkeys((row.space, row.size) for row in table.rows)
    for space, size in groups:
        rows = [row for row in table.rows if (row.space, row.size) == (space, size)]
        lines.append(_line(space, f"{size}²", rows))
    lines.append(_line("all", "", table.rows))
    return "\n".join(lines)


def _line(space: str, size: str, rows: Sequence[MemoryRow]) -> str:
    found = _summary([row.ratio for row in rows])
    measured = [row.measured_mb for row in rows]
    return (
        f"| {space} | {size} | {len(rows)} | {min(measured):.0f}–{max(measured):.0f} | {found['median']:.2f} | "
        f"{found['p10']:.2f}–{found['p90']:.2f} | {found['smallest']:.2f}–{found['largest']:.2f} | "
        f"{100 * found['within_10_percent']:.0f} % |"
    )
