"""Verdicts: what the gate says of each kind of noise, what the split has to know of it, and the sentence for people."""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor

from ..noise import LEVELS, NoiseModel
from .channel_noise import as_plain_values
from .diagnosis import Diagnosis
from .evidence import SHARED_EVEN, Evidence
from .free_directions import FreeNoise
from .impulses import clean_sigma
from .noise_by_place import NoiseByPlace
from .unit import Unit

AGREEMENT = 1.10
"""Of two bands: white noise has the same strength in both."""

SURELY_EVEN, SURELY_WHITE = 0.75, 0.70
"""Evenness, and ratio of bands in the flattest blocks, from which on the quietest places alone say how strong
white noise is, in pictures with much texture."""

NEAR = 1.05
"""How far the estimate over the whole picture may lie above that of its quietest blocks: then it is the surer one."""

HALF = 0.5
"""Of the noise in the quietest places: where that which no texture can have is less, it is not known which of both it
is. With 0.3, 0.5 and 0.7 the errors of sigma 3 to 60 on tuning pictures were 5.1, 5.1 and 5.2 % (95 %: 38, 38, 40)."""

FREE_OF_TEXTURE = 1.15
"""How far the estimate may lie above the noise in the directions that texture leaves free. With 1.15, 1.10 and 1.05 the
errors where white noise was found before (308 cases on tuning pictures and made-up textures) were 2.3, 2.5 and 3.1 %:
the free directions underrate noise that was clipped."""

OF_TEXTURE = 0.05
"""Of the gain, what texture adds to its error: with 150 to 400 photons it came out 2 to 8 % too large on photos."""

WEAK = 4.5 / LEVELS
"""Where noise is weaker and could be white, texture makes it look correlated."""

RATHER_WEAK = 9.0 / LEVELS
"""The strength of weaker noise is uncertain unless it is as even as ``SHARED_EVEN``: of sigma 3 to 5 on 15 tuning
pictures it was off by 33 to 98 % in five of seven cases that are less even."""


def impulse(y: Tensor, seen: Evidence, unit: Unit) -> Diagnosis:
    """Single values are black or white where they cannot be."""
    sigma = clean_sigma(y)
    exact = NoiseModel("impulse", sigma, "estimated")
    strength = "unknown noise" if sigma is None else f"noise of about {unit.strength(sigma)}"
    return Diagnosis(
        "impulse",
        exact,
        f"noise: impulses, about {200 * seen.impulses.share:.0f} % of the values are black or white where they cannot "
        f"be; they are left out, and the values between them ({strength}) are the measurement",
        "",
        seen,
    )


def thinning(seen: Evidence, unit: Unit) -> Diagnosis:
    """The counts themselves are there."""
    comb = seen.comb
    begin = f", counted from {unit.value(comb.offset)}" if comb.offset else ""
    return Diagnosis(
        "thinning",
        NoiseModel("poisson", None, "estimated", gain=1 / comb.photons, offset=comb.offset),
        f"noise: the values are whole counts of photons, each of them {unit.number(1 / comb.photons)}{begin}; every "
        "one is given to the fit or to the score at random",
        "",
        seen,
    )


def left_alone(
    seen: Evidence, unit: Unit, *, jpeg: bool, few: bool = False, coarse: bool = False
) -> Diagnosis:
    """The picture has no noise, or none that can be told from what belongs to it.

    Args:
        jpeg: whether it was stored as JPEG.
        few: whether it has so few values that any noise would be on them, too.
        coarse: whether it was rounded to fewer values than 8 bits have. With the errors of that told as sigma coffee,
            kodim08, monarch, chelsea and zebra gained 2.5 to 4.1 dB where there were 8 values, 1.8 to 4.2 where there
            were 16; drawings and icons have few values, too, and are what they ought to be.
    """
    estimate = seen.estimate
    measured = (estimate.wavelet, estimate.laplacian, estimate.sigma, seen.high, seen.middle)
    free = max(measured) <= seen.step and not (jpeg or few)
    what = "JPEG's own errors" if jpeg else "the picture's texture"
    found = (
        f"the picture has {seen.levels} values only, and nothing tells noise from content there"
        if few
        else "none, everything that was measured lies below the rounding of the file"
        if free
        else f"none that can be told from {what} (at most {unit.strength(seen.level)} where it is quiet)"
    )
    anyway = "--sigma denoises it anyway"
    if coarse:
        errors = unit.number(seen.step / math.sqrt(12))
        anyway = f"--sigma {errors} takes out the errors of rounding to so few values"
    return Diagnosis(
        "noise-free" if free else "unchanged",
        NoiseModel("none", None, "estimated"),
        f"noise: {found}; the picture is delivered as it is, {anyway}",
        "",
        seen,
    )


