"""The control variate: a quick restoration from the fitted part, by which a few hidden pixels speak for all missing.

What is asked is the error of an image x where nothing was measured, the set M; what is known is the truth y at a few
hidden pixels, the set H. With c the control variate,

    score(x) = λ · mean over M of (x − c)² + mean over H of [(x − y)² − λ (x − c)²].

The first mean has no luck in it. The second one, the only sample, is small where the control variate is good; what the
hidden pixels cover that the missing ones do not, and the other way round, falls out of it. Nobody has to believe the
control variate: where H lies like M, and for a fixed λ, over the drawing of H the score has the mean of the plain one,
(x − y)² alone, however bad c is. It varies more where x is much better than the control variate; so λ is at most the
ratio of the means over H of (x − y)² and of (x − c)². There the score is the ratio estimator, and it is never negative.

Survey sampling knows both (Cochran, Sampling Techniques, 1977, on ratio and difference estimators), learning the second
as prediction-powered inference (Angelopoulos, Bates, Fannjiang, Jordan and Zrnic, Science 2023, arXiv 2301.09633; with
λ: Angelopoulos, Duchi and Zrnic, 2023, arXiv 2311.01453).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MOST_WEIGHT = 0.75
"""The largest λ.

Text-like holes in coffee, chelsea, flowers and comic at 96 × 96, eight unlike networks each: without a control variate
and with λ up to 0.5, 0.75 and 1 stops lost 0.14, 0.06, 0.08, 0.10 dB against their own peaks on average, at most 0.88,
0.30, 0.54, 0.52; Kendall's τ of the score with the true PSNR was 0.73, 0.77, 0.84, 0.82. The ratio without a limit:
0.28 dB, at most 2.93, and τ 0.71.
"""

MOST_PIXELS = 150_000
"""Beyond so many missing pixels it takes many seconds, and thousands of hidden ones score well without."""


@dataclass(frozen=True, eq=False)
class ControlVariate:
    """A restoration from the fitted part of a split; made when it is first asked for.

    Args:
        values: ``(1, C, H, W)``.
        known: 1 where they may be looked at, else 0; ``(1, 1, H, W)`` or ``(1, C, H, W)``.
        weight: M, likewise: 1 where nothing exact was measured.
    """

    values: Tensor
    known: Tensor
    weight: Tensor

    @cached_property
    def image(self) -> Tensor:
        """c, ``(1, C, H, W)``, by biharmonic inpainting."""
        return inpainted(self.values, self.known)

    @cached_property
    def scale(self) -> float:
        """One over the number of values in M."""
        return 1 / float(self.weight.expand_as(self.values).sum())

    def distance(self, x: Tensor) -> Tensor:
        """The mean of (x − c)² over M, a scalar; x is ``(1, C, H, W)``."""
        return ((x - self.image).square() * self.weight).sum() * self.scale

    def to(self, device: torch.device | str) -> ControlVariate:
        """The same control variate on another device."""
        moved = ControlVariate(self.values.to(device), self.known.to(device), self.weight.to(device))
        if "image" in self.__dict__:
            moved.__dict__["image"] = self.image.to(device)
        return moved


def make_control_variate(values: Tensor, known: Tensor, *, sought: Tensor) -> ControlVariate | None:
    """That of a measurement; ``None`` where nothing is sought, in too large a picture, or without a clue.

    Args:
        values: ``(1, C, H, W)``.
        known: 1 where they may be looked at; ``(1, 1, H, W)`` or ``(1, C, H, W)``.
        sought: likewise, 1 where the error of an image is asked for.
    """
    missing = _missing(known, values)
    clueless = missing.all(axis=(0, 1)).any()
    if not bool(sought.any()) or clueless or missing.any(axis=-1).sum() > MOST_PIXELS:
        return None
    return ControlVariate(values, known, sought)


def control_weight(sampled: Tensor | float, from_control: Tensor | float) -> Tensor:
    """λ of an image.

    Args:
        sampled: the mean over H of (x − y)².
        from_control: that of (x − c)².
    """
    ratio = torch.as_tensor(sampled) / torch.as_tensor(from_control).clamp(
        min=torch.finfo(torch.float32).tiny
    )
    return ratio.clamp(max=MOST_WEIGHT)


def _missing(known: Tensor, values: Tensor) -> NDArray[np.bool_]:
    """(H, W, C)."""
    return np.asarray(known.expand_as(values)[0].permute(1, 2, 0).cpu().numpy() == 0)


def inpainted(values: Tensor, known: Tensor) -> Tensor:
    """The values (1, C, H, W) with those that are not known filled in by the biharmonic equation."""
    missing = _missing(known, values)
    pixels = values[0].permute(1, 2, 0).double().cpu().numpy()
    restored = biharmonic(np.where(missing, 0.0, pixels), missing)
    return torch.from_numpy(np.ascontiguousarray(restored.transpose(2, 0, 1)))[None].to(values)


def biharmonic(pixels: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fill missing values by the biharmonic equation (Damelin and Hoang, 2018), with scikit-image.

    Args:
        pixels: ``(H, W, C)``.
        missing: likewise; channels may miss different pixels.
    """
    from skimage.restoration import inpaint_biharmonic  # SciPy's sparse solvers come with it

    if not missing.any():
        return pixels
    if (missing == missing[..., :1]).all():
        return np.asarray(inpaint_biharmonic(pixels, missing[..., 0].copy(), channel_axis=-1))
    planes = zip(np.moveaxis(pixels, -1, 0), np.moveaxis(missing, -1, 0), strict=True)
    return np.stack([inpaint_biharmonic(plane.copy(), hole.copy()) for plane, hole in planes], axis=-1)
