"""The literature's protocols: what is measured is made as its code makes it, and pictures are found by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dipsearch.bench.cases.rival_case import make_case
from dipsearch.bench.published.published_table import FIGURES
from dipsearch.bench.published.published_tasks import SETS, TASKS, chosen_pictures
from dipsearch.errors import InputError
from dipsearch.problem import read_image, write_image


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """203 × 234 pixels of noise: every offset and every rounding shows."""
    path = tmp_path / "photo.png"
    write_image(path, torch.rand(1, 3, 203, 234, generator=torch.Generator().manual_seed(0)))
    return path


def test_noise_is_clipped_and_not_rounded_and_its_strength_is_told(photo: Path, tmp_path: Path) -> None:
    case = make_case(str(photo), TASKS["denoise"].damage, seed=3, folder=tmp_path)
    clean = read_image(photo).pixels.double().numpy()
    noise = np.random.default_rng(3).normal(scale=25 / 255, size=clean.shape)
    expected = np.clip(clean + noise, 0, 1).astype(np.float32)
    assert case.file.suffix == ".tiff"
    assert np.array_equal(case.problem.y.numpy(), expected)
    assert case.problem.noise.source == "given" and case.problem.noise.sigma == pytest.approx(25 / 255)


@pytest.mark.parametrize("factor", [4, 8])
def test_enlarging_begins_with_blocks_then_the_middle_then_pillow(
    photo: Path, tmp_path: Path, factor: int
) -> None:
    case = make_case(str(photo), TASKS[f"sr{factor}"].damage, seed=0, folder=tmp_path)
    # Blocks of either factor cover 200 × 232 from the corner on; the middle is that of these, not the picture's.
    with Image.open(photo) as picture:
        middle = picture.crop((4, 4, 4 + 224, 4 + 192))
        small = middle.resize((224 // factor, 192 // factor), Image.Resampling.LANCZOS)
    assert np.array_equal((case.clean[0] * 255).round().permute(1, 2, 0).byte().numpy(), np.asarray(middle))
    assert np.array_equal(
        (case.problem.y[0] * 255).round().permute(1, 2, 0).byte().numpy(), np.asarray(small)
    )
    assert case.problem.image_shape == (1, 3, 192, 224)


def test_half_of_the_grey_pixels_are_missing_each_by_its_own_draw(tmp_path: Path) -> None:
    write_image(tmp_path / "grey.png", torch.rand(1, 1, 48, 64))
    case = make_case(str(tmp_path / "grey.png"), TASKS["inpaint"].damage, seed=1, folder=tmp_path / "files")
    expected = np.random.default_rng(1).random((48, 64)) >= 0.5
    assert np.array_equal(case.problem.observed[0, 0].numpy() > 0, expected)
    assert case.problem.image_shape == (1, 1, 48, 64)


def test_a_picture_smaller_than_the_middle_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "tiny.png", torch.rand(1, 3, 31, 64))
    with pytest.raises(InputError, match="at least 32 pixels"):
        make_case(str(tmp_path / "tiny.png"), TASKS["sr4"].damage, seed=0, folder=tmp_path / "files")


def test_pictures_are_chosen_by_task_set_and_name(tmp_path: Path) -> None:
    for name in ("set5/bird", "set14/man", "inpainting11/man"):
        write_image(tmp_path / f"{name}.png", torch.rand(1, 1, 16, 16))
    chosen = chosen_pictures(tmp_path, rows=["sr4", "inpaint"], sets=None, pictures=["man", "bird"])
    assert [(one.task.name, one.set, one.name) for one in chosen] == [
        ("sr4", "set5", "bird"),
        ("sr4", "set14", "man"),
        ("inpaint", "inpainting11", "man"),
    ]
    chosen = chosen_pictures(tmp_path, rows=["sr8", "sr4"], sets=["set5"], pictures=["bird"])
    assert [one.task.name for one in chosen] == ["sr8", "sr4"]


@pytest.mark.parametrize(
    ("rows", "sets", "pictures", "words"),
    [
        (["sr2"], None, None, "there is no row 'sr2'"),
        (["sr4"], ["set9"], None, "there is no set 'set9'"),
        (["sr4"], None, ["cat"], "there is no picture 'cat'"),
        (["denoise"], ["set5"], None, "none of the rows, sets and pictures"),
        (["denoise"], None, ["bird"], "none of the rows, sets and pictures"),
        (["denoise"], None, ["F16"], r"F16\.png is not there"),
    ],
)
def test_what_cannot_be_chosen_is_refused(
    tmp_path: Path, rows: list[str], sets: list[str] | None, pictures: list[str] | None, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        chosen_pictures(tmp_path, rows=rows, sets=sets, pictures=pictures)


def test_the_sets_have_the_sizes_of_the_literature() -> None:
    sizes = {name: len(set(pictures)) for name, pictures in SETS.items()}
    assert sizes == {"standard9": 9, "set5": 5, "set14": 14, "inpainting11": 11}


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: f"{figure.task}-{figure.set}-{figure.method}")
def test_published_figures_belong_to_a_set_and_single_ones_have_their_mean(figure) -> None:
    assert figure.set in TASKS[figure.task].sets and 20 < figure.mean < 40
    if figure.pictures:
        assert set(figure.pictures) == set(SETS[figure.set])
        assert sum(figure.pictures.values()) / len(figure.pictures) == pytest.approx(figure.mean, abs=0.006)
