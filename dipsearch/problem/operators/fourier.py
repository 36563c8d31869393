"""Fourier samples: some of the frequencies of an image are measured, as in magnetic resonance imaging."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError
from ..randomness import generator_for
from .gradient import with_adjoint
from .registry import Arrays, register
from .shapes import as_channels, as_complex


@register("fourier")
class Fourier:
    """Some of the frequencies of an image, by the orthonormal two-dimensional Fourier transform (energy is kept).

    The measurement is (1, 2C, H, W): the real parts of all channels first, then the imaginary parts, 0 where nothing
    was sampled. Frequencies stand in the order of ``numpy.fft``, the frequency 0 first; ``centred`` brings a mask with
    that in its middle into this order.

    Args:
        mask: (H, W) or (1, 1, H, W), 1 or True where a frequency was measured, else 0.
        complex_image: images are (1, 2C, H, W), real parts first, instead of real ones (1, C, H, W).

    Raises:
        InputError: the mask has another shape, or other values; an image or measurement of another size.
    """

    def __init__(self, mask: Tensor | NDArray[Any], *, complex_image: bool = False) -> None:
        values = (
            mask.detach() if isinstance(mask, Tensor) else torch.from_numpy(np.array(mask, dtype=np.float32))
        )
        if values.numel() == 0 or values.ndim < 2 or values.shape[-2:].numel() != values.numel():
            raise InputError(
                f"the mask has the shape {tuple(values.shape)}",
                "it is (H, W), one for all channels",
                "give one value for each frequency",
            )
        if not bool(((values == 0) | (values == 1)).all()):
            raise InputError(
                "the mask has other values than 0 and 1",
                "1 or True stands for a measured frequency, 0 or False for another",
                "compare it with a threshold, for example mask > 0.5",
            )
        self.mask = values.reshape(1, 1, *values.shape[-2:]).float()
        self.complex_image = complex_image
        self._weights = torch.ones_like(self.mask) if complex_image else _inverse_of_gram(self.mask)

    @property
    def observed(self) -> Tensor:
        """Where something was measured, (1, 1, H, W)."""
        return self.mask

    def A(self, x: Tensor) -> Tensor:
        return with_adjoint(x, self._sampled, self._imaged)

    def A_adjoint(self, y: Tensor) -> Tensor:
        return with_adjoint(y, self._imaged, self._sampled)

    def A_pinv(self, y: Tensor) -> Tensor:
        return self.A_adjoint(y * self._weights)

    def to(self, device: torch.device | str) -> Self:
        return type(self)(self.mask.to(device), complex_image=self.complex_image)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        return {"mask": self.mask[0, 0].cpu().numpy() > 0, "complex_image": np.array(self.complex_image)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        return cls(arrays["mask"], complex_image=bool(arrays["complex_image"]))

    def _sampled(self, x: Tensor) -> Tensor:
        self._refuse_other(x, doubled=self.complex_image)
        spectrum = torch.fft.fft2(as_complex(x) if self.complex_image else x, norm="ortho")
        return as_channels(spectrum) * self.mask

    def _imaged(self, y: Tensor) -> Tensor:
        self._refuse_other(y, doubled=True)
        image = torch.fft.ifft2(as_complex(y * self.mask), norm="ortho")
        return as_channels(image) if self.complex_image else image.real

    def _refuse_other(self, value: Tensor, *, doubled: bool) -> None:
        height, width = self.mask.shape[-2:]
        if value.shape[-2:] != self.mask.shape[-2:] or (doubled and value.shape[1] % 2):
            raise InputError(
                f"the shape is {tuple(value.shape)}",
                f"the mask is {width} × {height}, and complex values are an even number of channels",
                "give real parts first, then imaginary parts, of the size of the mask",
            )


def _inverse_of_gram(mask: Tensor) -> Tensor:
    """Return the (symmetric) spectrum of (AᵀA)⁺ for real images.

    AᵀA = Re(Fᴴ M F) is again diagonal in frequency: the real part makes the mean of the mask and its mirror image,
    1 where both k and −k were measured, 1/2 where one of them was, which is as much as is to be known.
    """
    mirrored = mask.flip((-2, -1)).roll((1, 1), (-2, -1))
    return torch.where(mask + mirrored > 0, 2 / (mask + mirrored).clamp(min=1), 0.0)


def centred(mask: Tensor) -> Tensor:
    """Return a mask (…, H, W) that has the frequency 0 in its middle, (H // 2, W // 2), in the order of `Fourier`."""
    unshifted: Tensor = torch.fft.ifftshift(mask, dim=(-2, -1))
    return unshifted


def cartesian_mask(shape: tuple[int, int], *, acceleration: float, centre: float = 0.08, seed: int) -> Tensor:
    """Return a mask (H, W) of whole columns: the lowest frequencies, and others chosen at random.

    In the order of `Fourier`, float32. Exactly W / acceleration columns, rounded, are measured; fastMRI draws
    each column by itself and reaches that number on average.

    Source: Zbontar and others, fastMRI, 2018 (arXiv 1811.08839).

    Args:
        shape: (H, W).
        acceleration: W divided by the number of measured columns, 1 or more.
        centre: the share of all columns that is measured around the frequency 0.
        seed: of the choice.

    Raises:
        InputError: an acceleration below 1, or so large that it leaves too few columns for the centre.
    """
    height, width = shape
    if not (acceleration >= 1 and 0 <= centre <= 1 and height >= 1 and width >= 1):
        raise InputError(
            f"the mask is {width} × {height} with the acceleration {acceleration:g} and the centre {centre:g}",
            "the acceleration is 1 or more, and the centre a share from 0 to 1",
            "use for example 4 and 0.08",
        )
    measured, low = max(round(width / acceleration), 1), round(width * centre)
    if low > measured:
        raise InputError(
            f"the centre takes {low} of {width} columns, and an acceleration of {acceleration:g} leaves {measured}",
            "the centre is part of what is measured",
            f"give a centre of at most {measured / width:.3g}",
        )
    first = width // 2 - low // 2
    inside = torch.arange(first, first + low)
    others = torch.cat([torch.arange(first), torch.arange(first + low, width)])
    order = torch.randperm(len(others), generator=generator_for("columns of k-space", seed))
    columns = torch.zeros(width, dtype=torch.float32)
    columns[inside] = 1
    columns[others[order[: measured - low]]] = 1
    return centred(columns.expand(height, width)).contiguous()
