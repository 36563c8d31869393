"""A painted copy: the picture itself, drawn over, that was given for a mask.

Whoever opens a photo in a paint program, draws over what is to go and saves that means what was drawn over. Such a file
says nothing by black and white, so it is compared with the picture: what clearly differs is missing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import binary_dilation, label
from torch import Tensor

from ..errors import InputError
from .array_types import Bits, Values

GREYS = ((1 / 3, 1 / 3, 1 / 3), (0.299, 0.587, 0.114), (0.2126, 0.7152, 0.0722))
"""What programs make of colours: their mean, and the luminances of Rec. 601 and 709."""

ALIKE, COPIED = 0.08, 0.5
"""Of white: values that differ by no more than that are alike, as JPEG of quality 50 leaves them; where more than that
share of what is not of the picture's commonest brightness is alike, the file is a copy of it. Of a page with a mask for
it the letters are not."""

LEAST, ERRORS, SOLID = 0.02, 8.0, 8
"""Painted over is what differs by more than so much of white, by more than so many times the median difference, and in
at least so many pixels that touch: fewer are errors of JPEG."""

ONE_COLOUR = 0.15
"""Of what differs, the least that has the colour of the paint: of a page with letters JPEG leaves errors beside all of
them, up to twelve times as many pixels as were painted."""

HIDDEN = 0.1
"""Of what was painted over: so many pixels beside it may have the colour of the paint already. More, and it is not
known which of them were painted."""


def painted_over(copy: Tensor, picture: Tensor, path: str | Path) -> Bits | None:
    """Return where a copy of a picture was painted over, (H, W); None where the file is no copy of it.

    Args:
        copy: (1, C, H, W) in [0, 1], the file.
        picture: (1, C′, H, W) in [0, 1]; where one of both is grey, so is the comparison.
        path: of the file, for the message.

    Raises:
        InputError: nothing was painted over, it was not one colour, or the picture has that colour beside it.
    """
    drawn, there = _planes(copy), _planes(picture)
    level = there.mean(0)
    content = np.abs(level - np.median(level)) > ALIKE
    difference = min(_differences(drawn, there), key=lambda one: float(one.mean()))
    if not content.any() or float((difference[content] <= ALIKE).mean()) <= COPIED:
        return None
    differs = difference > max(LEAST, ERRORS * float(np.median(difference[content])))
    pieces, _ = label(differs, np.ones((3, 3)))
    painted: Bits = differs & np.take(np.bincount(pieces.ravel()) >= SOLID, pieces)
    if not painted.any():
        raise _refusal(path, "nothing painted over it")
    paint = np.median(drawn[:, painted], axis=1)
    like_paint: Bits = np.all(np.abs(drawn - paint[:, None, None]) <= ALIKE, axis=0)
    if float(like_paint[painted].mean()) < ONE_COLOUR:
        raise _refusal(path, "differences all over that are no paint of one colour")
    joined, _ = label(painted | like_paint, np.ones((3, 3)))
    beside = like_paint & ~painted & np.isin(joined, np.unique(joined[painted]))
    if beside.sum() > HIDDEN * painted.sum():
        raise _refusal(path, "paint that has the colour of places beside it")
    return np.asarray(binary_dilation(painted | beside, np.ones((3, 3))))  # the edge of a stroke is a mixture


def _planes(image: Tensor) -> Values:
    return image[0].double().cpu().numpy()


def _differences(drawn: Values, picture: Values) -> list[Values]:
    """The largest difference in any channel, (H, W), for all ways in which colours may have become grey."""
    greys = [np.tensordot(weights, picture, 1)[None] for weights in GREYS] if len(picture) == 3 else []
    whole = (
        [picture]
        if len(drawn) == len(picture) or 1 in (len(drawn), len(picture))
        else [picture.mean(0)[None]]
    )
    return [np.abs(drawn - one).max(0) for one in whole + greys]


def _refusal(path: str | Path, found: str) -> InputError:
    return InputError(
        f"the mask {path} is the picture itself, with {found}",
        "a mask is black where pixels are missing and white elsewhere",
        "paint on a white picture of that size in black, or over the picture in a colour that it does not have",
    )
