"""Of a large picture with a small hole parts are worked on, and the page shows all of it, too."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from dipsearch.problem import TaskOptions, load_case, write_image
from dipsearch.problem.restored_picture import write_restored
from dipsearch.report.pictures import pictures_of
from dipsearch.run import PictureRecord


def photo_with_a_hole(folder: Path) -> TaskOptions:
    """300 rows of 400 pixels, of which 20 × 20 are missing."""
    random = np.random.default_rng(1)
    Image.fromarray(random.integers(0, 256, (300, 400, 3)).astype(np.uint8)).save(folder / "photo.png")
    observed = torch.ones(1, 1, 300, 400)
    observed[..., 100:120, 50:70] = 0
    write_image(folder / "mask.png", observed)
    return TaskOptions("inpaint", mask=str(folder / "mask.png"))


def test_the_page_shows_the_whole_picture_before_the_parts(tmp_path: Path, make_study) -> None:
    case = load_case(str(tmp_path / "photo.png"), photo_with_a_hole(tmp_path), seed=0)
    restored = tmp_path / "restored.png"
    write_restored(restored, torch.full(case.problem.image_shape, 0.5), case)
    picture = PictureRecord("photo", case, restored, None)
    whole, parts = pictures_of(replace(make_study(), pictures=(picture,)))
    assert (whole.name, whole.size) == ("photo: all of it", (400, 300))
    assert [layer.title for layer in whole.pictures] == ["measured", "restored"]
    assert parts.name == "photo: what was worked on" and parts.size == case.problem.image_shape[:1:-1]


def test_the_whole_picture_is_read_back_with_its_hole_filled(tmp_path: Path) -> None:
    case = load_case(str(tmp_path / "photo.png"), photo_with_a_hole(tmp_path), seed=0)
    restored = tmp_path / "restored.png"
    write_restored(restored, torch.full(case.problem.image_shape, 0.5), case)
    assert case.whole is not None
    pixels, observed = case.whole
    found = PictureRecord("photo", case, restored, None).read_whole(restored)
    assert int((observed == 0).sum()) == 400
    assert torch.equal(found * observed, pixels * observed)
    assert float((found[..., 100:120, 50:70] - 0.5).abs().max()) <= 0.5 / 255 + 1e-6


def test_a_small_picture_is_whole_anyway(make_study) -> None:
    (only,) = pictures_of(make_study())
    assert only.name == "cat"
