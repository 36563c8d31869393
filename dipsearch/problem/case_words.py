"""What is told of a case before any work: that it is a simulation, why, and what of it cannot be expected."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .formats.image import Image
from .missing import black_share
from .problem import Problem
from .simulation import Damaged
from .splits.holes import are_holes, largest_hole
from .windows import Windows

LARGE_HOLE = 0.5  # of the picture: nothing around such a hole says what was in it
TAKEN_AS_CLEAN, REFERENCE = "the picture is taken as clean: ", ", and it serves as the reference"

SIMULATION = "THIS IS A SIMULATION AND NO RESTORATION"
"""What the note on a picture that nobody asked to be damaged begins with; nobody must overlook it."""

NOTICED = 0.005  # share of black pixels that a person may have meant as missing


def unasked(image: Image) -> str:
    """Why a picture is taken as clean although nobody said so."""
    said = (
        f"{SIMULATION}: nothing says which pixels of {image.name} are missing (no --mask, "
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


def damage_note(sentence: str) -> str:
    """What noise was put in on purpose; empty where none was."""
    return f"as asked, {TAKEN_AS_CLEAN}{sentence}{REFERENCE}" if sentence else ""


def part_note(windows: Windows, problem: Problem, reference: Tensor | None) -> str:
    """Where a noisy picture is worked on, when that is not everywhere."""
    share = 100 * float(problem.observed.mean())
    where = f"{windows.width} × {windows.height} pixels have the noise"
    inside = "" if share > 99.5 else f", {share:.0f} % of them"
    psnr = "" if reference is None else ", and PSNR is that of what is worked on"
    return f"{where}{inside}; all else stays as it is{psnr}"


def simulated_note(why: str, damaged: Damaged) -> str:
    """What was done to a picture on purpose."""
    return f"{why} {TAKEN_AS_CLEAN}{damaged.sentence}{REFERENCE}"


def damage_alone(notes: Sequence[str]) -> str:
    """What was done to a picture on purpose, of the notes on it, where nothing is restored; empty: nothing was."""
    (said, *_) = [note for note in notes if TAKEN_AS_CLEAN in note] or [""]
    return said.rpartition(TAKEN_AS_CLEAN)[2].removesuffix(REFERENCE)


def defect_note(count: int, *, replaced: bool) -> str:
    """What was found of hot and dead pixels, and what becomes of them."""
    pixels = "1 hot or dead pixel" if count == 1 else f"{count:,} hot or dead pixels"
    if not replaced:
        return f"there may be {pixels}, which --task inpaint --mask FILE fills"
    if count == 1:
        return f"{pixels} is replaced by the median of its neighbours before all else"
    return f"{pixels} are replaced by the median of their neighbours before all else"


def gap_note(count: int) -> str:
    """What becomes of pixels that hold no number."""
    if count == 1:
        return "1 pixel is NaN or infinite: it is taken as not measured, and comes back as it is"
    return f"{count:,} pixels are NaN or infinite: they are taken as not measured, and come back as they are"


def cut_note(pixels: Tensor, tamed: Tensor) -> str:
    """How many values lie so far outside of the range that others are worked on; empty where none does."""
    count = int((pixels != tamed).sum())
    if not count:
        return ""
    values = "1 value lies" if count == 1 else f"{count:,} values lie"
    return f"{values} by more than half of that range outside of it, and half of it is taken; --range overrides it"
