"""A case of the comparison: which files are clean, what is measured, and that no method can see the truth."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from dipsearch.bench.cases.rival_case import clean_sources, make_case
from dipsearch.bench.cases.rival_damages import DAMAGES_OF_RIVALS
from dipsearch.errors import InputError
from dipsearch.problem import add_noise, read_image, write_image


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A picture of 48 × 48 pixels that is stored without loss."""
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 48), torch.linspace(0, 2, 48), indexing="ij")
    pixels = torch.stack([rows.sin(), columns.cos().abs(), (rows + columns).sin().abs()])[None] * 0.7 + 0.1
    path = tmp_path / "waves.png"
    write_image(path, pixels)
    return path


@pytest.mark.parametrize("name", [name for name in DAMAGES_OF_RIVALS if name not in ("x4", "x8")])
def test_every_damage_becomes_a_problem_of_its_task_in_eight_bits(
    clean: Path, tmp_path: Path, name: str
) -> None:
    case = make_case(str(clean), DAMAGES_OF_RIVALS[name], seed=0, folder=tmp_path)
    assert case.problem.task == DAMAGES_OF_RIVALS[name].task
    assert case.problem.image_shape == tuple(case.clean.shape) == (1, 3, 48, 48)
    levels = case.problem.y * 255
    assert float((levels - levels.round()).abs().max()) < 1e-4
    assert torch.equal(read_image(case.reference).pixels, case.clean)


def test_the_noise_is_estimated_and_not_given(clean: Path, tmp_path: Path) -> None:
    problem = make_case(str(clean), DAMAGES_OF_RIVALS["sigma25"], seed=0, folder=tmp_path).problem
    assert problem.noise.source == "estimated"
    assert problem.noise.sigma is not None and problem.noise.sigma * 255 == pytest.approx(25, rel=0.1)
    counts = make_case(str(clean), DAMAGES_OF_RIVALS["poisson30"], seed=0, folder=tmp_path).problem
    assert counts.noise.kind == "poisson" and counts.noise.gain == pytest.approx(1 / 30, rel=0.05)
    struck = make_case(str(clean), DAMAGES_OF_RIVALS["impulse30"], seed=0, folder=tmp_path).problem
    assert struck.noise.kind == "impulse"


def test_nothing_in_a_problem_is_the_clean_picture(clean: Path, tmp_path: Path) -> None:
    def tensors(value: Any) -> list[torch.Tensor]:
        if isinstance(value, torch.Tensor):
            return [value]
        if dataclasses.is_dataclass(value):
            return [t for field in dataclasses.fields(value) for t in tensors(getattr(value, field.name))]
        return [t for part in getattr(value, "__dict__", {}).values() for t in tensors(part)]

    for name in ("sigma25", "half", "x2"):
        case = make_case(str(clean), DAMAGES_OF_RIVALS[name], seed=0, folder=tmp_path)
        found = tensors(case.problem)
        assert found
        for value in found:
            assert value.shape != case.clean.shape or not torch.allclose(value, case.clean, atol=1e-3)


def test_a_measurement_beside_the_picture_is_taken(clean: Path, tmp_path: Path) -> None:
    given = add_noise(read_image(clean).pixels, "gaussian", level=25, seed=99).y
    write_image(tmp_path / "waves_noise25.png", given)
    folder = tmp_path / "files"
    case = make_case(str(clean), DAMAGES_OF_RIVALS["sigma25"], seed=0, folder=folder)
    assert case.file == tmp_path / "waves_noise25.png"
    assert torch.equal(case.problem.y, read_image(case.file).pixels)
    other = make_case(str(clean), DAMAGES_OF_RIVALS["sigma10"], seed=0, folder=folder)
    assert other.file.parent == folder and other.digest != case.digest


def test_a_measurement_of_another_picture_is_refused(clean: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "waves_noise25.png", torch.rand(1, 3, 32, 48))
    case = make_case(str(clean), DAMAGES_OF_RIVALS["sigma25"], seed=0, folder=tmp_path / "files")
    with pytest.raises(InputError, match=r"waves_noise25.png restores to the shape \(1, 3, 32, 48\)"):
        _ = case.problem
    write_image(tmp_path / "waves_inpaint50.png", read_image(clean).pixels)
    case = make_case(str(clean), DAMAGES_OF_RIVALS["half"], seed=0, folder=tmp_path / "files")
    with pytest.raises(InputError, match="has no missing pixels"):
        _ = case.problem


def test_measurements_are_no_clean_pictures() -> None:
    given = ["a.png", "a_noise25.png", "a_inpaint50.png", "a_lr4.png", "lr4.png", "sample:cat@64"]
    assert clean_sources(given) == ["a.png", "lr4.png", "sample:cat@64"]
    with pytest.raises(InputError, match="no clean picture"):
        clean_sources(["a_lr4.png"])
    with pytest.raises(InputError, match="two pictures are called a"):
        clean_sources(["one/a.png", "two/a.png"])
