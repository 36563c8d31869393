"""The ideas of network_ideas.py: variations of a known network, or of how it is fitted, a few lines each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dipsearch.network import Generator, Genome
from dipsearch.network.adam import Adam
from dipsearch.network.convolution import Convolution
from dipsearch.network.generator import Level
from dipsearch.network.layers import Block, concatenate

COARSE = 60
"""Iterations at half the resolution before the others; fits to noise choose about their 140th."""

STEPS = 400
"""Over which a learning rate falls; as many as a fit has."""


@dataclass(frozen=True)
class Idea:
    """A variation.

    Args:
        genome: what becomes of the network's genome.
        network: what becomes of the network that was built from it.
        optimiser: in the place of Adam.
        seed: added to that of the weights, z and jitter.
        first: iterations that alone have another cost than the unchanged network's; 0: all have.
        as_dear: nothing has; it is not timed.
    """

    genome: Callable[[Genome], Genome] = lambda genome: genome
    network: Callable[[Generator], nn.Module] = lambda generator: generator
    optimiser: type[Adam] = Adam
    seed: int = 0
    first: int = 0
    as_dear: bool = False

    def iterations(self, unchanged: int, ratio: float) -> float:
        """How many there are in the time of so many of the unchanged network."""
        cheap = self.first if self.first else unchanged / ratio
        return min(unchanged / ratio, cheap + max(0.0, unchanged - cheap * ratio))


def widths(down: int, up: int, *, skip: int = 4, without: int = 0) -> Callable[[Genome], Genome]:
    """Other widths on all scales, of which the first ones may be left out."""
    return lambda genome: replace(
        genome,
        scales=tuple(
            replace(one, channels_down=down, channels_up=up, channels_skip=skip)
            for one in genome.scales[without:]
        ),
    )


class HalfResolution(nn.Module):
    """Space to depth before the network and back after it: its full resolution is half the picture's."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        genome, channels = generator.genome, generator.channels
        self.body = Level(genome, index=0, channels_in=4 * genome.width_of_input(channels))
        self.head = Convolution(genome.scales[0].channels_up, 4 * channels, kernel=1)
        source = torch.Generator().manual_seed(torch.initial_seed())
        for part in self.modules():
            if isinstance(part, Convolution):
                part.initialise(source)

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(F.pixel_shuffle(self.head(self.body(F.pixel_unshuffle(z, 2))), 2))


def depthwise(generator: Generator) -> Generator:
    """Every convolution of more than a pixel as one by channel and one by pixel (Howard et al., 2017,
    arXiv 1704.04861)."""
    for part in list(generator.modules()):
        if isinstance(part, Block) and part.convolution.weight.shape[-1] > 1:
            whole = part.convolution
            wide, narrow, kernel, _ = whole.weight.shape
            part.convolution = nn.Sequential(  # type: ignore[assignment]
                nn.Conv2d(
                    narrow, narrow, kernel, whole.stride, kernel // 2, groups=narrow, padding_mode="reflect"
                ),
                nn.Conv2d(narrow, wide, 1),
            )
    return generator


def levels_of(generator: Generator) -> list[Level]:
    """All scales, the full resolution first."""
    return [part for part in generator.modules() if isinstance(part, Level)]


def learned_upsampling(generator: Generator) -> Generator:
    """NAS-DIP's cell for enlarging (Chen et al., 2020, arXiv 2008.11713): interpolation, 5 × 5 by channel, leaky
    ReLU."""
    for level in levels_of(generator):
        channels = _width(level.down[1] if level.deeper is None else level.deeper.up)
        level.upsample = nn.Sequential(  # type: ignore[assignment]
            level.upsample,
            nn.Conv2d(channels, channels, 5, padding=2, groups=channels, padding_mode="reflect"),
            nn.LeakyReLU(0.2),
        )
    return generator


def _width(block: Block) -> int:
    return block.convolution.weight.shape[0]


class CrossScale(nn.Module):
    """NAS-DIP's skips: every scale of the decoder is added what the other scales of the encoder say, by 1 × 1
    convolutions."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator, self.levels = generator, levels_of(generator)
        down = [_width(level.down[1]) for level in self.levels]
        into = [_width(level.up) for level in self.levels[1:]] + down[-1:]
        self.links = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(width, channels, 1) for width in down) for channels in into
        )

    def forward(self, z: Tensor) -> Tensor:
        entering, encoded = [z], []
        for level in self.levels:
            encoded.append(level.down(entering[-1]))
            entering.append(encoded[-1])
        y = encoded[-1]
        for index, level in reversed(list(enumerate(self.levels))):
            size = y.shape[-2:]
            for other, link in enumerate(self.links[index]):  # type: ignore[arg-type]
                if other < index:
                    y = y + link(F.adaptive_avg_pool2d(encoded[other], size))
                if other > index:
                    y = y + F.interpolate(link(encoded[other]), size=size, mode="bilinear")
            y = level.upsample(y)
            y = y if level.skip is None else concatenate(level.skip(entering[index]), y)
            y = level.up(level.norm(y))
            y = y if level.refine is None else level.refine(y)
        return torch.sigmoid(self.generator.head(y))


class AllScalesSpeak(nn.Module):
    """The picture is the sum of what every scale of the decoder says, enlarged: a pyramid."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator
        self.said: list[Tensor] = []
        self.heads = nn.ModuleList(
            nn.Conv2d(_width(level.up), generator.channels, 1) for level in levels_of(generator)[1:]
        )
        for level, head in zip(levels_of(generator)[1:], self.heads, strict=True):
            level.register_forward_hook(lambda _level, _x, y, head=head: self.said.append(head(y)))

    def forward(self, z: Tensor) -> Tensor:
        self.said.clear()
        x = self.generator.head(self.generator.body(z))
        for one in self.said:
            x = x + F.interpolate(one, size=x.shape[-2:], mode="bilinear")
        return torch.sigmoid(x)


