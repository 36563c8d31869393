"""The skip network on an NVIDIA GPU: the same modules as `generator`, with everything between two convolutions fused.

A scale hands over its last convolution before it is normalised, so that whoever comes next writes it once, with the
border that it needs. A convolution before a normalisation with statistics has no bias: a constant that is taken out
again gets no gradient.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import KernelError, first_line, out_of_memory
from .convolution import Convolution, device_of
from .gene_rules import Activation, Padding
from .layers import Block, Normalisation, halve

if TYPE_CHECKING:
    from .generator import Generator, Level

STATISTICS = ("batch", "instance")
DOUBLED = ("nearest", "bilinear")
LEAST_CAPABILITY = 7, 0
"""The oldest NVIDIA GPUs that Triton compiles for."""


def usable(x: Tensor) -> bool:
    """Whether an image is, or stands for one, on a GPU that the kernels run on; they compute in 32 bits."""
    if device_of(x) != "cuda" or x.shape[0] != 1 or x.dtype is torch.float64:
        return False
    if x.device.type == "meta":
        return find_triton() and not _given_up
    device = x.device.index or 0
    return device not in _given_up and compiles(device, stored_in=_storage(x))


_given_up: set[int] = set()
"""CUDA devices on which a kernel has failed: the networks of this process run on PyTorch's operations there."""


def _storage(x: Tensor) -> torch.dtype:
    """What the images of a network are stored in whose input is `x`."""
    return torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else x.dtype


@cache
def find_triton() -> bool:
    """Whether Triton is installed."""
    return find_spec("triton") is not None


@cache
def compiles(device: int, *, stored_in: torch.dtype) -> bool:
    """Whether the kernels can be compiled and run on a CUDA device, also for a second time, which is another way
    through Triton; tried once for each type of numbers, and said where they cannot.

    Raises:
        RuntimeError: there was not enough memory to try it.
    """
    if not find_triton() or torch.cuda.get_device_capability(device) < LEAST_CAPABILITY:
        return False
    try:
        try_out(torch.device("cuda", device), stored_in=stored_in)
        torch.cuda.synchronize(device)
    # Of a compiler that is missing, a driver that is too old, a cache without room; and what a Triton with another
    # interface than the known ones raises.
    except (RuntimeError, OSError, ImportError, TypeError, ValueError, AttributeError) as error:
        if out_of_memory(error):  # which says nothing of the kernels: it is tried again the next time
            raise
        give_up(device, error)
        return False
    return True


def try_out(device: torch.device, *, stored_in: torch.dtype) -> None:
    """Make two tiny images ready and join them, and go back again, twice: with all kernels.

    Args:
        stored_in: what the images are stored in.
    """
    from .kernels import Scaling, joined, prepared

    owners = torch.nn.Identity(), torch.nn.Identity()
    with torch.inference_mode(False), torch.enable_grad():
        for _ in range(2):
            x, far = (
                torch.zeros((1, 8, side, side), device=device, dtype=stored_in, requires_grad=True)
                for side in (8, 4)
            )
            seen, near = prepared(
                x, Scaling(owners[0]), activation="leaky_relu", padding="reflect", borders=(1, 0)
            )
            y = joined(near, far, Scaling(owners[1]), upsampling="bilinear", padding="reflect", border=1)
            (seen.float().sum() + y.float().sum()).backward()  # type: ignore[no-untyped-call]


def give_up(device: int, error: Exception) -> None:
    """Have networks run on PyTorch's operations on a CUDA device from now on, and say why."""
    _given_up.add(device)
    reason = first_line(error.given if isinstance(error, KernelError) else error)
    warnings.warn(
        f"the fused kernels cannot be used ({reason}); "
        "networks run on PyTorch's operations, about half as fast",
        stacklevel=2,
    )


def or_plain(step: Callable[[], None], device: torch.device) -> None:
    """Make a step forward and back again; where a kernel fails in it, make it anew on PyTorch's operations.

    `compiles` has tried the usual kernels. Others are compiled when a network needs them, and the disk on which they
    are kept may be full by then.
    """
    try:
        step()
        return
    except KernelError as error:
        give_up(device.index or 0, error)
    step()


