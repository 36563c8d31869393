"""Two images of neighbouring scales joined: the deeper one doubled, both normalised, with a border, in one pass.

Nothing of the doubled image is ever written but the result: statistics, values and the gradient of the deeper image are
taken from it as it was.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..cuda_padding import empty
from ..gene_rules import Padding
from .launch import DOUBLINGS, PADDINGS, WORKSPACE, blocks, launch
from .passes import prepare, sums, undouble, unprepare
from .prepared import Scaling, channels_last, somewhere, statistics


def joined(
    near: Tensor | None, far: Tensor, scaling: Scaling, *, upsampling: str, padding: Padding, border: int
) -> Tensor:
    """Double an image, put another one before its channels, normalise, and give the whole a border.

    Args:
        near: (1, C, 2H, 2W), channels last; ``None``: there is none.
        far: (1, D, H, W), channels last, of the same type.
        upsampling: "nearest" or "bilinear" (`align_corners` False).
        padding: of the border; reflection needs 2H, 2W > border.

    Returns:
        (1, C + D, 2H + 2 border, 2W + 2 border). Its gradient is worked on in place: nothing else may keep that.
    """
    if near is None:
        near = far.new_empty((1, 0, 2 * far.shape[2], 2 * far.shape[3]))
    weight, bias = scaling.affine(near.shape[1] + far.shape[1], far)
    result: Tensor = _Joined.apply(  # type: ignore[no-untyped-call]
        near, far, weight, bias, scaling, DOUBLINGS[upsampling], PADDINGS[padding], border
    )
    return result


class _Joined(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        near: Tensor,
        far: Tensor,
        weight: Tensor,
        bias: Tensor,
        scaling: Scaling,
        up: int,
        padding: int,
        border: int,
    ) -> Tensor:
        near, far = channels_last(near), channels_last(far)
        height, width = near.shape[2:]
        channels = near.shape[1] + far.shape[1]
        cut = blocks(near.shape[1], far.shape[1], itemsize=far.itemsize)
        mean, deviation = statistics(near, far, scaling, cut, up=up)
        out = empty(far, 1, channels, height + 2 * border, width + 2 * border)
        launch(
            prepare, cut.grid(out.shape[2] * out.shape[3]),
            somewhere(near, far), far, out, mean, deviation, weight, bias, height, width,
            near.shape[1] // cut.vec, far.shape[1] // cut.vec, border, padding, 0, UP=up, VEC=cut.vec,
        )  # fmt: skip
        ctx.save_for_backward(near, far, weight, bias, mean, deviation)
        ctx.settings = scaling, up, padding, border, cut
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        near, far, weight, bias, mean, deviation = ctx.saved_tensors
        scaling, up, padding, border, cut = ctx.settings
        height, width = near.shape[2:]
        gradient = channels_last(gradients[0])
        near_groups, far_groups = near.shape[1] // cut.vec, far.shape[1] // cut.vec
        groups = near_groups + far_groups
        of_weight, of_bias = torch.empty_like(weight), torch.empty_like(bias)
        if scaling.statistics or border:
            grid = cut.shared_grid(height * width)
            launch(
                sums, grid, somewhere(near, far), far, gradient, gradient,
                *WORKSPACE.of(scaling.owner, grid, device=far.device), of_bias, of_weight,
                mean, deviation, weight, bias, height, width, near_groups, far_groups, border, 0, padding, 0,
                TWO=False, UP=up, VEC=cut.vec,
            )  # fmt: skip
        of_near, of_far = torch.empty_like(near), torch.empty_like(far)
        if near_groups:
            part = blocks(near.shape[1], far.shape[1], itemsize=far.itemsize, cut=near.shape[1])
            launch(
                unprepare, part.grid(height * width), near, gradient, gradient, of_near, of_bias, of_weight,
                mean, deviation, weight, bias, height, width, near_groups, groups, border, 0, 0,
                TWO=False, STATISTICS=scaling.statistics, VEC=part.vec,
            )  # fmt: skip
        part = blocks(near.shape[1], far.shape[1], itemsize=far.itemsize, cut=far.shape[1])
        launch(
            undouble, part.grid(far.shape[2] * far.shape[3]), far, gradient, of_far, of_bias, of_weight, mean,
            deviation, weight, far.shape[2], far.shape[3], near_groups, far_groups, groups, border,
            STATISTICS=scaling.statistics, UP=up, VEC=part.vec,
        )  # fmt: skip
        learned = scaling.weight is not None
        return of_near, of_far, of_weight if learned else None, of_bias if learned else None, *(None,) * 4
