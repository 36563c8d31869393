"""Missing pixels: which pixels of a picture were measured, and which a restoration has to invent.

They are looked for in a fixed order (mask file, alpha channel, sibling ``NAME_mask.png``) and every finding is put
into a sentence for the console and the page. Nothing is guessed from black pixels: pictures have them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from .image import Image, is_sample, read_image
from .randomness import generator_for


@dataclass(frozen=True, eq=False)
class Observation:
    """Which pixels were measured: ``observed`` (1, 1, H, W) of 0 and 1, and a sentence on how it is known."""

    observed: Tensor
    sentence: str


def find_observed(
    image: Image, source: str | Path, *, mask: str | None = None, invert: bool = False
) -> Observation | None:
    """Find the missing pixels of ``image``, in this order; None when nothing is missing.

    1. The file ``mask``: white is measured, black is missing, or the other way round with ``invert``.
    2. The alpha channel: less than half opaque is missing.
    3. A file ``NAME_mask.png`` beside the picture, read like a mask file.

    Raises:
        InputError: a mask of another size, or one by which everything or nothing is missing.
    """
    height, width = image.pixels.shape[-2:]
    if mask is not None:
        observed = read_mask(mask, height=height, width=width, invert=invert)
        return _observation(observed, f"mask {Path(mask).name}")
    if image.alpha is not None and bool((image.alpha < 0.5).any()):
        return _observation((image.alpha >= 0.5).float(), "alpha channel")
    sibling = None if is_sample(source) else Path(source).with_name(Path(source).stem + "_mask.png")
    if sibling is not None and sibling.is_file():
        observed = read_mask(sibling, height=height, width=width, invert=invert)
        return _observation(observed, f"mask {sibling.name} beside the picture")
    if invert:
        raise InputError(
            "the mask is to be inverted, but there is none",
            "inverting needs a mask file",
            "give --mask FILE or leave out --invert-mask",
        )
    return None


def black_share(image: Image) -> float:
    """The share of pixels that are exactly 0 in all channels: perhaps somebody meant them to be missing."""
    return float((image.pixels == 0).all(dim=1).float().mean())


def read_mask(path: str | Path, *, height: int, width: int, invert: bool = False) -> Tensor:
    """Read a mask file as (1, 1, height, width) of 0 (missing, black) and 1 (measured, white).

    Colours are averaged, and the limit is the middle. ``invert`` swaps the two.

    Raises:
        InputError: unreadable, of another size, or everything or nothing is missing by it.
    """
    pixels = read_image(path).pixels
    if pixels.shape[-2:] != (height, width):
        raise InputError(
            f"the mask {path} is {pixels.shape[-1]} × {pixels.shape[-2]}",
            f"it has to be as large as the picture, {width} × {height}",
            "save it again at that size, without smoothing",
        )
    white = pixels.mean(dim=1, keepdim=True) > 0.5
    observed = (~white if invert else white).float()
    refuse_trivial(observed, f"by the mask {path}")
    return observed


def hide_pixels(height: int, width: int, *, percent: float, seed: int) -> Tensor:
    """Return a mask (1, 1, height, width) with ``percent`` of the pixels, chosen at random, set to 0."""
    total = height * width
    hidden = min(max(round(total * percent / 100), 1), total - 1)
    order = torch.randperm(total, generator=generator_for("missing pixels", seed))
    observed = torch.ones(total)
    observed[order[:hidden]] = 0
    return observed.view(1, 1, height, width)


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


def _observation(observed: Tensor, origin: str) -> Observation:
    refuse_trivial(observed, f"by the {origin}")
    percent = 100 * (1 - float(observed.mean()))
    return Observation(observed, f"{percent:.1f} % of the pixels are missing ({origin})")
