"""Channels of a measurement that are all the same, noise included: they are worked on as one, and handed back as many.

A grey picture is often kept as RGB. As three channels its noise would count three times, and a restoration that takes
it for noise of its own in every channel is worse by several dB than that of one of them.
"""

from __future__ import annotations

import warnings
from copy import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .channel_set import distinct_channels
from .form import Form
from .noise import NoiseModel
from .operators import Blur, Downsample, Identity, Mask, Operator, Product, Radon

Shape = tuple[int, int, int, int]


def as_one_channel(
    y: Tensor, a: Operator, shape: Shape, noise: NoiseModel | None, form: Form
) -> tuple[Tensor, Operator, Shape, Form]:
    """A measurement whose channels are all the same where something was measured, and its operator, of one channel.

    They stay as they are where channels are not the same; where that is no more than one part of what was measured, as
    of complex values; where the noise of each channel is known; and where nobody knows whether A treats channels alike,
    as of an operator of one's own: then a warning says so.

    Args:
        y: (1, c, h, w) real values, as they were handed in.
        shape: (1, C, H, W) of the image.
    """
    channels = shape[1]
    if channels == 1 or y.shape[1] != channels or form.complex_values:
        return y, a, shape, form
    own = getattr(a, "observed", None)
    there = y if own is None or own.shape[-2:] != y.shape[-2:] else torch.where(own.to(y) > 0, y, 0.0)
    found = distinct_channels(there, constant=False)
    if found is None or set(found.places) != {0} or (noise is not None and noise.channels is not None):
        return y, a, shape, form
    one = of_one_channel(a)
    if one is None:
        if noise is not None and noise.kind != "none":
            warnings.warn(
                f"all {channels} channels of y are the same, noise included, and count as {channels} measurements: "
                "give one of them, and an operator of one channel",
                stacklevel=4,
            )
        return y, a, shape, form
    return y[:, :1], one, (1, 1, *shape[2:]), replace(form, channels=channels)


def of_one_channel(a: Operator) -> Operator | None:
    """The operator for images of one channel; ``None`` where channels are not treated alike, or nobody knows."""
    if isinstance(a, Identity | Blur):
        return a
    if isinstance(a, Mask):
        if not bool((a.mask == a.mask[:, :1]).all()):
            return None
        made = Mask(a.mask[:, :1])
        made.recognised = a.recognised
        return made
    if isinstance(a, Downsample | Radon):
        alike: Any = copy(a)
        alike.image_shape = (1, 1, *a.image_shape[-2:])
        return alike  # type: ignore[no-any-return]
    if isinstance(a, Product):
        factors = [of_one_channel(factor) for factor in a.operators]
        return None if None in factors else Product(*factors)
    return None
