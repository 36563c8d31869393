"""What a worker gets to see of a picture: the measurement and its split, read from the study's folder.

A study writes every problem once, as ``inputs/whole-NAME.npz`` and ``inputs/search-NAME.npz``. A restoration that
networks may have in their input, the pilot, lies beside it as ``inputs/pilot-KIND-NAME.npz`` where one was computed.
But for further pilots, of a second split's finalists, workers read nothing else, in particular no image file and no
reference, so a candidate cannot be ranked or stopped with knowledge of the clean image.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import DipsearchError, FormatError
from ..problem import NoiseModel, Problem, Split
from ..problem.formats.image import MAX_PIXELS
from ..problem.operators import operator_from_arrays, operator_to_arrays
from .array_files import array_of, finite_of, image_of, read_npz, write_npz
from .form_file import form_of, form_text
from .own_parts import own_operator

SEARCHED, WHOLE = "search", "whole"
"""The two kinds of problem files: what candidates are ranked on, and what is delivered."""

PilotPart = Literal["fitted", "full"]

MOST_CHANNELS = 4096
"""Of an image; it is a picture, however many wavelengths or frames somebody has put into it."""


@dataclass(frozen=True, eq=False)
class SplitProblem:
    """One problem on its device, split in what is fitted and what scores.

    Args:
        name: of the picture.
        problem: what was measured.
        split: of it.
        pilot: ``(1, C, H, W)``, a restoration from the fitted part of ``split`` alone; ``None``: there is none.
    """

    name: str
    problem: Problem
    split: Split
    pilot: Tensor | None = None


def write_problem(path: Path, problem: Problem, *, box: tuple[int, int, int, int] | None = None) -> None:
    """Write a problem's arrays and plain values to an ``.npz`` file.

    Args:
        box: where in the whole picture it lies: top, left, height, width; ``None``: it is the whole.
    """
    arrays = {
        **operator_to_arrays(problem.operator),
        "y": problem.y.cpu().numpy(),
        "observed": problem.observed.cpu().numpy(),
        "image_shape": np.array(problem.image_shape),
        "noise_kind": np.array(problem.noise.kind),
        "noise_sigma": np.array(np.nan if problem.noise.sigma is None else problem.noise.sigma),
        "noise_source": np.array(problem.noise.source),
        "noise_gain": np.array(np.nan if problem.noise.gain is None else problem.noise.gain),
        "noise_correlation": np.array(problem.noise.correlation or (), dtype=np.float64),
        "noise_offset": np.array(problem.noise.offset),
        "noise_read_sigma": np.array(problem.noise.read_sigma),
        "noise_share": np.array(problem.noise.share or np.nan),
        "noise_places": np.array(problem.noise.places or (), dtype=np.float64),
        "noise_channels": np.array(problem.noise.channels or (), dtype=np.float64),
        "box": np.array(box or (), dtype=np.int64),
        "form": np.array(form_text(problem.form)),
    }
    if problem.form.gaps is not None:
        arrays["gaps"] = problem.form.gaps.numpy()
    write_npz(path, arrays, durable=True)


def read_problem(path: Path) -> Problem:
    """Read what ``write_problem`` wrote.

    An operator of one's own is not in the file; it is found where ``operators_of`` the study's folder are known.

    Raises:
        FormatError: the file is missing or damaged.
    """
    values = read_npz(path)
    with _damage_named(path):
        shape = _shape_of(values, path)
        y = torch.from_numpy(finite_of(values, "y", path=path, axes=4, kinds="f"))
        observed = torch.from_numpy(finite_of(values, "observed", path=path, axes=4, kinds="f"))
        if observed.shape not in (y.shape, (1, 1, *y.shape[2:])) or y.shape[0] != 1 or not y.numel():
            raise ValueError(f"`y` is {tuple(y.shape)}, and `observed` {tuple(observed.shape)}")
        return Problem(
            y=y,
            operator=operator_from_arrays(values, given=own_operator(path.parent.parent, _name_in(path))),
            noise=_noise(values),
            image_shape=shape,
            observed=observed,
            form=form_of(values, path),
        )


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Name the file in whatever its content leads to; an operator makes what it wants of its arrays."""
    try:
        yield
    except DipsearchError as error:
        if str(path) in error.given:
            raise
        raise FormatError(f"{path}: {error.given}", error.rule, error.fix) from error
    except (
        KeyError,
        ValueError,
        TypeError,
        IndexError,
        OverflowError,
        RuntimeError,
        AttributeError,
    ) as error:
        raise FormatError(
            f"{path} cannot be read ({type(error).__name__}: {error})".splitlines()[0],
            "it is as dipsearch wrote it",
            "restore the file, or search again under another name",
        ) from error


