"""Blending: give the classical restoration its share of what is delivered, where the measurements say so.

A network that had too little time for a large picture is behind a method that takes a second, and the mean of the two
is better than either: they err differently. With enough time the share goes to nothing. Measured at 256 × 256 with four
minutes on two cores, the blend gained 0.2 to 1.0 dB; at 128 × 128, where networks were ahead, it changed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..fitting import combine, put_back, stack
from .bootstrap import block_errors, standings
from .delivering import Delivery
from .prepared import Prepared

LEAST_SHARE = 0.02


@dataclass(frozen=True, eq=False)
class Classical:
    """A classical restoration of one picture.

    Args:
        name: the method's.
        fitted: from the fitted part of the split alone, ``(1, C, H, W)``; what is judged.
        full: from all of y.
    """

    name: str
    fitted: Tensor
    full: Tensor


@dataclass(frozen=True)
class Blend:
    """The part of a delivery that is not of networks.

    Args:
        name: of the classical method.
        share: its weight, in (0, 1].
        score: the split's estimate of the mean squared error of the blend.
        gain_db: estimated, over the networks alone.
    """

    name: str
    share: float
    score: float
    gain_db: float


@dataclass(frozen=True, eq=False)
class Blended:
    """A delivery and the classical part of it, which is ``None`` where the networks are better alone.

    Args:
        delivery: with the blended image.
        blend: what was blended in.
        judged: the image that the scoring part judges, ``(1, C, H, W)``.
    """

    delivery: Delivery
    blend: Blend | None
    judged: Tensor


def blended(delivery: Delivery, classical: Classical | None, picture: Prepared) -> Blended:
    """Blend a classical restoration into a delivery if that is better by more than one standard error.

    Args:
        delivery: what the networks led to.
        classical: ``None`` where there is none.
        picture: the problem, and the split that both were judged with.
    """
    alone = Blended(delivery, None, delivery.judged)
    if classical is None or not bool(torch.isfinite(classical.fitted).all()):
        return alone
    pair = [delivery.judged, classical.fitted]
    weights = _weights(pair, picture)
    mixed = combine(pair, weights)
    ours, theirs = standings(
        [block_errors([[delivery.judged], [mixed]], picture.problem, split=picture.split)]
    )
    apart = max(ours.standard_error or 0.0, theirs.standard_error or 0.0)
    gain = theirs.score - ours.score
    if weights[1] < LEAST_SHARE or gain <= apart:
        return alone
    image = put_back(combine([delivery.image, classical.full], weights), picture.problem)
    score = float(picture.split.score(picture.problem.view(mixed)))
    blend = Blend(classical.name, weights[1], score, gain)
    return Blended(replace(delivery, image=image), blend, mixed)


def _weights(pair: Sequence[Tensor], picture: Prepared) -> tuple[float, float]:
    found = stack(pair, picture.problem, split=picture.split, members=(0, 1))
    weights = dict(zip(found.members, found.weights, strict=True))
    return weights.get(0, 0.0), weights.get(1, 0.0)
