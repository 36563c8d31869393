"""The range of a picture: which values of its file are worked on as black and white.

A type says little about that: 12 bits lie in 16, counts and floats lie anywhere. So values are scaled from the data's
own range to [0, 1] before anything is measured or fitted, and back when a result is written. 8 bits keep theirs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from .form import FEW_STEPS, Form
from .formats.image import Image
from .gate.unit import GREY_LEVELS, Unit
from .own_range import BEYOND, LEAST_SPAN, MARGIN, ON_THE_END, SMOOTH

LARGEST = {8: 255.0, 16: 65535.0, 32: 1.0}
"""By the bits of a file: its value for which a pixel of an ``Image`` is 1."""

WASTED = 0.25
"""Where the darkest value lies above this share of the brightest, 0 is not what black is."""

FAR = 0.5
"""How far beyond [0, 1] single pixels may lie: hot ones lie anywhere, and would outweigh all others."""

RISES, AROUND = 0.15, 5
"""A peak belongs to the range where two of its neighbours rise by so much of its height over the median of the
5 × 5 pixels around: those of a star or a bead, 1.5 pixels wide at half of its height, by at least 0.29 of it; beside a
hot pixel there is nothing but noise, and beside two of them one."""


@dataclass(frozen=True)
class PictureRange:
    """The pixels of an image that 0 and 1 stand for in a problem.

    Attributes:
        low, high: in the units of ``Image.pixels``; the first one is the larger where the values of a file whose small
            ones are bright are worked on as it has them.
        unit: what 1 of these units is in the file: 255 or 65535, and 1 where they are the file's own.
        own: whether it is another range than that of the type.
        mirror: where small values of the file are bright: what the file's value and that of a pixel add up to.
    """

    low: float = 0.0
    high: float = 1.0
    unit: float = 255.0
    own: bool = False
    mirror: float | None = None

    @property
    def span(self) -> float:
        """What 1 of a problem is in the units of the file."""
        return abs(self.high - self.low) * self.unit

    @property
    def limits(self) -> tuple[float, float]:
        """What the file can hold, in the range of a problem."""
        if self.unit == 1:
            return (-math.inf, math.inf) if self.own else (0.0, 1.0)  # also where they are mirrored
        ends = -self.low / (self.high - self.low), (1 - self.low) / (self.high - self.low)
        return min(ends), max(ends)

    def into(self, pixels: Tensor) -> Tensor:
        """Pixels of an image, as a problem has them."""
        if (self.low, self.high) == (0.0, 1.0):
            return pixels.float()
        return ((pixels.double() - self.low) / (self.high - self.low)).float()

    def back(self, x: Tensor) -> Tensor:
        """The restoration of a problem, as pixels of an image; in 64 bits, which a large offset needs."""
        if (self.low, self.high) == (0.0, 1.0):
            return x
        return x.double() * (self.high - self.low) + self.low

    def shown(self, x: Tensor) -> Tensor:
        """An image of a problem as people see it: white is bright."""
        return x if self.low < self.high else 1 - x

    def form(self) -> Form:
        """The form of a problem of this range."""
        return Form(low=self.low, high=self.high)

    def sentence(self) -> str:
        """What is worked on as black and white, for people; empty where it is the range of the type."""
        if not self.own:
            return ""
        words = "black to white" if self.mirror is None else "white to black"
        said = (
            f"values from {_short(min(self.ends))} to {_short(max(self.ends))}, in the file's units, are worked "
            f"on as {words}; --range overrides it"
        )
        if self.unit == 1 or self.span >= FEW_STEPS:
            return said
        return (
            f"{said}; these are so few whole numbers that rounding to them costs quality: "
            "a TIFF of floats with the same values comes back in floats"
        )

    def words(self) -> Unit:
        """The unit of strengths for people: grey levels for 8 bits and for floats in [0, 1], else those of the file."""
        if not self.own and self.unit in (255, 1):
            return GREY_LEVELS
        return Unit(*self.ends, eight_bits=False)

    @property
    def ends(self) -> tuple[float, float]:
        """What 0 and 1 of a problem are, in the units of the file."""
        low, high = self.low * self.unit, self.high * self.unit
        return (low, high) if self.mirror is None else (self.mirror - low, self.mirror - high)


TYPE_RANGE = PictureRange()
"""Of 8 bits: nothing is scaled."""


def range_of(
    image: Image,
    *,
    given: tuple[float, float] | None = None,
    observed: Tensor | None = None,
    counts: bool = False,
    stored: bool = False,
) -> PictureRange:
    """Return the range that a picture is worked on in.

    Args:
        given: the values of the file that are black and white.
        observed: (1, 1, H, W), 1 where something was measured without noise; ``None``: everywhere, and with noise.
        counts: the values count something, so they begin at 0, or at the least one where there are many below 0.
        stored: large values are 1 even where the file says that they are dark. The noise of photons grows with what was
            counted; turned round it falls, and was not known as theirs, at a cost of 3.5 to 5 dB.

    Raises:
        InputError: what was given is no range.
    """
    unit, mirror = LARGEST[image.bits], _mirror_of(image)
    if stored and mirror is not None:
        whole = mirror / unit
        as_stored = replace(image, pixels=whole - image.pixels, container=None)
        found = range_of(as_stored, given=given, observed=observed, counts=counts)
        return replace(found, low=whole - found.low, high=whole - found.high, mirror=mirror)
    lowest = -1.0 if mirror == 0 else 0.0  # floats from 0 to 1 whose sign was changed
    if given is not None:
        low, high = given
        _refuse_empty(low, high)
        if mirror is not None:
            low, high = mirror - high, mirror - low
        own = (low, high) != (lowest, lowest + unit)
        return PictureRange(low / unit, high / unit, unit, own=own, mirror=mirror)
    if image.bits == 8:
        return PictureRange()
    pixels = image.pixels if observed is None else image.pixels[observed.expand_as(image.pixels) > 0]
    if image.bits == 32 and _about_unit(image.pixels - lowest, pixels - lowest, observed):
        return PictureRange(lowest, lowest + 1, unit, mirror=mirror)
    low, high = _supported(image.pixels) if observed is None else (float(pixels.min()), float(pixels.max()))
    if low == high:
        if lowest <= low <= lowest + 1:
            return PictureRange(lowest, lowest + 1, unit, mirror=mirror)
        return PictureRange(low, low + 1, unit, own=True, mirror=mirror)
    span = high - low
    cut = [int((pixels == end).sum()) > max(1.0, ON_THE_END * pixels.numel()) for end in (low, high)]
    if not counts:  # so many of them were told for the brightest value, not for a little more
        high += MARGIN * span * (not cut[1])
    dark = 0.0 if observed is not None else WASTED * high
    if counts and low < -dark:
        pass  # nobody counts less than nothing, so it is the least value that no photon has
    elif counts or 0 <= low <= WASTED * high:
        low = 0.0
    else:
        low -= MARGIN * span * (not cut[0])
    if image.bits == 16:
        low, high = max(low, 0.0), min(high, 1.0)
    return PictureRange(low, high, unit, own=(low, high) != (0.0, 1.0), mirror=mirror)


def _mirror_of(image: Image) -> float | None:
    """What a value of the file and that of its pixel add up to, where they were mirrored."""
    tiff = None if image.container is None else image.container.tiff
    if tiff is None or not tiff.white_is_zero:
        return None
    if tiff.dtype.kind == "u":
        return float(np.iinfo(tiff.dtype).max)
    return 0.0


def tamed(x: Tensor, chosen: PictureRange) -> Tensor:
    """Pull single pixels that lie far outside of an own range nearer to it."""
    return x.clamp(-FAR, 1 + FAR) if chosen.own else x


def _about_unit(whole: Tensor, pixels: Tensor, observed: Tensor | None) -> bool:
    """Whether floats are values in [0, 1], perhaps with noise."""
    seen = F.avg_pool2d(whole, SMOOTH, 1) if observed is None else pixels
    inside = float(seen.min()) >= -BEYOND and float(seen.max()) <= 1 + BEYOND
    span = float(pixels.max() - pixels.min())
    return inside and (span == 0 or span >= LEAST_SPAN)


def _supported(pixels: Tensor) -> tuple[float, float]:
    """The lowest and the highest value that a pixel shares with a neighbour: hot and dead ones stand alone.

    Or in pairs: where it is far beyond what a pixel shares with two neighbours, that counts.
    """
    high, surer_high = (float(torch.minimum(pixels, one).max()) for one in _of_neighbours(pixels))
    low, surer_low = (-float(torch.minimum(-pixels, one).max()) for one in _of_neighbours(-pixels))
    reach = FAR * (surer_high - surer_low)
    if reach > 0:
        high = high if high <= surer_high + reach else surer_high
        low = low if low >= surer_low - reach else surer_low
    far = FAR * (high - low)
    if far > 0:
        peak, dip = _highest_rise(pixels, high + far), _highest_rise(-pixels, far - low)
        high, low = high if peak is None else peak, low if dip is None else -dip
    return (low, high) if low < high else (float(pixels.min()), float(pixels.max()))


def _highest_rise(pixels: Tensor, limit: float) -> float | None:
    """The highest value above a limit to which two neighbours rise; ``None`` where there is none."""
    places = (pixels > limit).nonzero()
    if not len(places):
        return None
    reach = AROUND // 2
    padded = F.pad(pixels, (reach,) * 4, value=torch.nan)
    _, channel, row, column = places.unbind(1)
    steps = torch.arange(AROUND)
    around = padded[
        0, channel[:, None, None], row[:, None, None] + steps[:, None], column[:, None, None] + steps
    ]
    value, level = around[:, reach, reach], around.flatten(1).nanmedian(1).values
    near = around[:, reach - 1 : reach + 2, reach - 1 : reach + 2].flatten(1).nan_to_num(nan=-torch.inf)
    third = near.topk(3).values[:, 2]  # the second of its neighbours, where it is the highest itself
    rising = value[third - level >= RISES * (value - level)]
    return float(rising.max()) if len(rising) else None


def _of_neighbours(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """The largest and the second largest of the eight neighbours of every pixel."""
    height, width = pixels.shape[-2:]
    padded = F.pad(pixels, (1, 1, 1, 1), value=-torch.inf)
    first = second = torch.full_like(pixels, -torch.inf)
    for row, column in ((r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)):
        one = padded[..., row : row + height, column : column + width]
        second = torch.maximum(second, torch.minimum(first, one))
        first = torch.maximum(first, one)
    return first, second


def _refuse_empty(low: float, high: float) -> None:
    if not (abs(low) < torch.inf and abs(high) < torch.inf and low < high):
        raise InputError(
            f"the range is {low:g} to {high:g}",
            "it is two numbers in the units of the file, the lower one first",
            "write for example --range 0 4095",
        )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
