"""What a generator computes and keeps in memory, counted from the genome alone.

The count walks through the wiring of `generator.Level` with shapes in place of images. PyTorch's own count
on the `meta` device is the same (a test compares the two), but takes a hundred times longer, and a search
asks before each candidate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .genome import Genome, Scale

_FLOAT = 4  # bytes of a float32
_INDEX = 8  # bytes of an int64, as max pooling saves them


@dataclass(eq=False)
class _Picture:
    """The shape of one activation; its identity says whether it was counted already."""

    channels: int
    height: int
    width: int

    @property
    def size(self) -> int:
        return self.channels * self.height * self.width


@dataclass
class Footprint:
    """The counts for one genome and one size of input.

    Attributes:
        parameters: of the generator.
        multiply_adds: of the convolutions in one forward pass.
        saved_bytes: of the activations that the backward pass needs (float32).
        convolutions: how many there are.
    """

    genome: Genome
    parameters: int = 0
    multiply_adds: int = 0
    saved_bytes: int = 0
    convolutions: int = 0
    _kept: set[_Picture] = field(default_factory=set)

    def keep(self, picture: _Picture) -> None:
        """Count a picture that waits for the backward pass, once."""
        if picture not in self._kept:
            self._kept.add(picture)
            self.saved_bytes += picture.size * _FLOAT

    def convolve(
        self, x: _Picture, channels: int, kernel: int, *, stride: int = 1, leaf: bool = False
    ) -> _Picture:
        """A convolution with padding; `leaf` = x is the input z, which has no gradient of its own."""
        border = kernel // 2
        padded = x
        if border and self.genome.padding != "zero":
            if not leaf:
                self.keep(x)  # the backward pass of the padding asks for the shape and holds the picture
            padded = _Picture(x.channels, x.height + 2 * border, x.width + 2 * border)
        self.keep(padded)
        y = _Picture(channels, -(-x.height // stride), -(-x.width // stride))
        self._count(x.channels * channels * kernel**2, channels, pixels=y.height * y.width)
        return y

    def normalise(self, x: _Picture) -> _Picture:
        """A normalisation, with its parameters."""
        kind = self.genome.norm
        if kind == "none":
            return x
        if kind != "instance":
            self.parameters += 2 * x.channels
        self.keep(x)
        return _Picture(x.channels, x.height, x.width)

    def activate(self, x: _Picture) -> _Picture:
        """An activation: in place, where its gradient can be taken from the result."""
        self.keep(x)
        in_place = self.genome.activation in ("leaky_relu", "relu", "elu")
        return x if in_place else _Picture(x.channels, x.height, x.width)

    def halve(self, x: _Picture) -> _Picture:
        """The downsampling that is not part of the convolution."""
        how = self.genome.downsampling
        y = _Picture(x.channels, x.height // 2, x.width // 2)
        if how in ("average", "max", "lanczos2"):
            self.keep(x)
        if how == "lanczos2":  # padded, then halved in one direction
            self.keep(_Picture(x.channels, x.height + 6, x.width + 6))
            self.keep(_Picture(x.channels, y.height, x.width + 6))
        if how == "max":
            self.saved_bytes += y.size * _INDEX
        return x if how == "stride" else y

    def upsample(self, x: _Picture) -> _Picture:
        """The upsampling, with its parameters."""
        y = _Picture(x.channels, 2 * x.height, 2 * x.width)
        if self.genome.upsampling == "pixel_shuffle":
            self.convolve(x, 4 * x.channels, 1)
        elif self.genome.upsampling == "transposed":
            self.keep(x)
            self._count(16 * x.channels**2, x.channels, pixels=x.height * x.width)
        return y

    def _count(self, weights: int, biases: int, *, pixels: int) -> None:
        self.parameters += weights + biases
        self.multiply_adds += weights * pixels
        self.convolutions += 1


def footprint(genome: Genome, *, channels: int, height: int, width: int) -> Footprint:
    """Count for an image with `channels` and an input of `height` × `width` (multiples of the stride)."""
    count = Footprint(genome)
    z = _Picture(genome.width_of_input(channels), height, width)
    x = count.convolve(_level(count, genome.scales, z, leaf=True), channels, 1)
    if genome.output == "sigmoid":
        count.keep(x)
    return count


def _level(count: Footprint, scales: tuple[Scale, ...], x: _Picture, *, leaf: bool = False) -> _Picture:
    scale, deeper = scales[0], scales[1:]
    stride = 2 if count.genome.downsampling == "stride" else 1

    def block(x: _Picture, channels: int, kernel: int) -> _Picture:
        return count.activate(count.normalise(count.convolve(x, channels, kernel)))

    y = count.halve(count.convolve(x, scale.channels_down, scale.kernel_down, stride=stride, leaf=leaf))
    y = block(count.activate(count.normalise(y)), scale.channels_down, scale.kernel_down)
    if deeper:
        y = _level(count, deeper, y)
    y = count.upsample(y)
    if scale.kernel_skip is not None:
        skip = count.convolve(x, scale.channels_skip, scale.kernel_skip, leaf=leaf)
        count.activate(count.normalise(skip))
        y = _Picture(y.channels + scale.channels_skip, y.height, y.width)
    y = block(count.normalise(y), scale.channels_up, scale.kernel_up)
    return block(y, scale.channels_up, 1) if count.genome.up_1x1 else y
