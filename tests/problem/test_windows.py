"""Where little of a large picture is missing, the work is done around the holes, and all else stays as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dipsearch.problem import TaskOptions, load_case, write_image, write_restored
from dipsearch.problem.windows import MARGIN, windows_around

HEIGHT, WIDTH = 900, 1200


def missing(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    found = np.zeros((HEIGHT, WIDTH), dtype=bool)
    for top, left, height, width in boxes:
        found[top : top + height, left : left + width] = True
    return found


def test_one_hole_is_seen_with_its_margin() -> None:
    hole = missing((400, 500, 30, 60))
    windows = windows_around(hole)
    assert windows is not None and len(windows.corners) == 1
    (top, left) = windows.corners[0]
    assert top <= 400 - MARGIN and left <= 500 - MARGIN
    assert top + windows.height >= 430 + MARGIN and left + windows.width >= 560 + MARGIN
    assert windows.height * windows.width < 0.1 * hole.size


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_distant_holes_have_windows_of_their_own(count: int) -> None:
    hole = missing(*((20 + 150 * n, 40 + 240 * n, 20 + n, 30) for n in range(count)))
    windows = windows_around(hole)
    assert windows is not None and len(windows.corners) == count
    parts = windows.cut(torch.from_numpy(hole)[None, None])
    assert int(parts.sum()) == int(hole.sum())
    assert parts.numel() < 0.5 * hole.size


def test_what_is_put_back_are_the_holes_alone() -> None:
    hole = missing((0, 0, 20, 20), (880, 1150, 20, 50), (10, 1180, 15, 20))
    windows = windows_around(hole)
    assert windows is not None
    picture = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    bits = torch.from_numpy(hole)[None, None].float()
    whole = windows.inserted(picture, 2 + windows.cut(picture), missing=bits)
    assert torch.equal(whole, torch.where(bits > 0, picture + 2, picture))


def test_a_small_picture_scattered_pixels_and_large_holes_are_worked_on_as_a_whole() -> None:
    assert windows_around(missing((400, 500, 30, 60))[380:560, 420:700]) is None
    scattered = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.02
    assert windows_around(scattered) is None
    assert windows_around(missing((100, 100, 700, 900))) is None


@pytest.mark.parametrize("kind", ["RGB", "L", "16"])
def test_everything_else_has_the_pixel_values_that_were_decoded(tmp_path: Path, kind: str) -> None:
    random = np.random.default_rng(1)
    shape = (300, 400, 3) if kind == "RGB" else (300, 400)
    pixels = random.integers(0, 40000 if kind == "16" else 256, shape).astype(
        np.uint16 if kind == "16" else np.uint8
    )
    suffix = ".jpg" if kind == "RGB" else ".png"
    Image.fromarray(pixels).save(tmp_path / f"photo{suffix}")
    decoded = np.asarray(Image.open(tmp_path / f"photo{suffix}"))
    observed = torch.ones(1, 1, 300, 400)
    observed[..., 100:120, 50:70] = 0
    write_image(tmp_path / "mask.png", observed)
    options = TaskOptions("inpaint", mask=str(tmp_path / "mask.png"))
    case = load_case(str(tmp_path / f"photo{suffix}"), options, seed=0)
    assert case.windows is not None and case.problem.image_shape[-2:] == (
        case.windows.height,
        case.windows.width,
    )
    assert any("around the holes" in note for note in case.notes)
    whole = case.whole_problem
    assert torch.equal(whole.observed, observed) and torch.equal(
        whole.operator.A(whole.y), whole.y * observed
    )
    assert torch.equal(case.windows.cut(whole.y) * case.problem.observed, case.problem.y)
    write_restored(tmp_path / "out.png", torch.full(case.problem.image_shape, 0.5), case)
    written = np.asarray(Image.open(tmp_path / "out.png"))
    hole = observed[0, 0].numpy() == 0
    assert written.dtype == decoded.dtype and np.array_equal(written[~hole], decoded[~hole])
    middle = 0.5 * case.range.span
    assert np.allclose(written[hole], middle, atol=1)
    assert load_case(str(tmp_path / f"photo{suffix}"), options, seed=0, whole=True).windows is None
