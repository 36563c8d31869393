"""A diagnosis: which noise a picture has, how sure that is, and every number behind it.

``gate`` makes it, a case carries it; the console, the page and ``result.json`` show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..array_types import Bits
from ..noise import NoiseModel
from .evidence import Evidence
from .unit import GREY_LEVELS, Unit

Branch = Literal[
    "recorruption (white)",
    "recorruption (covariance)",
    "thinning",
    "impulse",
    "held-out",
    "held-out (photons)",
    "noise-free",
    "unchanged",
    "fallback",
]

LEFT_ALONE = ("noise-free", "unchanged")
"""Branches that deliver the picture as it is: without noise, and without any that can be told from its texture."""


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What the gate found in one picture.

    Attributes:
        branch: how the measurement is divided.
        noise: what the split has to know.
        sentence: the decision and its reason, for people.
        warning: what is uncertain or wrong about it; empty when nothing is.
        evidence: every number behind it.
        where: (h, w), the pixels that have the noise; ``None``: all.
        unit: in which strengths are said.
    """

    branch: Branch
    noise: NoiseModel
    sentence: str
    warning: str
    evidence: Evidence
    where: Bits | None = None
    unit: Unit = GREY_LEVELS

    @property
    def leaves_alone(self) -> bool:
        """Whether the picture is delivered as it is."""
        return self.branch in LEFT_ALONE

    def lines(self) -> tuple[str, ...]:
        """Return the decision and the warning if there is one, each as one line."""
        return tuple(line for line in (self.sentence, self.warning) if line)

    def details(self) -> str:
        """Return the numbers behind the decision as one line."""
        return in_numbers(self.evidence, self.unit)

    def to_dict(self) -> dict[str, Any]:
        """Return the decision and its numbers as JSON can hold them."""
        return {
            "branch": self.branch,
            "sentence": self.sentence,
            "warning": self.warning or None,
            "numbers": self.details(),
            "noisy_share": None if self.where is None else round(float(self.where.mean()), 4),
            "evidence": self.evidence.to_dict(),
        }


def in_numbers(seen: Evidence, unit: Unit = GREY_LEVELS) -> str:
    """Return the numbers behind a decision as one line."""
    say, photons = unit.number, seen.photons
    three = (seen.estimate.wavelet, seen.estimate.laplacian, seen.estimate.sigma)
    own = (
        ", by channel " + " / ".join(say(one) for one in seen.channels.sigmas)
        if seen.channels.differs
        else ""
    )
    line = (
        f"; photons: gain {say(photons.gain)} ± {say(photons.gain_error)}, no noise at {unit.value(photons.zero)} ± "
        f"{say(photons.zero_error)}, noise of reading at most {say(photons.read_sigma)} ± "
        f"{say(photons.read_sigma_error)}"
        if photons.found
        else f"; speckle of {photons.share:.0%} of the value"
        if photons.speckled
        else ""
    )
    return (
        f"measured of the noise ({'grey levels of 255' if unit.eight_bits else 'units of the file'}): sigma "
        f"{say(three[0])} (wavelet), {say(three[1])} (Laplacian), {say(three[2])} (fourth differences), "
        f"{say(seen.high)} (quietest blocks){own}; evenness {seen.even.even:.2f} and {seen.even.even_whitened:.2f}; "
        f"whiteness {seen.whiteness:.2f} of 1.41, high by middle frequencies {seen.ratio:.2f}; "
        f"{100 * min(max(seen.line.share, 0.0), 1.0):.0f} % of its variance grow with brightness{line}; "
        f"JPEG grid {100 * seen.grid.excess:.1f} %; impulses {100 * seen.impulses.share:.1f} %; "
        f"plain {100 * seen.plain:.0f} %"
    )
