"""Array files: ``.npz`` in a study's folder, written in full and read as if a stranger had made them.

What a file declares is looked at before memory is taken for it, nothing in it can run as code, and whoever reads says
which arrays there have to be, of which kind and with how many axes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import FormatError
from ..files import replacing
from ..plain_files import plain_file

Arrays = dict[str, NDArray[Any]]

MOST_BYTES = 2**32
"""Of an array that is compressed: a small file may unpack to a thousand times its size."""

LARGEST = 1e30
"""Of a value: its square is a number in float64, and nothing that was measured is so large."""

KINDS = "biufcUS"
"""NumPy's kinds of plain values: no objects, no structures."""


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]], *, durable: bool = False) -> None:
    """Write arrays to an ``.npz`` file, in full or not at all; nothing is compressed.

    Args:
        path: the file.
        arrays: what it holds.
        durable: wait for the disk, so that not even a power cut can damage it; what is written many times while a
            search is at work is not waited for.
    """
    with replacing(path, durable=durable) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)


def write_x(path: Path, image: Tensor) -> None:
    """Write an image alone, as ``x``."""
    write_npz(path, {"x": image.cpu().numpy()}, durable=True)


def read_x(path: Path) -> Tensor:
    """Read an image that stands in a file as ``x``, on the CPU.

    Raises:
        FormatError: the file is missing or damaged.
    """
    return torch.from_numpy(read_npz(path)["x"])


def read_npz(path: Path, *, keys: Container[str] | None = None) -> Arrays:
    """The arrays of an ``.npz`` file in a study's folder: a measurement, or what a fit left.

    Args:
        path: the file.
        keys: read only these, as far as they are there; unpacking takes most of the time. ``None``: all.

    Raises:
        FormatError: the file is missing or damaged.
    """
    try:
        with plain_file(path) as file, zipfile.ZipFile(file) as archive:
            members = [(info, info.filename.removesuffix(".npy")) for info in archive.infolist()]
            return {key: _array(archive, info) for info, key in members if keys is None or key in keys}
    # Damaged archives raise whatever their bytes lead to; all of it means the same here.
    except Exception as error:
        reason = error.rule if isinstance(error, FormatError) else str(error) or type(error).__name__
        raise FormatError(
            f"{path} cannot be read ({reason.splitlines()[0]})",
            "a study's folder holds its measurements and what its fits left",
            "restore the file, or search again under another name",
        ) from error


def array_of(
    arrays: Mapping[str, NDArray[Any]], key: str, *, path: Path, axes: int, kinds: str = "f"
) -> NDArray[Any]:
    """An array of a file, once it is known to be what it has to be.

    Args:
        arrays: of the file.
        key: its name.
        path: of the file.
        axes: how many it has.
        kinds: NumPy's letters for what it may hold.

    Raises:
        FormatError: it is missing, or something else.
    """
    array = arrays.get(key)
    if array is None:
        raise _other(path, f"it has no array `{key}`")
    if array.ndim != axes or array.dtype.kind not in kinds:
        raise _other(path, f"`{key}` is an array of {array.dtype} with {array.ndim} axes")
    return array


def finite_of(
    arrays: Mapping[str, NDArray[Any]], key: str, *, path: Path, axes: int, kinds: str = "fiu"
) -> NDArray[Any]:
    """An array of numbers, as ``array_of`` has it, all of which 32 bits can hold.

    Raises:
        FormatError: it is missing, or something else.
    """
    array = array_of(arrays, key, path=path, axes=axes, kinds=kinds)
    if not np.isfinite(array).all() or float(np.abs(array).max(initial=0)) > LARGEST:
        raise _other(path, f"`{key}` holds values that are NaN, infinite or beyond {LARGEST:g}")
    return array


def image_of(arrays: Mapping[str, NDArray[Any]], key: str, *, path: Path) -> NDArray[np.float32]:
    """An image ``(1, C, H, W)`` of a file.

    Raises:
        FormatError: it is missing, or something else.
    """
    array = array_of(arrays, key, path=path, axes=4)
    if array.shape[0] != 1 or array.size == 0:
        raise _other(path, f"`{key}` has the shape {array.shape}")
    return array.astype(np.float32, copy=False)


def _other(path: Path, given: str) -> FormatError:
    return FormatError(
        f"{path} cannot be read ({given})",
        "it is as dipsearch wrote it",
        "restore the file, or search again under another name",
    )


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(info) as opened:
        member = cast(BinaryIO, opened)
        version = np.lib.format.read_magic(member)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(member)
        declared = dtype.itemsize
        for size in shape:
            declared *= size
        if dtype.kind not in KINDS or min(shape, default=0) < 0:
            raise ValueError(f"{info.filename} holds {dtype} of the shape {shape}")
        packed = info.compress_type != zipfile.ZIP_STORED
        if declared > info.file_size or (packed and info.file_size > MOST_BYTES):
            raise ValueError(f"{info.filename} declares {declared:,} bytes")
        if not packed and info.file_size != info.compress_size:
            raise ValueError(f"{info.filename} has two sizes")
    with archive.open(info) as opened:
        return np.lib.format.read_array(cast(BinaryIO, opened), allow_pickle=False)
