"""Racing: where many pictures share one network, a candidate that loses on the first of them is not tried on all.

The first look of a candidate goes from picture to picture. After each of them a paired test asks whether what it has
shown is worse than what the best candidate showed at its own first looks at the same pictures.

Source: Birattari et al. 2002 (GECCO, racing over instances); the test is that of Optuna's ``WilcoxonPruner``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import wilcoxon

LEAST_PICTURES = 5
"""Of fewer pictures there is no race: of four differences the test can say 0.06 at the least."""

LEVEL = 0.1
"""A candidate is given up where the test says less.

On the table of recorded fits, all 18 cases in the place of pictures, 100 orders: in the time of 4, 8 and 16 whole looks
at all pictures, races at 0.05, 0.1 and 0.2 looked at 5, 6, 7; 11, 13, 16; and 23, 28, 37 candidates, and what was
chosen from them gained 0.07, 0.09, 0.10; 0.04, 0.07, 0.06; and 0.12, 0.17, 0.18 dB (± 0.06 to 0.08).
"""


def verdict(ours: Mapping[int, float], best: Mapping[int, float]) -> str | None:
    """Why a candidate is given up; ``None``: it is not.

    Args:
        ours: what its first looks have shown so far, estimated PSNR in dB by picture.
        best: the same of the best candidate.
    """
    places = [place for place in ours if place in best]
    behind = np.array([best[place] - ours[place] for place in places])
    if len(places) < LEAST_PICTURES - 1 or not np.isfinite(behind).all():
        return None
    # Where all differences are zero they are split evenly, so that nothing is concluded.
    chance = float(wilcoxon(behind, alternative="greater", zero_method="zsplit").pvalue)
    # The page counts candidates by their reasons, so that these have few forms.
    why = f"behind the best candidate on the first {len(places)} pictures (Wilcoxon, p < {LEVEL:g})"
    return why if chance < LEVEL else None
