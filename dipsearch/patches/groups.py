"""Groups: for every reference patch of a picture, the patches around it that look most like it.

Block matching is the first step of non-local Bayes (Lebrun, Buades and Morel, 2013) and of collaborative filtering
(Dabov, Foi, Katkovnik and Egiazarian, 2007). References lie on a grid; every patch of the picture may be a member.
In the end every pixel of the result is a weighted mean of what all patches that cover it say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

PORTION, PORTION_ON_GPU = 1024, 8192
"""Groups that are worked on at a time; it bounds the memory (to 1 GB on a GPU, which small portions leave idle) and
steers no result."""


TOGETHER, TOGETHER_ON_GPU = 2**15, 2**22
"""Values of shifted pictures that are compared at a time: small pictures cost operations, not arithmetic, and those of
24 × 20 pixels take a quarter of the time so; more than fit into a core's cache take longer. It steers no result."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Similar patches.

    Args:
        members: (R, n) indices into the list of all patches, row by row, the most similar one first.
        patch: side of a patch.
        height, width: of the picture.
    """

    members: Tensor
    patch: int
    height: int
    width: int

    def portions(self) -> tuple[Tensor, ...]:
        """The members (r, n) of as many groups as are worked on at a time."""
        return torch.split(self.members, PORTION_ON_GPU if self.members.is_cuda else PORTION)


def reference_starts(size: int, *, patch: int, step: int, phase: int, device: torch.device) -> Tensor:
    """Where references start along one axis: every ``step`` pixels from ``phase`` on, and at both ends."""
    last = size - patch
    inner = torch.arange(phase % step, last + 1, step, device=device)
    ends = torch.tensor([0, last], device=device)
    starts: Tensor = torch.unique(torch.cat((inner, ends)))
    return starts


def match(
    guide: Tensor,
    *,
    patch: int,
    radius: int,
    count: int,
    step: int,
    phase: int = 0,
    wanted: Tensor | None = None,
) -> Groups:
    """Find for every reference patch the ``count`` patches of its window that are nearest to it.

    Args:
        guide: (1, C, H, W), what is compared; a pilot, or the noisy picture's luminance.
        patch: side of a patch, at most H and W.
        radius: of the window, in pixels.
        count: members of a group; fewer where the window holds fewer patches.
        step: pixels between references.
        phase: shifts the grid of references, in pixels.
        wanted: (H, W), bool; patches without a wanted pixel are no references. ``None``: all are.
    """
    height, width = guide.shape[-2:]
    across = width - patch + 1
    down = height - patch + 1
    up, left = min(radius, down - 1), min(radius, across - 1)
    rows = reference_starts(height, patch=patch, step=step, phase=phase, device=guide.device)
    columns = reference_starts(width, patch=patch, step=step, phase=phase, device=guide.device)
    down_sums = _box_sums(rows, size=height, patch=patch).to(guide)  # (rows, H)
    across_sums = _box_sums(columns, size=width, patch=patch).to(guide).T.contiguous()  # (W, columns)
    around = F.pad(guide, (left, left, up, up))
    outside = torch.ones(down + 2 * up, across + 2 * left, dtype=torch.bool, device=guide.device)
    outside[up : up + down, left : left + across] = False
    offsets = [(i, j) for i in range(-up, up + 1) for j in range(-left, left + 1)]
    distances = guide.new_empty(len(offsets), len(rows), len(columns))
    most = max(1, (TOGETHER_ON_GPU if guide.is_cuda else TOGETHER) // guide.numel())
    for i in range(-up, up + 1):
        forbidden = outside[up + i + rows].unfold(1, across, 1)[
            ..., columns
        ]  # (rows, offsets in a row, columns)
        for first in range(0, 2 * left + 1, most):
            together = min(most, 2 * left + 1 - first)
            strip = around[0, :, up + i : up + i + height, first : first + width + together - 1]
            there = strip.unfold(2, width, 1)  # (C, H, n, W): the picture moved on pixel by pixel
            apart = (there - guide[0, :, :, None]).square_().sum(0)
            sums = (down_sums @ apart.flatten(1)).view(-1, width) @ across_sums
            sums = sums.view(-1, together, len(columns))
            sums.masked_fill_(forbidden[:, first : first + together], math.inf)
            index = (up + i) * (2 * left + 1) + first
            distances[index : index + together] = sums.transpose(0, 1)
    distances = distances.flatten(1)
    reference = (rows[:, None] * across + columns[None]).flatten()
    distances, reference = _of_interest(distances.T, reference, patch=patch, wanted=wanted)
    found = distances.topk(min(count, len(offsets)), dim=1, largest=False, sorted=True)
    shifts = torch.tensor([i * across + j for i, j in offsets], device=guide.device)
    # Where the window holds fewer patches than that, the reference itself fills the group.
    members = torch.where(
        found.values < math.inf, reference[:, None] + shifts[found.indices], reference[:, None]
    )
    return Groups(members, patch, height, width)


def _of_interest(
    distances: Tensor, reference: Tensor, *, patch: int, wanted: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The rows of the references that have a wanted pixel."""
    kept = torch.ones_like(reference, dtype=torch.bool)
    if wanted is not None:
        kept &= _any(wanted, patch).flatten()[reference]
    return (distances.contiguous(), reference) if bool(kept.all()) else (distances[kept], reference[kept])


