"""The gate on damage that is known: how often it takes the right branch, for each kind of noise.

Crops of clean pictures at half their size, so that their own noise and compression are small, get noise of a
kind and a level that are drawn; the gate sees nothing but the result.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor

from ..errors import InputError
from ..problem import add_noise, diagnose, read_image
from ..problem.gate.diagnosis import Branch

LEVELS = 255
SIDES = (96, 128, 192, 256)
SMALLEST = 64

PICTURES = tuple(
    f"sample:{name}"
    for name in (
        "astronaut", "camera", "cat", "clock", "coffee", "coins", "colorwheel", "hubble_deep_field",
        "moon", "motorcycle_left", "page", "retina", "rocket",
    )
)  # fmt: skip
"""Bundled pictures with some flat part; of surfaces that are texture all over, nothing tells noise."""

BRANCHES: tuple[Branch, ...] = get_args(Branch)


@dataclass(frozen=True)
class Kind:
    """A kind of damage.

    Args:
        name: as in the table.
        levels: one of them is drawn.
        make: from a clean picture ``(1, C, H, W)``, a level and a generator to the damaged one.
        right: the branches that are right for it.
    """

    name: str
    levels: tuple[tuple[float, ...], ...]
    make: Callable[[Tensor, tuple[float, ...], np.random.Generator], Tensor]
    right: tuple[str, ...]


@dataclass(frozen=True)
class GateRow:
    """One case: what was done to which picture, and what the gate made of it."""

    picture: str
    side: int
    kind: str
    level: str
    branch: str
    right: bool
    sentence: str


@dataclass(frozen=True)
class GateTable:
    """All cases."""

    rows: tuple[GateRow, ...]

    def share_right(self, kind: str | None = None) -> float:
        """The share of cases, of one kind or of all, with a right branch."""
        of_kind = [row.right for row in self.rows if kind in (None, row.kind)]
        return sum(of_kind) / max(len(of_kind), 1)

    def count(self, kind: str, branch: str | None = None) -> int:
        """How many cases of a kind took a branch, or how many there are."""
        return sum(row.kind == kind and branch in (None, row.branch) for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """The table as JSON can hold it; of the cases only the wrong ones."""
        return {
            "cases": len(self.rows),
            "pictures": sorted({row.picture for row in self.rows}),
            "share_right": round(self.share_right(), 4),
            "kinds": [
                {
                    "kind": kind.name,
                    "right": list(kind.right),
                    "cases": self.count(kind.name),
                    "share_right": round(self.share_right(kind.name), 4),
                    "branches": {branch: n for branch in BRANCHES if (n := self.count(kind.name, branch))},
                }
                for kind in KINDS
                if self.count(kind.name)
            ],
            "wrong": [asdict(row) for row in self.rows if not row.right],
        }


def measure_gate(
    sources: Sequence[str] = PICTURES,
    *,
    rounds: int = 2,
    seed: int = 0,
    watch: Callable[[GateRow], None] | None = None,
) -> GateTable:
    """Damage every picture in every way, ``rounds`` times, and ask the gate.

    Args:
        sources: clean pictures, grey or in colour.
        watch: sees every case.

    Raises:
        InputError: a picture that cannot be read, is smaller than 128 pixels, or has more than three channels.
    """
    rows = []
    for number, source in enumerate(sources):
        half = _half(source)
        for turn in range(rounds):
            for kind in KINDS:
                draw = np.random.default_rng([seed, number, turn, KINDS.index(kind)])
                row = _case(source, half, kind, draw)
                rows.append(row)
                if watch is not None:
                    watch(row)
    return GateTable(tuple(rows))


def gate_markdown(table: GateTable, *, command: str, version: str) -> str:
    """The table for people: a row per kind, a column per branch, the share that is right."""
    used = [branch for branch in BRANCHES if any(row.branch == branch for row in table.rows)]
    lines = [
        "## The gate: which noise a picture has",
        "",
        f"`{command}`, dipsearch {version}: {len(table.rows)} cases on "
        f"{len({row.picture for row in table.rows})} pictures (crops of {min(row.side for row in table.rows)} to "
        f"{max(row.side for row in table.rows)} pixels at half size); the right branch in "
        f"{100 * table.share_right():.1f} %.",
        "",
        "| damage | right | " + " | ".join(used) + " | share right |",
        "|---" * (len(used) + 3) + "|",
    ]
    for kind in KINDS:
        if table.count(kind.name):
            counts = [str(table.count(kind.name, branch) or "·") for branch in used]
            lines.append(
                f"| {kind.name} | {' or '.join(kind.right)} | {' | '.join(counts)} | "
                f"{100 * table.share_right(kind.name):.0f} % |"
            )
    return "\n".join(lines) + "\n"


def _case(source: str, half: Tensor, kind: Kind, draw: np.random.Generator) -> GateRow:
    height, width = half.shape[-2:]
    side = min(int(draw.choice(SIDES)), height, width)
    top, left = draw.integers(0, height - side + 1), draw.integers(0, width - side + 1)
    clean = half[..., top : top + side, left : left + side].clamp(0, 1)
    level = kind.levels[int(draw.integers(len(kind.levels)))]
    found = diagnose(kind.make(clean, level, draw))
    words = ", ".join(f"{value:g}" for value in level)
    return GateRow(source, side, kind.name, words, found.branch, found.branch in kind.right, found.sentence)


def _half(source: str) -> Tensor:
    pixels = F.avg_pool2d(read_image(source).pixels, 2)
    _, channels, height, width = pixels.shape
    if min(height, width) < SMALLEST or channels not in (1, 3):
        raise InputError(
            f"{source} has {channels} channels and is {width} × {height} at half its size",
            f"the benchmark takes grey and colour pictures of at least {SMALLEST} × {SMALLEST} then",
            "leave it out",
        )
    return pixels


def _eight_bits(y: Tensor) -> Tensor:
    return torch.round(y.clamp(0, 1) * LEVELS) / LEVELS


def _gaussian(clean: Tensor, sigma: float, draw: np.random.Generator, *, spread: float = 0.0) -> Tensor:
    noise = draw.normal(size=tuple(clean.shape))
    if spread:
        noise = gaussian_filter(noise, (0, 0, spread, spread))
    return clean + torch.from_numpy(noise / noise.std() * sigma / LEVELS).float()


def _jpeg(y: Tensor, quality: int) -> Tensor:
    pixels = (_eight_bits(y)[0] * LEVELS).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "JPEG", quality=quality)
    back = np.atleast_3d(np.asarray(Image.open(file), dtype=np.float32) / LEVELS)
    return torch.from_numpy(back).permute(2, 0, 1)[None].contiguous()


def _pairs(first: Sequence[float], second: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    return tuple((a, b) for a in first for b in second)


def _single(*levels: float) -> tuple[tuple[float, ...], ...]:
    return tuple((level,) for level in levels)


def _seed(draw: np.random.Generator) -> int:
    return int(draw.integers(2**31))


_QUALITIES = (10, 20, 30, 40, 50, 60, 70)

KINDS = (
    Kind("white, σ 10–50", _single(10, 15, 25, 50),
         lambda x, level, draw: _gaussian(x, level[0], draw), ("recorruption (white)",)),
    Kind("white, σ 10–50, 8 bits", _single(10, 15, 25, 50),
         lambda x, level, draw: _eight_bits(_gaussian(x, level[0], draw)), ("recorruption (white)",)),
    Kind("white, σ 5, 8 bits", _single(5),
         lambda x, level, draw: _eight_bits(_gaussian(x, level[0], draw)), ("recorruption (white)", "held-out")),
    Kind("blurred by 0.5–1 px, σ 10–50", _pairs((10, 25, 50), (0.5, 0.6, 0.8, 1.0)),
         lambda x, level, draw: _eight_bits(_gaussian(x, level[0], draw, spread=level[1])),
         ("recorruption (covariance)", "fallback")),
    Kind("counts, 10–100 photons, 8 bits", _single(10, 20, 30, 50, 100),
         lambda x, level, draw: _eight_bits(add_noise(x, "poisson", level=level[0], seed=_seed(draw)).y),
         ("thinning",)),
    Kind("speckle, 20–35 %, 8 bits", _single(20, 35),
         lambda x, level, draw: _eight_bits(add_noise(x, "speckle", level=level[0], seed=_seed(draw)).y),
         ("held-out",)),
    Kind("JPEG 10–70 of noise, σ 10–50", _pairs((10, 25, 50), _QUALITIES),
         lambda x, level, draw: _jpeg(_gaussian(x, level[0], draw), int(level[1])), ("fallback",)),
    Kind("JPEG 10–70", _single(*_QUALITIES), lambda x, level, draw: _jpeg(x, int(level[0])), ("fallback",)),
    Kind("impulses, 10–50 %", _single(10, 20, 30, 50),
         lambda x, level, draw: add_noise(_eight_bits(x), "impulse", level=level[0], seed=_seed(draw)).y,
         ("impulse",)),
    Kind("noise-free, 8 bits", _single(0), lambda x, level, draw: _eight_bits(x), ("noise-free",)),
)  # fmt: skip
"""Where σ 5 is as weak as texture, 'held-out' is right, too, for it needs no strength; and so is the fallback for
blurred noise, which takes the measured covariance with a warning."""
