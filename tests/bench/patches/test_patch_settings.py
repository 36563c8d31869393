"""The settings, measured one by one: a row each, none twice, and again where a setting has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dipsearch.bench.patches.patch_rows import PatchRow
from dipsearch.bench.patches.patch_settings import Tuning, measure_settings
from dipsearch.bench.patches.patch_variants import STANDARD, Variant
from dipsearch.bench.shared.row_file import RowFile
from dipsearch.patches import DEFAULT, QUICK, PatchSettings
from dipsearch.problem import Problem, psnr, read_image, write_image

VARIANTS = (
    Variant(STANDARD, DEFAULT, ("denoise", "inpaint", "sr")),
    Variant("patch 4", replace(DEFAULT, patch=4), ("denoise",)),
)


class Restorations:
    """In the place of similar patches: a grey that depends on the settings."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def __call__(self, problem: Problem, *, settings: PatchSettings) -> Tensor:
        assert torch.get_num_threads() == 1 and problem.image_shape == (1, 3, 64, 64)
        if settings is not QUICK:
            self.asked.append((problem.task, settings.patch))
        return torch.full(problem.image_shape, settings.patch / 10)


@pytest.fixture
def picture(tmp_path: Path) -> str:
    half = torch.rand(1, 3, 67, 64, generator=torch.Generator().manual_seed(0))
    write_image(tmp_path / "one.png", half.repeat_interleave(2, -1).repeat_interleave(2, -2))
    return str(tmp_path / "one.png")


def opened(folder: Path) -> RowFile[PatchRow]:
    return RowFile(folder / "patches.json", PatchRow, command="bench patches", about={})


def tuning(picture: str, restore: Restorations, *variants: Variant) -> Tuning:
    return Tuning([picture], 64, ["denoise", "inpaint", "sr"], variants or VARIANTS, restore)


def test_every_variant_is_measured_on_its_tasks_and_none_twice(picture: str, tmp_path: Path) -> None:
    restore, lines = Restorations(), list[str]()
    measure_settings(tuning(picture, restore), opened(tmp_path), say=lines.append)
    assert restore.asked == [("denoise", 5), ("denoise", 4), ("inpaint", 5), ("sr", 5)]
    rows = opened(tmp_path).rows
    assert [(row.variant, row.task, row.damage, row.picture) for row in rows] == [
        ("default", "denoise", "sigma25", "one@64"),
        ("patch 4", "denoise", "sigma25", "one@64"),
        ("default", "inpaint", "half", "one@64"),
        ("default", "sr", "x4", "one@64"),
    ]
    clean = read_image(picture).pixels[..., 2:130:2, ::2]
    assert rows[0].psnr == pytest.approx(psnr(torch.full_like(clean, 0.5), clean), abs=1e-3)
    assert rows[0].cpu_s >= 0 and rows[0].machine and rows[0].version.startswith("dipsearch")
    assert len(lines) == 4
    measure_settings(tuning(picture, restore), opened(tmp_path), say=lines.append)
    assert len(restore.asked) == len(lines) == 4


def test_a_changed_setting_is_measured_again_in_the_place_of_the_old_row(
    picture: str, tmp_path: Path
) -> None:
    restore = Restorations()
    measure_settings(tuning(picture, restore), opened(tmp_path), say=len)
    changed = replace(VARIANTS[1], settings=replace(DEFAULT, patch=6))
    measure_settings(tuning(picture, restore, VARIANTS[0], changed), opened(tmp_path), say=len)
    assert restore.asked[4:] == [("denoise", 6)] and len(opened(tmp_path).rows) == 4


def test_an_interrupted_run_has_kept_its_rows_and_goes_on(picture: str, tmp_path: Path) -> None:
    class Interrupted(Restorations):
        def __call__(self, problem: Problem, *, settings: PatchSettings) -> Tensor:
            if problem.task == "inpaint":
                raise KeyboardInterrupt
            return super().__call__(problem, settings=settings)

    threads = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        measure_settings(tuning(picture, Interrupted()), opened(tmp_path), say=len)
    assert len(opened(tmp_path).rows) == 2 and torch.get_num_threads() == threads
    restore = Restorations()
    measure_settings(tuning(picture, restore), opened(tmp_path), say=len)
    assert restore.asked == [("inpaint", 5), ("sr", 5)]
