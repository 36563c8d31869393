"""A mask file: a picture that says by black and white which pixels of another one were measured.

Programs disagree on the colours. White is measured here; OpenCV and IOPaint paint white what is to be filled. So a mask
that would leave islands in a missing surround is refused with the remedy, rather than believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .array_types import Bits
from .formats.image import Image, read_image
from .painted_copy import painted_over
from .splits.holes import clustering, largest_hole

WHITE = 0.9
"""Greys below this share of white count as missing: the edge of what was painted is a mixture."""

FEW_GREYS = 0.01
"""Share of a mask that may be neither black nor white: the edges of what was painted."""

MOST_GREYS, COLOURFUL = 0.5, 0.1
"""A mask of which more is neither black nor white, and of which some has colours (channels that differ by so much of
white), is a photo: scikit-image's coffee, chelsea and rocket have 0.84 to 0.99 of greys, and soft masks no colours."""

SURROUND, PIECE_SURROUND = 0.9, 0.7
"""Of the border of the picture: so much of it is missing where colours were taken for one another; where most of the
picture is missing in one piece, less is enough: some holes touch the border."""

ISLANDS = 0.3
"""From here on, what was measured lies together in pieces, as what people paint does."""


@dataclass(frozen=True, eq=False)
class Observation:
    """Which pixels were measured, and how that is known.

    Attributes:
        observed: (1, 1, H, W) of 0 and 1.
        sentences: for people, perhaps none.
        transparent: whether the alpha channel said so.
    """

    observed: Tensor
    sentences: tuple[str, ...]
    transparent: bool = False


def read_mask_file(
    path: str | Path, *, height: int, width: int, invert: bool = False, picture: Tensor | None = None
) -> Observation:
    """Read a mask: 1 where it is white (measured), 0 where it is black (missing), or the other way round.

    Colours are averaged. A mask of two values has them for black and white, whatever they are, so 0 and 1 will do. In
    one with greys, all that is not nearly white, or with ``invert`` not nearly black, is missing. In a copy of the
    picture itself, all that was painted over is, with ``invert`` or without.

    Args:
        picture: (1, C, height, width) in [0, 1], whose mask it is; None where that is not at hand.

    Raises:
        InputError: unreadable, of another size, by it everything or nothing is missing, or it looks inverted.
    """
    image = read_image(path)
    if image.pixels.shape[-2:] != (height, width):
        raise InputError(
            f"the mask {path} is {image.pixels.shape[-1]} × {image.pixels.shape[-2]}",
            f"it has to be as large as the picture, {width} × {height}",
            "save it again at that size, without smoothing",
        )
    values, told = _values(image, path)
    levels = torch.unique(values)
    if len(levels) <= 2:
        observed = values > 0.5 if len(levels) == 1 else values == levels[-1]
        observed = ~observed if invert else observed
    elif (
        picture is not None
        and (painted := painted_over(image.pixels, picture.nan_to_num(), path)) is not None
    ):
        observed = torch.from_numpy(~painted)[None, None]
        refuse_trivial(observed, f"by the mask {path}")
        said = f"the mask {Path(path).name} is the picture itself, painted over: what was painted over is missing"
        return Observation(observed.float(), (said + (", --invert-mask or not" if invert else ""),))
    else:
        observed = values < 1 - WHITE if invert else values > WHITE
        grey = float(((values >= 1 - WHITE) & (values <= WHITE)).float().mean())
        _refuse_photo(image, path, grey)
        if grey > FEW_GREYS:
            told.append(f"{100 * grey:.0f} % of the mask {Path(path).name} are grey, and count as missing")
    refuse_trivial(observed, f"by the mask {path}")
    told.extend(_polarity(~observed[0, 0].numpy(), path, invert=invert))
    return Observation(observed.float(), tuple(told))


def _refuse_photo(image: Image, path: str | Path, grey: float) -> None:
    """Raise InputError where a mask is a picture: what it says would be nonsense whichever way round it is."""
    spread = image.pixels.amax(1) - image.pixels.amin(1)
    if grey > MOST_GREYS and float((spread > COLOURFUL).float().mean()) > FEW_GREYS:
        raise InputError(
            f"the mask {path} is a picture in colours",
            "a mask is black where pixels are missing and white elsewhere",
            "give the file that was drawn for it, not the picture itself",
        )


def refuse_trivial(observed: Tensor, given: str) -> None:
    """Raise InputError when everything or nothing is missing."""
    if bool(observed.all()):
        raise InputError(
            f"{given} no pixel is missing",
            "some have to be",
            "mark missing pixels black (white keeps), or add --invert-mask",
        )
    if not bool(observed.any()):
        raise InputError(
            f"{given} every pixel is missing",
            "some have to be known",
            "mark known pixels white (black is missing), or add --invert-mask",
        )


def _values(image: Image, path: str | Path) -> tuple[Tensor, list[str]]:
    """The mask as (1, 1, H, W) from 0 to 1; where it has one colour alone, its transparency says it."""
    values = image.pixels.mean(dim=1, keepdim=True)
    if image.alpha is not None and bool((values == values.flatten()[0]).all()):
        return image.alpha, [f"the transparency of the mask {Path(path).name} is read: opaque is measured"]
    largest = float(values.max())
    # Sixteen bits or floats may have any number for white.
    return (values / largest if image.bits != 8 and largest > 0 else values), []


def _per_cent(share: float) -> str:
    """A share of which the rest is not nothing: ``62``, ``99.7``, ``more than 99.9``."""
    return next(
        (said for digits in (0, 1) if float(said := f"{100 * share:.{digits}f}") < 100), "more than 99.9"
    )


def _polarity(missing: Bits, path: str | Path, *, invert: bool) -> list[str]:
    """Refuse, or remark on, a mask that has its colours the other way round.

    Scattered missing pixels percolate from 59 % on, so that a large piece of them says nothing.
    """
    if clustering(~missing) <= ISLANDS:
        return []
    border = np.concatenate([missing[0], missing[-1], missing[:, 0], missing[:, -1]])
    piece = largest_hole(missing) > 0.5
    surrounded = float(border.mean()) > (PIECE_SURROUND if piece else SURROUND)
    fix = "leave out --invert-mask" if invert else "add --invert-mask"
    share = _per_cent(float(missing.mean()))
    if surrounded and piece:
        raise InputError(
            f"by the mask {path} {share} % of the pixels would be missing, nearly all in one piece with the border",
            f"{'black' if invert else 'white'} is measured; OpenCV and IOPaint paint white what is to be filled",
            f"{fix}; if so much is missing indeed, say it by transparency",
        )
    if surrounded:
        return [
            f"the whole border is missing by the mask {Path(path).name}; if it is the other way round, {fix}"
        ]
    if piece:
        return [
            f"by the mask {Path(path).name} {share} % of the pixels are missing, most of them in one piece; "
            f"if it is the other way round, {fix}"
        ]
    return []
