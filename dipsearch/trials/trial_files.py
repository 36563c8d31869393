"""What a candidate leaves on disk: its curves, its output and its genome."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import FormatError
from ..files import replacing, write_text
from ..fitting import Fit
from ..network import Genome
from ..yaml_files import dump_yaml


def trial_folder(folder: Path, number: int) -> Path:
    """The folder of candidate ``number`` in a study's folder."""
    return folder / "trials" / f"{number:04d}"


def suffix(index: int) -> str:
    """What is appended to the array names of image ``index``: nothing for the first."""
    return f"_{index}" if index else ""


Trajectory = list[tuple[int, NDArray[np.float16]]]
"""Iterations and averaged outputs ``(C, H, W)`` along one fit, for looking at afterwards."""


def write_fits(place: Path, fits: Sequence[Fit]) -> None:
    """Write ``fit.npz`` and ``output.npz`` of the fits of one network, one to each picture."""
    curves: dict[str, NDArray[Any]] = {}
    outputs: dict[str, NDArray[Any]] = {}
    for index, done in enumerate(fits):
        end = suffix(index)
        curves |= {
            f"step{end}": done.curves.step,
            f"loss{end}": done.curves.loss.astype(np.float32),
            f"score{end}": done.curves.score.astype(np.float32),
            f"seconds{end}": done.curves.seconds.astype(np.float32),
            f"chosen{end}": np.array(done.step),
            f"chosen_loss{end}": np.array(done.loss),
            f"ended{end}": np.array(done.ended.name),
        }
        outputs[f"x{end}"] = done.image.float().cpu().numpy()
        if done.full is not None:
            outputs[f"full{end}"] = done.full.float().cpu().numpy()
    write_npz(place / "fit.npz", curves)
    write_npz(place / "output.npz", outputs)


def write_trajectories(place: Path, trajectories: Sequence[Trajectory]) -> None:
    """Write ``trajectory.npz``, unless there is nothing to be kept."""
    along: dict[str, NDArray[Any]] = {}
    for index, trajectory in enumerate(trajectories):
        if trajectory:
            along[f"step{suffix(index)}"] = np.array([step for step, _ in trajectory])
            along[f"x{suffix(index)}"] = np.stack([image for _, image in trajectory])
    if along:
        write_npz(place / "trajectory.npz", along)


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to an ``.npz`` file, in full or not at all.

    It is written many times while a search is at work, and a power cut may damage the newest: nothing is compressed,
    and nobody waits for the disk.
    """
    with replacing(path, durable=False) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)


def write_genome(folder: Path, number: int, genome: Genome) -> None:
    """Write ``genome.yaml`` of a candidate."""
    write_text(trial_folder(folder, number) / "genome.yaml", dump_yaml(genome.to_nested()))


def read_arrays(
    folder: Path, number: int, name: str, *, keys: Container[str] | None = None
) -> dict[str, NDArray[Any]]:
    """The arrays of ``fit.npz`` or ``output.npz`` of a candidate, or those of them that are in ``keys``.

    Raises:
        FormatError: the file is missing or damaged.
    """
    return read_npz(trial_folder(folder, number) / name, keys=keys)


def read_npz(path: Path, *, keys: Container[str] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of an ``.npz`` file in a study's folder: a measurement, or what a fit left.

    Args:
        path: the file.
        keys: read only these, as far as they are there; unpacking takes most of the time. ``None``: all.

    Raises:
        FormatError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files if keys is None or key in keys}
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise FormatError(
            f"{path} cannot be read ({error})",
            "a study's folder holds its measurements and what its fits left",
            "restore the file, or search again under another name",
        ) from error


@dataclass(frozen=True, eq=False)
class Output:
    """What a fit left: the image that was judged, and the one that is delivered, both ``(1, C, H, W)``."""

    judged: torch.Tensor
    delivered: torch.Tensor


def read_output(path: Path, *, index: int = 0) -> Output:
    """The output for image ``index`` in a file that a fit left.

    Raises:
        FormatError: the file is missing or damaged.
    """
    arrays, end = read_npz(path), suffix(index)
    judged = torch.from_numpy(arrays["x" + end])
    full = arrays.get("full" + end)
    return Output(judged, judged if full is None else torch.from_numpy(full))
