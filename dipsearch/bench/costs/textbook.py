"""The textbook loop: Deep Image Prior as the published notebooks write it, to measure our engines by.

Plain PyTorch modules in their default layout, a reflection pad before every convolution (of zero width before
1×1 ones), running statistics, the default Adam, and three PSNRs in numpy every iteration (Ulyanov, Vedaldi,
Lempitsky, 2018, and their notebooks). It is also the plain reference that tests compare our network with.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...errors import InputError
from ...network import Generator, Genome

AVERAGING = 0.99


class TextbookLevel(nn.Module):
    """One scale and everything deeper; its parameters come in the order of the `Generator`'s."""

    def __init__(self, genome: Genome, index: int, channels_in: int) -> None:
        super().__init__()
        scale = genome.scales[index]
        self.skip = _block(channels_in, scale.channels_skip, scale.kernel_skip) if scale.kernel_skip else None
        self.down = nn.Sequential(
            _block(channels_in, scale.channels_down, scale.kernel_down, stride=2),
            _block(scale.channels_down, scale.channels_down, scale.kernel_down),
        )
        deepest = index == genome.depth - 1
        self.deeper = None if deepest else TextbookLevel(genome, index + 1, scale.channels_down)
        below = scale.channels_down if deepest else genome.scales[index + 1].channels_up
        self.upsample = nn.Upsample(scale_factor=2, mode=genome.upsampling)
        self.norm = nn.BatchNorm2d(below + scale.channels_skip)
        self.up = _block(below + scale.channels_skip, scale.channels_up, scale.kernel_up)
        self.refine = _block(scale.channels_up, scale.channels_up, 1) if genome.up_1x1 else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.down(x)
        if self.deeper is not None:
            y = self.deeper(y)
        y = self.upsample(y)
        if self.skip is not None:
            y = torch.cat([self.skip(x), y], dim=1)
        y = self.up(self.norm(y))
        return y if self.refine is None else self.refine(y)


def textbook_network(genome: Genome, *, channels: int, like: Generator) -> nn.Sequential:
    """The network of `genome` in plain modules, with a copy of the weights of `like`.

    Raises:
        InputError: the genome is none of the published kind.
    """
    published = ("stride", "batch", "reflect", "leaky_relu", "sigmoid")
    given = (genome.downsampling, genome.norm, genome.padding, genome.activation, genome.output)
    if given != published or genome.upsampling not in ("nearest", "bilinear"):
        raise InputError(
            f"the network {genome.label} ({', '.join(given)})",
            f"the textbook loop knows {', '.join(published)} with nearest or bilinear upsampling",
            "choose such a network",
        )
    network = nn.Sequential(
        TextbookLevel(genome, 0, genome.width_of_input(channels)),
        _convolution(genome.scales[0].channels_up, channels, 1),
        nn.Sigmoid(),
    )
    with torch.no_grad():
        for mine, theirs in zip(network.parameters(), like.parameters(), strict=True):
            mine.copy_(theirs)
    return network


class TextbookLoop:
    """Denoising in the way of the notebooks, one iteration at a time.

    Args:
        genome: of the network; gives the learning rate and the jitter too.
        z: (1, Cz, H, W), the input.
        y: (1, C, H, W), the measurement.
        like: the generator whose weights are copied.
        seed: of the jitter.

    Attributes:
        output: (1, C, H, W), the latest raw output.
        psnrs: of the latest step, in dB.
    """

    def __init__(self, genome: Genome, z: Tensor, y: Tensor, *, like: Generator, seed: int = 0) -> None:
        device = y.device
        self.network = textbook_network(genome, channels=y.shape[1], like=like).to(device)
        self._z, self._noise = z.contiguous(), torch.empty(z.shape, device=device)
        self._jitter, self._y = genome.jitter, y.contiguous()
        self._draw = torch.Generator(device).manual_seed(seed)
        self._adam = torch.optim.Adam(self.network.parameters(), lr=genome.learning_rate)
        self._error = nn.MSELoss()
        self._seen = y.cpu().numpy()
        self._average: Tensor | None = None
        self.output = torch.zeros_like(self._y)
        self.psnrs = (0.0, 0.0, 0.0)

    def step(self) -> float:
        """One iteration; returns the training loss, which waits for the device as the notebooks do."""
        z = self._z + self._noise.normal_(generator=self._draw) * self._jitter
        self._adam.zero_grad()
        output = self.network(z)
        if self._average is None:
            self._average = output.detach()
        else:
            self._average = self._average * AVERAGING + output.detach() * (1 - AVERAGING)
        loss = self._error(output, self._y)
        loss.backward()
        self.output = output.detach()
        current, average = output.detach().cpu().numpy(), self._average.cpu().numpy()
        # The notebooks compare with the measurement and, twice, with the clean picture.
        self.psnrs = (_psnr(self._seen, current), _psnr(self._seen, current), _psnr(self._seen, average))
        self._adam.step()
        return float(loss.item())


def _convolution(channels_in: int, channels_out: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.ReflectionPad2d(kernel // 2), nn.Conv2d(channels_in, channels_out, kernel, stride=stride)
    )


def _block(channels_in: int, channels_out: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        _convolution(channels_in, channels_out, kernel, stride=stride),
        nn.BatchNorm2d(channels_out),
        nn.LeakyReLU(0.2, inplace=True),
    )


def _psnr(reference: NDArray[np.float32], image: NDArray[np.float32]) -> float:
    return float(-10 * np.log10(np.mean((reference - image) ** 2)))
