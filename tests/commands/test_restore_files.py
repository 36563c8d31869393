"""``restore`` at the command line: where results go, and what they hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from dipsearch.commands.main import run

NETWORK = "dipsearch_nearest_16"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a picture, a mask, and a film of two frames of twelve bits."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32]
    unit = 0.5 + 0.4 * np.sin(rows / 6) * np.cos(columns / 5)
    colours = np.rint(np.stack([unit, unit**2, 1 - unit], axis=2) * 255).astype(np.uint8)
    Image.fromarray(colours).save("photo.jpg", quality=90, dpi=(300, 300))
    mask = np.zeros((32, 32), np.uint8)
    mask[10:15, 12:17] = 1
    Image.fromarray(mask).save("hole.png")
    film = np.stack([2000 * unit + random.normal(0, 80, unit.shape) for _ in range(2)])
    tifffile.imwrite("film.tif", np.clip(np.rint(film), 0, 4095).astype(np.uint16), photometric="minisblack")
    return tmp_path


def test_a_hole_is_filled_and_everything_else_is_as_decoded(folder: Path) -> None:
    decoded = np.asarray(Image.open("photo.jpg"))
    words = [
        "restore",
        NETWORK,
        "photo.jpg",
        "--task",
        "inpaint",
        "--mask",
        "hole.png",
        "--budget",
        "1s",
        "-q",
    ]
    assert run(words) == 2  # white is to be filled in this mask
    assert not (folder / "restored").exists()
    assert run([*words, "--invert-mask"]) == 0
    written = np.asarray(Image.open("restored/photo.png"))
    hole = np.asarray(Image.open("hole.png")) > 0
    assert np.array_equal(written[~hole], decoded[~hole])
    assert Image.open("restored/photo.png").info["dpi"] == pytest.approx((300, 300), abs=0.01)
    assert run([*words, "--invert-mask", "--out", "hole.png"]) == 2
    assert run([*words, "--invert-mask", "--out", "other.webp"]) == 0
    other = np.asarray(Image.open("other.webp"))  # without loss; how much time the hole had is another matter
    assert np.array_equal(other[~hole], decoded[~hole])


def test_a_film_is_restored_frame_by_frame_where_it_is_said_to_be_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "restore",
        NETWORK,
        "film.tif",
        "--task",
        "denoise",
        "--sigma",
        "80",
        "--budget",
        "2s",
        "-o",
        "out",
    ]
    assert run(words) == 2
    assert "--axes TYX" in capsys.readouterr().err and not (folder / "out").exists()
    assert run([*words, "--axes", "TYX"]) == 0
    assert "sigma 80 in the file's units" in capsys.readouterr().out
    restored, film = tifffile.imread("out/film.tif"), tifffile.imread("film.tif")
    assert restored.shape == film.shape and restored.dtype == np.uint16
    assert 20 < np.std(restored - film.astype(float)) < 110
