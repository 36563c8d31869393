"""Masks of all programs: understood where they can be, and refused with the remedy where they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

from dipsearch.errors import InputError
from dipsearch.problem import TaskOptions, load_case, write_restored
from dipsearch.problem.mask_file import read_mask_file

SIDE = 64


def holes() -> Image.Image:
    """White where something is to be filled: a stroke and a block."""
    mask = Image.new("L", (SIDE, SIDE), 0)
    draw = ImageDraw.Draw(mask)
    draw.line((6, 10, 58, 50), fill=255, width=4)
    draw.rectangle((40, 8, 50, 18), fill=255)
    return mask


def keep() -> np.ndarray:
    return 255 - np.asarray(holes())


def read(path: Path, *, invert: bool = False) -> np.ndarray:
    return read_mask_file(path, height=SIDE, width=SIDE, invert=invert).observed[0, 0].numpy()


def saved(path: Path, pixels: np.ndarray | Image.Image) -> Path:
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(path)
    return path


def test_white_is_measured_and_the_other_way_round(tmp_path: Path) -> None:
    expected = (keep() > 0).astype(float)
    assert np.array_equal(read(saved(tmp_path / "a.png", keep())), expected)
    assert np.array_equal(read(saved(tmp_path / "b.png", holes()), invert=True), expected)
    assert np.array_equal(read(saved(tmp_path / "c.png", keep() // 255)), expected)  # 0 and 1
    assert np.array_equal(read(saved(tmp_path / "d.png", keep() > 0)), expected)
    sixteen = Image.fromarray((keep() // 255).astype(np.uint16))
    assert np.array_equal(read(saved(tmp_path / "e.png", sixteen)), expected)
    labels = np.where(keep() > 0, 7, 3).astype(np.uint8)
    assert np.array_equal(read(saved(tmp_path / "f.png", labels)), expected)


def test_a_mask_that_paints_white_what_is_to_be_filled_is_refused_with_the_remedy(tmp_path: Path) -> None:
    wrong = saved(tmp_path / "a.png", holes())
    with pytest.raises(InputError, match=r"9\d % of the pixels would be missing.*IOPaint.*add --invert-mask"):
        read(wrong)
    right = saved(tmp_path / "b.png", keep())
    with pytest.raises(InputError, match=r"leave out --invert-mask"):
        read(right, invert=True)


def test_pixels_that_are_missing_here_and_there_are_not_mistaken(tmp_path: Path) -> None:
    scattered = (np.random.default_rng(0).random((SIDE, SIDE)) < 0.05).astype(np.uint8) * 255
    assert read(saved(tmp_path / "a.png", scattered)).mean() == pytest.approx(0.05, abs=0.01)


def test_a_missing_frame_is_remarked_on(tmp_path: Path) -> None:
    frame = np.zeros((SIDE, SIDE), np.uint8)
    frame[6:-6, 6:-6] = 255
    found = read_mask_file(saved(tmp_path / "a.png", frame), height=SIDE, width=SIDE)
    assert found.observed.mean() == pytest.approx((52 / 64) ** 2)
    assert "the whole border is missing" in found.sentences[0] and "--invert-mask" in found.sentences[0]


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_the_soft_edge_of_a_stroke_is_missing(tmp_path: Path, suffix: str) -> None:
    soft = holes().filter(ImageFilter.GaussianBlur(1))
    inverted = Image.fromarray(255 - np.asarray(soft))
    for path, invert in (
        (saved(tmp_path / f"a{suffix}", soft), True),
        (saved(tmp_path / f"b{suffix}", inverted), False),
    ):
        missing = read(path, invert=invert) == 0
        assert (missing | (np.asarray(holes()) == 0)).all()  # all of what was painted
        assert missing.sum() > 1.2 * (np.asarray(holes()) > 0).sum()  # and its edge
        assert missing.mean() < 0.25


def test_a_mask_drawn_as_transparency_is_read(tmp_path: Path) -> None:
    layers = np.dstack([np.zeros((SIDE, SIDE, 3), np.uint8), keep()])
    found = read_mask_file(saved(tmp_path / "a.png", layers), height=SIDE, width=SIDE)
    assert np.array_equal(found.observed[0, 0].numpy(), keep() / 255)
    assert "opaque is measured" in found.sentences[0]


@pytest.mark.parametrize("name", ["photo_mask.png", "photo_MASK.PNG", "Photo_Mask.png"])
def test_the_mask_beside_a_picture_may_differ_in_case(tmp_path: Path, name: str) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    saved(tmp_path / "photo.png", colours)
    saved(tmp_path / name, keep())
    case = load_case(str(tmp_path / "photo.png"), TaskOptions("inpaint"), seed=0)
    assert case.simulation is None and f"(mask {name} beside the picture)" in case.notes[0]


def test_a_mask_whose_holes_touch_the_border_is_seen_to_be_the_other_way_round(tmp_path: Path) -> None:
    painted = np.zeros((96, 96), np.uint8)  # white is to be filled in, as OpenCV has it
    for top, left in ((0, 20), (40, 40), (70, 10), (30, 88)):
        painted[top : top + 14, left : left + 14] = 255
    saved(tmp_path / "mask.png", painted)
    with pytest.raises(InputError, match="add --invert-mask"):
        read_mask_file(tmp_path / "mask.png", height=96, width=96)
    assert read_mask_file(tmp_path / "mask.png", height=96, width=96, invert=True).sentences == ()


def test_most_of_a_picture_missing_in_one_piece_is_remarked_on(tmp_path: Path) -> None:
    mask = np.zeros((96, 96), np.uint8)
    mask[:, :40] = 255
    saved(tmp_path / "mask.png", mask)
    (said,) = read_mask_file(tmp_path / "mask.png", height=96, width=96).sentences
    assert "58 % of the pixels are missing" in said and "--invert-mask" in said


@pytest.mark.parametrize("missing", [0.7, 0.9, 0.98])
def test_scattered_missing_pixels_are_no_piece(tmp_path: Path, missing: float) -> None:
    mask = (np.random.default_rng(0).random((96, 96)) >= missing).astype(np.uint8) * 255
    found = read_mask_file(saved(tmp_path / "m.png", mask), height=96, width=96)
    assert found.sentences == ()


def test_a_mask_of_which_next_to_all_is_missing_is_not_said_to_be_all_of_it(tmp_path: Path) -> None:
    mask = np.zeros((400, 400), np.uint8)
    mask[200:212, 200:242] = 255
    with pytest.raises(InputError, match=r" 99\.7 % of the pixels would be missing"):
        read_mask_file(saved(tmp_path / "m.png", mask), height=400, width=400)
    mask[...] = 0
    mask[200:208, 200:208] = 255
    with pytest.raises(InputError, match=r" more than 99\.9 % of the pixels would be missing"):
        read_mask_file(saved(tmp_path / "m.png", mask), height=400, width=400)


@pytest.mark.parametrize("invert", [False, True])
def test_a_photo_is_no_mask_whichever_way_round(tmp_path: Path, invert: bool) -> None:
    photo = saved(tmp_path / "photo.png", data.coffee()[100 : 100 + SIDE, 200 : 200 + SIDE])
    with pytest.raises(InputError, match="is a picture in colours") as error:
        read(photo, invert=invert)
    assert "invert" not in str(error.value)
    red = np.stack([keep(), *[np.where(keep() > 0, 255, 40)] * 2], axis=2).astype(np.uint8)
    assert 0 < read(saved(tmp_path / "red.png", red)).mean() < 1  # two colours are two values


def test_gaps_of_a_picture_may_be_what_a_mask_says_is_missing(tmp_path: Path) -> None:
    x = data.coffee()[100 : 100 + SIDE, 200 : 200 + SIDE].astype(np.float32) / 255
    gap = keep() == 0
    x[gap] = np.nan
    x[tuple(np.argwhere(gap)[0])] = np.inf
    tifffile.imwrite(tmp_path / "x.tif", x, photometric="rgb")
    mask = saved(tmp_path / "told.png", keep())
    case = load_case(str(tmp_path / "x.tif"), TaskOptions("inpaint", mask=str(mask)), seed=0)
    assert np.isfinite(case.problem.y.numpy()).all()
    assert (case.problem.observed[0, 0].numpy() == 0).sum() == gap.sum()
    write_restored(tmp_path / "out.tif", case.problem.y + 0.5 * (1 - case.problem.observed), case)
    back = tifffile.imread(tmp_path / "out.tif")
    assert np.isfinite(back).all() and np.array_equal(back[~gap], x[~gap])
    x[~gap] = np.where(np.arange((~gap).sum()) < 2, np.nan, 0.5)[:, None]
    tifffile.imwrite(tmp_path / "x.tif", x, photometric="rgb")
    with pytest.raises(InputError, match="6 values that are NaN or infinite outside of what is missing"):
        load_case(str(tmp_path / "x.tif"), TaskOptions("inpaint", mask=str(mask)), seed=0)
    with pytest.raises(InputError, match="with --task inpaint mark them"):
        load_case(str(tmp_path / "x.tif"), TaskOptions("sr"), seed=0)


PHOTO = data.chelsea()[60 : 60 + SIDE, 120 : 120 + SIDE] // 2 + 64  # without black and white


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize(
    ("mode", "paint"), [("L", 255), ("L", 0), ("RGB", (255, 0, 0)), ("RGB", (0, 0, 255))]
)
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_in_a_copy_of_the_picture_what_was_painted_over_is_missing(
    tmp_path: Path, suffix: str, mode: str, paint: object, invert: bool
) -> None:
    saved(tmp_path / "photo.png", PHOTO)
    copy, stroke = Image.fromarray(PHOTO).convert(mode), Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(copy).line((8, 8, 50, 50), fill=paint, width=6)
    ImageDraw.Draw(stroke).line((8, 8, 50, 50), fill=1, width=6)
    copy.save(tmp_path / f"drawn{suffix}", quality=90)
    told = TaskOptions("inpaint", mask=str(tmp_path / f"drawn{suffix}"), invert_mask=invert)
    case = load_case(str(tmp_path / "photo.png"), told, seed=0)
    missing, painted = case.problem.observed[0, 0].numpy() == 0, np.asarray(stroke) > 0
    assert (missing & painted).sum() >= 0.99 * painted.sum()
    assert missing.sum() < 2.2 * painted.sum()
    assert any(
        "the picture itself, painted over: what was painted over is missing" in note for note in case.notes
    )


def test_paint_in_a_colour_of_the_picture_is_refused(tmp_path: Path) -> None:
    page = np.full((SIDE, SIDE), 250, np.uint8)
    page[20:50, 8:56] = PHOTO[20:50, 8:56].mean(2)
    picture = torch.from_numpy(page)[None, None] / 255
    drawn = page.copy()
    drawn[10:24, 30:36] = 250  # of which the half lies on paper
    with pytest.raises(
        InputError, match=r"the picture itself, with paint that has the colour.*in a colour that it"
    ):
        read_mask_file(saved(tmp_path / "a.png", drawn), height=SIDE, width=SIDE, picture=picture)
    with pytest.raises(InputError, match="the picture itself, with nothing painted over it"):
        read_mask_file(saved(tmp_path / "b.png", page), height=SIDE, width=SIDE, picture=picture)


def test_a_soft_mask_of_a_page_is_not_taken_for_the_page(tmp_path: Path) -> None:
    page = np.full((SIDE, SIDE), 255, np.uint8)
    page[8:-8:6, 8:-8] = 0
    soft = np.asarray(Image.fromarray(keep()).filter(ImageFilter.GaussianBlur(1)))
    path = saved(tmp_path / "a.png", soft)
    found = read_mask_file(path, height=SIDE, width=SIDE, picture=torch.from_numpy(page)[None, None] / 255)
    assert torch.equal(found.observed, read_mask_file(path, height=SIDE, width=SIDE).observed)
