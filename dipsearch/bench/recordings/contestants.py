"""Contestants: the networks of the benchmarks of the score, chosen to be unlike.

A criterion that ranks architectures has to hold on all of a search space: narrow and wide ones, other
normalisations and none, an output without sigmoid, learning rates that differ twentyfold, no jitter, no skips.
"""

from __future__ import annotations

from ...library import preset
from ...network import Genome, Scale


def _scales(width: int, depth: int, *, skip: int = 4) -> tuple[Scale, ...]:
    return (Scale(width, width, channels_skip=skip, kernel_skip=1 if skip else None),) * depth


CONTESTANTS: dict[str, Genome] = {
    "wide": Genome(scales=_scales(40, 4), upsampling="nearest"),
    "narrow": Genome(scales=_scales(8, 4), input_channels=8),
    "group-norm": Genome(scales=_scales(16, 4), norm="group", upsampling="nearest", input_channels=16),
    "no-norm": Genome(scales=_scales(16, 4), norm="none", learning_rate=0.004, input_channels=16),
    "no-sigmoid": Genome(scales=_scales(16, 4), output="none", input_channels=16),
    "slow": Genome(scales=_scales(16, 5), learning_rate=0.001, upsampling="nearest", input_channels=16),
    "fast-no-jitter": Genome(
        scales=_scales(16, 4), learning_rate=0.02, jitter=0.0, upsampling="nearest", input_channels=16
    ),
    "decoder": Genome(scales=_scales(24, 4, skip=0), up_1x1=False, input_channels=16),
}

PUBLISHED = "dip-2018"
"""The network of Deep Image Prior for denoising, which only the large benchmark has the time for."""


def contestant(name: str) -> Genome:
    """The network of this name."""
    return preset("dip_2018_denoise") if name == PUBLISHED else CONTESTANTS[name]
