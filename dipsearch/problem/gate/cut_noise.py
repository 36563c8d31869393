"""Cut noise: how strong white noise was in a picture so dark, or so bright, that nearly all of it was cut to [0, 1].

There the noise that is left grows with the distance from the end of the range, as that of photons does, and is weakest
in the quietest places. But mean, variance and the share of values on the ends are tied to each other by sigma alone
(Foi, Clipped noisy images, Signal Processing 89(12), 2009): the first two tell it, and the third says whether it is so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.special import gammaincinv
from torch import Tensor

from ..array_types import Bits, Values
from .blocks import (
    BESIDE_MIDDLE,
    FEWEST,
    MIDDLE,
    ON_THE_ENDS,
    OVERLAP,
    WHERE_SEEN,
    Blocks,
    floor,
    seen_by,
    squares,
)
from .channel_noise import DIFFERENT
from .clipping import GRID, clipped_moments, clipped_spread, is_clipped
from .photons import FEWEST as FEWEST_IN_BIN
from .photons import FLAT, QUIETER, bins_of

LEAST_CUT, MOST_UNCUT = 0.05, 0.1
"""Of the values, on the ends of the range; and of the blocks, without noise that was cut: of more of them the usual
measures know the strength."""

SIGMAS = np.geomspace(4.5, 128, 240) / 255
"""Strengths that are tried, 1.4 % apart: from where noise is told from texture."""

ROUNDS = 3
"""Of the fit: a strength says how the blocks of a bin differ in noise, from which a better one follows."""

BEYOND = 2.0
"""Sigmas: levels so far outside of the range stand for blocks that are darker than black by chance, whose noise is less
by chance, too, for mean and variance of a skewed noise go together. Without them sigma 25 on coffee made dark (6 %) was
11.8 in the darkest bin where 15.0 was expected, with them 12.3."""

ON_GROUND, ENOUGH_GROUND, MOST_BELOW = 0.4, 0.1, 0.15
"""Of the values on the ends, on ground, within a quarter of sigma of black or white; so much of the blocks in it
is enough, for what lies on paper may be texture; and so many may have less noise than that, which texture cannot. Drawn
text on white of 96 × 128 and 192 × 256 pixels with sigma 8 to 60 had 12 to 62 % in bins that agree, with 0.97 to 1.09
times the ends on ground, and up to 13 % below."""

AGREES, EXPLAINED, CUT_AS_OFTEN = 0.1, 0.5, (0.85, 1.1)
"""How far a strength, in a bin of brightness, may be from what it ought to be; the share of the blocks in bins where it
is not further; and how far the share of values on the ends may be from what is said by both. Of sigma 10 to 50 on six
tuning pictures made dark, a bright one, stars, lines and text (64 and 128 pixels) half to all blocks were explained,
with 0.96 to 1.08 times the ends, and 1.12 to 1.47 in six of 39; of 10 to 60 photons made dark with 1.20 to 1.28.
In the middle of the range the flatter blocks have fewer ends by chance: 0.88 to 0.91 for sigma 75 and 100 on smooth
fields."""

MIDDLE_SEEN = seen_by(MIDDLE)
"""How much the noise of each place of a block has to do with its middle band."""

HALF_NORMAL = math.sqrt(2 / math.pi)
"""How far the lower half of normal values lies below their mean, in standard deviations."""


@dataclass(frozen=True)
class _Bins:
    """The flat blocks in each bin of brightness, their mean brightness, and the variance of their noise."""

    members: list[NDArray[np.int64]]
    mean: Values
    variance: Values

    @property
    def counts(self) -> Values:
        """How many blocks are in each."""
        return np.array([len(one) for one in self.members], dtype=np.float64)


def cut_sigma(y: Tensor, plain: Bits) -> float | None:
    """Return sigma of white noise in (1, C, h, w) that was cut nearly everywhere, equally strong in all channels.

    ``None`` where there is other noise, or none, or enough of it was not cut.

    Args:
        plain: (C, h, w), values that show no noise.
    """
    if not is_clipped(y) or plain.all():
        return None
    values = y.detach().cpu().numpy()[0][~plain]
    if ((values == 0) | (values == 1)).mean() < LEAST_CUT:
        return None
    planes, channel = squares(y, left_out=plain)
    ends = ((planes == 0) | (planes == 1)).mean((1, 2))
    if (
        len(planes) < FEWEST
        or len(np.unique(channel)) < y.shape[1]
        or (ends <= ON_THE_ENDS[0]).mean() >= MOST_UNCUT
    ):
        return None
    mean = (planes * WHERE_SEEN).sum((1, 2))
    return _explained(Blocks(mean, dctn(planes, axes=(1, 2), norm="ortho") ** 2, channel), ends)


def _explained(blocks: Blocks, ends: Values) -> float | None:
    """The sigma that explains variances and shares on the ends (n,) of the blocks; ``None`` where none does."""
    flat = _flat(blocks)
    expected, excess = np.ones(len(blocks.mean)), np.zeros(len(blocks.mean))
    for _ in range(ROUNDS):  # within a bin the blocks nearer to the end are the quieter ones
        bins = _measured(blocks, flat, expected, excess)
        sigma = min(SIGMAS, key=lambda one: _misfit(bins, float(one)))
        mean, variance, cut = _curve(float(sigma))
        expected = np.interp(blocks.mean, mean, variance)
        excess = np.interp(
            blocks.mean, clipped_moments(GRID, float(sigma))[0], clipped_spread(GRID, float(sigma))
        )
    if not SIGMAS[0] < sigma < SIGMAS[-1]:
        return None
    off = np.log(bins.variance / np.interp(bins.mean, mean, variance)) / 2
    good, share = np.abs(off) <= AGREES, bins.counts / bins.counts.sum()
    ground = good & (np.interp(bins.mean, mean, cut) >= ON_GROUND)
    on_ground = share[ground].sum() >= ENOUGH_GROUND
    enough = on_ground or share[good].sum() >= EXPLAINED
    if share[off < -AGREES].sum() > MOST_BELOW or not enough or not _alike(blocks, flat, expected):
        return None
    chosen = ground if on_ground else good
    inside = np.concatenate([one for one, there in zip(bins.members, chosen, strict=True) if there])
    as_often = ends[inside].mean() / np.interp(blocks.mean[inside], mean, cut).mean()
    return float(sigma) if CUT_AS_OFTEN[0] <= as_often <= CUT_AS_OFTEN[1] else None


def _flat(blocks: Blocks) -> list[NDArray[np.int64]]:
    """Numbers of the flatter blocks, by bins of brightness."""
    found = []
    for inside in bins_of(blocks.mean, fewest=FEWEST_IN_BIN):
        middle = blocks.power[inside][:, MIDDLE].mean(1)
        found.append(np.flatnonzero(inside)[middle <= np.quantile(middle, FLAT)])
    return found


def _measured(blocks: Blocks, flat: list[NDArray[np.int64]], expected: Values, excess: Values) -> _Bins:
    """The noise in bins; ``expected`` variances and ``excess`` kurtosis (n,) say how it differs within one."""
    steady = blocks.by(expected)
    variance = [
        floor(steady.part(one), BESIDE_MIDDLE, quantile=QUIETER) ** 2
        * expected[one].mean()
        / _too_large(float(excess[one].mean()))
        for one in flat
    ]
    return _Bins(flat, np.array([blocks.mean[one].mean() for one in flat]), np.array(variance))


def _too_large(excess: float) -> float:
    """What the flatter blocks, in the middle band, of noise with this ``excess`` kurtosis have at the quantile, in the
    other fine frequencies, by what Gaussian noise has.

    Energies of bands are independent for Gaussian noise alone: for the weights of the places w(x) in both bands, with k
    and l coefficients, their variances are 2/k + excess · Σ w², their covariance excess · Σ w w'. Simulated with sigma
    25 to 128 on levels from the end of the range to its middle, 0.90 to 1.08, this is right within 1 %.
    """
    degrees = int(BESIDE_MIDDLE.sum())
    spread = 2 / degrees + excess * float((WHERE_SEEN**2).sum())
    beside = 2 / int(MIDDLE.sum()) + excess * float((MIDDLE_SEEN**2).sum())
    shift = HALF_NORMAL * excess * float((WHERE_SEEN * MIDDLE_SEEN).sum()) / math.sqrt(beside)
    return _quantile(2 / spread) / _quantile(degrees) * (1 - shift)


def _quantile(degrees: float) -> float:
    return 2 * float(gammaincinv(degrees / 2, QUIETER)) / degrees


def _alike(blocks: Blocks, flat: list[NDArray[np.int64]], expected: Values) -> bool:
    """Whether all channels have about as much noise as is ``expected`` (n,) of their blocks."""
    steady = blocks.by(expected).part(np.concatenate(flat))
    own = [
        floor(steady.part(steady.channel == one), BESIDE_MIDDLE, quantile=QUIETER)
        for one in np.unique(steady.channel)
    ]
    return max(own) <= DIFFERENT * min(own)


def _misfit(bins: _Bins, sigma: float) -> float:
    """How far variances are from those of a sigma; what is above may be texture, what is below cannot be."""
    mean, variance, _ = _curve(sigma)
    error = np.sqrt(2 * OVERLAP / (bins.counts * BESIDE_MIDDLE.sum()))
    off = (bins.variance / np.interp(bins.mean, mean, variance) - 1) / error
    return float(np.average(np.where(off > 0, np.log1p(off**2), off**2), weights=bins.counts))


def _curve(sigma: float) -> tuple[Values, Values, Values]:
    return clipped_moments(np.linspace(-BEYOND * sigma, 1 + BEYOND * sigma, 1025), sigma)
