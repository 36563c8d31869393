"""Peak memory: the most that the fit of a candidate takes from the machine, known before it is built.

Two iterations (forward, loss, backward, Adam's moments) run on PyTorch's `meta` device, and what is alive at
once is counted (`allocations`). On a CPU a process grows by more than that: between its blocks the C library's heap
has gaps that are too small for the next one, and the largest blocks find none at all. Two coefficients say by how
much; they were fitted to 40 fresh processes, and `bench speed` measures others beside them.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from .allocations import Allocations, peak_size
from .convolution import as_on
from .cost import cost
from .generator import Generator
from .genome import Genome

PICTURES = 8
"""Copies of the picture that a fit holds besides the target: measurement, split, average, the last readings."""

GAPS, MISFITS = 1.13, 3
"""How far the heap grows: this multiple of what is alive at once, and so many of the largest blocks besides."""

LEAST, MOST, BESIDE = 0.8, 6.0, 40 * 10**6
"""The peak as multiples of what `cost` counts in a hundredth of the time, and bytes on top: wide bounds."""


@lru_cache(maxsize=4096)
def memory_bytes(genome: Genome, *, image_shape: tuple[int, ...], device: str = "cpu") -> int:
    """The growth of a process, on a GPU of its allocator, when it fits a candidate; in bytes.

    Args:
        genome: the candidate.
        image_shape: (1, C, H, W) of the image; it is padded to the generator's stride, as the loop does.
        device: "cpu", "cuda" or "mps".
    """
    _, channels, height, width = image_shape
    follow = Allocations(device)
    with torch.device("meta"), as_on(device), follow:
        pictures = torch.empty(PICTURES, channels, height, width, dtype=torch.float32)
        target = torch.empty(1, channels, height, width, dtype=torch.float32)
        weight = torch.empty(1, 1, height, width, dtype=torch.float32)
        generator = Generator(genome, channels=channels)
        generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        rows, columns = (-(-size // generator.stride) * generator.stride for size in (height, width))
        inputs = genome.width_of_input(channels)
        z = torch.empty(1, inputs, rows, columns, memory_format=torch.channels_last, dtype=torch.float32)
        noise = torch.empty_like(z)
        moments: list[Tensor] = []
        for _ in range(2):
            generator.zero_grad(set_to_none=True)
            output = generator(z + noise)[..., :height, :width]
            loss = ((output - target) * weight).square().sum()
            loss.backward()
            del output, loss
            moments = moments or [torch.zeros_like(p) for p in generator.parameters() for _ in range(2)]
        del pictures
    # What is still alive would report its end to the list while that is read.
    events = list(follow.events)
    alive = peak_size(events)
    if device != "cpu":
        return alive
    return int(GAPS * alive) + MISFITS * max(size for _, size in events)


def fits_in(allowed: int, genome: Genome, *, image_shape: tuple[int, ...], device: str = "cpu") -> bool:
    """Whether the peak of a candidate is at most `allowed` bytes; the exact count is made only where it is close."""
    counted = cost(genome, image_shape=image_shape)
    least = counted.saved_bytes + 16 * counted.parameters  # weights, gradients and two moments in 32 bits
    if LEAST * least > allowed:
        return False
    if MOST * least + BESIDE <= allowed:
        return True
    return memory_bytes(genome, image_shape=image_shape, device=device) <= allowed
