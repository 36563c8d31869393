"""A doubt: what speaks against the noise that was given, which is believed nevertheless."""

from __future__ import annotations

from math import isqrt

import torch
from torch import Tensor

from .form import Form
from .gaps import filled_gaps
from .gate.noise_classifier import diagnose, given_photons, given_sigma
from .gate.unit import GREY_LEVELS, Unit
from .noise import NoiseModel
from .operators import Identity, Mask, Operator

LOOKED_AT = 3 * 512**2
"""Values in the middle of a measurement that are looked at; all those of 1024 × 1024 in colour take seconds."""

LEAST_SIDE = 64
"""Pixels of that middle's side, however many channels there are: fewer say too little of noise."""


MOST_MISSING, LEAST_EVEN, LEAST_SIGMA = 0.55, 0.88, 8.0 / 255
"""When values beside missing ones, whose noise nobody gave, surely have some: at most so many are missing, and the
noise is so even and so strong. Of 14 tuning pictures with holes, scratches, and 10, 30 and 50 % missing, clean ones
had an evenness of at most 0.80 with 8 grey levels and more, and at most 5.9 levels else; with noise of sigma 15 and 25
the eight that were looked at had an evenness of 0.89 and more."""


def doubt_of(y: Tensor, a: Operator, noise: NoiseModel, observed: Tensor, form: Form) -> str:
    """One sentence where a measurement's values do not look as if they had the noise that was given; else empty.

    Only where they are values of the image, and all there: what is missing would look like impulses.
    """
    if (noise.kind, noise.source) == ("none", "estimated") and isinstance(a, Mask):
        return _noise_beside_gaps(y, observed, form)
    if noise.source != "given" or not isinstance(a, Identity | Mask) or not bool((observed > 0).all()):
        return ""
    span = form.high - form.low
    unit = GREY_LEVELS if (form.low, form.high) == (0, 255) else Unit(form.low, form.high, eight_bits=False)
    if noise.kind == "gaussian" and noise.sigma and noise.channels is None:
        return given_sigma(_middle(y), noise.sigma, unit=unit).warning
    if noise.kind == "poisson" and noise.gain and noise.offset == noise.read_sigma == 0:
        found = given_photons(_middle(y), 1 / noise.gain, unit=unit)
        return found.warning and (
            f"the gain {noise.gain * span:.4g} was given, but the noise and the spacing of the values say "
            f"{span / found.evidence.comb.photons:.4g}; what was given is used"
        )
    return ""


def _noise_beside_gaps(y: Tensor, observed: Tensor, form: Form) -> str:
    """One sentence where what was measured of a picture with missing pixels surely has noise; else empty."""
    seen = _middle((observed > 0).expand_as(y)).all(dim=1, keepdim=True)  # the same crop as that of y
    if not 1 - MOST_MISSING <= float(seen.double().mean()) < 1:
        return ""
    filled, _ = filled_gaps(torch.where(seen, _middle(y), torch.nan))
    found = diagnose(filled)
    sigma = found.noise.sigma or 0.0
    if found.branch != "recorruption (white)" or sigma < LEAST_SIGMA or found.evidence.even.even < LEAST_EVEN:
        return ""
    return (
        "noise was not given, so the pixels that were measured stay as they are, but they look as if they had noise: "
        f"give noise=dipsearch.Gaussian({sigma * (form.high - form.low):.3g}) to have it removed, or "
        "dipsearch.NoNoise() where there is none"
    )


def _middle(y: Tensor) -> Tensor:
    height, width = y.shape[-2:]
    side = max(LEAST_SIDE, isqrt(LOOKED_AT // y.shape[1]))
    top, left = max(0, height - side) // 2, max(0, width - side) // 2
    return y[..., top : top + side, left : left + side].detach().cpu()
