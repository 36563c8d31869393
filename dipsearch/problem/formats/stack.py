"""A stack: several pictures in one array, points in time or depths, and which axis of it is which.

Each plane is a picture of its own, ``FILE[3]`` among the sources; a search finds one architecture for all of them.
Channels belong to one picture. Axes come from OME, ImageJ or tifffile's own metadata, or from ``--axes``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

ROWS_COLUMNS, CHANNELS, PLANES = "YX", "CS", "TZ"
IN_WORDS = {
    "T": "points in time",
    "Z": "depths",
    "C": "channels",
    "S": "channels",
    "Y": "rows",
    "X": "columns",
}

Array = NDArray[Any]


@dataclass(frozen=True)
class Stack:
    """The axes of an array, a letter for each (T, Z, C, Y, X, S), and their sizes."""

    axes: str
    shape: tuple[int, ...]

    @property
    def known(self) -> bool:
        """Whether every axis is one of a picture or of planes, and there is one kind of channels at most."""
        return (
            len(set(self.axes)) == len(self.axes) == len(self.shape)
            and set(ROWS_COLUMNS) <= set(self.axes) <= set(ROWS_COLUMNS + CHANNELS + PLANES)
            and not set(CHANNELS) <= set(self.axes)
        )

    @property
    def planes(self) -> int:
        """How many pictures it holds."""
        sizes = [size for axis, size in zip(self.axes, self.shape, strict=True) if axis in PLANES]
        return int(np.prod(sizes, dtype=np.int64)) if sizes else 1

    @property
    def is_picture(self) -> bool:
        """Whether it is one picture, without axes of planes."""
        return not set(self.axes) & set(PLANES)

    def plane(self, array: Array, index: int) -> Array:
        """Picture number ``index`` of an array of these axes, (H, W, C)."""
        moved = array.transpose([self.axes.index(axis) for axis in self._order()])
        if not self.is_picture:
            moved = moved.reshape(-1, *moved.shape[len(self._leading()) :])[index]
        return moved if set(self.axes) & set(CHANNELS) else moved[..., None]

    def joined(self, pictures: list[Array]) -> Array:
        """The array of these axes that all pictures (H, W, C) make; their sides may be others than they were."""
        array = np.stack(pictures) if not self.is_picture else pictures[0]
        if not set(self.axes) & set(CHANNELS):
            array = array[..., 0]
        if not self.is_picture:
            array = array.reshape(
                *(self.shape[self.axes.index(axis)] for axis in self._leading()), *array.shape[1:]
            )
        return np.ascontiguousarray(array.transpose([self._order().index(axis) for axis in self.axes]))

    def _leading(self) -> str:
        return "".join(axis for axis in self.axes if axis in PLANES)

    def _order(self) -> str:
        return self._leading() + ROWS_COLUMNS + "".join(axis for axis in self.axes if axis in CHANNELS)


def stack_of(name: str, axes: str, shape: tuple[int, ...], *, given: str | None) -> Stack:
    """The axes of a file.

    Args:
        name: of the file.
        axes, shape: as the file has them; unknown axes have other letters.
        given: what a person said that they are; ``None``: nothing.

    Raises:
        InputError: they are not known, or cannot be what was said.
    """
    sizes = " × ".join(str(size) for size in shape)
    found = Stack(axes if given is None else given.upper(), shape)
    if found.known:
        return found
    if given is not None:
        raise InputError(
            f"--axes {given} was given, and {name} is an array of {sizes}",
            f"it is a letter for each axis: {', '.join(f'{letter} {word}' for letter, word in IN_WORDS.items())}",
            "write for example --axes TYX for a film, ZYX for depths, or CYX for the channels of one picture",
        )
    raise InputError(
        f"{name} is a stack of {sizes}, and nothing in it says what its axes are",
        "planes are pictures of their own, and channels make one picture",
        "say what it is: --axes TYX for points in time, --axes ZYX for depths, --axes CYX for channels",
    )


def refuse_other_plane(name: str, stack: Stack, plane: int | None) -> None:
    """Raise InputError when a plane is not said or does not exist."""
    count = stack.planes
    if plane is None and not stack.is_picture:
        raise InputError(
            f"{name} is a stack of {count} pictures (axes {stack.axes})",
            f"one picture is read at a time: {name}[0] to {name}[{count - 1}]",
            "name one of them, or the file itself at the command line, where it stands for all",
        )
    if plane is not None and not 0 <= plane < count:
        raise InputError(
            f"picture {plane} of {name} was asked for", f"it holds {count}, from 0 on", "name one of them"
        )
