"""A JPEG file as a set: all pictures that it could have been made from, for data consistency.

A JPEG file holds, for every block of 8 × 8 pixels, cosine coefficients that were rounded to multiples of a step. What
it says of the picture is an interval for each of them; to restore it is to choose within. The set is no linear
operator, and so is not in the registry.
"""

from __future__ import annotations

import math
from copy import copy
from pathlib import Path
from typing import Self

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from ...errors import InputError
from ..noise import NoiseModel
from .jpeg_file import SIDE, SIDEWAYS, JpegFile, read_jpeg

TO_YCBCR = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))

STRONGER = 1.5
"""Of what rounding took, so much is said to be noise: it is alike in whole blocks, and smoothing leaves the rest of it.

Mean and smallest gain in dB by ``answer``, and after ``project``, over 32 files (coffee, chelsea, rocket, grass and
brick of scikit-image, 128 × 128, qualities 10 to 75, 4:4:4 and 4:2:0):

====  ===========  ============
1.0   0.81, 0.36   0.84, 0.39
1.5   1.00, -0.28  1.10, 0.09
2.0   0.87, -1.51  1.14, -0.33
====  ===========  ============
"""


class JpegSet:
    """The pictures that a JPEG file could have been made from: every coefficient within half a step of the file's.

    Made by ``of_file``. Grey files, and colours (YCbCr) with chroma in full (4:4:4) or halved in both directions
    (4:2:0, where a chroma pixel is the mean of four).

    The picture that the file shows is the measurement of a problem with what rounding took for its ``noise``, and what
    restores that is brought back into the set by ``project``.

    Attributes:
        image_shape: (1, C, H, W), upright.
    """

    def __init__(self, file: JpegFile) -> None:
        self.image_shape = file.shape
        self._halved, self._orientation = file.halved, file.orientation
        self._values = tuple(torch.from_numpy(plane.values) for plane in file.planes)
        self._steps = tuple(torch.from_numpy(plane.steps) for plane in file.planes)
        to_ycbcr = torch.tensor(TO_YCBCR, dtype=torch.float32)
        self._cosines = torch.from_numpy(
            dct(np.eye(SIDE), axis=0, norm="ortho")
        ).float()  # (frequency, place)
        self._colours, self._back = to_ycbcr, torch.linalg.inv(to_ycbcr)

    @classmethod
    def of_file(cls, path: str | Path) -> Self:
        """Read the set from a file.

        Raises:
            InputError: no such file, no JPEG file, a damaged one, or other colours or sampling than those above.
        """
        return cls(read_jpeg(Path(path)))

    @property
    def noise(self) -> NoiseModel:
        """What a problem whose measurement is the file's picture, in [0, 1], may take for its noise."""
        return NoiseModel("gaussian", STRONGER * self.sigma, "estimated")

    @property
    def sigma(self) -> float:
        """About the standard deviation of what rounding took from the picture, in units of [0, 1].

        The coefficients of each frequency are taken to have a Laplace distribution (Reininger, Gibson, IEEE
        Transactions on Communications 31, 1983), whose width follows from the share of those that were rounded to 0;
        where that are all of them nothing is known, and nothing counts. Of five pictures at the qualities 10 to 75 the
        true one was 0.8 to 1.4 times as large (coffee, chelsea, rocket, grass and brick of scikit-image, 128 × 128).
        """
        lost = torch.stack(
            [_lost(values, steps) for values, steps in zip(self._values, self._steps, strict=True)]
        )
        of_channels = self._back.cpu().double().square() @ lost.cpu() if len(lost) == 3 else lost
        return math.sqrt(float(of_channels.mean())) / 255

    def project(self, x: Tensor, *, narrow: float = 1.0) -> Tensor:
        """Return the picture of the set that is nearest to x in Y, Cb and Cr; it is not clipped.

        In 4:4:4 and grey exactly, up to rounding, but for blocks that reach beyond the picture: what lies there
        is unknown, x is continued by its edge pixels, and the result comes near the set. In 4:2:0 the same
        holds for luma; chroma is corrected in whole squares of four pixels, and half blocks at the edge are left.

        Args:
            x: (1, C, H, W) in [0, 1].
            narrow: the intervals are shortened to this share around the file's values, in (0, 1]. Coefficients are
                mostly nearer to the middle than to the ends (narrow quantisation constraint set: Park, Kim, IEEE
                Transactions on Image Processing 8, 1999).

        Raises:
            InputError: x is of another shape, or ``narrow`` out of its range.
        """
        if tuple(x.shape) != self.image_shape:
            raise InputError(
                f"the picture has the shape {tuple(x.shape)}",
                f"the file's is {self.image_shape}",
                "give a restoration of this very file",
            )
        if not 0 < narrow <= 1:
            raise InputError(f"narrow is {narrow:g}", "it is above 0 and at most 1", "use for example 0.5")
        correction = self._correction(_lying(x, self._orientation) * 255, narrow)
        return x + _upright(correction, self._orientation) / 255

    def to(self, device: torch.device | str) -> Self:
        """The same set on another device."""
        moved = copy(self)
        moved._values = tuple(values.to(device) for values in self._values)
        moved._steps = tuple(steps.to(device) for steps in self._steps)
        moved._cosines, moved._colours = self._cosines.to(device), self._colours.to(device)
        moved._back = self._back.to(device)
        return moved

    def _correction(self, x: Tensor, narrow: float) -> Tensor:
        """What takes x into the set; both in grey levels."""
        height, width = x.shape[-2:]
        x = pad(x, (0, -width % SIDE, 0, -height % SIDE), mode="replicate")
        if len(self._values) == 1:
            return self._moved(x - 128, 0, narrow)[..., :height, :width]
        ycbcr = torch.einsum("dc,bchw->bdhw", self._colours.to(x), x)
        moved = [self._moved(ycbcr[:, :1] - 128, 0, narrow)]
        for index in (1, 2):
            chroma = ycbcr[:, index : index + 1]
            if self._halved:
                # The least change of four pixels that changes their mean is the same for all of them.
                change = self._moved(avg_pool2d(chroma, 2), index, narrow)
                moved.append(interpolate(change, scale_factor=2.0, mode="nearest"))
            else:
                moved.append(self._moved(chroma, index, narrow))
        correction = torch.einsum("cd,bdhw->bchw", self._back.to(x), torch.cat(moved, 1))
        return correction[..., :height, :width]

    def _moved(self, plane: Tensor, index: int, narrow: float) -> Tensor:
        """By how much one plane (1, 1, h, w) has to move; 0 where there is no whole block."""
        values, cosines = self._values[index].to(plane), self._cosines.to(plane)
        rows, _, columns, _ = values.shape
        height, width = rows * SIDE, columns * SIDE
        blocks = plane[0, 0, :height, :width].reshape(rows, SIDE, columns, SIDE)
        off = torch.einsum("ui,risj,vj->rusv", cosines, blocks, cosines) - values
        reach = self._steps[index].to(plane) * (narrow / 2)
        back = torch.einsum("ui,rusv,vj->risj", cosines, off.clamp(-reach, reach) - off, cosines)
        return pad(
            back.reshape(1, 1, height, width), (0, plane.shape[-1] - width, 0, plane.shape[-2] - height)
        )


