"""The stack as rows: which candidates were combined, with which weights, and where they disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import DipsearchError
from ..search import PictureRecord, StudyRecord
from ..yaml_files import read_yaml
from .uncertainty import spread


@dataclass(frozen=True)
class MemberRow:
    """One candidate in the stack of one picture.

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
    """The stack of picture ``name``, largest weight first; empty where there is none, or it cannot be read."""
    evaluations = {evaluation.number: evaluation for evaluation in record.evaluations}
    rows = []
    for number, weight in _weights(record.folder, name).items():
        known = evaluations.get(number)
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


def stack_spread(record: StudyRecord, picture: PictureRecord) -> NDArray[np.float64] | None:
    """How far the stack's members are apart in every pixel, ``(H, W)``; ``None`` with fewer than two of them."""
    weights = {number: weight for number, weight in _weights(record.folder, picture.name).items() if weight}
    index = record.pictures.index(picture)
    images = {number: _output(record.folder, number, picture.name, index) for number in weights}
    found = {number: image for number, image in images.items() if image is not None}
    if len(found) < 2 or len({image.shape for image in found.values()}) > 1:
        return None
    return spread(list(found.values()), [weights[number] for number in found], exact=_exact(picture))


def candidate_output(folder: Path, number: int, index: int) -> Tensor | None:
    """What a candidate made of picture ``index`` in the search, ``(1, C, H, W)``; ``None``: it left no output."""
    array = _read(folder / "trials" / f"{number:04d}" / "output.npz", f"x_{index}" if index else "x")
    return None if array is None else torch.from_numpy(array)[None]


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


def _output(folder: Path, number: int, name: str, index: int) -> NDArray[np.float32] | None:
    """What a member made of the whole picture, ``(C, H, W)``; a finalist's fit where crops were searched."""
    finalist = folder / "finalists" / f"{number:04d}-{name}.npz"
    trial = folder / "trials" / f"{number:04d}" / "output.npz"
    if finalist.exists():
        return _read(finalist, "x")
    return _read(trial, f"x_{index}" if index else "x")


def _read(path: Path, key: str) -> NDArray[np.float32] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return np.asarray(file[key][0], dtype=np.float32)
    except (OSError, ValueError, KeyError, IndexError, BadZipFile):
        return None


def _exact(picture: PictureRecord) -> NDArray[np.float32] | None:
    """1 where the observed pixels were put back; ``None`` where nothing was."""
    problem = picture.case.problem if picture.case else None
    if problem is None or problem.task != "inpaint" or problem.noise.kind != "none":
        return None
    return np.asarray(problem.observed[0, 0].cpu().numpy())
