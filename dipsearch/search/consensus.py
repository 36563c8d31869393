"""The consensus: what the best candidates agree on, asked where the score is blind.

Of an enlarged picture, hidden measurements judge the part that the measurement shows; the detail beyond it is most of
the error, and no measurement tells. Networks that differ in width, depth and upsampling err there in different ways, so
their mean is nearer to the truth than most of them, and the one nearest to it is a good guess (Arican, Kara, Bredell
and Konukoglu, ISNAS-DIP, CVPR 2022, choose that way). Pure functions.

Coffee, chelsea, flowers and comic at 96 × 96, enlarged four times by eight networks each: Kendall's τ with the true
PSNR rose from 0.64 to 0.89, and the largest regret fell from 0.27 to 0.04 dB.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .delivering import WORTH_STACKING

FEWEST = 3
"""Of two candidates neither is nearer to their mean."""


def consensus_errors(images: Sequence[Tensor], scores: Sequence[float], *, share: float) -> list[float]:
    """Mean squared errors that an indirect score and the consensus together suggest, up to a common constant.

    The score speaks for the share of the measurement that was hidden; for everything else the distance to the mean of
    the candidates whose scores are at most 3 dB behind the best one does.

    Args:
        images: what each candidate is judged by, ``(1, C, H, W)``.
        scores: the split's estimates of their mean squared errors.
        share: of the measurement that the split hid.

    Returns:
        One for each candidate; the scores themselves with fewer than three that are near the best one.
    """
    limit = min(scores) + abs(min(scores)) * (10 ** (WORTH_STACKING / 10) - 1)
    near = [image for image, score in zip(images, scores, strict=True) if score <= limit]
    if len(near) < FEWEST:
        return list(scores)
    mean = torch.stack(near).mean(dim=0)
    return [
        share * score + float((image - mean).square().mean())
        for image, score in zip(images, scores, strict=True)
    ]
