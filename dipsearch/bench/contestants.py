"""Contestants: the networks of the benchmarks of the score, chosen to be unlike.

A criterion that ranks architectures has to hold on all of a search space: narrow and wide ones, other
normalisations and none, an output without sigmoid, learning rates that differ twentyfold, no jitter, no skips.
"""

from __future__ import annotations

from ..network import Genome, Scale


def _scales(width: int, depth: int, *, skip: int = 4) -> tuple[Scale, ...]:
    return (Scale(width, width, channels_skip=skip, kernel_skip=1 if skip else None),) * depth


CONTESTANTS: dict[str, Genome] = {
    "wide": Genome(scales=_scales(56, 4), upsampling="nearest"),
    "narrow": Genome(scales=_scales(12, 4), input_channels=16),
    "group-norm": Genome(scales=_scales(24, 4), norm="group", upsampling="nearest"),
    "no-norm": Genome(scales=_scales(24, 4), norm="none", learning_rate=0.004),
    "no-sigmoid": Genome(scales=_scales(24, 4), output="none"),
    "slow": Genome(scales=_scales(24, 5), learning_rate=0.001, upsampling="nearest"),
    "fast-no-jitter": Genome(scales=_scales(32, 4), learning_rate=0.02, jitter=0.0, upsampling="nearest"),
    "decoder": Genome(scales=_scales(32, 4, skip=0), up_1x1=False),
}
