"""Pictures of a problem for a notebook: what was measured, and what it was restored to."""

from __future__ import annotations

import base64
from html import escape
from io import BytesIO

import torch
from PIL import Image
from torch import Tensor

from ..problem import Problem
from ..problem.operators import factors_of
from ..problem.operators.shapes import as_complex

SHOWN = 512
"""Pixels along the longer side of a picture in a notebook."""


def before_and_after(problem: Problem, restored: Tensor) -> str:
    """Two pictures as HTML.

    What was measured is shown as it is where it has the units of the image, and else what A_adjoint makes of it, from
    its lowest to its highest value. Of complex images the magnitude is shown, of other channels than colours the first.

    Args:
        problem: what was measured.
        restored: the image, (1, C, H, W) in the problem's units of [0, 1].
    """
    seen = [_measured(problem), ("restored", _magnitude(restored) if _is_complex(problem) else restored)]
    return "".join(
        f'<figure style="display:inline-block;margin:0 1em 0 0"><img alt="{escape(name)}" src="{_png(x)}">'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, x in seen
    )


def _measured(problem: Problem) -> tuple[str, Tensor]:
    """What was measured as an image, and what it is called."""
    if problem.task != "invert":
        return "measured", _magnitude(problem.y) if _is_complex(problem) else problem.y
    low, span = problem.form.low, problem.form.high - problem.form.low
    with torch.no_grad():
        level = low * problem.operator.A(problem.y.new_ones(problem.image_shape))
        back = problem.operator.A_adjoint((span * problem.y + level) * problem.observed)
    if _is_complex(problem):
        back = as_complex(back).abs()
    return "A_adjoint(y)", (back - back.min()) / (back.max() - back.min()).clamp(min=1e-12)


def _is_complex(problem: Problem) -> bool:
    """Whether images have real and imaginary parts for channels."""
    own = getattr(factors_of(problem.operator)[-1], "complex_image", False)
    return problem.form.complex_values or bool(own)


def _magnitude(x: Tensor) -> Tensor:
    """Of complex values in real channels, of which 0 and 1 stand for -m and m, as a share of m or of the largest."""
    found = as_complex(2 * x - 1).abs()
    return found / found.max().clamp(min=1)


def _png(x: Tensor) -> str:
    """A picture as the address of an ``<img>``; of other channel counts than 1 and 3 the first."""
    shown = x if x.shape[1] in (1, 3) else x[:, :1]
    every = -(-max(shown.shape[-2:]) // SHOWN)
    file = BytesIO()
    values = (shown[0, :, ::every, ::every].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    Image.fromarray(values if values.shape[-1] == 3 else values[..., 0]).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