def _lost(values: Tensor, steps: Tensor) -> Tensor:
    """The mean square of what rounding took from one plane, in grey levels."""
    step = steps[:, 0, :].double()
    reach = step / 2
    there = (values != 0).double().mean((0, 2))
    share = there.clamp(1e-6, 1 - 1e-6)  # the formula has no value at either end
    rate = (
        -share.log() / reach
    )  # of the Laplace distribution: a share of exp(-rate · reach) lies beyond ± reach
    rounded_off = (2 / rate**2 - share * (reach**2 + 2 * reach / rate + 2 / rate**2)) / (1 - share)
    error = (1 - there) * rounded_off + there * step**2 / 12
    return torch.where(there > 0, error, 0).mean()


def _upright(x: Tensor, orientation: int) -> Tensor:
    """Turn (1, C, H, W) as the EXIF orientation asks, like ``raster.upright``."""
    return (x.mT if orientation in SIDEWAYS else x).flip(_flipped(orientation))


def _lying(x: Tensor, orientation: int) -> Tensor:
    """The way back."""
    x = x.flip(_flipped(orientation))
    return x.mT if orientation in SIDEWAYS else x


def _flipped(orientation: int) -> list[int]:
    return [axis for axis, turns in ((-2, (3, 4, 7, 8)), (-1, (2, 3, 6, 7))) if orientation in turns]
