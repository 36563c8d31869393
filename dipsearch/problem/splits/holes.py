"""Holes: contiguous regions of missing pixels, and copies of them elsewhere in the picture.

A network that fills single pixels well need not fill a hole well. So the split hides translated copies of the
real holes, where the truth is known, and scores those.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import find_objects, label

from ..array_types import Bits

CLUSTERING = 0.5
"""0 is scattered, 1 is solid, and lines one pixel wide have this."""

SMALLEST_HOLE = 16
"""Pixels of a component that counts as a hole."""

MOST_SHAPES, COPIES_EACH, ATTEMPTS = 48, 4, 200
"""The largest holes that are copied, how often each, and how many places are tried for a copy: a bound on time."""

# A hole for which there is no room is tried again at these sizes, relative to its own.
SCALES = (1.0, 0.7, 0.5, 0.35, 0.25)


def are_holes(missing: Bits) -> bool:
    """Decide whether the missing pixels (h, w) form holes or are scattered.

    They form holes when a neighbour of a missing pixel is missing much more often than chance would have it,
    and some connected component (4-neighbours) covers at least 16 pixels. With p the share of missing pixels
    and q the share among the neighbours of missing pixels, the measure is (q − p)/(1 − p): 0 for pixels
    dropped independently at any rate (where components alone grow without limit above 59 %), 0.5 for lines
    one pixel wide, and nearly 1 for solid regions. The limit is 0.5.
    """
    if clustering(missing) <= CLUSTERING:
        return False
    components, _ = label(missing)
    return int(np.bincount(components.ravel())[1:].max()) >= SMALLEST_HOLE


def clustering(marked: Bits) -> float:
    """Return how much more often than by chance neighbours of marked pixels (h, w) are marked: 0 scattered, 1 solid."""
    share = float(marked.mean())
    if share in (0.0, 1.0):
        return 0.0
    pairs = (marked[:, 1:] & marked[:, :-1]).mean() + (marked[1:] & marked[:-1]).mean()
    return (float(pairs) / 2 / share - share) / (1 - share)


def largest_hole(missing: Bits) -> float:
    """Return the share of the picture (h, w) that the largest connected hole covers (4-neighbours)."""
    components, found = label(missing)
    return float(np.bincount(components.ravel())[1:].max()) / missing.size if found else 0.0


def copy_holes(missing: Bits, *, most: int, generator: np.random.Generator) -> Bits:
    """Return (h, w): translated copies of the holes on observed pixels, at most ``most`` pixels in all.

    The largest holes come first and each gets up to four copies, at random places that touch neither missing
    pixels nor other copies. A hole that fits nowhere is copied at a smaller scale.
    """
    held = np.zeros_like(missing)
    shapes = _shapes(missing)
    for _ in range(COPIES_EACH):
        for shape in shapes:
            _place(shape, held, missing, most=most - int(held.sum()), generator=generator)
    return held


def _shapes(missing: Bits) -> list[Bits]:
    """The connected components of at least 16 pixels, cut out, largest first."""
    components, _ = label(missing)
    sizes = np.bincount(components.ravel())
    order = [i for i in np.argsort(-sizes[1:], kind="stable") + 1 if sizes[i] >= SMALLEST_HOLE]
    boxes = find_objects(components)
    return [components[boxes[i - 1]] == i for i in order[:MOST_SHAPES]]


def _place(shape: Bits, held: Bits, missing: Bits, *, most: int, generator: np.random.Generator) -> None:
    """Mark one copy of ``shape`` in ``held``, if there is room for it."""
    for scale in SCALES:
        stamp = _scaled(shape, scale)
        rows, columns = held.shape[0] - stamp.shape[0] + 1, held.shape[1] - stamp.shape[1] + 1
        if stamp.sum() > most or rows < 1 or columns < 1:
            continue
        for top, left in generator.integers((rows, columns), size=(ATTEMPTS, 2)):
            window = (slice(top, top + stamp.shape[0]), slice(left, left + stamp.shape[1]))
            if not (stamp & (missing[window] | held[window])).any():
                held[window] |= stamp
                return


def _scaled(shape: Bits, scale: float) -> Bits:
    height, width = (max(1, round(size * scale)) for size in shape.shape)
    rows = (np.arange(height) + 0.5) * shape.shape[0] / height
    columns = (np.arange(width) + 0.5) * shape.shape[1] / width
    return shape[np.ix_(rows.astype(int), columns.astype(int))]
