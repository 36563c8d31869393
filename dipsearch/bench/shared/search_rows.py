"""Rows of the comparison of search strategies: what one gains over another at equal time.

They come from two sources, replays of recorded fits and real searches, which lie in one file: each source replaces its
own rows of a set of pictures and leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from .row_file import RowFile

Source = Literal["table", "real"]
Delivers = Literal["networks", "polished"]
SetName = Literal["tuning", "test"]

COMMAND = "bench replay-search"


@dataclass(frozen=True)
class SearchRow:
    """One strategy at one time, against another one on the same pictures with the same seeds.

    Args:
        strategy, against: their names.
        task: of the searches.
        source: of the row.
        minutes: of each search.
        pictures, seeds: how many of them; every seed is one search, on one of the pictures in turns where the source
            is the table.
        gain_db: the mean difference of the true PSNR of what would be delivered, in dB.
        low_db, high_db: its 95 % interval, over seeds where the source is the table, else over pictures.
        set: of the pictures: those that constants were chosen on, or others.
        delivers: the ensemble of networks alone, or mixed with the first answer and polished.
        psnr_db: of the strategy, the mean.
        worst_db, best_db: the mean gain on the pictures where it is lowest and highest.
        measurement: of the table the beginning of its checksum; "real" where the source is that: those rows are means
            over searches, whose digests stand in ``searches.json``.
    """

    strategy: str
    against: str
    task: str
    source: Source
    minutes: float
    pictures: int
    seeds: int
    gain_db: float
    low_db: float
    high_db: float
    set: SetName
    delivers: Delivers
    psnr_db: float
    worst_db: float
    best_db: float
    measurement: str

    @property
    def group(self) -> tuple[object, ...]:
        """Rows of one source and set are written together."""
        return self.source, self.set


def write_search_rows(path: Path, rows: Sequence[SearchRow], *, about: Mapping[str, Any]) -> None:
    """Write the rows of one source and set in the place of the older ones.

    Args:
        path: of ``search.json``; it need not exist.
        rows: of one source, at least one.
        about: command, date and findings of these rows, which stand beside them under the names of source and set.

    Raises:
        FormatError: the file holds something else.
    """
    kept = RowFile(path, SearchRow, command=COMMAND, about={}).about
    source, name = rows[0].source, rows[0].set
    others = {other: of for other, of in kept.get(source, {}).items() if other in get_args(SetName)}
    sets = others | {name: dict(about)}
    RowFile(path, SearchRow, command=COMMAND, about=kept | {source: sets}).add(rows)


def read_search_rows(path: Path, *, source: Source) -> tuple[list[SearchRow], dict[str, Any]]:
    """The rows of a source, and what stands beside them by set.

    Raises:
        FormatError: the file holds something else.
    """
    file = RowFile(path, SearchRow, command=COMMAND, about={})
    return [row for row in file.rows if row.source == source], dict(file.about.get(source, {}))
