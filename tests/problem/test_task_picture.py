"""What a picture file tells of the noise in it, where its task does not look for noise."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from dipsearch.patches import answer
from dipsearch.problem import Downsample, JpegSet, TaskOptions, load_case, psnr
from dipsearch.problem.simulation import blur_of

SIDE = 64


def coffee() -> torch.Tensor:
    """A crop at half its size, (1, 3, 64, 64) in [0, 1]."""
    whole = torch.from_numpy(data.coffee()[100 : 100 + 2 * SIDE, 160 : 160 + 2 * SIDE]).permute(2, 0, 1)[None]
    return torch.nn.functional.avg_pool2d(whole.float() / 255, 2)


def stored(path: Path, y: torch.Tensor, *, quality: int) -> Path:
    values = (y.clamp(0, 1) * 255).round()[0].permute(1, 2, 0).numpy().astype(np.uint8)
    Image.fromarray(values).save(path, quality=quality)
    return path


def test_what_a_jpeg_lost_is_not_undone_with_the_blur(tmp_path: Path) -> None:
    clean = coffee()
    path = stored(tmp_path / "b.jpg", blur_of("gaussian:1.5")[0].A(clean), quality=85)
    case = load_case(str(path), TaskOptions("deblur", kernel="gaussian:1.5"), seed=0)
    assert case.problem.noise.sigma == 2 * JpegSet.of_file(path).sigma
    assert any("JPEG" in note for note in case.notes)
    assert psnr(answer(case.problem), clean) > psnr(case.problem.y, clean) + 2


def test_what_a_jpeg_lost_is_not_enlarged(tmp_path: Path) -> None:
    clean = coffee()
    path = stored(tmp_path / "s.jpg", Downsample(2, (1, 3, SIDE, SIDE)).A(clean), quality=50)
    case = load_case(str(path), TaskOptions("sr", factor=2), seed=0)
    assert case.problem.noise.sigma == JpegSet.of_file(path).sigma / 2
    assert any("JPEG" in note for note in case.notes)
    exact = load_case(str(plain(path)), TaskOptions("sr", factor=2), seed=0)
    assert exact.problem.noise.kind == "none"
    assert psnr(answer(case.problem), clean) > psnr(answer(exact.problem), clean) + 0.3


def plain(path: Path) -> Path:
    """The same pixels as PNG, of which nobody knows that they were a JPEG's."""
    copy = path.with_suffix(".png")
    Image.open(path).save(copy)
    return copy


def test_a_jpeg_whose_colours_are_sampled_otherwise_is_read_all_the_same(tmp_path: Path) -> None:
    values = (coffee()[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "s.jpg", quality=80, subsampling="4:2:2")
    assert (
        load_case(str(tmp_path / "s.jpg"), TaskOptions("sr", factor=2), seed=0).problem.noise.kind == "none"
    )


def test_noise_is_not_enlarged(tmp_path: Path) -> None:
    small = coffee()
    noisy = small + 10 / 255 * torch.randn(small.shape, generator=torch.Generator().manual_seed(0))
    case = load_case(
        str(stored(tmp_path / "n.png", noisy, quality=100)), TaskOptions("sr", factor=2, kernel="box"), seed=0
    )
    assert case.problem.noise.sigma is not None
    assert 255 * case.problem.noise.sigma == pytest.approx(10, rel=0.15)
    assert any("the picture has noise of sigma " in note for note in case.notes)
    clean = load_case(
        str(stored(tmp_path / "c.png", small, quality=100)), TaskOptions("sr", factor=2, kernel="box"), seed=0
    )
    assert clean.problem.noise.kind == "none"
