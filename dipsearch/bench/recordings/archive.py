"""The archive: the curves of many recordings in one small file, so that rules can be replayed from a clone.

Images stay behind; stopping and ranking need none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...delivery.consensus import consensus_errors
from ...errors import FormatError
from ...files import replacing
from ...problem import make_split
from ...trials.trial_files import read_npz
from ..cases.damages import DAMAGES
from .recorder import Job, cases_of
from .recording import CURVES, Recording, read_recording

FORMAT = "dipsearch/recordings/2"


@dataclass(frozen=True, eq=False)
class Entry:
    """A recording and what it is one of.

    Args:
        picture, damage, network, seed: of which fit.
        recording: its curves.
        consensus: the error that the score and the other networks' images together suggest, see
            `consensus_errors`; ``None`` where the score alone decides.
    """

    picture: str
    damage: str
    network: str
    seed: int
    recording: Recording
    consensus: float | None = None

    @property
    def case(self) -> tuple[str, str, int]:
        """What entries with the same measurement share."""
        return self.picture, self.damage, self.seed


def read_entries(jobs: Sequence[Job], *, folder: Path) -> list[Entry]:
    """The recordings of ``jobs`` that ``folder`` holds, case by case."""
    entries = []
    for case in cases_of(jobs).values():
        there = [job for job in case if (folder / job.file).exists()]
        read = [read_recording(folder / job.file) for job in there]
        for job, (recording, _), error in zip(there, read, _consensus(there, read), strict=True):
            entries.append(Entry(job.picture, job.damage, job.network, job.seed, recording, error))
    return entries


def _consensus(case: Sequence[Job], read: Sequence[tuple[Recording, Tensor]]) -> list[float | None]:
    if not case:
        return []
    damage, seed = DAMAGES[case[0].damage], case[0].seed
    problem = damage.make(damage.clean(case[0].source), seed)
    images = [judged for _, judged in read]
    found = consensus_errors(images, problem, split=make_split(problem, seed=seed))
    return [None] * len(case) if found is None else [*found]


def write_archive(path: Path, entries: Sequence[Entry]) -> None:
    """Write the curves of all entries to one ``.npz`` file: concatenated, with an index in JSON."""
    index = [
        {
            "picture": entry.picture,
            "damage": entry.damage,
            "network": entry.network,
            "seed": entry.seed,
            "checks": len(entry.recording.step),
            "seconds": round(entry.recording.seconds, 1),
            "trivial": entry.recording.trivial,
            "parts": entry.recording.parts.shape[1],
            "consensus": entry.consensus,
        }
        for entry in entries
    ]
    columns = {
        name: np.concatenate([getattr(entry.recording, field) for entry in entries]).astype(np.float32)
        for name, field in CURVES.items()
    }
    columns["parts"] = np.concatenate([entry.recording.parts.ravel() for entry in entries]).astype(np.float32)
    text = np.array(json.dumps({"format": FORMAT, "entries": index}))
    with replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, index=text, **columns)


def index_of(arrays: Mapping[str, NDArray[Any]], path: Path, *, kind: str, bench: str) -> dict[str, Any]:
    """The index of an archive of recordings, which is of one format.

    Args:
        arrays: of the file.
        path: of the file, for people.
        kind: the format.
        bench: that writes it.

    Raises:
        FormatError: it is damaged, or something else.
    """
    try:
        index: dict[str, Any] = json.loads(str(arrays["index"]))
        if index["format"] != kind:
            raise KeyError(index["format"])
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise FormatError(
            f"{path} holds no recordings of {bench} ({error})",
            f"it is an archive of the format {kind}",
            f"give the file that bench {bench} wrote",
        ) from error
    return index


def read_archive(path: Path) -> list[Entry]:
    """Read what ``write_archive`` wrote.

    Raises:
        FormatError: the file is missing, damaged, or something else.
    """
    arrays = read_npz(path)
    index = index_of(arrays, path, kind=FORMAT, bench="stopping")
    entries, start, place = [], 0, 0
    for item in index["entries"]:
        end, size = start + item["checks"], item["checks"] * item["parts"]
        curves = {name: arrays[name][start:end] for name in CURVES}
        curves["parts"] = arrays["parts"][place : place + size].reshape(item["checks"], item["parts"])
        recording = Recording.of_curves(
            curves,
            seconds=item["seconds"],
            trivial=item["trivial"],
        )
        names = (item["picture"], item["damage"], item["network"], item["seed"])
        entries.append(Entry(*names, recording, item["consensus"]))
        start, place = end, place + size
    return entries
