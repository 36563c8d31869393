"""The input z of the generator: fixed noise or a fixed pattern, the same for the whole fit.

A pilot, a restoration of the same measurement that somebody else computed, may stand beside the noise. All other
values depend on the genome, the size and the seed alone: they are drawn on the CPU in the order of a
contiguous tensor and only then laid out channels last, so that every machine and device starts from the
same numbers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from dipsearch.errors import InputError

from .genome import Genome


def make_input(genome: Genome, *, height: int, width: int, seed: int, pilot: Tensor | None = None) -> Tensor:
    """Draw the input of a generator.

    - "uniform": U(0, s) (Ulyanov et al., 2018), "gaussian": N(0, s²), independent values, s = `input_scale`;
    - "meshgrid": two channels, the horizontal and the vertical coordinate from 0 to 1;
    - "fourier": s·cos(2π(f·p) + φ), one feature per channel: random direction and phase, and a frequency
    |f| whose
      logarithm is uniform between one period per image and one period per four pixels (longer side);
    - "pilot": the channels of "uniform", and after them (pilot − its mean, channel by channel) · `pilot_scale`.

    Args:
        height, width: in pixels, multiples of the generator's stride.
        seed: of the values; a mesh grid does not depend on it.
        pilot: (1, C, H, W) in about [0, 1], a restoration of what the fit is going to see, and of no more than that;
            H × W pads to height × width: mirrored at the bottom and on the right, repeated where it is too small
            for that. Only networks of the kind "pilot" look at it.

    Returns:
        (1, Cz, height, width) float32 on the CPU, channels last.

    Raises:
        InputError: the genome needs a pilot, and there is none, or it is of another size.
    """
    beside = _pilot(genome, pilot, height, width) if genome.needs_pilot else None
    generator = torch.Generator().manual_seed(seed)
    if genome.input_kind == "meshgrid":
        z = _meshgrid(height, width)
    else:
        assert genome.input_channels is not None and genome.input_scale is not None
        z = torch.empty(1, genome.input_channels, height, width, dtype=torch.float32)
        if genome.input_kind in ("uniform", "pilot"):
            z.uniform_(generator=generator)
        elif genome.input_kind == "gaussian":
            z.normal_(generator=generator)
        else:
            z = _fourier(genome.input_channels, height, width, generator)
        z *= genome.input_scale
    if beside is not None:
        z = torch.cat([z, beside], dim=1)
    return z.contiguous(memory_format=torch.channels_last)


def _pilot(genome: Genome, pilot: Tensor | None, height: int, width: int) -> Tensor:
    """The pilot's channels of the input, ``(1, C, height, width)``."""
    if pilot is None:
        raise InputError(
            f"the network {genome.label} has a pilot in its input, and there is none",
            "a pilot is a restoration of the same measurement, (1, C, H, W)",
            "give one, or choose a network with another input_kind",
        )
    stride, size = 2**genome.depth, tuple(pilot.shape[-2:])
    border = [padded - given for padded, given in zip((height, width), size, strict=False)]
    if pilot.dim() != 4 or pilot.shape[0] != 1 or not all(0 <= more < stride for more in border):
        raise InputError(
            f"the pilot has the shape {tuple(pilot.shape)}, for an input of {height} × {width}",
            f"it is (1, C, H, W) with the picture's size, which is padded to a multiple of {stride}",
            "give a restoration of this very picture",
        )
    assert genome.pilot_scale is not None
    z = pilot.detach().to("cpu", torch.float32)
    z = (z - z.mean(dim=(2, 3), keepdim=True)) * genome.pilot_scale
    (down, across), (rows, columns) = border, size
    z = pad(z, (0, 0, 0, down), mode="reflect" if down < rows else "replicate")
    return pad(z, (0, across, 0, 0), mode="reflect" if across < columns else "replicate")


def _meshgrid(height: int, width: int) -> Tensor:
    rows = torch.linspace(0, 1, height, dtype=torch.float32).view(-1, 1).expand(height, width)
    columns = torch.linspace(0, 1, width, dtype=torch.float32).expand(height, width)
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
