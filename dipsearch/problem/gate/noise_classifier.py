"""The gate: which kind of noise a picture has, and so which split may judge its restorations.

A split is right for its own kind of noise and misleads with another, so this comes before everything else.
The decision is a value with every number behind it, for the console, the page and ``result.json``.
"""

from __future__ import annotations

from torch import Tensor

from ..noise import LEVELS, NoiseModel
from .blocks import Values
from .diagnosis import Diagnosis
from .evidence import Evidence, gather
from .impulses import clean_sigma

HARDLY_NOISY, HARDLY_NOISY_BELOW = 4.0 / LEVELS, 4.8 / LEVELS
"""Of the high and of the middle band: weaker noise than a restoration has errors."""

AGREEMENT = 1.10
DISAGREEMENT = 2.0


def diagnose(y: Tensor) -> Diagnosis:
    """Decide which noise (1, C, h, w) has.

    ==========================  =====================================================================
    branch                      when
    ==========================  =====================================================================
    impulse                     single values at the far end of the range
    thinning                    all values are whole counts, as many as the noise says
    fallback                    a grid of JPEG, or correlated noise that grows with the signal
    noise-free                  weaker than 4 grey levels (high band) and 4.8 (middle band)
    recorruption (covariance)   less noise in the high band than in the middle one
    held-out                    the noise grows with the signal, or its strength is uncertain by over 10 %
    recorruption (white)        otherwise
    ==========================  =====================================================================

    The first that applies decides.

    Raises:
        InputError: a side shorter than 8 pixels.
    """
    seen = gather(y)
    if seen.impulses.found:
        return _impulse(y, seen)
    if seen.comb.found:
        return _thinning(seen)
    if seen.grid.found:
        return _fallback(seen, why="the picture was stored as JPEG, and its noise is not independent")
    if max(seen.high, seen.brighter) < HARDLY_NOISY and seen.middle_least < HARDLY_NOISY_BELOW:
        return _noise_free(seen)
    if seen.correlated and seen.line.grows:
        return _fallback(seen, why="the noise is correlated and grows with the signal")
    if seen.correlated:
        return _covariance(seen)
    if seen.line.grows:
        return _held_out(seen, why="grows with the signal")
    return _white(seen)


def given_sigma(y: Tensor, sigma: float) -> Diagnosis:
    """Take the noise of (1, C, h, w) as white and Gaussian with ``sigma`` in [0, 1], and say if it looks otherwise.

    Raises:
        InputError: a side shorter than 8 pixels.
    """
    found = diagnose(y)
    levels, estimate = sigma * LEVELS, found.evidence.estimate
    both = (estimate.wavelet, estimate.laplacian)
    warning = ""
    if sigma > DISAGREEMENT * max(both) or DISAGREEMENT * sigma < min(both):
        warning = (
            f"sigma {levels:g} was given, but two estimates are {both[0] * LEVELS:.1f} (wavelet) and "
            f"{both[1] * LEVELS:.1f} (Laplacian); what was given is used"
        )
    elif found.branch in ("impulse", "fallback", "recorruption (covariance)"):
        warning = f"a sigma was given, so the noise is taken as white and Gaussian; else: {found.sentence}"
    return Diagnosis(
        "recorruption (white)",
        NoiseModel("gaussian", sigma, "given"),
        f"noise: sigma {levels:g} of {LEVELS}, as given",
        warning,
        found.evidence,
    )


def given_photons(y: Tensor, photons: float) -> Diagnosis:
    """Take the values of (1, C, h, w) as counts of which ``photons`` make the value 1.

    Raises:
        InputError: a side shorter than 8 pixels.
    """
    found = diagnose(y)
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
    )


