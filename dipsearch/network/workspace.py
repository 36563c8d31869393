"""The workspace: what an operation takes on a CPU besides its results, and gives back when it ends.

Convolutions with a small input and kernel write out their patches; others leave to oneDNN, which works on copies
of the weights in a layout of its own, padded to multiples of 8 to 32 channels. Found out by following every
allocation of real iterations with torch 2.13 and oneDNN's AVX2 kernels.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_FORWARD = torch.ops.aten.convolution.default
_BACKWARD = torch.ops.aten.convolution_backward.default
_NORMALISE_BACKWARD = torch.ops.aten.native_batch_norm_backward.default

_FLOAT = 4  # bytes of a float32
_FEW_VALUES, _LARGEST_OWN_KERNEL = 20480, 3
"""PyTorch computes a convolution itself up to this many values of the input and this kernel."""

_VECTORS, _BLOCK = 24, 8
"""Channels to which oneDNN rounds up in copies of the weights, typically, and in their gradient."""


def workspace_bytes(operation: Any, arguments: tuple[Any, ...], result: Any) -> int:
    """Bytes that an operation on CPU tensors takes besides its results while it runs."""
    if operation is _NORMALISE_BACKWARD:
        return int(arguments[1].nbytes)  # the gradient is made twice
    if operation not in (_FORWARD, _BACKWARD):
        return 0
    x, weight = _operands(operation, arguments)
    channels_out, channels_in, kernel, _ = weight.shape
    if _own(x, weight):
        y = result if operation is _FORWARD else arguments[0]
        return int(_FLOAT * channels_in * kernel**2 * y.shape[2] * y.shape[3])
    if operation is _FORWARD:
        return _FLOAT * kernel**2 * channels_in * _up(channels_out, _VECTORS)
    of_x, of_weight, _ = arguments[-1]
    values = 0
    if of_x:
        values += channels_out * _up(channels_in, _VECTORS)
    if of_weight:
        values += _up(channels_in, _BLOCK) * _up(channels_out, _BLOCK) + channels_in * channels_out
    return _FLOAT * kernel**2 * values


def _operands(operation: Any, arguments: tuple[Any, ...]) -> tuple[Tensor, Tensor]:
    first = 0 if operation is _FORWARD else 1
    return arguments[first], arguments[first + 1]


def _own(x: Tensor, weight: Tensor) -> bool:
    return x.numel() <= _FEW_VALUES and weight.shape[-1] <= _LARGEST_OWN_KERNEL


def _up(channels: int, multiple: int) -> int:
    return -(-channels // multiple) * multiple
