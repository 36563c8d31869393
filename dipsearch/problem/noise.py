"""Noise: what is known of it, as a value that a problem carries and that a file can hold.

``load_case`` finds it out or is told; ``make_split`` chooses by it how a measurement is divided.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Real
from typing import Literal, get_args

import numpy as np

from ..errors import InputError
from .noise_map import Places

NoiseKind = Literal["none", "gaussian", "correlated", "poisson", "impulse", "unknown"]

LEVELS = 255  # people give sigma in grey levels of 8 bits


@dataclass(frozen=True)
class NoiseModel:
    """What is known of the noise in a measurement.

    =============  ============================================================================
    kind           the noise
    =============  ============================================================================
    "none"         there is none
    "gaussian"     white and Gaussian, of the strength ``sigma``
    "correlated"   Gaussian, of the strength ``sigma`` and the autocorrelation ``correlation``
    "poisson"      photons: y = ``gain`` × counts + N(``offset``, ``read_sigma`` ²)
    "impulse"      some values, each channel by itself, are exactly 0 or 1 and say nothing
    "unknown"      independent from pixel to pixel; ``sigma`` is a rough figure
    =============  ============================================================================

    A problem keeps it in units of its [0, 1], and ``unit`` and ``zero`` say which these are: handed to another problem
    it is the same noise.

    Attributes:
        sigma: standard deviation in units of [0, 1]. For "impulse" it is that of the values that were not
            struck, 0 when they are exact, ``None`` to have it estimated where it is needed.
        source: who says so.
        gain: of "poisson", what one count adds to y, in units of [0, 1].
        offset, read_sigma: of "poisson", y without light, and the standard deviation of the noise of reading it out, in
            units of [0, 1]. The strength of the noise, its stabiliser and its energy depend on read_sigma² −
            gain · offset alone, which is what a picture tells.
        share: of "unknown", where its standard deviation is this share of the value (speckle); ``None``: not known.
        channels: of "gaussian" and "correlated", the covariance of the noise between the channels of one pixel, in
            units of sigma²: C tuples of C numbers whose diagonal has the mean 1. ``None``: all channels have the same
            strength, each its own noise.
        places: how strong the noise is from place to place, as multiples of sigma: rows of the middles of equal cells,
            as in ``noise_map``; ``None``: it is the same everywhere.
        correlation: of "correlated", the autocorrelation at lags from −r to r in both directions, rows first:
            2r + 1 tuples of 2r + 1 numbers, 1 in the middle, the same after a turn by 180°.
        unit, zero: what 1 and 0 stand for in a measurement as it is handed in. By default the numbers are in its
            own units.

    Raises:
        InputError: a kind that does not exist, or one whose numbers are missing or out of range.
    """

    kind: NoiseKind
    sigma: float | None = None
    source: Literal["given", "estimated", "none"] = "given"
    gain: float | None = None
    correlation: tuple[tuple[float, ...], ...] | None = None
    offset: float = 0.0
    read_sigma: float = 0.0
    channels: tuple[tuple[float, ...], ...] | None = None
    share: float | None = None
    places: Places | None = None
    unit: float = 1.0
    zero: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(NoiseKind):
            raise InputError(
                f"the noise is of the kind {self.kind!r}",
                f"it is one of {', '.join(get_args(NoiseKind))}",
                "choose one of them",
            )
        if self.kind == "poisson" and not (self.gain is not None and 0 < self.gain < math.inf):
            raise InputError(
                f"the gain of the Poisson noise is {self.gain}",
                "it is what one count adds to a value, above 0",
                "give for example gain=1/30 when the value 1 stands for 30 counts",
            )
        if not (math.isfinite(self.offset) and 0 <= self.read_sigma < math.inf):
            raise InputError(
                f"the offset is {self.offset} and the noise of reading {self.read_sigma}",
                "both are finite, and the noise of reading is not below 0",
                "leave them out where they are not known",
            )
        if not (0 < self.unit < math.inf and math.isfinite(self.zero)):
            raise InputError(
                f"the noise is in units of {self.unit} from {self.zero} on",
                "both are finite, and the unit is above 0",
                "leave them out for the units of y",
            )
        if self.share is not None and not 0 < self.share < math.inf:
            raise InputError(
                f"the speckle is {self.share}",
                "it is the standard deviation of the noise as a share of the value, above 0",
                "give for example 0.2",
            )
        if self.kind == "correlated":
            _check_correlation(self)
        if self.channels is not None:
            _check_channels(self.channels)
        if self.places is not None:
            _check_places(self.places)

    @property
    def has_unit(self) -> bool:
        """Whether the numbers are in other units than those of a measurement as it is handed in."""
        return (self.unit, self.zero) != (1.0, 0.0)

    def in_units_of_y(self) -> NoiseModel:
        """The same noise in the units of a measurement as it is handed in."""
        told = self.divided_by(1 / self.unit)
        offset = told.offset + self.zero if self.kind == "poisson" else told.offset
        return replace(told, offset=offset, unit=1.0, zero=0.0)

    def divided_by(self, unit: float) -> NoiseModel:
        """The noise of a measurement that was divided by a number."""
        return replace(
            self,
            sigma=None if self.sigma is None else self.sigma / unit,
            gain=None if self.gain is None else self.gain / unit,
            offset=self.offset / unit,
            read_sigma=self.read_sigma / unit,
        )

    def sigma_of(self, channel: int) -> float:
        """The standard deviation in one channel, in units of [0, 1]; 0 where the model has none."""
        strength = self.sigma or 0.0
        return (
            strength
            if self.channels is None
            else strength * math.sqrt(max(self.channels[channel][channel], 0.0))
        )


def Gaussian(sigma: float) -> NoiseModel:
    """White Gaussian noise.

    Args:
        sigma: its standard deviation in the units of the measurement. Of pictures in 8- and 16-bit whole numbers a
            value below 0.29, which their rounding hides, is a share of the largest one: 25/255 is 25 grey levels.

    Raises:
        InputError: ``sigma`` is no number from 0 on.
    """
    strength = _number(sigma, "sigma")
    return NoNoise() if strength == 0 else NoiseModel("gaussian", strength, "given")


def Poisson(gain: float = 1.0) -> NoiseModel:
    """Counted photons: y = gain × counts; ``gain`` in the units of the measurement, 1 where y are counts themselves."""
    return NoiseModel("poisson", None, "given", gain=_number(gain, "gain"))


def Impulses(sigma: float | None = None) -> NoiseModel:
    """Some values are black or white instead of what they were; the others have Gaussian noise of ``sigma``."""
    return NoiseModel("impulse", None if sigma is None else _number(sigma, "sigma"), "given")


def Speckle(share: float) -> NoiseModel:
    """Noise that grows with the value: y = x (1 + n), n ~ N(0, s²) with s = ``share``.

    Args:
        share: standard deviation of the noise as a share of the value, for example 0.2; y is 0 where x is.

    Raises:
        InputError: ``share`` is no number above 0.
    """
    return NoiseModel("unknown", None, "given", share=_number(share, "share", of="without a unit"))


NO_NOISE = NoiseModel("none", None, "none")

BEHIND_A_BLUR = 0.5
"""Of a step of whole numbers, what the noise behind a blur is taken to be at least.

