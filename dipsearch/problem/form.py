"""The form of what was handed in, so that what is handed back has the same: array or tensor, axes, range and type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .operators.shapes import as_complex

Layout = Literal["HW", "HWC", "CHW", "BCHW"]


@dataclass(frozen=True)
class Form:
    """How an image (1, C, H, W) about in [0, 1] is handed back.

    Args:
        kind: "tensor" or "numpy".
        layout: which axes it has; "HW" gets a last axis for channels, or a first one, where there are several.
        dtype: the name of its type; whole numbers are rounded and clipped. An image that is not a number somewhere has
            floats instead: no whole number says that. Of measured whole numbers with too few steps, ``FEW_STEPS``, it
            is float32 from the beginning.
        device: of a tensor.
        low, high: the values that 0 and 1 stand for; the first one is the larger in a file whose small values are
            bright.
        complex_values: whether it is complex, of twice as many real channels.
        channels: as many times is its only channel handed back; all channels of the measurement were the same.
        gaps: (1, 1, H, W), true where the measurement was NaN, which is handed back there; ``None``: nowhere.
    """

    kind: Literal["tensor", "numpy"] = "tensor"
    layout: Layout = "BCHW"
    dtype: str = "float32"
    device: str = "cpu"
    low: float = 0.0
    high: float = 1.0
    complex_values: bool = False
    channels: int = 1
    gaps: Tensor | None = field(default=None, compare=False, repr=False)

    def repeated(self, x: Tensor) -> Tensor:
        """An image (1, C, H, W) with as many channels as it is handed back with."""
        return x.expand(-1, self.channels, -1, -1) if self.channels > 1 and x.shape[1] == 1 else x

    def back(self, x: Tensor) -> Tensor | NDArray[Any]:
        """The image in the form of what was handed in."""
        values = self.repeated(x).detach().double().cpu() * (self.high - self.low) + self.low
        if self.gaps is not None:
            values = torch.where(self.gaps, torch.nan, values)
        values = self._axes(as_complex(values) if self.complex_values else values)
        return self._tensor(values) if self.kind == "tensor" else self._array(values)

    def _tensor(self, values: Tensor) -> Tensor:
        dtype: torch.dtype = getattr(torch, self.dtype)
        if not (dtype.is_floating_point or dtype.is_complex):
            if bool(values.isnan().any()):
                return values.float().to(self.device)
            ends = torch.iinfo(dtype)
            values = values.round().clamp(ends.min, ends.max)
        return values.to(dtype).to(self.device)

    def _array(self, values: Tensor) -> NDArray[Any]:
        dtype, array = np.dtype(self.dtype), values.numpy()
        if np.issubdtype(dtype, np.integer):
            if np.isnan(array).any():
                return array.astype(np.float32)
            array = np.clip(np.rint(array), np.iinfo(dtype).min, np.iinfo(dtype).max)
        return array.astype(dtype)

    def _axes(self, values: Tensor) -> Tensor:
        if self.layout == "BCHW":
            return values
        if self.layout == "CHW":
            return values[0]
        if self.layout == "HW" and values.shape[1] == 1:
            return values[0, 0]
        return values[0].permute(1, 2, 0) if self.kind == "numpy" else values[0]


PLAIN = Form()

FEW_STEPS = 128
"""Whole numbers that have fewer steps from black to white are too coarse for a restoration. Rounding adds 1/12 of a
squared step to the mean squared error: with 128 steps that costs 0.04 dB of 33 dB, with 32 of them 0.7 dB. Counts of a
peak of 1, 3 and 8 photons were restored at 10.9, 17.6 and 22.1 dB rounded, and at 19.0, 20.8 and 23.1 dB as floats.
"""
