"""What a candidate leaves on disk: its curves, its output and its genome."""

from __future__ import annotations

import zipfile
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..files import write_text
from ..fitting import Fit
from ..network import Genome
from ..plain_files import inside
from ..yaml_files import dump_yaml
from .array_files import image_of
from .array_files import read_npz as read_npz
from .array_files import write_npz as write_npz

VALIDATION_MSE = "validation_mse"
"""The name of an array of ``fit.npz``, the estimated mean squared error at each check point."""


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
            f"{VALIDATION_MSE}{end}": done.curves.validation_mse.astype(np.float32),
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


def write_genome(folder: Path, number: int, genome: Genome) -> None:
    """Write ``genome.yaml`` of a candidate."""
    write_text(trial_folder(folder, number) / "genome.yaml", dump_yaml(genome.to_nested()))


def read_arrays(
    folder: Path, number: int, name: str, *, keys: Container[str] | None = None
) -> dict[str, NDArray[Any]]:
    """The arrays of ``fit.npz``, ``output.npz`` or ``trajectory.npz`` of a candidate, or those that are in ``keys``.

    Raises:
        FormatError: the file is missing or damaged.
    """
    return read_npz(inside(folder, trial_folder(Path(), number) / name), keys=keys)


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
    return _output_of(read_npz(path), index, path=path)


def has_full(path: Path) -> bool:
    """Whether a fit left an output that went on with all of the measurement."""
    try:
        with zipfile.ZipFile(path) as file:
            return any(name.startswith("full") for name in file.namelist())
    except (OSError, zipfile.BadZipFile):  # there is none, or it is damaged, which whoever reads it says
        return False


def refuse_damaged_output(path: Path, *, pictures: int) -> None:
    """Raise FormatError where a file does not hold the outputs for so many images."""
    arrays = read_npz(path)
    for index in range(pictures):
        _output_of(arrays, index, path=path)


def _output_of(arrays: Mapping[str, NDArray[Any]], index: int, *, path: Path) -> Output:
    end = suffix(index)
    judged = torch.from_numpy(image_of(arrays, "x" + end, path=path))
    if "full" + end not in arrays:
        return Output(judged, judged)
    return Output(judged, torch.from_numpy(image_of(arrays, "full" + end, path=path)))