def fallback(seen: Evidence, unit: Unit, *, jpeg: bool) -> Diagnosis:
    """No score is known to be right."""
    sigma = seen.flat_sigma
    if jpeg:
        why = "the picture was stored as JPEG, and its noise is not independent"
        noise, how = NoiseModel("gaussian", sigma, "estimated"), "it is taken as white"
    else:
        why, how = (
            "the noise is correlated and grows with the signal",
            "it is taken as Gaussian with its covariance",
        )
        noise = NoiseModel("correlated", sigma, "estimated", correlation=as_plain_values(seen.correlation))
    return Diagnosis(
        "fallback",
        noise,
        f"noise: {why}; {how}, sigma {unit.strength(sigma)} where the picture is flat",
        "no score is known to be right for such noise: fits may stop too early or too late; compare the picture "
        "by eye, and use one that was not compressed if there is one",
        seen,
    )


def covariance(seen: Evidence, unit: Unit) -> Diagnosis:
    """Gaussian noise that its neighbours know."""
    # The fine half of the frequencies tells strengths of white noise only; what was filtered has them elsewhere.
    common = replace(seen.channels, sigmas=(1.0,) * len(seen.channels.sigmas))
    return Diagnosis(
        "recorruption (covariance)",
        NoiseModel(
            "correlated",
            seen.flat_sigma,
            "estimated",
            correlation=as_plain_values(seen.correlation),
            channels=common.relative(seen.flat_sigma),
        ),
        f"noise: sigma {unit.strength(seen.flat_sigma)}, correlated between neighbouring pixels"
        f"{' and between channels' if common.shared else ''}; its covariance was measured where the picture is flat",
        "fine texture in all of the picture looks the same; if its noise is white, give --sigma",
        seen,
    )


def photons(seen: Evidence, unit: Unit) -> Diagnosis:
    """Noise that grows with the light, as that of counted photons does.

    All of the noise of reading is put into the offset, as if light had made it: nothing tells them apart, and an offset
    at the darkest values would say that nothing is darker. An X-ray picture came out at 41.2 dB so, and at 44.9 now.
    """
    line = seen.photons
    gain_error = math.hypot(line.gain_error, OF_TEXTURE * line.gain)
    return Diagnosis(
        "held-out (photons)",
        NoiseModel("poisson", None, "estimated", gain=line.gain, offset=line.zero),
        f"noise: photons, each of them {unit.number(line.gain)} ± {unit.number(gain_error)}; none is left at "
        f"{unit.value(line.zero)} ± {unit.number(line.zero_error)}, the offset less what reading adds; hidden pixels "
        "judge",
        "",
        seen,
    )


def held_out(seen: Evidence, unit: Unit, *, why: str) -> Diagnosis:
    """Noise of which only the independence from pixel to pixel is assumed, and how it grows, where that is seen."""
    share = seen.photons.share if seen.photons.speckled else None
    strength = (
        f"sigma about {unit.strength(seen.high)}, {why}"
        if share is None
        else f"grows with the value, about {share:.0%} of it, as speckle does"
    )
    return Diagnosis(
        "held-out",
        NoiseModel("unknown", seen.high, "estimated", share=share),
        f"noise: {strength}, so only its independence from pixel to pixel is assumed",
        "",
        seen,
    )


def by_place(seen: Evidence, found: NoiseByPlace, unit: Unit) -> Diagnosis:
    """White noise that is stronger in some places than in others: no single sigma is right, so hidden pixels judge."""
    least, most = unit.number(found.least), unit.strength(found.most)
    return Diagnosis(
        "held-out",
        NoiseModel("unknown", found.sigma, "estimated", places=found.places),
        f"noise: sigma {least} to {most}, from place to place, so only its independence from pixel to pixel is assumed",
        f"the noise differs over the picture, from about {least} ({found.weakest}) to {most} ({found.strongest}): "
        "similar patches follow it, networks take it as the same everywhere",
        seen,
    )


