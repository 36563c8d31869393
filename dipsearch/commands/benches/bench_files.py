"""``dipsearch bench files``: what of picture files of every kind survives a restoration besides the pixels."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from . import bench_options as shared


def files(
    out: shared.Out = shared.FOLDER,
) -> None:
    """Make files of every kind, restore and write them, and compare what is no pixel before and after."""
    from ... import __version__
    from ...bench.files.odd_files import odd_files
    from ...bench.files.round_trips import in_lines, round_trip

    with tempfile.TemporaryDirectory(prefix="dipsearch-") as folder:
        trips = [round_trip(odd, Path(folder)) for odd in odd_files()]
    for line in in_lines(trips):
        print(line)
    values = {
        "command": "dipsearch bench files",
        "version": __version__,
        "outcomes": dict(Counter(trip.outcome for trip in trips)),
        "files": [trip.to_dict() for trip in trips],
    }
    shared.write_json(out / "round_trip.json", values)
    print(f"written: {out / 'round_trip.json'}")