def _any(pixels: Tensor, patch: int) -> Tensor:
    """Whether a patch has one of these pixels, for all patches of (H, W)."""
    return F.max_pool2d(pixels[None, None].float(), patch, 1)[0, 0] > 0


def _box_sums(starts: Tensor, *, size: int, patch: int) -> Tensor:
    """(n, size) of ones where the patch that begins at each start lies, so that a product sums over patches."""
    places = torch.arange(size, device=starts.device) - starts[:, None]
    return (places >= 0) & (places < patch)


class Aggregation:
    """Sums estimates of patches and their weights; ``image`` divides one by the other.

    Args:
        channels: of the picture.
        height, width: of the picture.
        patch: side of a patch.
        like: a tensor whose type and device are used.
    """

    def __init__(self, *, channels: int, height: int, width: int, patch: int, like: Tensor) -> None:
        self._size, self._patch, self._channels = (height, width), patch, channels
        patches = (height - patch + 1) * (width - patch + 1)
        self._sums = like.new_zeros(patches, channels, patch**2)
        self._weights = like.new_zeros(patches, channels, 1)

    def add(self, members: Tensor, estimates: Tensor, weights: Tensor | None = None) -> None:
        """Add what groups say of their members.

        Args:
            members: (R, n) indices of patches.
            estimates: (R, n, C, k²).
            weights: (R, C), of each group and channel; ``None``: 1.
        """
        rows, count = members.shape
        where = members.flatten()
        if weights is None:
            weight = estimates.new_ones(rows * count, self._channels, 1)
        else:
            estimates = estimates * weights[:, None, :, None]
            weight = weights[:, None, :, None].expand(-1, count, -1, -1).reshape(rows * count, -1, 1)
        self._sums.index_add_(0, where, estimates.flatten(0, 1))
        self._weights.index_add_(0, where, weight)

    def image(self, window: Tensor, *, otherwise: Tensor) -> Tensor:
        """The weighted mean, (1, C, H, W).

        Args:
            window: (k²,), weights of a patch's pixels.
            otherwise: (1, C, H, W), taken where no patch was estimated.
        """
        total = self._fold(self._sums * window)
        weight = self._fold(self._weights * window)
        return torch.where(weight > 0, total / weight.clamp(min=1e-12), otherwise)

    def _fold(self, values: Tensor) -> Tensor:
        return F.fold(values.flatten(1).T[None], self._size, self._patch)


def patches_of(x: Tensor, patch: int) -> Tensor:
    """All patches of (1, C, H, W), row by row: (P, C, k²)."""
    return F.unfold(x, patch)[0].T.reshape(-1, x.shape[1], patch**2)
