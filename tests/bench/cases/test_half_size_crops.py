"""Crops: the middle, of pictures that are halved while they are roomy, under a name of their own."""

from pathlib import Path

import pytest
import torch

from dipsearch.bench.cases.half_size_crops import crop_name, middle_crop, refuse_namesakes, write_crop
from dipsearch.errors import InputError
from dipsearch.problem import read_image, write_image


def test_a_small_picture_is_cropped_as_it_is() -> None:
    pixels = torch.rand(1, 3, 48, 50, generator=torch.Generator().manual_seed(0))
    assert torch.equal(middle_crop(pixels, side=16, source="x"), pixels[..., 16:32, 17:33])
    assert torch.equal(middle_crop(pixels[..., :16, :16], side=16, source="x"), pixels[..., :16, :16])


def test_a_picture_of_more_than_three_crops_is_halved_before() -> None:
    plane = torch.arange(52.0).repeat(49, 1)[None, None]  # its columns count
    assert middle_crop(plane, side=16, source="x")[0, 0, 0, :2].tolist() == [10.5, 12.5]
    assert middle_crop(plane.repeat(1, 1, 3, 3), side=16, source="x").shape == (1, 1, 16, 16)


def test_too_small_a_picture_is_refused() -> None:
    with pytest.raises(InputError, match=r"boat\.png is 20 × 15; 16 × 16 pixels are cut out of it"):
        middle_crop(torch.rand(1, 1, 15, 20), side=16, source="boat.png")


def test_a_crop_is_a_file_with_a_name_of_its_own(tmp_path: Path) -> None:
    picture = tmp_path / "boat.png"
    write_image(picture, torch.rand(1, 1, 40, 40))
    (tmp_path / "crops").mkdir()
    path = Path(write_crop(str(picture), side=32, folder=tmp_path / "crops"))
    assert path == tmp_path / "crops" / "boat@32.png"
    assert torch.equal(read_image(path).pixels, read_image(picture).pixels[..., 4:36, 4:36])
    assert crop_name("sample:coffee", side=128) == "coffee@128"


def test_crops_of_one_name_are_refused() -> None:
    refuse_namesakes(["a/x.png", "b/y.png"], side=32)
    with pytest.raises(InputError, match="the crops of two pictures are called coffee@32"):
        refuse_namesakes(["sample:coffee", "b/coffee.png"], side=32)
