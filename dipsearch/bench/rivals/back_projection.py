"""Back projection: enlargement that agrees with its measurement exactly.

x + A⁺ (y − A x) is the image nearest to x that reduces to y. The operator is a matrix for each axis, so that its
pseudo-inverse is, too. Irani and Peleg (1991) get there by iterating with a kernel; here it is one step.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...errors import InputError
from ...problem import Downsample, Problem

BICUBIC, LANCZOS = Image.Resampling.BICUBIC, Image.Resampling.LANCZOS
"""Keys' cubic kernel with a = −1/2, and Lanczos' of three lobes."""


def interpolated(
    y: Tensor, *, factor: int, height: int, width: int, kernel: Image.Resampling = BICUBIC
) -> Tensor:
    """Enlarge ``(1, C, h, w)`` by a kernel as Pillow has it; what is beyond ``height`` and ``width`` is cut off."""
    rows, columns = (side * factor for side in y.shape[-2:])
    planes = [
        np.asarray(Image.fromarray(plane.cpu().numpy()).resize((columns, rows), kernel))
        for plane in y[0].float()
    ]
    return torch.from_numpy(np.stack(planes))[None, :, :height, :width].contiguous()


def back_projected(x: Tensor, y: Tensor, operator: Downsample) -> Tensor:
    """The image nearest to x ``(1, C, H, W)`` that reduces to y ``(1, C, h, w)``, as float32."""
    rows, columns = (torch.linalg.pinv(matrix.double().cpu()) for matrix in (operator.rows, operator.columns))
    missing = y.double() - operator.A(x.double())
    agreeing: Tensor = x.double() + rows @ missing @ columns.mT
    return agreeing.float()


def reduction(problem: Problem) -> Downsample:
    """The operator of super-resolution.

    Raises:
        InputError: the problem has another one.
    """
    if not isinstance(problem.operator, Downsample):
        raise InputError(
            f"the operator is {type(problem.operator).__name__}",
            "pictures are enlarged that were reduced by Downsample",
            "choose another method",
        )
    return problem.operator


def enlarged(problem: Problem, *, kernel: Image.Resampling = BICUBIC) -> Tensor:
    """The measurement enlarged by a kernel, ``(1, C, H, W)``."""
    height, width = problem.image_shape[-2:]
    factor = reduction(problem).factor
    return interpolated(problem.y, factor=factor, height=height, width=width, kernel=kernel)
