"""Metrics: how close a restoration is to the reference. Only reports and benchmarks call them.

All take pictures (1, C, H, W), with the data range 1 unless said otherwise, compute in float64 and return dB, or an
index for SSIM.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError

WINDOW = 7  # of SSIM, as in scikit-image
LUMA = (65.481, 128.553, 24.966)  # BT.601 weights for R, G, B in [0, 1]; Y runs from 16 to 235 of 255


def psnr(x: Tensor, reference: Tensor, *, data_range: float = 1.0) -> float:
    """Return the peak signal-to-noise ratio in dB for the peak ``data_range``; infinite for equal pictures.

    That of scikit-image, in 64 bits.
    """
    return _decibels(x, reference, peak=data_range)


def psnr_peak(x_hat: Tensor, reference: Tensor) -> float:
    """Return 20·log10(max x̂) − 10·log10 MSE in dB.

    Some papers and their slides take the peak from the restored image itself. It is not comparable with
    ``psnr``, which is why it has a name of its own.
    """
    peak = float(x_hat.max())
    if peak <= 0:
        return -math.inf
    return _decibels(x_hat, reference, peak=peak)


def psnr_luma(x: Tensor, reference: Tensor, *, border: int = 4) -> float:
    """Return the PSNR in dB of the luma channel without ``border`` pixels on each side.

    The usual figure for super-resolution, as in the evaluation of the Deep Image Prior paper: Y of YCbCr by
    BT.601 in studio swing (16 to 235) against the peak 255. A grey picture is its own luma.

    Raises:
        InputError: neither 1 nor 3 channels, or nothing left inside the border.
    """
    _refuse_other_shape(x, reference)
    channels, height, width = x.shape[1:]
    if channels not in (1, 3):
        raise InputError(f"the picture has {channels} channels", "luma needs 1 or 3", "use psnr instead")
    if min(height, width) <= 2 * border:
        raise InputError(
            f"the picture is {width} × {height}",
            f"luma PSNR leaves out {border} pixels on each side",
            "use psnr instead",
        )
    inner = (..., slice(border, height - border), slice(border, width - border))
    return psnr(_luma(x)[inner], _luma(reference)[inner])


def ssim(x: Tensor, reference: Tensor, *, data_range: float = 1.0, left_out: Tensor | None = None) -> float:
    """Return the structural similarity, at most 1, mean over pixels and channels.

    That of scikit-image with its defaults: a uniform 7 × 7 window and sample covariances (Wang, Bovik, Sheikh,
    Simoncelli, 2004).

    Args:
        left_out: (1, 1, H, W), true where windows are not counted whose middle lies there; ``None``: all are.

    Raises:
        InputError: a side shorter than 7 pixels.
    """
    _refuse_other_shape(x, reference)
    if min(x.shape[-2:]) < WINDOW:
        raise InputError(
            f"the picture is {x.shape[-1]} × {x.shape[-2]}",
            f"SSIM needs {WINDOW} pixels per side",
            "use psnr",
        )
    from skimage.metrics import structural_similarity  # only who compares pays for it

    pair = (_in_64_bits(one[0]) for one in (reference, x))
    mean, each = structural_similarity(  # type: ignore[no-untyped-call]
        *pair, data_range=data_range, channel_axis=0, full=True
    )
    if left_out is None:
        return float(mean)
    border = WINDOW // 2  # scikit-image counts none of it either
    inner = (..., slice(border, -border), slice(border, -border))
    counted = ~left_out[0, 0].cpu().numpy()[inner]
    return float(each[inner][:, counted].mean()) if counted.any() else math.nan


def _luma(x: Tensor) -> Tensor:
    if x.shape[1] == 1:
        return x
    weights = torch.tensor(LUMA, dtype=torch.float64, device=x.device)
    return (torch.einsum("nchw,c->nhw", x.double(), weights)[:, None] + 16) / 255


def _decibels(x: Tensor, reference: Tensor, *, peak: float) -> float:
    _refuse_other_shape(x, reference)
    from skimage.metrics import peak_signal_noise_ratio

    pair = (_in_64_bits(one) for one in (reference, x))
    with np.errstate(divide="ignore"):  # equal pictures are infinitely close
        return float(peak_signal_noise_ratio(*pair, data_range=peak))  # type: ignore[no-untyped-call]


def _in_64_bits(x: Tensor) -> NDArray[np.float64]:
    return np.asarray(x.detach().double().cpu().numpy())


def _refuse_other_shape(x: Tensor, reference: Tensor) -> None:
    if x.shape != reference.shape:
        raise InputError(
            f"the pictures have the shapes {tuple(x.shape)} and {tuple(reference.shape)}",
            "they have to be equal",
            "compare the restored image with a reference of its own size and channels",
        )
