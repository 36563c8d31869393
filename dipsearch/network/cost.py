"""What a genome asks of the machine, known before anything is built there.

Parameters, multiply-adds and the activations that are kept for the backward pass follow from the genome
(`footprint`). A short `calibrate` of the machine turns them into seconds per iteration, so that a search
never starts a candidate that it cannot afford.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from time import perf_counter

import numpy as np
import torch

from .adam import Adam
from .capture import beside, capturing, recover
from .footprint import footprint
from .fused import or_plain
from .generator import build
from .genome import Genome, Scale
from .inputs import make_input


@dataclass(frozen=True)
class Cost:
    """What one candidate asks for.

    Attributes:
        parameters: of the generator.
        multiply_adds: of the convolutions in one forward pass; an iteration has about three times as many.
        saved_bytes: of the activations that wait for the backward pass (float32).
        seconds_per_step: predicted for one iteration (forward, backward, Adam); None without a calibration.
        convolutions: how many there are; each brings a constant overhead.
    """

    parameters: int
    multiply_adds: int
    saved_bytes: int
    seconds_per_step: float | None
    convolutions: int


@dataclass(frozen=True)
class Calibration:
    """How fast one worker of this machine is, per unit of `Cost`.

    Attributes:
        device: that was measured.
        per_step, per_convolution, per_multiply_add, per_saved_byte, per_parameter: in seconds, all ≥ 0.
    """

    device: str
    per_step: float
    per_convolution: float
    per_multiply_add: float
    per_saved_byte: float
    per_parameter: float

    def seconds(self, cost: Cost) -> float:
        """Predicted seconds of one iteration."""
        rates = (
            self.per_step,
            self.per_convolution,
            self.per_multiply_add,
            self.per_saved_byte,
            self.per_parameter,
        )
        return sum(rate * amount for rate, amount in zip(rates, _features(cost), strict=True))

    def slower(self, times: float) -> Calibration:
        """Of a machine that takes `times` as long for everything."""
        return replace(
            self,
            per_step=times * self.per_step,
            per_convolution=times * self.per_convolution,
            per_multiply_add=times * self.per_multiply_add,
            per_saved_byte=times * self.per_saved_byte,
            per_parameter=times * self.per_parameter,
        )


def cost(genome: Genome, *, image_shape: tuple[int, ...], calibration: Calibration | None = None) -> Cost:
    """Count what a genome asks for, without building it.

    Args:
        image_shape: (1, C, H, W) of the image; it is padded to the generator's stride, as the loop does.
        calibration: of the machine, for `seconds_per_step`.
    """
    counted = _count(genome, tuple(image_shape))
    if calibration is None:
        return counted
    return replace(counted, seconds_per_step=calibration.seconds(counted))


@lru_cache(maxsize=4096)
def _count(genome: Genome, image_shape: tuple[int, ...]) -> Cost:
    _, channels, *size = image_shape
    stride = 2**genome.depth
    height, width = (-(-pixels // stride) * stride for pixels in size)
    counted = footprint(genome, channels=channels, height=height, width=width)
    return Cost(counted.parameters, counted.multiply_adds, counted.saved_bytes, None, counted.convolutions)


# Wide and narrow, shallow and deep, large and small: enough to tell the five rates apart.
_PROBES: tuple[tuple[Genome, int], ...] = (
    (Genome(scales=(Scale(8, 8),) * 5, input_channels=4), 32),
    (Genome(scales=(Scale(16, 16),) * 5, input_channels=8), 64),
    (Genome(scales=(Scale(16, 16),) * 3, input_channels=8, up_1x1=False), 128),
    (Genome(scales=(Scale(48, 48),) * 4, input_channels=16), 64),
    (Genome(scales=(Scale(32, 32), Scale(64, 64), Scale(64, 64)), upsampling="nearest"), 96),
    (Genome(scales=tuple(Scale(width, width) for width in (16, 64, 128, 128))), 64),
    (Genome(scales=(Scale(64, 64),) * 3), 64),
    (Genome(scales=tuple(Scale(width, width, channels_skip=16) for width in (24, 48, 96))), 96),
)
_STEPS = 3  # that are timed, after one that is not
_LARGER_ON_GPU = 4
"""How much larger the probes' pictures are there: at the sizes above any network only waits for its launches."""


def calibrate(device: str | torch.device, *, seed: int = 0) -> Calibration:
    """Measure this machine on a few small networks; one to three seconds on a CPU.

    The rates are fitted by non-negative least squares on relative errors, to the fastest of a few iterations,
    which other work on the machine disturbs least.

    Args:
        device: as PyTorch names it.
        seed: of the networks, which decides their values, not their speed.
    """
    from scipy.optimize import nnls  # not needed where there is no time for a network

    device = torch.device(device)
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as a worker has on a CPU
    larger = _LARGER_ON_GPU if device.type == "cuda" else 1
    probes = [(genome, larger * size) for genome, size in _PROBES]
    try:
        measured = [_seconds_per_step(genome, size, device, seed) for genome, size in probes]
    finally:
        torch.set_num_threads(before)
    features = np.array([_features(cost(genome, image_shape=(1, 3, size, size))) for genome, size in probes])
    relative = features / np.array(measured)[:, None]
    scale = relative.max(axis=0)  # the features differ by ten orders of magnitude
    rates, _ = nnls(relative / scale, np.ones(len(measured)))
    return Calibration(str(device), *(float(rate) for rate in rates / scale))


def _features(cost: Cost) -> tuple[float, ...]:
    return (1.0, cost.convolutions, cost.multiply_adds, cost.saved_bytes, cost.parameters)


def _seconds_per_step(genome: Genome, size: int, device: torch.device, seed: int) -> float:
    """The fastest of a few iterations of a fit to a grey picture of `size` × `size` pixels.

    On CUDA they are replays of a recorded graph, as those of a fit are.
    """
    generator = build(genome, channels=3, seed=seed).to(device)
    z = make_input(genome, height=size, width=size, seed=seed).to(device)
    optimiser = Adam(generator.parameters(), learning_rate=1e-3)

    def step() -> None:
        optimiser.zero_grad()
        (generator(z) - 0.5).square().mean().backward()
        optimiser.step()

    advance = _recorded(step, device) if device.type == "cuda" else step
    seconds = []
    for _ in range(1 + _STEPS):
        _synchronise(device)
        start = perf_counter()
        advance()
        _synchronise(device)
        seconds.append(perf_counter() - start)
    return min(seconds[1:])


def _recorded(step: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """The step as a CUDA graph; the step itself where it cannot be recorded."""
    with beside(device):
        or_plain(step, device)
    graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
    try:
        with capturing(graph, device, pool=pool):
            step()
    except RuntimeError:
        recover(device, pool)
        return step
    return graph.replay


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
