"""Damage that is known, for the benchmark of the gate: what a camera, a program or a screen makes of a clean
picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as Pillow
from scipy.ndimage import gaussian_filter
from torch import Tensor

from ...problem import NoiseWord, add_noise

LEVELS = 255
Level = tuple[float, ...]
Draw = np.random.Generator


@dataclass(frozen=True, eq=False)
class Made:
    """A damaged picture, and what is known of its noise.

    Attributes:
        y: (1, C, H, W) in the units of its file, of which ``low`` and ``high`` become 0 and 1.
        sigmas: of white noise, the standard deviation in every channel that has some, in the units of ``y``.
        gain, zero: of photons, in the units of ``y``: what one adds, and the value at which no noise would be left.
        growth: of photons, the variance of the noise in bright places by that in dark ones.
        jpeg: whether it was stored as JPEG.
        bits: of its file.
        noisy: (H, W), where the noise is; ``None``: everywhere.
    """

    y: Tensor
    sigmas: tuple[float, ...] = ()
    gain: float | None = None
    zero: float = 0.0
    growth: float = 1.0
    jpeg: bool = False
    bits: int = 8
    noisy: Tensor | None = None


Maker = Callable[[Tensor, Level, Draw], Made]


def eight_bits(y: Tensor) -> Tensor:
    """Clipped and rounded to 256 levels."""
    return torch.round(y.clamp(0, 1) * LEVELS) / LEVELS


def gaussian(clean: Tensor, sigma: float, draw: Draw, *, spread: float = 0.0) -> Tensor:
    """With noise of ``sigma`` grey levels, blurred by ``spread`` pixels before it is made so strong."""
    noise = draw.normal(size=tuple(clean.shape))
    if spread:
        noise = gaussian_filter(noise, (0, 0, spread, spread))
        noise /= noise.std()
    return clean + torch.from_numpy(noise * sigma / LEVELS).float()


def jpeg(y: Tensor, quality: int) -> Tensor:
    """Stored as JPEG and read again."""
    pixels = (eight_bits(y)[0] * LEVELS).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Pillow.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "JPEG", quality=quality)
    back = np.atleast_3d(np.asarray(Pillow.open(file), dtype=np.float32) / LEVELS)
    return torch.from_numpy(back).permute(2, 0, 1)[None].contiguous()


def white(x: Tensor, level: Level, draw: Draw) -> Made:
    """White noise, not clipped."""
    return Made(gaussian(x, level[0], draw), (level[0] / LEVELS,) * x.shape[1], bits=32)


def white_in_8_bits(x: Tensor, level: Level, draw: Draw) -> Made:
    """White noise, clipped and rounded."""
    return Made(eight_bits(gaussian(x, level[0], draw)), (level[0] / LEVELS,) * x.shape[1])


def by_channel(x: Tensor, level: Level, draw: Draw) -> Made:
    """Every channel has its own strength."""
    colour = three(x)
    noisy = [gaussian(colour[:, n : n + 1], sigma, draw) for n, sigma in enumerate(level)]
    return Made(eight_bits(torch.cat(noisy, 1)), tuple(sigma / LEVELS for sigma in level))


def one_colour(x: Tensor, level: Level, draw: Draw) -> Made:
    """One channel has the picture, the others are zero."""
    made = white_in_8_bits(x[:, :1], level, draw)
    zero = torch.zeros_like(made.y)
    planes = [zero, zero]
    planes.insert(int(draw.integers(3)), made.y)
    return replace(made, y=torch.cat(planes, 1))


def grey_as_rgb(x: Tensor, level: Level, draw: Draw) -> Made:
    """A grey picture with noise, saved as three channels."""
    made = white_in_8_bits(x.mean(1, keepdim=True), level, draw)
    return replace(made, y=made.y.expand(-1, 3, -1, -1).contiguous())


def letterboxed(x: Tensor, level: Level, draw: Draw) -> Made:
    """Bars of one value above and below."""
    made = white_in_8_bits(x, level, draw)
    y, bar = made.y.clone(), round(float(draw.uniform(0.1, 0.25)) * x.shape[-2])
    y[..., :bar, :] = y[..., -bar:, :] = float(draw.choice([0.0, 1.0, 16 / LEVELS]))
    return replace(made, y=y)


def screenshot(x: Tensor, level: Level, draw: Draw) -> Made:
    """In a window of one colour, with a line of text-like marks on it."""
    made = white_in_8_bits(x, level, draw)
    height, width = x.shape[-2:]
    paper = torch.full_like(made.y, float(draw.integers(200, 250)) / LEVELS)
    top, left = height // 8, width // 6
    paper[..., 3:9, left : width - left : 4] = 0.2
    inside = (..., slice(top, height - top // 2), slice(left, width - left))
    paper[inside] = made.y[inside]
    return replace(made, y=paper)


def part_only(x: Tensor, level: Level, draw: Draw) -> Made:
    """Noise in one rectangle of a clean picture."""
    made = white_in_8_bits(x, level, draw)
    height, width = x.shape[-2:]
    rows, columns = (round(side * float(draw.uniform(0.5, 0.75))) for side in (height, width))
    top, left = int(draw.integers(0, height - rows + 1)), int(draw.integers(0, width - columns + 1))
    y = eight_bits(x)
    inside = (..., slice(top, top + rows), slice(left, left + columns))
    y[inside] = made.y[inside]
    noisy = torch.zeros(height, width, dtype=torch.bool)
    noisy[inside] = True
    return replace(made, y=y, noisy=noisy)


def simulated(kind: NoiseWord, *, rounded: bool = True) -> Maker:
    """Noise as ``degrade`` makes it."""

    def make(x: Tensor, level: Level, draw: Draw) -> Made:
        clean = x if kind != "impulse" else eight_bits(x)
        y = add_noise(clean, kind, level=level[0], seed=int(draw.integers(2**31))).y
        return Made(eight_bits(y) if rounded else y, gain=1 / level[0] if kind == "poisson" else None)

    return make


def photons(x: Tensor, level: Level, draw: Draw, *, bits: int = 16) -> Made:
    """g · Poisson(n) + N(o, r²): the level is photons at white, gain, offset, and noise of reading in photons."""
    most, gain, offset, read = level
    n = x.double().numpy() * most
    y = gain * (draw.poisson(n) + read * draw.normal(size=n.shape)) + offset
    dark, bright = np.quantile(n, (0.1, 0.9))
    zero, growth = offset - gain * read**2, float((bright + read**2) / max(dark + read**2, 1e-9))
    if bits == 8:  # as a viewer exports it: its own range becomes 0 to 255
        low, high = float(y.min()), float(y.max())
        y, gain, zero = (y - low) / (high - low), gain / (high - low), (zero - low) / (high - low)
        return Made(eight_bits(torch.from_numpy(y).float()), gain=gain, zero=zero, growth=growth)
    values = np.clip(np.rint(y), 0, 65535) if bits == 16 else y
    return Made(torch.from_numpy(values).float(), gain=gain, zero=zero, growth=growth, bits=bits)


def photons_in_8_bits(x: Tensor, level: Level, draw: Draw) -> Made:
    return photons(x, level, draw, bits=8)


def photons_as_floats(x: Tensor, level: Level, draw: Draw) -> Made:
    return photons(x, level, draw, bits=32)


def blurred(x: Tensor, level: Level, draw: Draw) -> Made:
    """Noise that its neighbours know."""
    return Made(eight_bits(gaussian(x, level[0], draw, spread=level[1])))


def demosaicked(x: Tensor, level: Level, draw: Draw) -> Made:
    """Noise on the pattern of a sensor, filled in bilinearly."""
    colour = three(x)
    noisy = gaussian(colour, level[0], draw)
    rows, columns = torch.meshgrid(torch.arange(x.shape[-2]), torch.arange(x.shape[-1]), indexing="ij")
    sites = torch.stack(
        [
            (rows % 2 == 0) & (columns % 2 == 0),
            (rows + columns) % 2 == 1,
            (rows % 2 == 1) & (columns % 2 == 1),
        ]
    )
    kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])[None, None]
    seen = sites[None].float()
    filled, weight = (
        F.conv2d(F.pad(part.transpose(0, 1), (1, 1, 1, 1), mode="reflect"), kernel).transpose(0, 1)
        for part in (noisy * seen, seen)
    )
    return Made(eight_bits(torch.where(seen > 0, noisy, filled / weight)))


def stored_as_jpeg(x: Tensor, level: Level, draw: Draw) -> Made:
    """Quality alone, or noise and then quality."""
    y = x if len(level) == 1 else gaussian(x, level[0], draw)
    return Made(jpeg(y, int(level[-1])), jpeg=True)


def clean(x: Tensor, level: Level, draw: Draw) -> Made:
    """As it was."""
    del level, draw
    return Made(eight_bits(x))


def clean_in_12_bits(x: Tensor, level: Level, draw: Draw) -> Made:
    """As it was, on 12 bits in a file of 16."""
    del level, draw
    return Made(torch.round(x.clamp(0, 1) * 4095), bits=16)


def clean_in_16_bits(x: Tensor, level: Level, draw: Draw) -> Made:
    """As it was, on all levels of 16 bits."""
    del level, draw
    return Made(torch.round(x.clamp(0, 1) * 65535), bits=16)


def clean_as_floats(x: Tensor, level: Level, draw: Draw) -> Made:
    """As it was, in floats of any size."""
    del draw
    scale, shift = level
    return Made(x * scale + shift, bits=32)


def twelve_in_16_bits(x: Tensor, level: Level, draw: Draw) -> Made:
    """White noise on 12 bits, in a file of 16."""
    y = torch.round(gaussian(x, level[0], draw).clamp(0, 1) * 4095)
    return Made(y, (level[0] * 4095 / LEVELS,) * x.shape[1], bits=16)


def beyond_one(x: Tensor, level: Level, draw: Draw) -> Made:
    """Floats of any size, negative ones among them."""
    sigma, scale, shift = level
    y = gaussian(x, sigma, draw) * scale + shift
    return Made(y, (sigma * scale / LEVELS,) * x.shape[1], bits=32)


def three(x: Tensor) -> Tensor:
    """Three channels that differ, of a grey picture its darker and its brighter versions."""
    return x if x.shape[1] == 3 else torch.cat([x, x**1.5, x.clamp(min=0) ** 0.7], 1)
