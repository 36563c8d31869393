"""The input z of the generator: fixed noise or a fixed pattern, the same for the whole fit.

The values depend on the genome, the size and the seed alone: they are drawn on the CPU in the order of a
contiguous tensor and only then laid out channels last, so that every machine and device starts from the
same numbers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .genome import Genome


def make_input(genome: Genome, *, height: int, width: int, seed: int) -> Tensor:
    """Draw the input of a generator.

    - "uniform": U(0, s) (Ulyanov et al., 2018), "gaussian": N(0, s²), independent values, s = `input_scale`;
    - "meshgrid": two channels, the horizontal and the vertical coordinate from 0 to 1;
    - "fourier": s·cos(2π(f·p) + φ), one feature per channel: random direction and phase, and a frequency
    |f| whose
      logarithm is uniform between one period per image and one period per four pixels (longer side).

    Args:
        height, width: in pixels, multiples of the generator's stride.
        seed: of the values; a mesh grid does not depend on it.

    Returns:
        (1, Cz, height, width) float32 on the CPU, channels last.
    """
    generator = torch.Generator().manual_seed(seed)
    if genome.input_kind == "meshgrid":
        z = _meshgrid(height, width)
    else:
        assert genome.input_channels is not None and genome.input_scale is not None
        z = torch.empty(1, genome.input_channels, height, width)
        if genome.input_kind == "uniform":
            z.uniform_(generator=generator)
        elif genome.input_kind == "gaussian":
            z.normal_(generator=generator)
        else:
            z = _fourier(genome.input_channels, height, width, generator)
        z *= genome.input_scale
    return z.contiguous(memory_format=torch.channels_last)


def _meshgrid(height: int, width: int) -> Tensor:
    rows = torch.linspace(0, 1, height).view(-1, 1).expand(height, width)
    columns = torch.linspace(0, 1, width).expand(height, width)
    return torch.stack([columns, rows]).unsqueeze(0)


def _fourier(channels: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    longer = max(height, width)
    direction, phase, octave = torch.rand(3, channels, 1, 1, generator=generator, dtype=torch.float64)
    frequency = (longer / 4) ** octave / longer  # periods per pixel
    direction, phase = 2 * math.pi * direction, 2 * math.pi * phase
    rows = torch.arange(height, dtype=torch.float64).view(-1, 1)
    columns = torch.arange(width, dtype=torch.float64)
    position = direction.cos() * columns + direction.sin() * rows  # (channels, height, width)
    return torch.cos(2 * math.pi * frequency * position + phase).float().unsqueeze(0)
