"""The ensemble as rows: which candidates were combined, with which weights, and how far they may be off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import DipsearchError, FormatError
from ..library import read_stack
from ..plain_files import inside, inside_or_none
from ..run import PictureRecord, StudyRecord
from ..trials.array_files import finite_of, read_npz
from ..trials.trial_files import suffix, trial_folder


@dataclass(frozen=True)
class MemberRow:
    """One candidate in the ensemble of one picture.

    Args:
        number: the candidate's.
        weight: its share of the combination, in [0, 1].
        estimated_psnr: estimated PSNR in dB, without a reference.
        psnr: against the reference, in dB.
        shape: its network in a few words.
    """

    number: int
    weight: float
    estimated_psnr: float | None
    psnr: float | None
    shape: str


def member_rows(record: StudyRecord, name: str) -> tuple[MemberRow, ...]:
    """The ensemble of picture ``name``, largest weight first; empty where there is none, or it cannot be read."""
    trials = {trial.number: trial for trial in record.trials}
    rows = []
    for number, weight in _weights(record.folder, name).items():
        known = trials.get(number)
        genome = known.genome if known else None
        rows.append(
            MemberRow(
                number=number,
                weight=weight,
                estimated_psnr=known.estimated_psnr if known else None,
                psnr=known.psnr if known else None,
                shape=genome.label if genome else "",
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.weight, row.number)))


def uncertainty_map(record: StudyRecord, picture: PictureRecord) -> NDArray[np.float64] | None:
    """How far the restored picture may be off in every pixel, ``(H, W)``; ``None``: the study has not said."""
    entries = (record.result or {}).get("pictures") or ()
    files = {entry.get("name"): (entry.get("uncertainty") or {}).get("file") for entry in entries}
    file = files.get(picture.name)
    found = None if file is None else _read(record.folder, file, "deviation", axes=2)
    return None if found is None else found.astype(np.float64)


def candidate_output(folder: Path, number: int, index: int) -> Tensor | None:
    """What a candidate made of picture ``index`` in the search, ``(1, C, H, W)``; ``None``: it left no output."""
    array = _read(folder, trial_folder(Path(), number) / "output.npz", f"x{suffix(index)}", axes=4)
    return (
        None if array is None or array.size == 0 else torch.from_numpy(array.astype(np.float32, copy=False))
    )


def _weights(folder: Path, name: str) -> dict[int, float]:
    path = inside_or_none(folder, "best/stack.yaml")
    try:
        members = () if path is None else read_stack(path).get(name, ())
    except DipsearchError:
        return {}
    return {member.number: member.weight for member in members}


def _read(folder: Path, name: str | Path, key: str, *, axes: int) -> NDArray[Any] | None:
    try:
        path = inside(folder, name)
        return finite_of(read_npz(path, keys=(key,)), key, path=path, axes=axes)
    except FormatError:
        return None
