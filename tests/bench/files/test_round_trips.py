"""What of a picture file is no pixel survives a restoration, whatever kind of file it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from dipsearch.bench.files.kept_parts import lost_parts, parts_of
from dipsearch.bench.files.odd_files import odd_files
from dipsearch.bench.files.odd_pixels import OddFile
from dipsearch.bench.files.round_trips import round_trip

COMMITTED = Path(__file__).parents[3] / "benchmarks" / "round_trip.json"
FILES = odd_files()
FILMS = [odd for odd in FILES if odd.name.startswith(("film", "depths", "channels_of"))]


@pytest.mark.parametrize("odd", FILES, ids=[odd.name for odd in FILES])
def test_what_is_no_pixel_is_kept(odd: OddFile, tmp_path: Path) -> None:
    found = round_trip(odd, tmp_path)
    if odd.refused:
        assert found.outcome == "refused" and odd.refused in found.words
        assert found.words.count(";") == 2 and not (tmp_path / "out").exists()
    else:
        assert found.outcome == "kept", found.lost
        assert found.parts >= 11
    if odd in FILMS:
        has_all_planes(odd, tmp_path)


def has_all_planes(odd: OddFile, folder: Path) -> None:
    """A film came back with all of its planes, each brought a little nearer to the middle of its range."""
    (written,) = (folder / "out").glob(f"{odd.name}*")
    before, after = tifffile.imread(folder / odd.name), tifffile.imread(written)
    assert before.shape == after.shape and before.dtype == after.dtype and len(before) > 1
    for one, other in zip(before, after, strict=True):
        assert not np.array_equal(one, other)
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99


def test_films_are_there_along_every_axis() -> None:
    assert len(FILMS) == 6


def test_all_orientations_are_there_in_three_formats() -> None:
    names = {odd.name for odd in FILES}
    assert {f"turned{n}.{kind}" for n in range(1, 9) for kind in ("png", "jpg", "tif")} <= names


def test_the_committed_table_has_all_files() -> None:
    table = json.loads(COMMITTED.read_text(encoding="utf-8"))
    outcomes = {row["file"]: row["outcome"] for row in table["files"]}
    assert outcomes == {odd.name: "refused" if odd.refused else "kept" for odd in FILES}
    assert len(outcomes) >= 60


def test_the_comparison_sees_what_is_lost(tmp_path: Path) -> None:
    files = {odd.name: odd for odd in FILES}
    for name in ("camera.png", "profile.png", "rgb8_profile.tif", "rgb8.png", "grey8.tif"):
        files[name].write(tmp_path / name)
    parts = {name: parts_of(tmp_path / name) for name in ("camera.png", "profile.png", "rgb8.png")}
    assert lost_parts(parts["camera.png"], parts["rgb8.png"], {}) == ["camera", "exif", "place", "profile"]
    assert lost_parts(parts["profile.png"], parts["rgb8.png"], {}) == ["dpi", "profile"]
    lost = lost_parts(parts_of(tmp_path / "rgb8_profile.tif"), parts_of(tmp_path / "grey8.tif"), {})
    assert {"tag 34675 InterColorProfile", "tag 282 XResolution", "tag 315 Artist"} <= set(lost)
