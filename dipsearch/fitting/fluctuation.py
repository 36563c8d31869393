"""Fluctuation: how restless the outputs of a fit are, for the stopping rules that look at nothing else.

Early outputs change because they are learning, late ones because they follow noise; in between lies a calm
valley (Wang, Li, Zhuang, Chen, Liang, Sun, Early Stopping for Deep Image Prior, TMLR 2023, arXiv 2112.06074).
Both measures see every raw output, lie in buffers that never move and read nothing back, like the step that
they are part of.
"""

from __future__ import annotations

import torch
from torch import Tensor

WINDOW = 100
DECAY = 0.1
"""Iterations of the window, and weight of the newest output: those of Wang et al. 2023, arXiv:2112.06074."""

MOST_VALUES = 65_536
"""A larger output is watched at this many values, drawn once: the place of the valley stays where it is."""


class Fluctuation:
    """The windowed and the exponentially moving variance of raw outputs.

    The windowed one is (1/W) Σ_w ‖x_{t-w} − mean‖² / n over the last W outputs, in its running form
    (Σ‖x‖² − ‖Σx‖² / W) / (W n): O(n) for each iteration. The sums are taken of x minus the first output in 64
    bits, since they are differences of large numbers. The moving one is the exponential average of
    ‖x_t − ema_{t-1}‖² / n (ES-EMV; there a sum over values instead of their mean).

    Args:
        shape: of an output, ``(1, C, H, W)``.
        device: where the outputs are.
    """

    def __init__(self, *, shape: tuple[int, ...], device: torch.device | str = "cpu") -> None:
        values = int(torch.Size(shape).numel())
        self._chosen: Tensor | None = None
        if values > MOST_VALUES:
            order = torch.randperm(values, generator=torch.Generator().manual_seed(0))
            self._chosen = order[:MOST_VALUES].sort().values.to(device)
            values = MOST_VALUES
        self._values = values
        self._ring = torch.zeros(WINDOW, values, device=device, dtype=torch.float32)
        self._norms = torch.zeros(WINDOW, dtype=torch.float64, device=device)
        self._sum = torch.zeros(values, dtype=torch.float64, device=device)
        self._origin = torch.zeros(values, device=device, dtype=torch.float32)
        self._mean = torch.zeros(values, device=device, dtype=torch.float32)
        self._moving = torch.zeros((), device=device, dtype=torch.float32)
        self._count = torch.zeros((), dtype=torch.int64, device=device)

    def update(self, output: Tensor) -> None:
        """Take in one raw output ``(1, C, H, W)``."""
        x = output.reshape(-1)
        if self._chosen is not None:
            x = x[self._chosen]
        first = (self._count == 0).to(x.dtype)
        self._origin.lerp_(x, first)
        self._mean.lerp_(x, first)
        self._follow(x)
        self._slide(x - self._origin)
        self._count.add_(1)

    def _follow(self, x: Tensor) -> None:
        change = x - self._mean
        self._moving.add_(DECAY * change.square().mean()).mul_(1 - DECAY)
        self._mean.add_(change, alpha=DECAY).clamp_(0, 1)  # as its authors have it

    def _slide(self, x: Tensor) -> None:
        place = (self._count % WINDOW).reshape(1)
        self._sum.add_(x.double()).sub_(self._ring[place][0].double())
        self._ring.index_copy_(0, place, x[None])
        self._norms.index_copy_(0, place, x.double().square().sum().reshape(1))

    def windowed(self) -> float:
        """The variance over the window; NaN until the window is full. Waits for the device."""
        if int(self._count) < WINDOW:
            return float("nan")
        energy = self._norms.sum() - self._sum.square().sum() / WINDOW
        return float(energy / (WINDOW * self._values))

    def moving(self) -> float:
        """The exponentially moving variance; NaN before as many outputs as a window has. Waits for the device."""
        return float(self._moving) if int(self._count) > WINDOW else float("nan")

    def tensors(self) -> tuple[Tensor, ...]:
        """Its whole state."""
        return self._ring, self._norms, self._sum, self._origin, self._mean, self._moving, self._count
