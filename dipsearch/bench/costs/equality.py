"""Equality: whether our engine ends where the textbook loop ends, in dB, on real pictures.

Single gradients agree to rounding (the tests say how closely), but a fit is chaotic: after some hundred steps
two runs that differ in nothing but rounding are no longer the same. So both loops start from the same weights
and the same z, make the same number of steps, and the difference of their PSNRs is set beside that of two
textbook runs whose jitter was drawn with another seed.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...fitting import make_engine
from ...fitting.compute import Compute
from ...fitting.memory import keep_freed_memory
from ...network import Genome, build, make_input
from ...problem import Identity, NoiseModel, Problem, generator_for, psnr, whole
from ...problem.formats.sources import picture_name
from ..cases.half_size_crops import half_size_crop
from ..cases.standard_pictures import BUNDLED
from ..shared.machine import Measured, measured_now
from .speed import NETWORKS
from .textbook import TextbookLoop

PICTURES = (*BUNDLED, "sample:rocket")
NETWORK, SIGMA = "32x4", 25 / 255

DRAWS = (1001, 1002)
"""Seeds of the textbook's jitter; those of z are small, and the same stream would repeat the values of z."""

LAST = 50
"""Outputs at the end whose mean is compared: a single output jumps by tenths of a dB with its jitter."""


@dataclass(frozen=True)
class EqualityRow:
    """One picture and one seed of weights, z and noise.

    Attributes:
        ours, textbook, textbook_again: PSNR in dB of the mean of the last outputs, against the clean picture.
    """

    picture: str
    seed: int
    ours: float
    textbook: float
    textbook_again: float

    @property
    def difference(self) -> float:
        """Ours above the textbook loop, in dB."""
        return self.ours - self.textbook

    @property
    def between_textbooks(self) -> float:
        """The same for two textbook runs."""
        return self.textbook_again - self.textbook


@dataclass(frozen=True)
class EqualityTable(Measured):
    """The rows, and how they came about."""

    network: str
    side: int
    steps: int
    rows: tuple[EqualityRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON, with the summaries."""
        summaries = {name: {"difference": _spread([row.difference for row in rows]),
                            "between_textbooks": _spread([row.between_textbooks for row in rows])}
                     for name, rows in _groups(self.rows)}  # fmt: skip
        return {**super().to_dict(), "summaries": summaries}


def measure_equality(
    pictures: Sequence[str] = PICTURES,
    *,
    side: int = 96,
    seeds: int = 3,
    steps: int = 300,
    device: str = "cpu",
    watch: Callable[[EqualityRow], None] = lambda row: None,
) -> EqualityTable:
    """Fit every picture with every seed by both loops.

    Args:
        pictures: sources; a crop of the halved picture is taken, and noise of 25 grey levels is added.
        side: of the crop, in pixels; a multiple of 16.
        seeds: how many, from 0 on.
        steps: of each fit, at least 50.
        device: as PyTorch names it.
        watch: told about each row.

    Raises:
        InputError: a picture is not there, or smaller than the crop.
    """
    keep_freed_memory()
    rows = []
    for source in pictures:
        clean = half_size_crop(source, side=side)
        for seed in range(seeds):
            noise = torch.randn(clean.shape, generator=generator_for("benchmark noise", seed))
            y = (clean + SIGMA * noise).to(device)
            row = EqualityRow(
                picture_name(source).lower(),
                seed,
                psnr(_ours(y, seed=seed, steps=steps), clean),
                psnr(_textbook(y, seed=seed, draw=DRAWS[0], steps=steps), clean),
                psnr(_textbook(y, seed=seed, draw=DRAWS[1], steps=steps), clean),
            )
            rows.append(row)
            watch(row)
    return EqualityTable(*measured_now(device), NETWORK, side, steps, tuple(rows))


def _ours(y: Tensor, *, seed: int, steps: int) -> Tensor:
    _, _, height, width = y.shape
    seen = torch.ones(1, 1, height, width, device=y.device)
    noise = NoiseModel("gaussian", SIGMA, "given")
    problem = Problem(y, Identity(), noise, (1, y.shape[1], height, width), seen)
    engine = make_engine(Compute(), _genome(), problem, split=whole(problem), seed=seed)
    if steps > LAST:
        engine.advance(steps - LAST)
    return torch.stack([engine.advance(1).output.cpu().clone() for _ in range(LAST)]).mean(0)


def _textbook(y: Tensor, *, seed: int, draw: int, steps: int) -> Tensor:
    _, channels, height, width = y.shape
    z = make_input(_genome(), height=height, width=width, seed=seed).to(y.device)
    like = build(_genome(), channels=channels, seed=seed)
    loop = TextbookLoop(_genome(), z, y, like=like, seed=draw)
    for _ in range(steps - LAST):
        loop.step()
    outputs = []
    for _ in range(LAST):
        loop.step()
        outputs.append(loop.output.cpu().clone())
    return torch.stack(outputs).mean(0)


def _genome() -> Genome:
    return NETWORKS[NETWORK]


def _groups(rows: Sequence[EqualityRow]) -> list[tuple[str, list[EqualityRow]]]:
    pictures = dict.fromkeys(row.picture for row in rows)
    return [(name, [row for row in rows if row.picture == name]) for name in pictures] + [("all", list(rows))]


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    """Mean and standard deviation in dB; the latter is None for a single value."""
    return {"mean": statistics.mean(values), "sd": statistics.stdev(values) if len(values) > 1 else None}


def equality_markdown(table: EqualityTable) -> str:
    """The table as a section of BENCHMARKS.md."""
    lines = [
        "## Equality with the textbook loop",
        "",
        f"`{table.command}`, {table.date}, {table.machine}, torch {table.versions['torch']}. Network "
        f"{table.network}, crops of {table.side}², noise of 25 grey levels, {table.steps} steps from the same "
        f"weights and the same z; PSNR in dB of the mean of the last {LAST} outputs. Mean ± standard deviation "
        "over the seeds. Two textbook runs differ in the seed of their jitter only.",
        "",
        "| picture | fits | textbook, dB | ours − textbook | textbook − textbook |",
        "|---|---|---|---|---|",
    ]
    for name, rows in _groups(table.rows):
        mine, theirs = ([getattr(row, key) for row in rows] for key in ("difference", "between_textbooks"))
        level = statistics.mean(row.textbook for row in rows)
        lines.append(f"| {name} | {len(rows)} | {level:.2f} | {_cell(mine)} | {_cell(theirs)} |")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    spread = _spread(values)
    return f"{spread['mean']:+.3f}" + ("" if spread["sd"] is None else f" ± {spread['sd']:.3f}")
