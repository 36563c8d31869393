"""Damaged test pictures: what is written is what a search will find."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dipsearch.commands.main import run
from dipsearch.problem import TaskOptions, load_case, psnr, read_image


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A colour picture of 40 × 32 pixels, in the current folder."""
    rows, columns = np.mgrid[0:32, 0:40]
    pixels = np.stack([60 + rows * 4, 60 + columns * 3, 190 - rows - columns], axis=2).astype(np.uint8)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "clean.png"
    Image.fromarray(pixels).save(path)
    return path


def test_missing_pixels_are_transparent_and_gone(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["degrade", "clean.png", "--task", "inpaint", "--missing", "30", "-o", "out.png"]) == 0
    pixels = np.asarray(Image.open("out.png"))
    assert pixels.shape == (32, 40, 4)
    missing = pixels[..., 3] == 0
    assert missing.mean() == pytest.approx(0.30, abs=0.01)
    assert (pixels[missing] == 0).all()
    assert (pixels[~missing][:, :3] == np.asarray(Image.open(clean))[~missing]).all()
    assert capsys.readouterr().out.splitlines() == [
        "clean: 30 % of its pixels were hidden at random; they are transparent",
        "wrote out.png: 40 × 32 pixels, 3 channels",
    ]


def test_the_mask_can_be_written_apart(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["degrade", "clean.png", "--task", "inpaint", "-o", "out.png", "--mask-out", "mask.png"]
    assert run(arguments) == 0
    assert "50 % of its pixels were hidden at random; they are black in mask.png" in capsys.readouterr().out
    assert read_image("out.png").pixels.shape == (1, 3, 32, 40)
    case = load_case("out.png", TaskOptions(task="inpaint", mask="mask.png"), seed=0)
    assert float(case.problem.observed.mean()) == pytest.approx(0.5, abs=0.01)


def test_the_mask_does_not_go_where_the_picture_goes(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["degrade", "clean.png", "--task", "inpaint", "-o", "out.png", "--mask-out", "./out.png"]
    assert run(arguments) == 2 and not Path("out.png").exists()
    assert "out.png is the picture and the mask" in capsys.readouterr().err


def test_noise_has_the_level_that_was_asked_for(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["degrade", "clean.png", "--task", "denoise", "--sigma", "10", "-o", "out.png"]) == 0
    difference = np.asarray(Image.open("out.png"), float) - np.asarray(Image.open(clean), float)
    assert np.median(np.abs(difference)) / 0.6745 == pytest.approx(10, rel=0.1)
    said = capsys.readouterr().out
    # Nothing is restored, so that nothing is judged, and nobody wonders how strong the noise is.
    assert said.startswith("clean: Gaussian noise of sigma 10 of 255 was added") and said.count("\n") == 2
    assert "PSNR 28." in said  # 20 log10(255 / 10) = 28.13


@pytest.mark.parametrize(
    ("noise", "level", "deviation"),
    [("gaussian", "10", 10), ("poisson", "100", 17), ("speckle", "10", 12)],
)
def test_other_noise_has_the_level_that_was_asked_for(
    clean: Path, noise: str, level: str, deviation: float
) -> None:
    arguments = ["degrade", "clean.png", "--task", "denoise", "--noise", noise, "--level", level]
    assert run([*arguments, "-o", "out.png"]) == 0
    difference = np.asarray(Image.open("out.png"), float) - np.asarray(Image.open(clean), float)
    # The picture has a mean of 125: of 100 photons √(125 · 255 / 100) = 18 grey levels, of 10 % about 13.
    assert np.median(np.abs(difference)) / 0.6745 == pytest.approx(deviation, rel=0.15)


def test_impulses_strike_as_many_values_as_were_asked_for(
    clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["degrade", "clean.png", "--task", "denoise", "--noise", "impulse", "--level", "30"]
    assert run([*arguments, "-o", "out.png"]) == 0
    pixels = np.asarray(Image.open("out.png"))
    assert ((pixels == 0) | (pixels == 255)).mean() == pytest.approx(0.3, abs=0.03)
    assert "clean: 30 % of its values were set to black or white" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [
        ["--task", "denoise", "--noise", "impulse"],
        ["--task", "denoise", "--level", "30"],
        ["--task", "sr", "--noise", "impulse", "--level", "30"],
        ["--task", "denoise", "--noise", "poisson", "--level", "30", "--sigma", "25"],
        ["--task", "denoise", "--noise", "pepper", "--level", "30"],
        ["--task", "denoise", "--noise", "impulse", "--level", "130"],
        ["--task", "denoise", "--noise", "speckle", "--level", "0"],
    ],
)
def test_noise_that_makes_no_sense_is_refused(clean: Path, wrong: list[str]) -> None:
    assert run(["degrade", "clean.png", *wrong, "-o", "out.png"]) == 2
    assert not Path("out.png").exists()


def test_a_smaller_picture(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["degrade", "clean.png", "--task", "sr", "--factor", "2", "-o", "out.png"]) == 0
    assert Image.open("out.png").size == (20, 16)
    assert "clean: it was reduced by the factor 2 (lanczos2)\n" in capsys.readouterr().out


def test_the_same_seed_damages_in_the_same_way(clean: Path) -> None:
    for out, seed in (("a.png", "1"), ("b.png", "1"), ("c.png", "2")):
        assert run(["degrade", "clean.png", "--task", "inpaint", "--seed", seed, "-o", out]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes() != Path("c.png").read_bytes()


def test_a_folder_is_not_one_picture(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["degrade", ".", "--task", "sr", "-o", "out.png"]) == 2
    assert "is a folder" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["denoise", "-o", "out.jpg"], ["sr", "--factor", "2", "-o", "out.png"]])
def test_transparency_that_is_not_kept_is_spoken_of(
    clean: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    pixels = np.asarray(Image.open(clean))
    Image.fromarray(np.dstack([pixels, np.full(pixels.shape[:2], 160, np.uint8)])).save("clean.png")
    assert run(["degrade", "clean.png", "--task", *words]) == 0
    assert f"{words[-1]} does not keep the transparency of clean" in capsys.readouterr().out
    assert run(["degrade", "clean.png", "--task", "denoise", "-o", "kept.png"]) == 0
    assert "does not keep" not in capsys.readouterr().out


def test_the_psnr_is_that_of_what_was_written(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["degrade", "clean.png", "--task", "denoise", "--sigma", "2", "-o", "out.jpg"]) == 0
    said = capsys.readouterr().out
    found = float(psnr(read_image("out.jpg").pixels, read_image("clean.png").pixels))
    assert f"PSNR {found:.2f} dB" in said


def test_it_is_said_that_jpeg_changes_what_was_measured(
    clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["degrade", "clean.png", "--task", "inpaint", "--missing", "30", "--mask-out", "mask.png", "-o"]
    assert run([*words, "out.jpg"]) == 0
    assert "JPEG changes every pixel of out.jpg" in capsys.readouterr().out
    assert run([*words, "out.bmp"]) == 0
    assert "changes" not in capsys.readouterr().out