def _impulse(y: Tensor, seen: Evidence) -> Diagnosis:
    sigma = clean_sigma(y)
    exact = NoiseModel("impulse", sigma, "estimated")
    strength = "unknown noise" if sigma is None else f"noise of about {sigma * LEVELS:.1f} of {LEVELS}"
    return Diagnosis(
        "impulse",
        exact,
        f"noise: impulses, about {200 * seen.impulses.share:.0f} % of the values are 0 or 1 where they cannot be; "
        f"they are left out, and the values between them ({strength}) are the measurement",
        "",
        seen,
    )


def _thinning(seen: Evidence) -> Diagnosis:
    photons = seen.comb.photons
    return Diagnosis(
        "thinning",
        NoiseModel("poisson", None, "estimated", gain=1 / photons),
        f"noise: the values are whole counts of photons, {photons:g} of them for the value 1; each is given to "
        "the fit or to the score at random",
        "",
        seen,
    )


def _noise_free(seen: Evidence) -> Diagnosis:
    return Diagnosis(
        "noise-free",
        NoiseModel("none", None, "estimated"),
        f"noise: hardly any, about {seen.high * LEVELS:.1f} of {LEVELS} where the picture is flat",
        "the picture is delivered as it is, for a restoration could only blur it; give --sigma to denoise it "
        "anyway, or --simulate to damage it first",
        seen,
    )


def _fallback(seen: Evidence, *, why: str) -> Diagnosis:
    measurable = seen.middle >= HARDLY_NOISY_BELOW
    noise = (
        NoiseModel("correlated", seen.flat_sigma, "estimated", correlation=as_plain_values(seen.correlation))
        if measurable
        else NoiseModel("unknown", seen.high, "estimated")
    )
    how = (
        f"it is taken as Gaussian with the covariance of its flattest blocks (sigma {seen.flat_sigma * LEVELS:.1f})"
        if measurable
        else "hidden pixels judge the fits"
    )
    return Diagnosis(
        "fallback",
        noise,
        f"noise: {why}; {how}",
        "no score is known to be right for such noise: fits may stop too early or too late; compare the picture "
        "by eye, and use one that was not compressed if there is one",
        seen,
    )


def _covariance(seen: Evidence) -> Diagnosis:
    return Diagnosis(
        "recorruption (covariance)",
        NoiseModel("correlated", seen.flat_sigma, "estimated", correlation=as_plain_values(seen.correlation)),
        f"noise: correlated between neighbouring pixels ({seen.ratio:.2f} of the strength of the middle frequencies "
        f"is left in the high ones), sigma {seen.flat_sigma * LEVELS:.1f} of {LEVELS}; its covariance was measured "
        "where the picture is flat",
        "fine texture in all of the picture looks the same; if its noise is white, give --sigma",
        seen,
    )


def _held_out(seen: Evidence, *, why: str) -> Diagnosis:
    return Diagnosis(
        "held-out",
        NoiseModel("unknown", seen.high, "estimated"),
        f"noise: sigma about {seen.high * LEVELS:.1f} of {LEVELS}, {why}, so only its independence from pixel to "
        "pixel is assumed",
        "",
        seen,
    )


def _white(seen: Evidence) -> Diagnosis:
    estimate = seen.estimate
    both_bands = max(seen.high, seen.middle) <= AGREEMENT * min(seen.high, seen.middle)
    if not estimate.agree and not both_bands:
        return _held_out(seen, why="uncertain by more than 10 %")
    sigma = estimate.sigma if estimate.agree else seen.high
    measures = "three measures of it agree" if estimate.agree else "two bands of frequencies agree on it"
    return Diagnosis(
        "recorruption (white)",
        NoiseModel("gaussian", sigma, "estimated"),
        f"noise: sigma {sigma * LEVELS:.1f} of {LEVELS}, estimated; {measures}, so it is taken as white and Gaussian",
        "",
        seen,
    )


def as_plain_values(table: Values) -> tuple[tuple[float, ...], ...]:
    """Return an autocorrelation as ``NoiseModel`` holds it."""
    return tuple(tuple(float(value) for value in row) for row in table)