def _shape_of(values: Mapping[str, NDArray[Any]], path: Path) -> tuple[int, int, int, int]:
    sizes = array_of(values, "image_shape", path=path, axes=1, kinds="iu").tolist()
    if len(sizes) != 4 or min(sizes) < 1 or math.prod(sizes[2:]) > MAX_PIXELS or sizes[1] > MOST_CHANNELS:
        raise FormatError(
            f"{path} declares an image of {sizes}",
            f"an image is 1, channels, height, width, with at most {MAX_PIXELS:,} pixels",
            "restore the file, or search again under another name",
        )
    _, channels, height, width = sizes
    return (1, channels, height, width)


def _name_in(path: Path) -> str:
    """The picture's name in that of its problem file."""
    return path.stem.partition("-")[2]


def _noise(values: Mapping[str, NDArray[Any]]) -> NoiseModel:
    sigma, gain, share = (float(values[key]) for key in ("noise_sigma", "noise_gain", "noise_share"))
    table, channels, places = (values[f"noise_{name}"] for name in ("correlation", "channels", "places"))
    return NoiseModel(
        kind=str(values["noise_kind"]),  # type: ignore[arg-type]
        sigma=None if np.isnan(sigma) else sigma,
        source=str(values["noise_source"]),  # type: ignore[arg-type]
        gain=None if np.isnan(gain) else gain,
        correlation=tuple(tuple(row) for row in table.tolist()) if table.size else None,
        offset=float(values["noise_offset"]),
        read_sigma=float(values["noise_read_sigma"]),
        share=None if np.isnan(share) else share,
        channels=tuple(tuple(row) for row in channels.tolist()) if channels.size else None,
        places=tuple(tuple(row) for row in places.tolist()) if places.size else None,
    )


def read_box(path: Path) -> tuple[int, int, int, int] | None:
    """Where in the whole picture a problem lies: top, left, height, width; ``None``: it is the whole.

    Raises:
        FormatError: the file is missing or damaged.
    """
    values = read_npz(path)
    box = array_of(values, "box", path=path, axes=1, kinds="iu").tolist()
    if not box:
        return None
    if len(box) != 4 or min(box) < 0 or min(box[2:]) < 1 or max(box) > MAX_PIXELS:
        raise FormatError(
            f"{path} declares the rectangle {box}",
            "it is top, left, height and width in pixels",
            "restore the file, or search again under another name",
        )
    return (box[0], box[1], box[2], box[3])


def problem_file(*, kind: str, name: str) -> str:
    """The file of a problem, relative to the study's folder."""
    return f"inputs/{kind}-{name}.npz"


def pilot_file(*, kind: str, name: str) -> str:
    """The file of its pilot, likewise."""
    return f"inputs/pilot-{kind}-{name}.npz"


def problem_path(folder: Path, *, kind: str, name: str) -> Path:
    """Where a problem of a study lies."""
    return folder / problem_file(kind=kind, name=name)


def write_pilot(path: Path, *, fitted: Tensor, full: Tensor | None = None) -> None:
    """Write the pilot of a problem.

    Args:
        fitted: ``(1, C, H, W)``, the restoration from the fitted part of the split with the study's seed; nothing that
            the split holds out may have gone into it.
        full: the one from all of y, for fits to all of y.
    """
    images = {"fitted": fitted} if full is None else {"fitted": fitted, "full": full}
    arrays = {part: image.detach().float().cpu().numpy() for part, image in images.items()}
    write_npz(path, arrays, durable=True)


def read_pilot(path: Path, *, part: PilotPart = "fitted") -> Tensor:
    """Read what ``write_pilot`` wrote, ``(1, C, H, W)`` on the CPU.

    Args:
        part: "full" is the restoration from all of y, or else the other one.

    Raises:
        FormatError: the file is missing or damaged.
    """
    images = read_npz(path)
    if "fitted" not in images:
        raise FormatError(
            f"{path} holds {', '.join(images) or 'nothing'}",
            "the file of a pilot holds the array `fitted`, and perhaps `full`",
            "remove the file, or search again under another name",
        )
    return torch.from_numpy(image_of(images, part if part in images else "fitted", path=path))


def pilot_path(folder: Path, *, kind: str, name: str) -> Path:
    """Where the pilot of a problem of a study lies."""
    return folder / pilot_file(kind=kind, name=name)