def white(seen: Evidence, unit: Unit) -> Diagnosis:
    """White Gaussian noise, or held-out where its strength is not sure."""
    estimate = seen.estimate
    both_bands = max(seen.high, seen.middle) <= AGREEMENT * min(seen.high, seen.middle)
    sure = seen.level >= WEAK and (seen.level >= RATHER_WEAK or seen.even.even >= SHARED_EVEN)
    quietest = sure and seen.even.even >= SURELY_EVEN and seen.even.flat_ratio >= SURELY_WHITE
    alone = sure and seen.channels.alone is not None and not seen.shares
    if not (estimate.agree or both_bands or quietest or alone or seen.surely_white):
        return held_out(seen, unit, why="uncertain by more than 10 %")
    free = seen.free if seen.surely_white else None
    sigma = estimate.sigma if estimate.agree else seen.high
    quiet = seen.even.fine * seen.even.even**0.8  # nearly that of the quietest hundredth of the blocks
    own = seen.channels.mean_sigma
    # Where noise may grow with brightness the quiet places, which are dark, have less of it than the others.
    steady = len(seen.channels.sigmas) == 1 and not seen.photons.likely
    if seen.channels.differs:
        sigma = own
    else:
        if estimate.sigma > NEAR * quiet or not (estimate.agree or both_bands):
            sigma = quiet
        if alone or steady:
            if own < HALF * sigma:
                if free is not None:
                    return _beside_texture(seen, free, unit)
                return held_out(seen, unit, why="uncertain by half")
            sigma = own if alone else min(own, sigma)
    if free is not None and sigma > FREE_OF_TEXTURE * free.sigma:
        return _beside_texture(seen, free, unit)
    measures = (
        "three measures of it agree"
        if estimate.agree
        else "the quietest places agree on it"
        if both_bands or quietest
        else "so much of it differs from channel to channel"
    )
    return _white_of(seen, sigma, unit, why=f"{measures}, so it is taken as white and Gaussian")


def _white_of(seen: Evidence, sigma: float, unit: Unit, *, why: str) -> Diagnosis:
    return Diagnosis(
        "recorruption (white)",
        NoiseModel("gaussian", sigma, "estimated", channels=seen.channels.relative(sigma)),
        f"noise: sigma {unit.strength(sigma)}{_of_channels(seen, sigma, unit)}, estimated; {why}",
        "",
        seen,
    )


def _beside_texture(seen: Evidence, free: FreeNoise, unit: Unit) -> Diagnosis:
    """White Gaussian noise, as strong as in the directions that texture leaves free."""
    channels = replace(seen.channels, sigmas=free.sigmas)
    seen = seen if len(free.sigmas) < len(seen.channels.sigmas) else replace(seen, channels=channels)
    why = "it is equally strong wherever texture leaves room for it, so it is taken as white and Gaussian"
    return _white_of(seen, free.sigma, unit, why=why)


def cut_nearly_everywhere(seen: Evidence, sigma: float, unit: Unit) -> Diagnosis:
    """White Gaussian noise of which less is left the nearer a place is to the end of the range."""
    channels = replace(seen.channels, sigmas=(sigma,) * len(seen.channels.sigmas))
    why = "it was cut at the end of the range nearly everywhere, as white and Gaussian noise of that strength is"
    return _white_of(replace(seen, channels=channels), sigma, unit, why=why)


def by_channel(seen: Evidence, unit: Unit) -> Diagnosis:
    """White Gaussian noise of some channels, where others have hardly any."""
    why = "some channels have far more of it than others, and it is taken as white and Gaussian"
    return _white_of(seen, seen.channels.mean_sigma, unit, why=why)


def _of_channels(seen: Evidence, sigma: float, unit: Unit) -> str:
    """What channels have for themselves, and in common, in words."""
    relative = seen.channels.relative(sigma)
    if relative is None:
        return ""
    said = []
    if seen.channels.differs:
        own = (unit.number(sigma * max(row[index], 0.0) ** 0.5) for index, row in enumerate(relative))
        said.append("by channel " + " / ".join(own))
    if seen.channels.shared:
        said.append("shared between channels")
    return f" ({', '.join(said)})"