class CoarseFirst(nn.Module):
    """The first iterations at half the resolution, whose output is enlarged; the weights are the same."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator
        self.register_buffer("done", torch.zeros((), dtype=torch.float32))

    def forward(self, z: Tensor) -> Tensor:
        self.done += 1
        if float(self.done) > COARSE:
            return self.generator(z)
        noise, pilot = z.split([z.shape[1] - self.generator.channels, self.generator.channels], 1)
        half = torch.cat([noise[..., ::2, ::2], F.avg_pool2d(pilot, 2)], 1)
        half = half.contiguous(memory_format=torch.channels_last)
        return F.interpolate(self.generator(half), scale_factor=2, mode="bilinear")


class Scheduled(Adam):
    """Adam whose learning rate depends on the iterations done."""

    def __init__(self, parameters: Any, *, learning_rate: float, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, learning_rate=learning_rate, weight_decay=weight_decay)
        self.usual = learning_rate

    def step(self) -> None:
        self.learning_rate = self.usual * self.share(float(self._steps[0]))
        super().step()

    def share(self, done: float) -> float:
        """Of the usual learning rate."""
        raise NotImplementedError


class Cosine(Scheduled):
    """Falls to a tenth, after which it would not move any more where it goes on with all of the measurement."""

    def share(self, done: float) -> float:
        return 0.1 + 0.45 * (1 + math.cos(math.pi * min(1.0, done / STEPS)))


class CosineFromTwice(Cosine):
    def share(self, done: float) -> float:
        return 2 * super().share(done)


class WarmUp(Scheduled):
    def share(self, done: float) -> float:
        return min(1.0, (done + 1) / 50)


class Half(Scheduled):
    def share(self, done: float) -> float:
        return 0.5


class Decayed(Adam):
    """AdamW (Loshchilov, Hutter, 2019, arXiv 1711.05101) with a decay of 0.1."""

    @torch.no_grad()
    def step(self) -> None:
        for one in self._parameters:
            if one.ndim == 4:
                one.mul_(1 - 0.1 * self.learning_rate)
        super().step()


def with_betas(first: float, second: float) -> type[Adam]:
    """Adam that forgets gradients and their squares otherwise than by 0.9 and 0.999."""

    class Otherwise(Adam):
        def step(self) -> None:
            with mock.patch("dipsearch.network.adam.BETAS", (first, second)):
                super().step()

    return Otherwise


class Muon(Adam):
    """Orthogonal steps for the matrices of wide layers (Jordan et al., 2024), as long as Adam's (Liu et al., 2025,
    arXiv 2502.16982); Adam for all else."""

    @torch.no_grad()
    def step(self) -> None:
        for one, momentum, done in zip(self._parameters, self._first, self._steps, strict=True):
            if one.grad is None or one.ndim < 4 or min(one.shape[0], one[0].numel()) < 16:
                continue
            momentum.mul_(0.95).add_(one.grad)
            direction = _orthogonal(one.grad.add(momentum, alpha=0.95).flatten(1)).view(one.shape)
            one.add_(
                direction, alpha=-self.learning_rate * 0.2 * math.sqrt(max(one.shape[0], one[0].numel()))
            )
            done += 1
            one.grad = None
        super().step()


def _orthogonal(matrix: Tensor) -> Tensor:
    """Its singular values about 1, by five steps of Newton and Schulz with Jordan's coefficients."""
    x = matrix / (matrix.norm() + 1e-7)
    x = x.T if x.shape[0] > x.shape[1] else x
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


PLAIN = Idea(as_dear=True)
IDEAS = {
    "other seed": Idea(seed=1, as_dear=True),
    "half resolution 64 wide": Idea(widths(64, 64, skip=16, without=1), HalfResolution),
    "cosine": Idea(optimiser=Cosine, as_dear=True),
    "cross-scale skips": Idea(network=CrossScale),
    "coarse first": Idea(network=CoarseFirst, first=COARSE),
    "depthwise": Idea(network=depthwise),
    "learned upsampling": Idea(network=learned_upsampling),
    "Muon": Idea(optimiser=Muon),
    "AdamW": Idea(optimiser=Decayed, as_dear=True),
    "cosine from twice": Idea(optimiser=CosineFromTwice, as_dear=True),
    "pyramid": Idea(network=AllScalesSpeak),
    "β₂ = 0.9": Idea(optimiser=with_betas(0.9, 0.9), as_dear=True),
    "narrow encoder": Idea(widths(16, 40)),
    "depthwise 64 wide": Idea(widths(64, 64), depthwise),
    "warm-up": Idea(optimiser=WarmUp, as_dear=True),
    "half resolution": Idea(widths(32, 32, skip=16, without=1), HalfResolution),
    "half the rate": Idea(optimiser=Half, as_dear=True),
    "β₁ = 0.95": Idea(optimiser=with_betas(0.95, 0.999), as_dear=True),
}
