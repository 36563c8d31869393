"""A diagnosis: which noise a picture has, how sure that is, and every number behind it.

``gate`` makes it, a case carries it; the console, the page and ``result.json`` show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..noise import LEVELS, NoiseModel
from .evidence import Evidence

Branch = Literal[
    "recorruption (white)",
    "recorruption (covariance)",
    "thinning",
    "impulse",
    "held-out",
    "noise-free",
    "fallback",
]


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What the gate found in one picture.

    Attributes:
        branch: how the measurement is divided.
        noise: what the split has to know.
        sentence: the decision and its reason, for people.
        warning: what is uncertain or wrong about it; empty when nothing is.
        evidence: every number behind it.
    """

    branch: Branch
    noise: NoiseModel
    sentence: str
    warning: str
    evidence: Evidence

    def lines(self) -> tuple[str, ...]:
        """Return the decision, and the warning if there is one, each as one line for people."""
        return tuple(line for line in (self.sentence, self.warning) if line)

    @property
    def numbers(self) -> str:
        """What was measured, as one line for those who want to see it."""
        return in_numbers(self.evidence)

    def to_dict(self) -> dict[str, Any]:
        """Return the decision and its numbers as JSON can hold them."""
        return {
            "branch": self.branch,
            "sentence": self.sentence,
            "warning": self.warning or None,
            "evidence": self.evidence.to_dict(),
        }


def in_numbers(seen: Evidence) -> str:
    """Return the numbers behind a decision as one line, strengths in grey levels of 255."""
    three = (seen.estimate.wavelet, seen.estimate.laplacian, seen.estimate.sigma)
    return (
        f"measured of the noise: sigma {three[0] * LEVELS:.1f} (wavelet), {three[1] * LEVELS:.1f} (Laplacian), "
        f"{three[2] * LEVELS:.1f} (fourth differences), {seen.high * LEVELS:.1f} (quietest blocks); "
        f"whiteness {seen.whiteness:.2f} of 1.41, high by middle frequencies {seen.ratio:.2f}; "
        f"{100 * min(max(seen.line.share, 0.0), 1.0):.0f} % of its variance grow with brightness; "
        f"JPEG grid {100 * seen.grid.excess:.1f} %; impulses {100 * seen.impulses.share:.1f} %"
    )