Rounding leaves 0.29 of a step, which a blur's inverse makes much more of: where the measurement was met exactly rocket
had 18.5 dB, and 32.6 as it was, and coffee made dark 22.2 and 52.4. Clean 8-bit pictures (64 × 64), with 0.29, 0.5 and
1, behind a Gaussian blur of one pixel: coffee 38.75, 41.04 and 40.47 dB, rocket 38.24, 41.00 and 40.85, monarch 38.03,
40.95 and 40.37; of two pixels: coffee 32.15, 32.01 and 31.50, monarch 30.78, 30.28 and 29.26. Floats with noise of 0.1
of such a step had 28.3 dB (rocket) where they were taken as exact and 43.2 with 0.5; exact ones 52.6 and 43.4, so
these have to be told as ``NoNoise()``.
"""


def estimated_behind_a_blur(sigma: float, *, step: float) -> NoiseModel:
    """The noise of a blurred picture as it was estimated.

    Flat or dark places have none, of which nothing follows for the others, and no estimate sees less than the rounding
    to 8 bits: it is taken to be that at least.

    Args:
        sigma: what was estimated, in units of [0, 1].
        step: of the whole numbers that were measured, likewise; 0: they have none.
    """
    return NoiseModel("gaussian", max(sigma, BEHIND_A_BLUR * max(step, 1 / LEVELS)), "estimated")


def rounded_behind_a_blur(noise: NoiseModel, *, step: float) -> NoiseModel:
    """What is known of the noise of a blurred picture, where nobody says that its whole numbers are exact.

    Args:
        noise: as it was given, in units of [0, 1].
        step: likewise.
    """
    if noise.kind != "none" or step == 0:
        return noise
    return NoiseModel("gaussian", BEHIND_A_BLUR * step, "estimated")


def _number(value: object, name: str, *, of: str = "in the units of y") -> float:
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()  # of an array or a tensor without axes
    if isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) < math.inf:
        return float(value)
    raise InputError(
        f"{name} is {value!r}", f"it is a number from 0 on, {of}", "give one, or leave noise out"
    )


def NoNoise() -> NoiseModel:
    """What was measured is exact."""
    return NO_NOISE


def _check_channels(channels: tuple[tuple[float, ...], ...]) -> None:
    sizes = {len(channels), *(len(row) for row in channels)}
    table = np.array(channels, dtype=np.float64) if len(sizes) == 1 else np.zeros((0, 0))
    if (
        table.size == 0
        or not np.isfinite(table).all()
        or not np.allclose(table, table.T)
        or (np.diag(table) < 0).any()
        or not np.isclose(np.diag(table).mean(), 1)
    ):
        raise InputError(
            f"the covariance of the channels has {len(channels)} rows",
            "it is square and symmetric, and its diagonal has no value below 0 and the mean 1",
            "give the covariances in units of sigma²",
        )


def _check_places(places: Places) -> None:
    if (
        not places
        or not places[0]
        or len({len(row) for row in places}) > 1
        or not all(0 < value < math.inf for row in places for value in row)
    ):
        raise InputError(
            f"the strengths of the noise by place have {len(places)} rows",
            "they are a table of numbers above 0, its rows equally long",
            "give multiples of sigma",
        )


def _check_correlation(noise: NoiseModel) -> None:
    rows = noise.correlation or ()
    sizes = {len(rows), *(len(row) for row in rows)}
    table = np.array(rows, dtype=np.float64) if len(sizes) == 1 else np.zeros((0, 0))
    square = table.size > 0 and len(table) % 2 == 1
    if (
        noise.sigma is None
        or not square
        or not np.isclose(table[len(table) // 2, len(table) // 2], 1)
        or not np.allclose(table, table[::-1, ::-1])
    ):
        raise InputError(
            f"the correlated noise has sigma {noise.sigma} and {len(rows)} rows of autocorrelation",
            "it has a sigma and a square table of odd size with 1 in the middle, the same after half a turn",
            "give both, for example as estimate_correlation returns them",
        )
