"""A clean image that somebody has, beside a restored one: compared when everything is over, never before."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..problem import Problem


def as_image(reference: Any, problem: Problem, *, shape: tuple[int, ...]) -> Tensor:
    """A clean image in the form of a problem's result as (1, C, H, W) in its [0, 1].

    Args:
        shape: of the result, (1, C, H, W): a search of the command line may have worked on fewer channels, or on
            windows.

    Raises:
        InputError: it has another shape.
    """
    form = problem.form
    values = _numbers(reference)
    if values.ndim == 3 and form.kind == "numpy":
        values = values.permute(2, 0, 1)
    channels = shape[1] // 2 if form.complex_values else shape[1]
    if values.shape[-2:] != shape[2:] or values.numel() != channels * shape[2] * shape[3]:
        raise InputError(
            f"the reference has the shape {tuple(np.shape(reference))}",
            f"the image is {shape[3]} × {shape[2]} with {channels} channel{'s'[: channels > 1]}",
            "give the clean version of this very image",
        )
    if form.complex_values:
        values = values.to(torch.complex128).reshape(1, channels, *shape[2:])
        values = torch.cat([values.real, values.imag], dim=1)
    return ((values.double().reshape(shape) - form.low) / (form.high - form.low)).float()


MOST, LEAST, THERE = 4.0, 1 / 32, 0.1
"""Root mean squares: of a clean image at the most, as a multiple of the largest magnitude in the range; and beside that
of its restoration at the least, where that is not all dark. 255 for 1, or 1 for 255, lies far beyond both, and no
restoration is so bad."""


def refuse_other_units(reference: Tensor, restored: Tensor, problem: Problem) -> None:
    """Refuse a clean image whose values are in other units than those of its restoration.

    Args:
        reference, restored: (1, C, H, W) in the problem's [0, 1].

    Raises:
        InputError: they are.
    """
    form = problem.form
    own, beside = (x.double() * (form.high - form.low) + form.low for x in (reference, restored))
    size, beside_size = (float(x.square().mean().sqrt()) for x in (own, beside))
    largest = max(abs(form.low), abs(form.high))
    alike = LEAST * size <= beside_size  # values far beyond the range may be in both
    if (size <= MOST * largest or alike) and not (
        beside_size > THERE * largest and size < LEAST * beside_size
    ):
        return
    low, high = (float(end) for end in own.aminmax())
    raise InputError(
        f"the values of the reference are from {low:.4g} to {high:.4g}",
        f"those of the image are about from {form.low:.4g} to {form.high:.4g}",
        "give the reference in the units of the measurement",
    )


def _numbers(reference: Any) -> Tensor:
    """A reference as a tensor on the CPU."""
    try:
        if isinstance(reference, Tensor):
            values = reference.detach().cpu()
        else:
            array = np.array(reference)
            values = torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    except (TypeError, ValueError):
        values = torch.full((1,), torch.nan, dtype=torch.float32)
    if not bool(torch.isfinite(values).all()):
        raise InputError(
            f"the reference is {type(reference).__name__}, or has values that are NaN or infinite",
            "it is an array or a tensor of finite numbers",
            "give the clean image",
        )
    return values
