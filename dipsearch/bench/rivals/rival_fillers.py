"""Classical ways to fill missing pixels and to enlarge, among the rivals; none has seen the reference."""

from __future__ import annotations

from importlib import import_module
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...fitting import data_consistent
from ...problem import Problem
from ...problem.splits import control_variate
from ...problem.splits.split import telling_values
from .back_projection import LANCZOS, back_projected, enlarged, reduction
from .rival_limits import Limits

BIHARMONIC_PIXELS = 300_000
"""Beyond this many missing pixels biharmonic inpainting takes minutes and gigabytes, and is left out."""

RADIUS = 3
"""Of the neighbourhood that OpenCV's inpainting looks at, in pixels, as in its tutorial."""

LEVELS = 255


def as_measured(problem: Problem, limits: Limits) -> Tensor:
    """The measurement itself, with 0 where nothing was measured."""
    del limits
    return problem.y * problem.observed


def biharmonic(problem: Problem, limits: Limits) -> Tensor:
    """Biharmonic inpainting of what is missing, or of what impulses struck (Damelin, Hoang, 2018; scikit-image)."""
    del limits
    pixels = problem.y[0].permute(1, 2, 0).double().cpu().numpy()
    missing = telling_values(problem).expand_as(problem.y)[0].permute(1, 2, 0).cpu().numpy() == 0
    if missing.all(axis=(0, 1)).any():
        raise InputError(
            "of one channel nothing is known",
            "biharmonic inpainting needs some of each",
            "nothing has to be done",
        )
    if missing.any(axis=-1).sum() > BIHARMONIC_PIXELS:
        raise InputError(
            f"{int(missing.any(axis=-1).sum())} pixels are missing",
            f"biharmonic inpainting is left out above {BIHARMONIC_PIXELS}",
            "nothing has to be done",
        )
    filled = control_variate.biharmonic(np.where(missing, 0.0, pixels), missing)
    return torch.from_numpy(np.ascontiguousarray(filled.transpose(2, 0, 1)))[None].float()


def telea(problem: Problem, limits: Limits) -> Tensor:
    """The fast marching of Telea (2004), by OpenCV."""
    del limits
    return _opencv(problem, "telea")


def navier_stokes(problem: Problem, limits: Limits) -> Tensor:
    """The Navier–Stokes equations (Bertalmio, Bertozzi, Sapiro, 2001), by OpenCV."""
    del limits
    return _opencv(problem, "navier-stokes")


def fsr(problem: Problem, limits: Limits) -> Tensor:
    """Frequency selective reconstruction, the fast profile (Genser et al., 2018), by OpenCV's extra modules."""
    del limits
    return _opencv(problem, "fsr")


def bicubic_alone(problem: Problem, limits: Limits) -> Tensor:
    """Bicubic enlargement."""
    del limits
    return enlarged(problem)


def bicubic_projected(problem: Problem, limits: Limits) -> Tensor:
    """Bicubic enlargement that was made to agree with the measurement."""
    del limits
    return back_projected(enlarged(problem), problem.y, reduction(problem))


def lanczos_projected(problem: Problem, limits: Limits) -> Tensor:
    """The same from Lanczos' enlargement, which begins nearer to most pictures."""
    del limits
    return back_projected(enlarged(problem, kernel=LANCZOS), problem.y, reduction(problem))


def _opencv(problem: Problem, how: Literal["telea", "navier-stokes", "fsr"]) -> Tensor:
    """OpenCV takes 8 bits, grey or in three colours; other pictures go through it channel by channel."""
    cv2 = import_module("cv2")
    levels = (problem.y[0].permute(1, 2, 0) * LEVELS).round().clamp(0, LEVELS).byte().cpu().numpy()
    known = problem.observed[0, 0].cpu().numpy() > 0
    together = levels.shape[-1] == 3
    pictures = (
        [np.ascontiguousarray(levels)] if together else [*np.ascontiguousarray(levels.transpose(2, 0, 1))]
    )
    found = []
    for picture in pictures:
        if how == "fsr":
            filled = np.zeros_like(picture)
            cv2.xphoto.inpaint(picture, known.astype(np.uint8) * 255, filled, cv2.xphoto.INPAINT_FSR_FAST)
        else:
            flag = cv2.INPAINT_TELEA if how == "telea" else cv2.INPAINT_NS
            filled = cv2.inpaint(picture, (~known).astype(np.uint8) * 255, RADIUS, flag)
        found.append(filled)
    pixels = found[0] if together else np.stack(found, axis=-1)
    image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None].float() / LEVELS
    return data_consistent(image, problem)
