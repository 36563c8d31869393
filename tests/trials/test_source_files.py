"""Which files a study was made from: pictures, planes of a film, masks beside them."""

from __future__ import annotations

from pathlib import Path

from dipsearch.problem import TaskOptions
from dipsearch.trials.request import Request
from dipsearch.trials.source_files import is_known, known_sources, write_sources

OPTIONS = TaskOptions("inpaint")


def written(folder: Path, source: str) -> dict[str, str]:
    write_sources(folder, Request((source,), OPTIONS, name="one"))
    return known_sources(folder)


def test_planes_of_a_film_are_known_by_the_file(tmp_path: Path) -> None:
    film = tmp_path / "film.tif"
    film.write_bytes(b"ten frames")
    known = written(tmp_path, f"{film}[3]")
    assert list(known) == [str(film)]
    assert is_known(f"{film}[3]", OPTIONS, known)
    film.write_bytes(b"ten others")
    assert not is_known(f"{film}[3]", OPTIONS, known)


def test_the_mask_beside_a_picture_belongs_to_it(tmp_path: Path) -> None:
    picture, mask = tmp_path / "wall.png", tmp_path / "Wall_Mask.png"
    picture.write_bytes(b"a wall")
    mask.write_bytes(b"a hole")
    known = written(tmp_path, str(picture))
    assert set(known) == {str(picture), str(mask)}
    assert is_known(str(picture), OPTIONS, known)
    mask.write_bytes(b"another hole")
    assert not is_known(str(picture), OPTIONS, known)


def test_a_mask_that_came_later_is_not_looked_at(tmp_path: Path) -> None:
    picture = tmp_path / "wall.png"
    picture.write_bytes(b"a wall")
    known = written(tmp_path, str(picture))
    (tmp_path / "wall_mask.png").write_bytes(b"a hole")
    assert not is_known(str(picture), OPTIONS, known)
