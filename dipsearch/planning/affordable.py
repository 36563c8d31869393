"""What can be afforded: the side of the crops to search on, and the known networks that make enough steps in a time."""

from __future__ import annotations

from collections.abc import Sequence

from ..network import Calibration, Genome, cost
from .plan import LEAST_STEPS, UNDECIDED, USUAL_STEPS, Load, least_steps

GOOD_STEPS = 650
"""A network that makes fewer in its time comes after the lighter ones that make as many.

On a 160 × 160 crop of scikit-image's coffee with half of its pixels missing and 80 s of one core, five scales of 32
channels and 760 iterations gave 31.0 dB, 16 channels and 1,620 iterations 30.8, 48 channels and 520 iterations 30.6.
"""

LEAST_CROP, CROP_STEP = 96, 32
"""Side of a crop in measured pixels, at the least: of a smaller one a split says too little. Longer ones are tried in
steps of 32 pixels of the restored picture, the stride of five scales."""

CROP_FITS = 6
"""How many fits a search on a crop should at least be able to compare."""


def pixels_of(shape: tuple[int, int, int, int]) -> int:
    """How many pixels a picture of some shape has, whatever its channels."""
    return shape[-1] * shape[-2]


def cropped(shape: tuple[int, int, int, int], crop: int | None) -> tuple[int, int, int, int]:
    """The shape of a crop, ``None``: of the whole."""
    if crop is None:
        return shape
    return (shape[0], shape[1], min(shape[2], crop), min(shape[3], crop))


def seconds_of_step(
    genome: Genome, shapes: Sequence[tuple[int, int, int, int]], calibration: Calibration
) -> float:
    """Seconds of one step on every picture, one after the other."""
    return sum(
        cost(genome, image_shape=shape, calibration=calibration).seconds_per_step or 0.0 for shape in shapes
    )


def cheapest_step(load: Load, shapes: Sequence[tuple[int, int, int, int]], calibration: Calibration) -> float:
    """Seconds of one step of the lightest network."""
    networks = [genome for _, genome in load.starters] or [load.sample]
    return min(seconds_of_step(genome, shapes, calibration) for genome in networks)


def cheapest_fit(load: Load, shapes: Sequence[tuple[int, int, int, int]], calibration: Calibration) -> float:
    """Seconds of the shortest fit that is worth starting."""
    networks = [genome for _, genome in load.starters] or [load.sample]
    return min(
        min(least_steps(genome), load.last_step) * seconds_of_step(genome, shapes, calibration)
        for genome in networks
    )


def crop_side(load: Load, calibration: Calibration, *, available: float) -> int | None:
    """The side of the crops to search on, or ``None`` when a worthwhile number of candidates fits the whole.

    The lightest of our networks decides: where even it cannot make enough steps on the whole picture, fewer
    pixels are the only way to compare candidates.
    """
    largest = max(max(shape[-2:]) for shape in load.shapes)
    least = LEAST_CROP * load.factor
    if load.searched_on != UNDECIDED:
        return load.searched_on
    if available >= 2 * cheapest_fit(load, load.shapes, calibration):
        return None
    side = max(least, largest // CROP_STEP * CROP_STEP)
    while side > least:
        shapes = [cropped(shape, side) for shape in load.shapes]
        each = least_steps(load.typical) * seconds_of_step(load.typical, shapes, calibration)
        if 0.5 * available >= CROP_FITS * each:
            break
        side -= CROP_STEP
    # A crop that is nearly all of the picture saves nothing and costs the finalists' half of the time.
    return side if side <= 0.8 * largest else None


def affordable_networks(
    load: Load,
    shapes: Sequence[tuple[int, int, int, int]],
    calibration: Calibration,
    *,
    seconds: float,
    roomy: bool,
    plain: bool,
) -> tuple[tuple[tuple[str, Genome], ...], tuple[str, ...]]:
    """The known networks that make enough steps in the time of one candidate, and the names of the others."""
    known = [*load.published, *load.starters] if roomy else [*load.starters, *load.published]
    # How often a network could make the least that it needs.
    often = {
        name: seconds / seconds_of_step(genome, shapes, calibration) / least_steps(genome)
        for name, genome in known
    }
    least = USUAL_STEPS / LEAST_STEPS if roomy else 1.0
    fits = [(n, genome) for n, genome in known if often[n] >= least and (plain or genome.needs_pilot)]
    # Sorting is stable: networks that make enough steps stay in their order, the others follow, the lightest first.
    fits.sort(key=lambda item: (not item[1].needs_pilot, max(0.0, GOOD_STEPS / LEAST_STEPS - often[item[0]])))
    if not fits and known:
        fits = [max(known, key=lambda item: often[item[0]])]
    names = {name for name, _ in fits}
    return tuple(fits), tuple(name for name, _ in known if name not in names)
