"""The gate: which kind of noise a picture has, and so which split may judge its restorations.

A split is right for its own kind of noise and misleads with another, so this comes before everything else.
The decision is a value with every number behind it, for the console, the page and ``result.json``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from ..array_types import Bits
from ..noise import LEVELS, NoiseModel
from . import verdicts
from .channel_noise import MOST_CHANNELS
from .coarse_colour import coarse_colour
from .diagnosis import Diagnosis
from .evidence import Evidence, gather
from .free_directions import HARDLY_NOISY
from .noise_by_place import noise_by_place
from .noisy_part import FAINTEST, find_noisy_part
from .photons import NO_LINE
from .plain import plain_pixels, plain_values
from .spread import more_than_all
from .unit import GREY_LEVELS, Unit

SURELY_EVEN, SURELY_WHITE, FAINTEST_SURE = 0.9, 0.85, 0.05 / LEVELS
"""In files without the rounding of 8 bits noise that is surely noise, in the free directions, too, counts however faint
it is: a few bright cells make the range of a picture that is dark and noisy. Flat places alone do not tell that: of
clean tuning pictures they had the camera's noise of 1 to 1.8 grey levels, the free directions an evenness of 0.24 to
0.43."""

BESIDE_STARS, EVEN_BESIDE_STARS = 0.55, 0.95
"""Evenness in the free directions, and in the quietest blocks: stars 1.6 to 3.2 pixels wide, of 4,000 to 40,000 photons
on a flat sky, left 0.61 to 0.99 and 0.96 to 1.01. Of 288 clean crops of 80 and 128 pixels of tuning pictures in 12 and
16 bits one is noisy by this (barbara, 1.9 grey levels, 0.79 and 0.98), and two because all free directions are alike
(kodim07, 1.0 levels): the noise of scanner and camera, of which one (monarch, 0.9) had been found before."""

JPEG_NOISE, JPEG_LOW_BY_MIDDLE, JPEG_IN_COMMON = 5.0 / LEVELS, 3.0, 0.5
"""Of all frequencies in the flattest blocks: noise of sigma 15 to 50 under JPEG of quality 30 to 90 left 7.4
to 28 grey levels, at most 2.6 times as much in the lowest frequencies as in the middle ones; clean pictures
had 2.0 to 2.1 levels and 3.4 to 7.7 times, a cat's fur 8.4 levels and 10 times; strengths in interleaved
frequencies correlate by 0.04 to 0.47 and 0.42 to 0.82. Taken as white with that strength, similar patches
gained 0.8 to 4.9 dB on 96 × 96 of coffee and kodim07, with the covariance of the flattest blocks 0.2 to 1.3 dB less."""

COUNTS_RATIO = 1.3
"""Of the high band by the middle one: counts of 20 to 300 photons in 8 bits had 0.66 to 1.1, ordered dither 2.6."""

WEAK_PHOTONS, EVEN_PHOTONS = 6.0 / LEVELS, 0.86
"""Weaker photons have to be as even as that: clean tuning pictures whose texture grew with brightness had 2.5 to 5.3
grey levels and an evenness of 0.70 to 0.85, photons that were found 0.85 and more, nearly all of 13 levels and more."""

MOST_IN_PATTERN = 0.18
"""Of impulses: in dither each dot is one, 0.21 to 0.59 of the places; of 5 and 20 % struck on chess boards 0.02 and 0.1
are. From 40 % on these are patterned no longer, for the impulses are white and the stronger ones."""

FEW_LEVELS = 4
"""Values in a channel: print, QR codes, dither and line drawings have two, pixels of the first consoles four; of noise
on them nothing is left but other such values."""

COARSER, LEAST_BY_STEP = 1.5, 0.6
"""Of the smallest difference between two values: pictures that were rounded to few levels have 0.25 to 0.58 of it, as
errors of rounding are 0.29 of a step; weaker noise than that is not told from them. Asked where the steps are coarser
than those of 8 bits, in grey levels: JPEG leaves less than a step of these, and has its own question."""

MOSTLY_PLAIN, ENOUGH_JUDGED = 0.7, 2000
"""Of a JPEG: the share of plain values from which on the others are those of edges, with the ringing that JPEG leaves
there, and so many of them that they may be noise, where they are as even as that. Crops of 96 × 96 of a silhouette had
0.78 to 0.98 plain, and 180 to 2000 values that look like anything; JPEG of noise has none that are plain."""

STANDS_OUT = 4.0
"""Of a channel's noise, by that of the cleanest one. Noise of 15 to 50 grey levels in one channel of tuning pictures
made it 4.6 to 120 times as much; of clean ones a drawing (comic) had 3.1 times, the others less or weak noise."""

DISAGREEMENT = 2.0
"""A given strength is wondered at where it is so many times as large, or as small, as all that was measured."""

SURELY_BELOW = 3.0
"""Standard errors of the zero of photons that a constant area lies below it where it is a border for sure."""

MAY_DIFFER = ("recorruption (white)", "recorruption (covariance)", "held-out (photons)", "held-out")
"""Branches of noise that may be stronger in some places: quiet ones make it look weak, and steps look correlated."""

SEEN_PLAIN = 0.01
"""Share of a noisy picture from which on its plain areas are let alone."""


def diagnose(y: Tensor, *, jpeg: bool = False, unit: Unit = GREY_LEVELS) -> Diagnosis:
    """Decide which noise (1, C, h, w) has.

    ==========================  =====================================================================
    branch                      when
    ==========================  =====================================================================
    impulse                     single values at the far end of the range
    thinning                    whole counts, so few that most of them are 0
    unchanged                   more fine pattern than any noise can have, and no free direction tells its noise
    thinning                    all values are whole counts, as many as the noise says
    unchanged                   what may be noise cannot be told from texture, from JPEG's own errors, or
                                from the steps between few values
    noise-free                  the same, and all that was measured lies below the rounding of the file
    recorruption (white)        it was cut to the range nearly everywhere, and that explains how it grows
    fallback                    noise under JPEG, or correlated noise that grows with the signal
    recorruption (covariance)   less noise in the high band than in the middle one
    held-out (photons)          the noise grows with the signal as that of photons does
    held-out                    it is stronger in some places, grows in another way, or its strength is
                                uncertain by over 10 %
    recorruption (white)        otherwise
    ==========================  =====================================================================

    The first that applies decides, but that a picture stays unchanged whose values allow no such noise. Constant areas
    are left out; where noise is in a part of the picture only, that part decides.

    Args:
        jpeg: whether the file is a JPEG.
        unit: in which strengths are said.

    Raises:
        InputError: a side shorter than 8 pixels.
    """
    return _with_coarse_colour(y, _found(y, jpeg=jpeg, unit=unit), jpeg=jpeg, unit=unit)


def _with_coarse_colour(y: Tensor, found: Diagnosis, *, jpeg: bool, unit: Unit) -> Diagnosis:
    """The same, with a warning where the colours have noise that no branch but that of a covariance knows."""
    if jpeg or found.evidence.grid.found or found.noise.kind in ("correlated", "impulse"):
        return found
    strength = coarse_colour(y, plain_values(y))
    if not strength:
        return found
    said = (
        f"the colours have coarse noise of about {unit.strength(strength)}, which is not taken out; "
        "blurring the colours alone beforehand helps"
    )
    return replace(found, warning=f"{found.warning}; {said}" if found.warning else said)


def _found(y: Tensor, *, jpeg: bool, unit: Unit) -> Diagnosis:
    found = _of_whole(y, gather(y), jpeg=jpeg, unit=unit)
    if found.evidence.cut is None and more_than_all(y, found.noise):  # of cut noise a third may be left
        return replace(_pattern_alone(found.evidence, unit, jpeg=False), unit=unit)
    speckle = found.noise.share is not None  # makes the darker channels the cleaner ones
    if not (jpeg or speckle) and (found.leaves_alone or found.branch in ("held-out", "held-out (photons)")):
        found = _beside_clean_channels(y, found, unit=unit) or found
    part = _of_part(y, jpeg=jpeg, unit=unit) if found.leaves_alone or _may_be_quieter(found) else None
    if part is None or not (found.leaves_alone or _surely_noisy(part)):
        found = _by_place(y, found, jpeg=jpeg, unit=unit) or found
        return replace(found, unit=unit, where=None if found.leaves_alone else _not_plain(y, found))
    return replace(part, unit=unit)


def _beside_clean_channels(y: Tensor, whole: Diagnosis, *, unit: Unit) -> Diagnosis | None:
    """White noise of some channels beside nearly clean ones, of which the quietest places of all say nothing."""
    seen, sigmas = whole.evidence, whole.evidence.channels.sigmas
    strongest = max(sigmas)
    if not 1 < len(sigmas) <= MOST_CHANNELS or seen.grid.found or strongest < verdicts.WEAK:
        return None
    if strongest < STANDS_OUT * min(sigmas):
        return None
    at = sigmas.index(strongest)
    alone = y[:, at : at + 1]
    own = _of_whole(alone, gather(alone), jpeg=False, unit=unit)
    return verdicts.by_channel(seen, unit) if own.branch == "recorruption (white)" else None


def _by_place(y: Tensor, whole: Diagnosis, *, jpeg: bool, unit: Unit) -> Diagnosis | None:
    """Noise that is stronger in some places, whatever grows with brightness."""
    seen = whole.evidence
    line = seen.photons if whole.branch == "held-out (photons)" else NO_LINE
    growing = whole.noise.share is not None or (seen.line.grows and not line.found)
    if jpeg or seen.grid.found or growing or seen.cut is not None or whole.branch not in MAY_DIFFER:
        return None
    found = noise_by_place(y, plain_values(y), line=line)
    return None if found is None else verdicts.by_place(seen, found, unit)


def _of_part(y: Tensor, *, jpeg: bool, unit: Unit) -> Diagnosis | None:
    """The white noise of the one rectangle that has some, if there is such a one."""
    part = find_noisy_part(y)
    if part is None:
        return None
    inside = y[..., part.top : part.bottom, part.left : part.right]
    if min(inside.shape[-2:]) < 8:
        return None
    found = _of_whole(inside, gather(inside), jpeg=jpeg, unit=unit)
    if found.branch != "recorruption (white)" or (found.noise.sigma or 0.0) < FAINTEST:
        return None  # a meadow or fur may look like correlated noise in a place where it is fine
    where = part.inside(tuple(y.shape))
    rest = y.clone()
    rest[..., part.top : part.bottom, part.left : part.right] = y.mean()  # plain, and so without noise
    another = find_noisy_part(rest) is not None
    said = "another part has noise, too, but" if another else "the rest has hardly any and"
    share = f" (in {100 * where.mean():.0f} % of the picture; {said} stays as it is)"
    return replace(found, where=where, sentence=found.sentence + share)


def _may_be_quieter(found: Diagnosis) -> bool:
    """Whether what was found may be the texture of quiet places beside a part with more noise.

    Asked first: looking for that part takes longer than all that was measured.
    """
    growing = found.evidence.line.grows or found.noise.share is not None  # then dark places are quieter
    weak = found.noise.sigma is not None and found.noise.sigma < verdicts.WEAK
    uneven = found.evidence.even.even < verdicts.SURELY_EVEN
    if found.evidence.cut is not None:  # its quiet places are those where more of it was cut
        return False
    return (weak or uneven) and found.branch in ("recorruption (white)", "held-out") and not growing


def _surely_noisy(part: Diagnosis) -> bool:
    """Whether a part has noise that is surely noise, which counts more than what is too weak to be sure of."""
    sigma = part.noise.sigma
    return part.branch == "recorruption (white)" and sigma is not None and sigma >= verdicts.WEAK


def _pattern_alone(seen: Evidence, unit: Unit, *, jpeg: bool) -> Diagnosis:
    few = _of_few_levels(seen)
    return verdicts.left_alone(seen, unit, jpeg=jpeg and not few, few=few)


def _of_few_levels(seen: Evidence) -> bool:
    """Whether there are so few values that any noise would be on them, too."""
    return 0 < seen.levels <= FEW_LEVELS and seen.level > 0


def _of_whole(y: Tensor, seen: Evidence, *, jpeg: bool, unit: Unit) -> Diagnosis:
    if seen.impulses.found and not (seen.patterned and seen.impulses.share > MOST_IN_PATTERN):
        return verdicts.impulse(y, seen, unit)
    if seen.plain == 1:
        return verdicts.left_alone(seen, unit, jpeg=False)
    if seen.sparse:
        return verdicts.thinning(seen, unit)
    if seen.patterned and seen.cut is None:  # else the places without cut noise are few, and not the quietest
        return verdicts.white(seen, unit) if seen.surely_white else _pattern_alone(seen, unit, jpeg=jpeg)
    noisy = _noisy(seen)
    white = noisy and (seen.even.white or seen.surely_white)
    if _may_be_counts(seen, white=white) if seen.comb.rounded else seen.counted:
        return verdicts.thinning(seen, unit)
    if _of_few_levels(seen):
        return verdicts.left_alone(seen, unit, jpeg=False, few=True)
    coarse = seen.step * LEVELS > COARSER
    if coarse and seen.level < LEAST_BY_STEP * seen.step and not seen.line.grows:
        return verdicts.left_alone(seen, unit, jpeg=False, coarse=True)
    if seen.grid.found or jpeg:
        judged = round((1 - seen.plain) * y.numel())
        if seen.plain >= MOSTLY_PLAIN and not (white and judged >= ENOUGH_JUDGED):
            return verdicts.left_alone(seen, unit, jpeg=True)
        strong = (
            seen.flat_sigma >= JPEG_NOISE
            and seen.even.low_by_middle <= JPEG_LOW_BY_MIDDLE
            and seen.even.in_common <= JPEG_IN_COMMON
        )
        if seen.grid.found and (strong or white):
            return verdicts.fallback(seen, unit, jpeg=True)
        if not strong and not white:
            return verdicts.left_alone(seen, unit, jpeg=True)
    if seen.cut is not None:
        return verdicts.cut_nearly_everywhere(seen, seen.cut, unit)
    if not white and not (seen.correlated and seen.middle >= HARDLY_NOISY):
        return verdicts.left_alone(seen, unit, jpeg=False)
    if seen.correlated and not (seen.even.white and seen.level < verdicts.WEAK):
        if seen.line.grows:
            return verdicts.fallback(seen, unit, jpeg=False)
        return verdicts.covariance(seen, unit)
    if seen.photons.found or (seen.line.grows and seen.photons.likely):
        if seen.level < WEAK_PHOTONS and seen.even.even < EVEN_PHOTONS:
            return verdicts.left_alone(seen, unit, jpeg=False)
        return verdicts.photons(seen, unit)
    if seen.line.grows or seen.photons.speckled:
        return verdicts.held_out(seen, unit, why="grows with the signal")
    return verdicts.white(seen, unit)


def _may_be_counts(seen: Evidence, *, white: bool) -> bool:
    """Whether there is noise that counts may have, for levels that never occur have other reasons in 8 bits."""
    may = (seen.line.grows and seen.photons.likely) or (white and seen.ratio <= COUNTS_RATIO)
    return seen.comb.found and may


def _noisy(seen: Evidence) -> bool:
    """Whether what may be noise is strong enough to be worth a restoration."""
    alone = seen.channels.strongest_alone
    if seen.level >= HARDLY_NOISY and (alone is None or seen.shares or alone >= HARDLY_NOISY):
        return True
    if seen.step * LEVELS > 0.9:  # 8 bits
        return False
    everywhere = seen.photons.grows or seen.free is None or seen.free.even >= SURELY_EVEN
    sky = seen.free is not None and seen.free.even >= BESIDE_STARS and seen.even.even >= EVEN_BESIDE_STARS
    sure = (everywhere or sky) and seen.even.even >= SURELY_EVEN and seen.ratio >= SURELY_WHITE
    sure = sure or (seen.free is not None and seen.free.alike)
    return sure and seen.level >= max(FAINTEST_SURE, seen.step)


def _not_plain(y: Tensor, found: Diagnosis) -> Bits | None:
    """Where a noisy picture is not plain; ``None`` where hardly anything of it is."""
    if found.noise.kind == "impulse":
        return None  # struck places are constant, too
    if found.evidence.plain < SEEN_PLAIN:
        return None  # pixels are plain where all of their values are, which are at most as many
    plain = plain_pixels(y)
    if found.noise.kind == "poisson":
        plain &= ~_may_be_dark(y, found)
    return ~plain if plain.mean() >= SEEN_PLAIN else None


def _may_be_dark(y: Tensor, found: Diagnosis) -> Bits:
    """(h, w): where a constant area may be one without a single photon: near the zero, and up to half a step or count.

    Anywhere else photons would differ, so that it is a border, or was cut off.
    """
    noise, seen = found.noise, found.evidence
    assert noise.gain is not None
    error = 0.0 if found.branch == "thinning" else seen.photons.zero_error
    above = y - noise.offset
    step = max(noise.gain, seen.step)
    dark = (above > -SURELY_BELOW * error - step) & (noise.gain * above < step**2 / 2)
    return np.asarray(dark.any(dim=1)[0].cpu().numpy())


def given_sigma(y: Tensor, sigma: float, *, unit: Unit = GREY_LEVELS) -> Diagnosis:
    """Take the noise of (1, C, h, w) as white and Gaussian with ``sigma`` in [0, 1], and say if it looks otherwise.

    Raises:
        InputError: a side shorter than 8 pixels.
    """
    found = diagnose(y, unit=unit)
    estimate = found.evidence.estimate
    both = (estimate.wavelet, estimate.laplacian)
    warning, where = "", f"of {LEVELS}" if unit.eight_bits else "in the file's units"
    if sigma > DISAGREEMENT * max(both) or DISAGREEMENT * sigma < min(both):
        warning = (
            f"sigma {unit.given(sigma)} was given, but two estimates are {unit.number(both[0])} (wavelet) and "
            f"{unit.number(both[1])} (Laplacian); what was given is used"
        )
    elif (
        found.branch in ("impulse", "fallback", "recorruption (covariance)") or found.noise.places is not None
    ):
        warning = f"a sigma was given, so the noise is taken as white and Gaussian; else: {found.sentence}"
    return Diagnosis(
        "recorruption (white)",
        NoiseModel("gaussian", sigma, "given"),
        f"noise: sigma {unit.given(sigma)} {where}, as given",
        warning,
        found.evidence,
        unit=unit,
    )


def given_photons(y: Tensor, photons: float, *, unit: Unit = GREY_LEVELS) -> Diagnosis:
    """Take the values of (1, C, h, w) as counts of which ``photons`` make the value 1.

    Raises:
        InputError: a side shorter than 8 pixels.
    """
    found = diagnose(y, unit=unit)
    comb, warning = found.evidence.comb, ""
    if comb.found and not 1 / 1.2 < photons / comb.photons < 1.2:
        warning = (
            f"{photons:g} photons for the value 1 were given, but the noise and the spacing of the values say "
            f"{comb.photons:g}; what was given is used"
        )
    return Diagnosis(
        "thinning",
        NoiseModel("poisson", None, "given", gain=1 / photons),
        f"noise: counts of photons, {photons:g} of them for the value 1, as given",
        warning,
        found.evidence,
        unit=unit,
    )
