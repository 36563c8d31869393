"""Kernels of blurs: a Gaussian, a straight movement, or whatever a file holds."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError
from ..formats.image import read_image

WIDEST, LONGEST = 250.0, 2000.0
"""Sigma and length in pixels: kernels of 2001 pixels a side, and hardly any image has more than their double."""

OFF_CENTRE = 0.25
"""Pixels between the middle of a kernel and that of its weights from which on a restoration is seen to be shifted."""

PEDESTAL, FLAT, SMALLEST_MEASURED = 0.005, 0.1, 7
"""The camera's background under a measured point: where the median of a kernel's outermost pixels is more than this
share of its peak, and half of them lie within the second share of that median from it. It would
spread each point over the whole kernel: 27.0 dB became 22.5. Kernels that do not fall to a third of the peak on their
rim fill their file, and are left; and so are smaller ones, whose rim is a part of them."""

WORDS = "gaussian:SIGMA, motion:LENGTH:ANGLE, or a picture, .npy, .txt or .csv file"


def gaussian_kernel(sigma: float) -> Tensor:
    """Return a Gaussian, float64, odd, sum 1, cut off at 4 sigma.

    Args:
        sigma: standard deviation in pixels, above 0 and at most 250.

    Raises:
        InputError: sigma lies beyond.
    """
    if not 0 < sigma <= WIDEST:
        raise InputError(
            f"sigma of the kernel is {sigma:g}",
            f"it is above 0 and at most {WIDEST:g} pixels",
            "use for example 2",
        )
    reach = max(1, int(4 * sigma + 0.5))
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2)
    line = line / line.sum()
    return torch.outer(line, line)


def motion_kernel(length: float, angle: float) -> Tensor:
    """Return a straight line, float64, odd, sum 1: the blur of a steady movement.

    A pixel's weight is 1 less its distance from the line in pixels, where that is above 0; so the line is
    antialiased, and a horizontal one of 9 pixels has nine equal weights.

    Args:
        length: in pixels, 1 to 2000; 1 is no movement.
        angle: in degrees, anticlockwise from the horizontal.

    Raises:
        InputError: the length lies beyond, or a value is not finite.
    """
    if not (math.isfinite(angle) and 1 <= length <= LONGEST):
        raise InputError(
            f"the movement is {length:g} pixels long at {angle:g} degrees",
            f"it is 1 to {LONGEST:g} pixels long, and both are finite",
            "use for example a length of 9 and an angle of 30",
        )
    half, radians = (length - 1) / 2, math.radians(angle)
    along = np.array([-math.sin(radians), math.cos(radians)])  # rows run downwards
    # The small number lets cos(90°) = 6e-17 add no empty column.
    rows, columns = (math.ceil(half * abs(part) + 1 - 1e-9) for part in along)
    places = np.mgrid[-rows : rows + 1, -columns : columns + 1].astype(np.float64)
    nearest = np.clip(np.tensordot(along, places, 1), -half, half)
    distance = np.hypot(*(places - along[:, None, None] * nearest))
    weights = np.where(distance < 1 - 1e-9, 1 - distance, 0)
    for axis in (0, 1):
        while weights.shape[axis] > 1 and not (weights.take(0, axis).any() or weights.take(-1, axis).any()):
            weights = weights.take(range(1, weights.shape[axis] - 1), axis)
    return torch.from_numpy(weights / weights.sum())


def read_kernel(word: str) -> Tensor:
    """Return the kernel of a word from the command line, float64, divided by its sum so that this is 1.

    Args:
        word: "gaussian:2" (sigma in pixels), "motion:9:30" (pixels, degrees), or the path of a picture (colours are
            averaged), of a NumPy array (.npy), or of a table of numbers (.txt, .csv).

    Raises:
        InputError: another word, a file that cannot be read, or a kernel whose sum is not above 0.
    """
    return described_kernel(word)[0]


def described_kernel(word: str) -> tuple[Tensor, str]:
    """Return the kernel of a word as ``read_kernel`` does, and what a person may not expect of one from a file.

    Returns:
        The kernel, and a sentence; empty where there is nothing to say.
    """
    name, *numbers = word.split(":")
    if name in ("gaussian", "motion"):
        try:
            values = [float(number) for number in numbers]
        except ValueError:
            values = []
        if name == "gaussian" and len(values) == 1:
            return gaussian_kernel(values[0]), ""
        if name == "motion" and len(values) == 2:
            return motion_kernel(values[0], values[1]), ""
        raise InputError(f"the kernel is '{word}'", f"it is {WORDS}", "use for example motion:9:30")
    matrix, of_colours = _read_matrix(Path(word))
    kernel, background = _without_pedestal(checked_kernel(matrix, f"the kernel in {word}"))
    total = float(kernel.sum())
    if not total > 1e-12:
        raise InputError(
            f"the kernel in {word} has the sum {total:g}",
            "it is above 0, for it is brought to 1",
            "give the kernel itself, bright where it is strong",
        )
    return kernel / total, _unexpected(Path(word).name, kernel, of_colours=of_colours, background=background)


def _without_pedestal(kernel: Tensor) -> tuple[Tensor, float]:
    """A kernel without the level that its rim lies on, and that level as a share of its peak; 0 where there is none."""
    if min(kernel.shape) < SMALLEST_MEASURED:
        return kernel, 0.0
    rim = torch.cat([kernel[0], kernel[-1], kernel[1:-1, 0], kernel[1:-1, -1]])
    level, peak = float(rim.median()), float(kernel.max())
    spread = float((rim - level).abs().median())
    if not (PEDESTAL * peak < level < peak / 3 and spread <= FLAT * level):
        return kernel, 0.0
    return kernel - level, level / peak


def _unexpected(name: str, kernel: Tensor, *, of_colours: bool, background: float = 0.0) -> str:
    """What was done to a kernel, or will be seen of it, for people."""
    total, negative = float(kernel.sum()), int((kernel < 0).sum())
    said = []
    if of_colours:
        said.append("its colours differ, and their mean is taken")
    if background:
        said.append(
            f"its rim lies at {background:.1%} of its peak, which is taken off as the camera's background"
        )
    if abs(total - 1) > 0.01:
        said.append(f"its sum {total:.4g} was brought to 1")
    if negative and not background:
        said.append(f"{negative} of its values are negative, and are taken as they are")
    off = []
    for axis, (before, after) in enumerate((("up", "down"), ("left", "right"))):
        size = kernel.shape[axis]
        places = torch.arange(size, dtype=torch.float64) - size // 2
        middle = float((kernel.sum(1 - axis) * places).sum()) / total
        if abs(middle) > OFF_CENTRE:
            off.append(f"{abs(middle):.2g} pixels {after if middle > 0 else before}")
    if off:
        kh, kw = kernel.shape
        said.append(
            f"its weights lie {' and '.join(off)} of its centre, row {kh // 2} and column {kw // 2} from 0: of a "
            "picture that was not moved the restoration is, the other way"
        )
    return (
        f"the kernel {name} is {kernel.shape[1]} × {kernel.shape[0]} pixels; {'; '.join(said)}"
        if said
        else ""
    )


def _read_matrix(path: Path) -> tuple[NDArray[Any], bool]:
    """The values of a file, and whether they are the mean of colours that differ."""
    if not path.is_file():
        raise InputError(f"there is no file {path}", f"a kernel is {WORDS}", "check the spelling")
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".txt", ".csv"):
        colours = read_image(path).pixels[0].double()
        return colours.mean(0).numpy(), bool((colours != colours[:1]).any())
    try:
        if suffix == ".npy":
            return np.asarray(np.load(path, allow_pickle=False)), False
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of a file without numbers, which is refused as a matrix without values
            return np.loadtxt(path, delimiter="," if suffix == ".csv" else None, ndmin=2), False
    except (ValueError, OSError, EOFError) as error:
        raise InputError(
            f"{path} cannot be read ({str(error).splitlines()[0]})",
            "a kernel in a file is one matrix of numbers",
            "write it again, for example with numpy.save",
        ) from error


def checked_kernel(kernel: Tensor | NDArray[Any], what: str = "the kernel") -> Tensor:
    """Return a kernel as (kh, kw) in float64, and refuse what is none.

    Raises:
        InputError: no matrix, or values that are no real numbers or not finite; ``what`` names it.
    """
    values = np.asarray(kernel.detach().cpu() if isinstance(kernel, Tensor) else kernel)
    if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "biuf":
        raise InputError(
            f"{what} has the shape {values.shape} and the type {values.dtype}",
            "it is a matrix (rows, columns) of real numbers",
            "give one kernel, for all channels",
        )
    if not np.isfinite(values).all():
        raise InputError(f"{what} has values that are NaN or infinite", "all are finite", "replace them")
    return torch.from_numpy(values.astype(np.float64))
