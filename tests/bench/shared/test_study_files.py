"""The files of a study after a kill: what cannot be read is named, and a delivery is a picture that is there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dipsearch.bench.shared.study_files import leftovers, read_delivery, unreadable
from dipsearch.errors import FormatError
from dipsearch.problem import write_image


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A whole study: one file of each kind."""
    (tmp_path / "trials").mkdir()
    np.savez(tmp_path / "trials" / "fit.npz", step=np.arange(3))
    save_file({"x": torch.zeros(3)}, tmp_path / "trials" / "state.safetensors")
    (tmp_path / "study.yaml").write_text("name: mine\n")
    (tmp_path / "slices.jsonl").write_text('{"number": 0}\n{"numb')
    (tmp_path / "report.html").write_text("<html></html>\n")
    write_image(tmp_path / "best" / "restored.png", torch.full((1, 3, 16, 16), 0.5))
    result = {"delivered_psnr": 30.0, "pictures": [{"restored": "best/restored.png"}]}
    (tmp_path / "result.json").write_text(json.dumps(result))
    return tmp_path


def test_a_whole_study_can_be_read(study: Path) -> None:
    (study / "trials" / ".writing-abc.npz").write_bytes(b"PK")
    assert unreadable(study) == [] and leftovers(study) == 1
    assert read_delivery(study)["delivered_psnr"] == 30.0


@pytest.mark.parametrize(
    "name",
    [
        "trials/fit.npz",
        "trials/state.safetensors",
        "best/restored.png",
        "result.json",
        "report.html",
    ],
)
def test_every_file_that_was_cut_is_named(study: Path, name: str) -> None:
    content = (study / name).read_bytes()
    (study / name).write_bytes(content[: len(content) // 2])
    (found,) = unreadable(study)
    assert found.startswith(f"{name} cannot be read (")


def test_a_record_that_is_torn_in_the_middle_is_named(study: Path) -> None:
    (study / "slices.jsonl").write_text('{"number": 0}\n{"numb\n{"number": 1}\n')
    (found,) = unreadable(study)
    assert found.startswith("slices.jsonl cannot be read")


@pytest.mark.parametrize("name", ["result.json", "best/restored.png"])
def test_a_missing_or_damaged_delivery_is_none(study: Path, name: str) -> None:
    (study / name).write_bytes((study / name).read_bytes()[:20])
    with pytest.raises(FormatError, match="cannot be read"):
        read_delivery(study)
    (study / name).unlink()
    with pytest.raises(FormatError, match=r"there is no result\.json|cannot be read"):
        read_delivery(study)
