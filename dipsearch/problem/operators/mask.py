"""A mask: pixels are either measured or missing, as in inpainting."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError
from .registry import Arrays, register


@register("mask")
class Mask:
    """Pixels are either measured or missing, as in inpainting.

    Args:
        mask: 1 or True where a pixel was measured, else 0; (H, W), or (1, 1, H, W), or (1, C, H, W) where channels miss
            different pixels. It is copied.

    Attributes:
        recognised: whether it was given as a pair of functions.

    Raises:
        InputError: the mask has another shape, or other values.
    """

    recognised = False

    @torch.inference_mode(False)  # what is made in that mode no fit can use
    def __init__(self, mask: Tensor | NDArray[Any]) -> None:
        array = mask if isinstance(mask, Tensor) else np.asarray(mask)
        if not isinstance(array, Tensor) and array.dtype.kind not in "biuf":
            raise InputError(
                f"the mask has the type {array.dtype}", "it has 0 and 1, or False and True", "convert it"
            )
        if isinstance(array, Tensor):
            values = array.detach().to(torch.float32, copy=True)
        else:
            values = torch.from_numpy(array.astype(np.float32))
        if values.ndim not in (2, 4) or values.numel() == 0:
            raise InputError(
                f"the mask has the shape {tuple(values.shape)}",
                "it is (H, W), or (1, C, H, W)",
                "give one value for each pixel",
            )
        if not bool(((values == 0) | (values == 1)).all()):
            raise InputError(
                "the mask has other values than 0 and 1",
                "1 or True stands for a measured pixel, 0 or False for a missing one",
                "compare it with a threshold, for example mask > 127",
            )
        self.mask = values[None, None] if values.ndim == 2 else values

    @property
    def observed(self) -> Tensor:
        """Where something was measured."""
        return self.mask

    def A(self, x: Tensor) -> Tensor:
        return x * self.mask

    def A_adjoint(self, y: Tensor) -> Tensor:
        return y * self.mask

    def A_pinv(self, y: Tensor) -> Tensor:
        return y * self.mask

    def to(self, device: torch.device | str) -> Self:
        moved = type(self)(self.mask.to(device))
        moved.recognised = self.recognised
        return moved

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        return {"mask": self.mask.cpu().numpy()}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        return cls(torch.from_numpy(arrays["mask"]))
