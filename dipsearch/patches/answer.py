"""The answer of similar patches to a problem, with and without another restoration as their pilot.

``answer`` needs seconds and no network. ``polished`` takes what networks made of the same measurement and lets groups
of similar patches improve it. Both look at y alone, or at the fitted part of a split, whose scoring part then judges
them. Large pictures are worked on in tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from ..problem import (
    Blur,
    Downsample,
    Identity,
    Mask,
    Problem,
    Radon,
    Split,
    clean_sigma,
    crop_problem,
    estimate_sigma,
    of_every_pixel,
    sees_little,
)
from ..problem.gate.impulses import EXACT
from ..problem.operators import factors_of
from ..problem.problem import SMALLEST_SIDE
from .alternation import alternate
from .consistency import consistent
from .denoise import denoise, polish, white
from .fill import depth_of, fill
from .haste import Over, never
from .lost_light import with_lost_light
from .part import fitted_part
from .patch_noise import PatchNoise
from .settings import Alternation, PatchSettings, settings_for
from .stabilise import GeneralisedAnscombe, Logarithm, Stabiliser
from .start import averaged_around, first_guess, interpolated
from .tiles import Mosaic, Tile, tiles

DARKEST = 1 / 8
"""Of the mean around it, what a value with speckle is at the least: for 35 % that is 0.41, 0.13 and 0.04 dB better on
coffee, chelsea and rocket, and nothing is lost for 10 and 20 %; with 1/5 rocket loses 0.04."""

INVERTING = 3
"""Corrections until the mean of a stabilised value is found; each leaves a tenth of the error or less."""

BESIDE_MAP = 1.15
"""Of the strength that a map of noise says, what is taken out: the map is not exact, and noise that is left costs more
than detail. On coffee, chelsea, monarch, face and flowers (128 × 128, colour) halves of 10 and 30 gained 0.8 dB by it,
3 to 45 from left to right 0.6, 8 to 38 from the middle to the corners 0.6, 5 to 25 from left to right 0.1."""

Progress = Callable[[int, int], None]
"""Told how many tiles of how many are done."""

SIDE, OVERLAP = 256, 24
"""Of a tile, in pixels of the restored picture: larger ones leave the cache (per pixel 384 took twice as long as 256),
and neighbours share the reach of a window and its patches."""

SIDE_ON_GPU = 768
"""The same there, where small tiles leave most of the device idle; one takes about 2 GB."""


def answer(
    problem: Problem,
    *,
    split: Split | None = None,
    settings: PatchSettings | None = None,
    threads: int = 1,
    progress: Progress | None = None,
    over: Over = never,
) -> Tensor:
    """Restore a picture with groups of similar patches.

    Args:
        problem: what was measured.
        split: look at its fitted part alone; ``None``: at all of y.
        settings: how groups are made; ``None``: as it suits the size of the picture.
        threads: that work on tiles; the same numbers come out.
        progress: hears of every tile.
        over: asked before every pass over a tile whether the time is over.

    Returns:
        ``problem.image_shape``, (1, C, H, W) float32, in the units of ``problem.y``, about [0, 1] and not clipped, on
        the device of y: of equal channels, which are worked on as one, it is one. ``problem.form.back`` makes the
        measurement's own units of it.

    Raises:
        InputError: the problem or the split is something else, the measurement has values that are not finite, sigma
            is none from 0 on, the gain or the offset of photon noise or the share of speckle cannot be used, the image
            has less than 8 pixels per side, or of one channel nothing was measured.
    """
    found = _in_tiles(fitted_part(problem, split), None, settings, threads, progress, over)
    return _beside_noise(found, problem)


def polished(
    problem: Problem,
    pilot: Tensor,
    *,
    split: Split | None = None,
    threads: int = 1,
) -> Tensor:
    """Improve a restoration with groups of similar patches that it finds and describes.

    Args:
        problem: what was measured.
        pilot: (1, C, H, W), a restoration of it, from no more than the same part of y.
        split: look at its fitted part alone; ``None``: at all of y.
        threads: that work on tiles; the same numbers come out.

    Returns:
        As ``answer`` does.

    Raises:
        InputError: as in ``answer``, or the pilot has values that are not finite.
    """
    return _beside_noise(_in_tiles(fitted_part(problem, split), pilot, None, threads, None, never), problem)


def met(x: Tensor, problem: Problem, *, split: Split | None = None) -> Tensor:
    """An image brought to a measurement without noise: x + A⁺ (y − A x). With noise it is returned as it is.

    Args:
        x: (1, C, H, W).
        problem: what was measured.
        split: meet its fitted part alone; ``None``: all of y.
    """
    part = fitted_part(problem, split)
    if isinstance(part.operator, Mask | Identity) or assumed_sigma(part) > 0:
        return x  # observed pixels are put back when everything is mixed
    return consistent(x, part.operator, part.y, weight=part.observed)


def _beside_noise(x: Tensor, problem: Problem) -> Tensor:
    """Borders and other plain areas of a noisy picture as they were."""
    if not isinstance(problem.operator, Identity) or bool(problem.observed.all()):
        return x
    return torch.where(problem.observed > 0, x, problem.y)


def _in_tiles(
    part: Problem,
    pilot: Tensor | None,
    settings: PatchSettings | None,
    threads: int,
    progress: Progress | None,
    over: Over,
) -> Tensor:
    reduction = part.operator if isinstance(part.operator, Downsample) else None
    factor = 1 if reduction is None else reduction.factor
    height, width = part.y.shape[-2:]
    asked = settings
    settings = asked or settings_for(part.image_shape[-2] * part.image_shape[-1])
    _refuse_unusable(part, pilot)
    part = replace(
        part, noise=replace(part.noise, sigma=assumed_sigma(part))
    )  # once, and the same for all tiles
    if part.noise.places is not None and isinstance(part.operator, Identity):
        # By its strength noise is the same everywhere, and patches that are alike stay so nearly: the map is smooth.
        strength = of_every_pixel(part.noise.places, height, width).to(part.y)
        sigma = BESIDE_MAP * assumed_sigma(part)
        even = replace(part, y=part.y / strength, noise=replace(part.noise, sigma=sigma, places=None))
        pilot = None if pilot is None else pilot / strength
        return strength * _in_tiles(even, pilot, settings, threads, progress, over)
    if not part.croppable:
        return _restored(part, pilot, settings, over)
    if pilot is None and isinstance(part.operator, Mask):
        part = _with_middles(part, asked, over, deep=settings.deep)
    # At a cut edge of a reduced picture nothing is measured for sure along the reach of the reduction's kernel.
    margin = 0 if reduction is None else reduction.reach * factor
    overlap = -(-max(OVERLAP, 3 * margin) // factor)
    side = SIDE_ON_GPU if part.y.is_cuda else SIDE
    cut = list(tiles(height, width, side=max(-(-side // factor), 2 * overlap), overlap=overlap))
    if len(cut) == 1:
        return _restored(part, pilot, settings, over)
    mosaic = Mosaic(
        torch.zeros(part.image_shape, dtype=torch.float32).to(part.y), overlap=overlap * factor, margin=margin
    )

    def restored(tile: Tile) -> tuple[Tile, Tensor]:
        small = crop_problem(part, top=tile.top, left=tile.left, height=tile.height, width=tile.width)
        place = Tile(tile.top * factor, tile.left * factor, *small.image_shape[-2:])
        pilot_part = None if pilot is None else pilot[(..., *place.window)]
        return place, _restored(small, pilot_part, settings, over)

    # Whole tiles are the work of one thread each: threads that share small tensors mostly wait for one another, and on
    # a busy machine that took fifteen times as long.
    with ThreadPoolExecutor(threads) as pool:
        for index, (place, image) in enumerate(pool.map(restored, cut)):
            mosaic.add(place, image)
            if progress is not None:
                progress(index + 1, len(cut))
    # Tiles that fade into one another do not measure as y any more where an operator joins their pixels.
    return met(mosaic.image(), part)


def _with_middles(part: Problem, settings: PatchSettings | None, over: Over, *, deep: int) -> Problem:
    """The same with the middles of its large holes, filled at half the size, as if they had been measured.

    What is beside a middle says nothing of it; what is far around does, and at a small size patches reach it. Halved
    again and again, a hole comes out as close as reduced at once, and its edges run on further.
    """
    missing = (part.observed == 0).any(1)[0]
    depth = depth_of(missing)
    if float(depth.max()) <= deep:
        return part
    seen = part.observed.expand_as(part.y)
    values, share = (F.avg_pool2d(one, 2, ceil_mode=True) for one in (part.y * seen, seen))
    known = (share > 0).to(part.y)
    small = replace(
        part,
        y=values / share.clamp(min=1e-6),
        operator=Mask(known),
        observed=known,
        image_shape=(1, values.shape[1], *values.shape[-2:]),
        noise=replace(part.noise, sigma=(part.noise.sigma or 0.0) / 2),
    )
    # A hole that is small there is what there is to restore, whatever share of the pixels it has.
    settings = replace(settings or settings_for(values.shape[-2] * values.shape[-1]), few=0.0)
    tiny = min(values.shape[-2:]) < SMALLEST_SIDE
    filled = interpolated(small.y, known) if tiny else _in_tiles(small, None, settings, 1, None, over)
    large = F.interpolate(filled, scale_factor=2, mode="bilinear")[..., : depth.shape[0], : depth.shape[1]]
    middle = (depth > deep)[None, None]
    observed = torch.where(middle, torch.ones_like(part.observed), part.observed)
    return replace(part, y=torch.where(middle, large, part.y), operator=Mask(observed), observed=observed)


def _restored(part: Problem, pilot: Tensor | None, settings: PatchSettings, over: Over) -> Tensor:
    noise, operator = part.noise, part.operator
    if over():
        return first_guess(part, noise_sigma=assumed_sigma(part), over=over) if pilot is None else pilot
    hidden = isinstance(operator, Identity) and not bool(part.observed.all())
    if isinstance(operator, Mask) or noise.kind == "impulse" or (hidden and not noise.sigma):
        # Values that say nothing are missing ones.
        part = part if isinstance(operator, Mask) else replace(part, operator=Mask(part.observed))
        return fill(part, pilot=pilot, noise_sigma=assumed_sigma(part), settings=settings, over=over)
    if not isinstance(operator, Identity):
        first, on = alternations(part, settings)
        start, how = (
            (first_guess(part, noise_sigma=assumed_sigma(part), over=over), first)
            if pilot is None
            else (pilot, on)
        )
        return alternate(part, start, how, noise_sigma=assumed_sigma(part), over=over)
    if noise.kind == "none":
        return part.y
    if noise.kind == "poisson" and noise.gain is not None:
        stabiliser = GeneralisedAnscombe(noise.gain, noise.offset, noise.read_sigma)
        found = _stabilised(part, pilot, stabiliser, settings, over)
        return with_lost_light(found, part.y, stabiliser, known=part.observed)
    if noise.share is not None:
        steady = replace(part, y=_raised(part.y))
        return _stabilised(steady, pilot, Logarithm(noise.share), settings, over)
    return _denoised(part, pilot, _patch_noise(part), settings, over)


def alternations(part: Problem, settings: PatchSettings) -> tuple[Alternation, Alternation]:
    """How an operator is undone: from a first guess, and from a restoration from elsewhere."""
    if isinstance(part.operator, Downsample):
        return settings.enlarging, settings.enlarging_on
    factors, little = factors_of(part.operator), sees_little(part)
    if any(isinstance(one, Radon) for one in factors) and not little:
        return settings.inverting, settings.inverting_on
    first = settings.sampling if little else settings.deblurring
    blurred = any(isinstance(one, Blur) for one in factors)
    on = settings.deblurring_on if blurred else settings.inverting_on
    if part.image_shape[1] == 1:
        first, on = (replace(how, patch=settings.grey_patch) for how in (first, on))
    return first, on


def _denoised(
    part: Problem, pilot: Tensor | None, noise: PatchNoise, settings: PatchSettings, over: Over
) -> Tensor:
    if float(noise.sigmas.max()) == 0:
        return part.y
    if pilot is None:
        return denoise(part.y, noise, settings=settings, known=part.observed, over=over)
    return polish(part.y, pilot, noise, settings=settings, known=part.observed)


def _raised(y: Tensor) -> Tensor:
    """Speckle without the values that it made nearly black, of which a logarithm makes outliers."""
    around = F.avg_pool2d(F.pad(y, (2, 2, 2, 2), mode="replicate"), 5, stride=1)
    return torch.maximum(y, DARKEST * around)


def _stabilised(
    part: Problem, pilot: Tensor | None, stabiliser: Stabiliser, settings: PatchSettings, over: Over
) -> Tensor:
    """Denoise where the noise is equally strong everywhere."""
    noise = white(1.0, channels=part.y.shape[1], like=part.y)
    pilot_part = None if pilot is None else _means(pilot, stabiliser)
    steady = replace(part, y=stabiliser.forward(part.y))
    return stabiliser.inverse(_denoised(steady, pilot_part, noise, settings, over))


def _means(x: Tensor, stabiliser: Stabiliser) -> Tensor:
    """The mean of ``forward(y)`` where y has the mean x: what ``inverse`` leads back from."""
    z = stabiliser.forward(x)
    for _ in range(INVERTING):
        z = z + stabiliser.forward(x) - stabiliser.forward(stabiliser.inverse(z))
    return z


def _patch_noise(part: Problem) -> PatchNoise:
    own, table = part.noise.channels, part.noise.correlation
    relative = (
        torch.eye(part.y.shape[1], dtype=torch.float32)
        if own is None
        else torch.tensor(own, dtype=torch.float32)
    )
    channels = relative.to(part.y) * assumed_sigma(part) ** 2
    return PatchNoise(channels, None if table is None else torch.tensor(table).to(part.y))


def assumed_sigma(part: Problem) -> float:
    """The strength of the noise where y may be looked at; 0 where that is exact."""
    noise = part.noise
    if noise.kind == "none":
        return 0.0
    if noise.kind == "impulse":
        sigma = clean_sigma(part.y) if noise.sigma is None else noise.sigma
        return 0.0 if sigma is None or sigma <= EXACT else sigma
    if noise.sigma is not None:
        return noise.sigma
    hidden = not bool(part.observed.all())
    return estimate_sigma(averaged_around(part.y, part.observed) if hidden else part.y).sigma


def _refuse_unusable(part: Problem, pilot: Tensor | None) -> None:
    """Raise InputError where groups of patches cannot be formed or compared."""
    noise = part.noise
    for name, values in (("the measurement", part.y * part.observed), ("the pilot", pilot)):
        if values is not None and not bool(torch.isfinite(values).all()):
            raise InputError(
                f"{name} has values that are not finite", "every pixel is a number", "repair or mask them"
            )
    if noise.sigma is not None and not 0 <= noise.sigma < math.inf:
        raise InputError(
            f"sigma is {noise.sigma}", "it is a number from 0 on", "give one, or have it estimated"
        )
    height, width = part.image_shape[-2:]
    if min(height, width) < SMALLEST_SIDE:
        raise InputError(
            f"the picture is {width} × {height}",
            f"similar patches need at least {SMALLEST_SIDE} pixels per side",
            "use a larger picture",
        )
    if not bool((part.observed > 0).flatten(2).any(-1).all()):
        raise InputError(
            "of one channel nothing was measured",
            "similar patches need some of each",
            "leave the channel out",
        )
