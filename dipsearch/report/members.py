"""The ensemble as rows: which candidates were combined, with which weights, and how far they may be off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import DipsearchError, FormatError
from ..run import PictureRecord, StudyRecord
from ..trials.trial_files import read_npz
from ..yaml_files import read_yaml


@dataclass(frozen=True)
class MemberRow:
    """One candidate in the ensemble of one picture.

    Args:
        number: the candidate's.
        weight: its share of the combination, in [0, 1].
        score: estimated PSNR in dB, without a reference.
        psnr: against the reference, in dB.
        shape: its network in a few words.
    """

    number: int
    weight: float
    score: float | None
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
                score=known.score if known else None,
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
    found = None if file is None else _read(record.folder / file, "deviation")
    return None if found is None else found.astype(np.float64)


def candidate_output(folder: Path, number: int, index: int) -> Tensor | None:
    """What a candidate made of picture ``index`` in the search, ``(1, C, H, W)``; ``None``: it left no output."""
    array = _read(folder / "trials" / f"{number:04d}" / "output.npz", f"x_{index}" if index else "x")
    return None if array is None or array.ndim != 4 else torch.from_numpy(array)


def _weights(folder: Path, name: str) -> dict[int, float]:
    path = folder / "best" / "stack.yaml"
    if not path.exists():
        return {}
    try:
        content = read_yaml(path)
        entries = content["pictures"][name] if isinstance(content, Mapping) else []
        return {int(entry["number"]): float(entry["weight"]) for entry in entries}
    except (DipsearchError, KeyError, TypeError, ValueError):
        return {}


def _read(path: Path, key: str) -> NDArray[np.float32] | None:
    try:
        return np.asarray(read_npz(path)[key], dtype=np.float32)
    except (FormatError, KeyError, ValueError):
        return None
