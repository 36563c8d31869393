"""Precision: in which arithmetic the convolutions of a fit run, said in one word and kept with the result.

On NVIDIA GPUs from Ampere on PyTorch rounds the factors of 32-bit convolutions to 10 bits (TF32) unless told
otherwise. Some processors (AMX: Intel's from Sapphire Rapids on) multiply numbers of 16 bits eight times as fast as
such of 32. A fit says which it wants, for its own operations only, and hands the switches back as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, Literal

import torch

Precision = Literal["tf32", "fp32", "bf16"]
"""``tf32``: 32 bits, convolutions on tensor cores where there are any; ``fp32``: 32 bits throughout;
``bf16``: convolutions in bfloat16, with the statistics, the sigmoid and the loss in 32 bits."""

DEFAULT: Precision = "tf32"


SHORTER_FROM = 8, 0
"""The compute capability (Ampere) from which a GPU's tensor cores know TF32 and bfloat16."""


def effective(precision: Precision, device: torch.device) -> Precision:
    """What ``precision`` comes to on a device: few have the shorter formats."""
    if device.type == "cuda":
        return "fp32" if torch.cuda.get_device_capability(device) < SHORTER_FROM else precision
    return "bf16" if precision == "bf16" and device.type == "cpu" and multiplies_blocks() else "fp32"


def less_precise(precision: Precision, device: torch.device) -> str:
    """Why bfloat16 that was asked for is not used, in words; empty where it is, or where nobody would expect it."""
    if precision != "bf16" or effective(precision, device) == "bf16":
        return ""
    if device.type == "cpu":
        if not hasattr(torch.cpu, "get_capabilities"):
            return (
                "bf16 needs PyTorch 2.10 or later, which can tell whether a processor has AMX: fp32 is used"
            )
        return "bf16 needs a processor with AMX, and this one has none: fp32 is used"
    if device.type != "cuda":
        return f"bf16 needs a CUDA device or a processor with AMX, and this is {device.type}: fp32 is used"
    major, minor = torch.cuda.get_device_capability(device)
    return f"bf16 needs a GPU of compute capability 8.0, and this one has {major}.{minor}: fp32 is used"


@cache
def multiplies_blocks() -> bool:
    """Whether this processor has AMX, the units that multiply blocks of bfloat16. Without them the format is slower
    than 32 bits. PyTorch before 2.10 cannot tell, and one that was told to keep to AVX2 uses none of it."""
    told: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(told.get("amx_bf16", False)) and torch.backends.cpu.get_cpu_capability() == "AVX512"


@contextmanager
def arithmetic(precision: Precision, device: torch.device) -> Iterator[None]:
    """Set PyTorch's switches for TF32 inside the block; nothing changes outside of CUDA."""
    if device.type != "cuda":
        yield
        return
    cudnn, shorter = torch.backends.cudnn, precision != "fp32"
    # Of convolutions, and of recurrent layers, which one's own network may have.
    kinds = [cudnn.conv, cudnn.rnn] if hasattr(cudnn, "conv") else [cudnn]
    with ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(tf32(kind, shorter))
        stack.enter_context(tf32(torch.backends.cuda.matmul, False))
        yield


@contextmanager
def tf32(of: Any, allowed: bool) -> Iterator[None]:
    """Allow TF32 for some operations inside the block, or do not.

    PyTorch 2.9 has put words in the place of true and false, for convolutions apart from recurrent layers. The old
    switches also change what ``torch.set_float32_matmul_precision`` was told, and cannot give it back: so the word is
    used wherever there is one.

    Args:
        of: PyTorch's switches of these operations, as in ``torch.backends.cuda.matmul``.
    """
    if not hasattr(of, "fp32_precision"):
        usual, of.allow_tf32 = of.allow_tf32, allowed
        try:
            yield
        finally:
            of.allow_tf32 = usual
        return
    before = of.fp32_precision
    if (before == "tf32") == allowed:
        yield
        return
    of.fp32_precision = "tf32" if allowed else "ieee"
    try:
        yield
    finally:
        # What all operations are told reaches again those that were told nothing of their own.
        of.fp32_precision = "none"
        if of.fp32_precision != before:
            of.fp32_precision = before


def forward_pass(precision: Precision, device: torch.device) -> torch.autocast:
    """The context of a network's forward pass; with "bf16" its convolutions round their factors and
    results."""
    # Casts of the weights must not be kept from one step to the next.
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False)
