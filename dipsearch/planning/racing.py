"""Racing: where many pictures share one network, a candidate that loses on the first of them is not tried on all.

The first look of a candidate goes from picture to picture. After each of them a paired test asks whether what it has
shown is worse than what the best candidate showed at its own first looks at the same pictures.

Source: Birattari et al. 2002 (GECCO, racing over instances); the test is that of Optuna's ``WilcoxonPruner``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

LEAST_PICTURES = 5
"""Of fewer pictures there is no race: of four differences the test can say 0.06 at the least."""

LEVEL = 0.1
"""A candidate is given up where the test says less, as Optuna's pruner has it.

On recorded fits (`bench races`, nine cases in the place of pictures, time for 4, 8, 16 looks at all of them) what was
chosen gained 0.06, 0.04 and 0.06 dB on the tuning pictures, at 0.05 0.01 to 0.03, at 0.2 0.07 to 0.11; on the test
pictures none gained or lost 0.03; with all 18 cases it gained 0.07 to 0.17, and 6, 13 and 28 candidates were looked at.
"""


def verdict(ours: Mapping[int, float], best: Mapping[int, float], *, level: float = LEVEL) -> str | None:
    """Why a candidate is given up; ``None``: it is not.

    Args:
        ours: what its first looks have shown so far, estimated PSNR in dB by picture.
        best: the same of the best candidate.
        level: how sure the test has to be; 0: nobody is given up.
    """
    places = [place for place in ours if place in best]
    behind = np.array([best[place] - ours[place] for place in places])
    if len(places) < LEAST_PICTURES - 1 or not np.isfinite(behind).all():
        return None
    from scipy.stats import wilcoxon  # it takes half a second to import, and only races need it

    # Where all differences are zero they are split evenly, so that nothing is concluded.
    chance = float(wilcoxon(behind, alternative="greater", zero_method="zsplit").pvalue)
    # The page counts candidates by their reasons, so that these have few forms.
    why = f"behind the best candidate on the first {len(places)} pictures (Wilcoxon, p < {level:g})"
    return why if chance < level else None