@dataclass(frozen=True, eq=False)
class Raw:
    """What a convolution made, with the normalisation and the activation that are still to come."""

    x: Tensor
    norm: Normalisation | None
    activation: Activation | None
    padding: Padding

    def ready(self, *borders: int) -> tuple[Tensor, ...]:
        """Normalised and activated, once with each of the borders."""
        from .kernels import prepared

        x, norm = self.x, self.norm
        if norm is not None and norm.kind == "group":
            x, norm = norm(x), None
        owner = self.norm if self.norm is not None else _NOBODY
        return prepared(
            x,
            _scaling(norm, owner),
            activation=self.activation,
            padding=_possible(self.padding, x.shape, max(borders)),
            borders=borders,
        )


_NOBODY = torch.nn.Identity()


def generated(generator: Generator, z: Tensor) -> Tensor:
    """f_θ(z) before the head's sigmoid: (1, Cz, H, W) -> (1, C, H, W)."""
    start = Raw(z, None, None, generator.genome.padding)
    (y,) = _level(generator.body, start).ready(0)
    head = generator.head
    return F.conv2d(y, head.weight, head.bias)


def _level(level: Level, x: Raw) -> Raw:
    first, second = level.down
    skip = None if level.skip is None else level.skip.convolution
    borders = [_border(first.convolution), *([] if skip is None else [_border(skip)])]  # type: ignore[arg-type]
    if x.norm is None and x.activation is None and not any(borders):
        seen = (x.x,) * len(borders)
    else:
        distinct = tuple(dict.fromkeys(borders))
        made = dict(zip(distinct, x.ready(*distinct), strict=True))
        seen = tuple(made[border] for border in borders)
    y = _block(first, seen[0])  # type: ignore[arg-type]
    y = _block(second, *y.ready(_border(second.convolution)))  # type: ignore[arg-type]
    if level.deeper is not None:
        y = _level(level.deeper, y)
    y = level.kept_lean(_decoded, level, seen[-1] if skip is not None else None, y)
    return y if level.refine is None else level.kept_lean(_refined, level.refine, y)


def _decoded(level: Level, seen: Tensor | None, deeper: Raw) -> Raw:
    """Double what the deeper scales made, join it with the skip branch, normalise, convolve."""
    from .kernels import joined

    (far,) = deeper.ready(0)
    near = None if level.skip is None or seen is None else _block(level.skip, seen).ready(0)[0]
    border = _border(level.up.convolution)
    upsampling, padding = level.upsample.kind, deeper.padding
    size = (1, 0, 2 * far.shape[2], 2 * far.shape[3])
    if upsampling in DOUBLED and level.norm.kind != "group":
        scaling = _scaling(level.norm, level.norm)
        possible = _possible(padding, torch.Size(size), border)
        y = joined(near, far, scaling, upsampling=upsampling, padding=possible, border=border)
    else:
        far = level.upsample(far)
        whole = far if near is None else torch.cat([near, far], 1)
        (y,) = Raw(whole, level.norm, None, padding).ready(border)
    return _block(level.up, y)


def _refined(block: Block, x: Raw) -> Raw:
    return _block(block, *x.ready(0))


def _block(block: Block, x: Tensor) -> Raw:
    """The convolution of a block, to an image that has its border already."""
    convolution, norm = block.convolution, block.normalisation
    kernel = convolution.weight.shape[-1]
    border = kernel // 2 if convolution.padding == "zero" else 0
    bias = None if norm.kind in STATISTICS else convolution.bias
    y = F.conv2d(x, convolution.weight, bias, convolution.stride, border)
    if block.downsampling is not None:
        y = halve(y, block.downsampling)
    return Raw(y, norm, block.activation, convolution.padding)


def _border(convolution: Convolution) -> int:
    """How far a convolution looks beyond the image, where it does not put zeros there by itself."""
    return 0 if convolution.padding == "zero" else convolution.weight.shape[-1] // 2


def _possible(padding: Padding, shape: torch.Size, border: int) -> Padding:
    """Reflection turns into replication where the image is too small for it."""
    return "replicate" if padding == "reflect" and min(shape[2:]) <= border else padding


def _scaling(norm: Normalisation | None, owner: torch.nn.Module):  # type: ignore[no-untyped-def]
    from .kernels import Scaling

    if norm is None or norm.kind == "none":
        return Scaling(owner, statistics=False)
    return Scaling(owner, *((norm.weight, norm.bias) if norm.kind == "batch" else ()))
