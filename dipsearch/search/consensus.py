"""The consensus: what the good candidates agree on has a say in which of them is the best.

Their mean is nearer to the truth than most of them, so how far a candidate lies from it tells much of its error, and
tells it without luck, while a score rests on few hidden values or on noisy ones. The score says who is comparable at
all. Of an enlarged picture it sees little of what is sought, and counts by the share that it sees.

With s the mean, the error of x is ‖x − s‖² + 2 ⟨x − s, s − truth⟩ and a constant; where x and s err in unlike ways the
middle is small. Choosing the output nearest to the mean of several is from ISNAS-DIP (Arican, Kara, Bredell and
Konukoglu, CVPR 2022). Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..problem import Problem, Split
from .delivering import worst_comparable

FEWEST = 3
"""Of two candidates neither is nearer to their mean."""

SCORE_WEIGHT = 0.5
"""What a score counts beside the distance.

At 96 × 96, eight unlike networks to a case, Kendall's τ with the true PSNR for the score alone, this sum, and the sum
with 1: noise of σ = 50 on coffee and chelsea 0.71, 0.93, 0.86; half of the pixels missing there 0.75, 0.75, 0.79;
text-like holes, also on flowers and comic, 0.80, 0.82, 0.82; impulses on coffee 0.93, 1.00, 0.93. Enlarging these four
times: 0.64 for the score alone, 0.89 when it counts by its share.
"""


def consensus_errors(images: Sequence[Tensor], problem: Problem, *, split: Split) -> list[float] | None:
    """What scores and consensus together say of the candidates' mean squared errors: their order, not their height.

    Args:
        images: what each candidate is judged by, ``(1, C, H, W)``.
        problem: what was measured.
        split: that judges them.

    Returns:
        One for each candidate, infinite for one that is not finite; ``None`` where fewer than three have scores at
        most 3 dB behind the best one.
    """
    scores = [float(split.score(problem.view(image))) for image in images]
    usable = [math.isfinite(score) for score in scores]
    limit = worst_comparable([score for score in scores if math.isfinite(score)])
    near = [image for image, score in zip(images, scores, strict=True) if score <= limit]
    if len(near) < FEWEST:
        return None
    mean = torch.stack(near).mean(dim=0)
    weight = _sought(problem).expand_as(mean)
    share, total = (split.share if split.indirect else SCORE_WEIGHT), weight.sum()
    return [
        share * score + float(((image - mean).square() * weight).sum() / total) if good else math.inf
        for image, score, good in zip(images, scores, usable, strict=True)
    ]


def _sought(problem: Problem) -> Tensor:
    """1 where the picture is not known already: ``(1, 1, H, W)`` or ``(1, C, H, W)``."""
    if problem.exact is None or problem.task == "sr":
        return problem.y.new_ones(1, 1, *problem.image_shape[-2:])
    return 1 - problem.exact
