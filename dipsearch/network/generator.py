"""The generator f_θ: the skip network of Ulyanov, Vedaldi and Lempitsky (2018, arXiv:1711.10925), built
from a genome.

`build(genome, …)` gives the untrained network that the fitting loop optimises. Wiring and parameter counts
are those of the authors' code, scale by scale:

    x ──── down (conv /2, conv) ── next scale ── upsample ──┐
    └───── skip (conv 1×1) ───────────────────────────── concatenate ── norm ── up (conv) ── (conv 1×1) ──
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from dipsearch.errors import InputError

from . import fused
from .convolution import Convolution
from .genome import Genome
from .layers import Block, Normalisation, Upsampler, concatenate

_Made = TypeVar("_Made")


class Level(nn.Module):
    """One scale of the network together with everything deeper: channels_in -> channels_up, same height and
    width.

    Args:
        genome: where the settings are.
        index: which scale; 0 is the full resolution.
        channels_in: channels that arrive from the scale above.

    Attributes:
        lean: whether the decoder of this scale keeps only the inputs of its parts for the backward pass, and
            computes the parts a second time there (Chen et al., 2016, arXiv:1604.06174).
    """

    def __init__(self, genome: Genome, *, index: int, channels_in: int) -> None:
        super().__init__()
        self.lean = False
        scale = genome.scales[index]
        norm, activation, padding = genome.norm, genome.activation, genome.padding

        def block(channels_in: int, channels_out: int, kernel: int) -> Block:
            return Block(
                channels_in, channels_out, kernel=kernel, norm=norm, activation=activation, padding=padding
            )

        self.skip = block(channels_in, scale.channels_skip, scale.kernel_skip) if scale.kernel_skip else None
        self.down = nn.Sequential(
            Block(
                channels_in,
                scale.channels_down,
                kernel=scale.kernel_down,
                norm=norm,
                activation=activation,
                padding=padding,
                downsampling=genome.downsampling,
            ),
            block(scale.channels_down, scale.channels_down, scale.kernel_down),
        )
        deepest = index == genome.depth - 1
        self.deeper = None if deepest else Level(genome, index=index + 1, channels_in=scale.channels_down)
        channels = scale.channels_down if deepest else genome.scales[index + 1].channels_up
        self.upsample = Upsampler(genome.upsampling, channels)
        channels += scale.channels_skip
        self.norm = Normalisation(norm, channels)
        self.up = block(channels, scale.channels_up, scale.kernel_up)
        self.refine = block(scale.channels_up, scale.channels_up, 1) if genome.up_1x1 else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.down(x)  # (1, channels_down, H/2, W/2)
        if self.deeper is not None:
            y = self.deeper(y)  # (1, channels_up of the next scale, H/2, W/2)
        y = self.kept_lean(self._join, x, y)
        y = self.kept_lean(self._decode, y)
        return y if self.refine is None else self.kept_lean(self.refine, y)

    def _join(self, x: Tensor, deeper: Tensor) -> Tensor:
        y: Tensor = self.upsample(deeper)
        return y if self.skip is None else concatenate(self.skip(x), y)

    def _decode(self, y: Tensor) -> Tensor:
        result: Tensor = self.up(self.norm(y))
        return result

    def kept_lean(self, part: Callable[..., _Made], *inputs: object) -> _Made:
        """Run a part; where memory is short, keep only its inputs and compute it a second time on the way back."""
        if not self.lean:
            return part(*inputs)
        result: _Made = checkpoint(part, *inputs, use_reentrant=False, preserve_rng_state=False)
        return result


class Generator(nn.Module):
    """f_θ: z (1, Cz, H', W') -> x (1, C, H', W'), for any H' and W' that are multiples of `stride`.

    Cz is `genome.width_of_input(C)`.

    Attributes:
        genome: what it was built from.
        channels: C, of the image.
        stride: 2 to the power of the depth.
    """

    def __init__(self, genome: Genome, *, channels: int) -> None:
        super().__init__()
        self.genome, self.channels, self.stride = genome, channels, 2**genome.depth
        self.body = Level(genome, index=0, channels_in=genome.width_of_input(channels))
        self.head = Convolution(genome.scales[0].channels_up, channels, kernel=1)

    def forward(self, z: Tensor) -> Tensor:
        if z.shape[2] % self.stride or z.shape[3] % self.stride:
            raise InputError(
                f"an input of {z.shape[2]} × {z.shape[3]}",
                f"this generator takes multiples of {self.stride}",
                "pad the input and crop the output",
            )
        x: Tensor = fused.generated(self, z) if fused.usable(z) else self.head(self.body(z))
        if x.dtype is torch.bfloat16:  # from convolutions in short numbers; the picture needs the long ones
            x = x.float()
        return torch.sigmoid(x) if self.genome.output == "sigmoid" else x


def build(genome: Genome, *, channels: int, seed: int, lean: bool = False) -> Generator:
    """Build the untrained generator on the CPU, channels last, float32.

    The initial weights follow PyTorch's defaults and depend on `genome`, `channels` and `seed` alone; no
    global random state is read or changed.

    Args:
        channels: of the image, 1 or more.
        seed: of the initial weights.
        lean: compute the decoder of the full resolution twice in each iteration, to need less memory.
    """
    with torch.device("cpu"):
        generator = Generator(genome, channels=channels)
    generator.body.lean = lean
    source = torch.Generator().manual_seed(seed)
    for module in generator.modules():
        if isinstance(module, Convolution | Upsampler):
            module.initialise(source)
    return generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
