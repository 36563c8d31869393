"""The archive: the curves of many recordings in one small file, so that rules can be replayed from a clone.

Images stay behind; stopping and ranking need none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FormatError
from ..files import replacing
from ..search.candidate import read_npz
from .recorder import Job
from .recording import CURVES, Recording, read_recording

FORMAT = "dipsearch/recordings/2"


@dataclass(frozen=True, eq=False)
class Entry:
    """A recording and what it is one of."""

    picture: str
    damage: str
    network: str
    seed: int
    recording: Recording

    @property
    def case(self) -> tuple[str, str, int]:
        """What entries with the same measurement share."""
        return self.picture, self.damage, self.seed


def read_entries(jobs: Sequence[Job], *, folder: Path) -> list[Entry]:
    """The recordings of ``jobs`` that ``folder`` holds."""
    return [
        Entry(job.picture, job.damage, job.network, job.seed, read_recording(folder / job.file)[0])
        for job in jobs
        if (folder / job.file).exists()
    ]


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
            "proxies": dict(entry.recording.proxies),
        }
        for entry in entries
    ]
    columns = {
        name: np.concatenate([getattr(entry.recording, name) for entry in entries]).astype(np.float32)
        for name in CURVES
    }
    columns["parts"] = np.concatenate([entry.recording.parts.ravel() for entry in entries]).astype(np.float32)
    text = np.array(json.dumps({"format": FORMAT, "entries": index}))
    with replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, index=text, **columns)


def read_archive(path: Path) -> list[Entry]:
    """Read what ``write_archive`` wrote.

    Raises:
        FormatError: the file is missing, damaged, or something else.
    """
    arrays = read_npz(path)
    try:
        index = json.loads(str(arrays["index"]))
        if index["format"] != FORMAT:
            raise KeyError(index["format"])
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise FormatError(
            f"{path} holds no recordings ({error})",
            f"it is an archive of the format {FORMAT}",
            "give the file that bench stopping wrote",
        ) from error
    entries, start, place = [], 0, 0
    for item in index["entries"]:
        end, size = start + item["checks"], item["checks"] * item["parts"]
        curves = {name: arrays[name][start:end] for name in CURVES}
        curves["parts"] = arrays["parts"][place : place + size].reshape(item["checks"], item["parts"])
        recording = Recording.of_curves(
            curves,
            proxies=item["proxies"],
            seconds=item["seconds"],
            trivial=item["trivial"],
        )
        entries.append(Entry(item["picture"], item["damage"], item["network"], item["seed"], recording))
        start, place = end, place + size
    return entries
