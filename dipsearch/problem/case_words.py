"""What is told of a case before any work: that it is a simulation, why, and what of it cannot be expected."""

from __future__ import annotations

from torch import Tensor

from .formats.image import Image
from .missing import black_share
from .simulation import Damaged
from .splits.holes import are_holes, largest_hole

LARGE_HOLE = 0.5
NOTICED = 0.005


def unasked(image: Image) -> str:
    """Why a picture is taken as clean although nobody said so."""
    said = (
        f"THIS IS A SIMULATION AND NO RESTORATION: nothing says which pixels of {image.name} are missing (no --mask, "
        f"no transparency, no {image.name}_mask.png)"
    )
    black = black_share(image)
    if black >= NOTICED:
        said += (
            f"; {100 * black:.0f} % of them are black, which is no mark, so give a --mask if they are missing"
        )
    return f"{said}; so"


def hole_note(observed: Tensor) -> str:
    """What a hole of more than half of the picture means; empty where there is none."""
    missing = observed[0, 0].numpy() == 0
    share = largest_hole(missing) if are_holes(missing) else 0.0
    if share <= LARGE_HOLE:
        return ""
    return (
        f"one hole covers {100 * share:.0f} % of the picture: nothing that was measured says what is in it, and the "
        "score of copied smaller holes says little about it"
    )


def simulated_note(why: str, damaged: Damaged) -> str:
    """What was done to a picture on purpose."""
    return f"{why} the picture is taken as clean: {damaged.sentence}, and it serves as the reference"
