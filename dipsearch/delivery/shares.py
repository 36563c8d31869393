"""The shares of a mixture of answers: the usual ones, corrected as far as a score is more than luck.

Stacked regression (Breiman, 1996) with a ridge towards the usual shares; how strong it is follows from the noise of the
score and from how far the best shares of other pictures are from the usual ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..fitting.ensemble import ensemble_weights
from ..problem import Split

FIRST, BEST, ENSEMBLE, POLISHED = "first", "best", "ensemble", "polished"

USUAL = {FIRST: 0.25, ENSEMBLE: 0.25, POLISHED: 0.5}
"""The usual shares. Of fifteen mixtures in quarters, the mean gain over the first answer in dB, and the least of six.

Coffee, chelsea, rocket, monarch, kodim05 and kodim08 at 128 × 128, three networks with a pilot:

| first, ensemble, polished | σ 25 | half missing | enlarged ×4 |
|---|---|---|---|
| 0.25, 0.25, 0.5 | 0.226, 0.11 | 0.048, −0.04 | 0.034, 0.02 |
| 0.25, 0.5, 0.25 | 0.226, 0.05 | 0.054, −0.05 | 0.043, 0.03 |
| 0, 0.25, 0.75 | 0.238, 0.09 | 0.046, −0.07 | 0.035, 0.00 |
| 0.25, 0, 0.75 | 0.156, 0.01 | 0.019, −0.06 | 0.018, −0.03 |
| 0.5, 0, 0.5 | 0.118, 0.02 | 0.017, −0.03 | 0.014, −0.02 |
| 0.5, 0.5, 0 | 0.210, 0.05 | 0.053, −0.02 | 0.041, 0.02 |
| 0, 1, 0 | −0.006, −0.28 | −0.009, −0.18 | 0.034, −0.03 |
"""

SPREAD = 0.1
"""How far the best shares of a picture are from the usual ones: a standard deviation.

Mean PSNR of what was chosen, of eight ensembles of one to four networks on these crops, sigma 25, for 0.01, 0.1, 0.15,
0.3 and 0.6: 30.91, 30.92, 30.90, 30.87 and 30.85.
"""

PER_VALUE = 4
"""Neighbouring values and channels err alike: so many of them say as much as one."""


@dataclass(frozen=True)
class ScoreVariance:
    """How far scores of two answers differ by luck, in units of the mean squared difference of the two.

    Args:
        noise: what the noise of the scoring values adds.
        sampled: what is added for a mean squared error of 1 where only some values are judged.
    """

    noise: float
    sampled: float

    def of(self, mse: float) -> float:
        """Where the answers have about this mean squared error."""
        return self.noise + self.sampled * max(mse, 0.0)


def score_variance(split: Split) -> ScoreVariance:
    """That of a split's score: s² / N of N values whose noise and sampled error have the variance s²."""
    sampled = split.kind in ("held-out", "held-out holes")
    values = split.scoring_values / (PER_VALUE if sampled else 1)
    return ScoreVariance(split.score_noise**2 / values, sampled / values)


def mixture_shares(
    target: NDArray[np.float64], products: NDArray[np.float64], *, variance: float
) -> NDArray[np.float64]:
    """Shares w ≥ 0 with Σ w = 1 that minimise wᵀ P w + ρ ‖w − t‖².

    The score of a mixture has the precision q / v in its shares, q being the mean squared difference of the answers
    and v the variance. Shares that lie around t with the standard deviation τ have the precision τ⁻²; so ρ = v / τ².

    Args:
        target: t, the usual shares, ``(K,)``.
        products: P, the mean products of the answers' errors as the score sees them, ``(K, K)``.
        variance: v, of the score, see ``ScoreVariance``.
    """
    rho, ones = variance / SPREAD**2, np.ones(len(target))
    pull = np.eye(len(target)) - np.outer(target, ones) - np.outer(ones, target)
    return ensemble_weights(products + rho * pull)
