"""The range of a picture: 12 bits in 16, counts, floats anywhere are worked on in their own range."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from dipsearch.errors import InputError
from dipsearch.patches import answer
from dipsearch.problem import TaskOptions, load_case, psnr, read_image, write_restored
from dipsearch.problem.clean_reference import _scale
from dipsearch.problem.picture_range import PictureRange, range_of

ROWS, COLUMNS = np.mgrid[:48, :48]
UNIT = 0.5 + 0.45 * np.sin(ROWS / 7) * np.cos(COLUMNS / 5)
NOISE = np.random.default_rng(3).normal(0, 1, UNIT.shape)


def tif(path: Path, values: np.ndarray, dtype: str, **options: object) -> str:
    tifffile.imwrite(path, values.astype(dtype), **options)
    return str(path)


def test_twelve_bits_in_sixteen_are_the_same_problem_as_sixteen(tmp_path: Path) -> None:
    values = np.rint(100 + 2400 * UNIT + 60 * NOISE)
    cases = [
        load_case(tif(tmp_path / f"{times}.tif", times * values, "u2"), TaskOptions("denoise"), seed=0)
        for times in (1, 16)
    ]
    small, large = cases
    assert small.range.span == pytest.approx(values.max(), rel=0.05)
    assert large.range.span == pytest.approx(16 * small.range.span, rel=1e-6)
    assert torch.allclose(small.problem.y, large.problem.y, atol=1e-4)
    sigma = small.problem.noise.sigma
    assert sigma is not None and sigma * small.range.span == pytest.approx(60, rel=0.1)
    assert any("in the file's units" in note for note in small.notes)
    assert any(note.startswith("values from 0 to ") for note in small.notes)


@pytest.mark.parametrize(
    ("values", "dtype", "low", "high"),
    [
        (2400 * UNIT + 20000, "u2", 20120, 22280),  # a small signal on a large offset
        (40 * UNIT, "u2", 0, 37),  # a few counts
        (300 * UNIT, "f4", 0, 286),
        (100 * UNIT - 500, "f4", -496, -404),
        (UNIT, "f4", 0, 1),
        (np.where(UNIT > 0.93, 60000, 120), "u2", 0, 60000),  # sparse bright cells
        (1000 * UNIT - 300, "i2", -251, 650),
    ],
)
def test_the_range_is_that_of_the_data(
    tmp_path: Path, values: np.ndarray, dtype: str, low: float, high: float
) -> None:
    image = read_image(tif(tmp_path / "a.tif", values, dtype))
    chosen = range_of(image)
    span = high - low
    assert chosen.low * chosen.unit == pytest.approx(low, abs=0.03 * span)
    assert chosen.high * chosen.unit == pytest.approx(high, abs=0.03 * span)
    x = chosen.into(image.pixels)
    assert float(x.min()) > -0.01 and float(x.max()) < 1.01
    assert torch.allclose(chosen.back(x).float(), image.pixels, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("hot", [[(20, 20)], [(20, 20), (20, 21)], [(20, 20), (21, 21)], [(0, 5), (1, 5)]])
def test_hot_pixels_do_not_make_the_range(tmp_path: Path, hot: list[tuple[int, int]]) -> None:
    values = 1000 * UNIT
    for pixel in hot:
        values[pixel] = 65535
    case = load_case(tif(tmp_path / "hot.tif", values, "u2"), TaskOptions("denoise", sigma=20), seed=0)
    assert case.range.high * 65535 == pytest.approx(960, rel=0.02)
    alone = len(hot) == 1  # then its neighbours take its place
    assert float(case.problem.y.max()) == (pytest.approx(1, abs=0.1) if alone else 1.5)
    assert any("half of that range outside" in note for note in case.notes) != alone
    assert any(note.startswith("1 hot or dead pixel is replaced") for note in case.notes) == alone


@pytest.mark.parametrize("width", [1.5, 1.6, 2.0])
@pytest.mark.parametrize("task", ["denoise", "deblur"])
def test_the_peak_of_a_star_belongs_to_the_range(tmp_path: Path, width: float, task: str) -> None:
    star = np.exp(-((ROWS - 20) ** 2 + (COLUMNS - 30) ** 2) / 2 / (width / 2.355) ** 2)
    values = np.rint(300 + 20000 * star + 8 * NOISE)
    options = (
        TaskOptions("denoise", sigma=8) if task == "denoise" else TaskOptions("deblur", kernel="gaussian:1")
    )
    case = load_case(tif(tmp_path / "star.tif", values, "u2"), options, seed=0)
    assert case.range.high * 65535 == pytest.approx(20300, rel=0.02)
    assert float(case.problem.y.max()) <= 1 and not any("hot or dead" in note for note in case.notes)


def test_what_was_given_overrides_and_is_checked(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", 1000 * UNIT, "u2")
    case = load_case(path, TaskOptions("denoise", sigma=20, value_range=(0, 4095)), seed=0)
    assert case.range.span == pytest.approx(4095) and case.problem.noise.sigma == pytest.approx(20 / 4095)
    for wrong in ((5.0, 5.0), (9.0, 1.0), (0.0, float("nan"))):
        with pytest.raises(InputError, match="--range 0 4095"):
            TaskOptions("denoise", value_range=wrong)
    with pytest.raises(InputError, match="in the units of the file, and black to white are"):
        load_case(path, TaskOptions("denoise", sigma=5000), seed=0)
    options = TaskOptions("denoise", value_range=(0, 4095), data_range=12.0)
    assert TaskOptions.from_dict(options.to_dict()) == options


def test_sigma_of_floats_in_the_unit_range_is_in_grey_levels(tmp_path: Path) -> None:
    case = load_case(tif(tmp_path / "a.tif", UNIT, "f4"), TaskOptions("denoise", sigma=25), seed=0)
    assert not case.range.own and case.problem.noise.sigma == pytest.approx(25 / 255)


@pytest.mark.parametrize("dtype", ["u2", "i2", "u4", "f4", "f8", "f2"])
def test_a_result_has_the_units_and_the_type_of_its_picture(tmp_path: Path, dtype: str) -> None:
    values = (900 * UNIT + 100).astype(dtype)
    case = load_case(tif(tmp_path / "a.tif", values, dtype), TaskOptions("denoise", sigma=30), seed=0)
    write_restored(tmp_path / "b.tif", case.problem.y + 0.1, case)
    written = tifffile.imread(tmp_path / "b.tif")
    assert written.dtype == np.dtype(dtype)
    assert np.allclose(written, values + 0.1 * case.range.span, atol=1.1)


TASKS = {"denoise": TaskOptions("denoise", sigma=300), "deblur": TaskOptions("deblur", kernel="gaussian:1")}


@pytest.mark.parametrize("task", TASKS)
def test_white_is_zero_stays_so(tmp_path: Path, task: str) -> None:
    values = np.rint(60000 * UNIT).astype(np.uint16)
    path = tif(tmp_path / "a.tif", values, "u2", photometric="miniswhite")
    case = load_case(path, TASKS[task], seed=0)
    alike = np.corrcoef(case.problem.y[0, 0].flatten(), values.flatten())[0, 1]
    assert abs(alike) > 0.99 and (alike > 0) == (task == "denoise")
    write_restored(tmp_path / "b.tif", case.problem.y, case)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages.first.photometric == 0
        assert np.allclose(file.asarray(), values, atol=0 if task == "denoise" else 0.51)
    write_restored(tmp_path / "b.png", case.problem.y, case)
    write_restored(tmp_path / "b.jpg", case.problem.y, case)
    for suffix in ("png", "jpg"):  # there white is bright
        shown = read_image(tmp_path / f"b.{suffix}").pixels.mean(dim=1)
        assert np.corrcoef(shown.flatten(), values.flatten())[0, 1] < -0.99


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "f4"])
@pytest.mark.parametrize("noise", ["photons", "white"])
def test_noise_is_the_same_whichever_end_is_white(tmp_path: Path, noise: str, dtype: str) -> None:
    steps = np.random.default_rng(0)
    light = 40 * (1 + np.sin(ROWS / 9) * np.cos(COLUMNS / 11)) + 3
    counts = 1.5 * steps.poisson(light) + 20 if noise == "photons" else light + 60 + 6 * NOISE
    counts = np.rint(counts if dtype == "u1" else 8 * counts)
    restored, cases = [], []
    for photometric in ("minisblack", "miniswhite"):
        case = load_case(
            tif(tmp_path / "a.tif", counts, dtype, photometric=photometric), TaskOptions("denoise"), seed=0
        )
        write_restored(tmp_path / "b.tif", answer(case.problem), case)
        restored.append(tifffile.imread(tmp_path / "b.tif").astype(float))
        cases.append(case)
    black, white = cases
    assert black.problem.noise.kind == ("poisson" if noise == "photons" else "gaussian")
    assert white.diagnosis is not None and black.diagnosis is not None
    assert white.diagnosis.sentence == black.diagnosis.sentence
    assert white.ends == pytest.approx(black.ends, rel=1e-4)
    assert np.allclose(restored[0], restored[1], atol=1)
    assert np.abs(restored[0] - restored[1]).mean() < 0.02  # whole numbers that lay near a half


def test_a_reference_may_have_white_at_the_other_end(tmp_path: Path) -> None:
    clean = np.rint(60000 * UNIT)
    path = tif(tmp_path / "a.tif", clean + 300 * NOISE, "u2", photometric="miniswhite")
    alike = str(tif(tmp_path / "same.tif", clean, "u2", photometric="miniswhite"))
    turned = str(tif(tmp_path / "turned.tif", 65535 - clean, "u2"))
    for reference in (alike, turned):
        case = load_case(path, TaskOptions("denoise", reference=reference), seed=0)
        assert case.reference is not None
        assert float((case.reference - case.problem.y).std()) == pytest.approx(300 / case.range.span, rel=0.1)


@pytest.mark.parametrize(
    ("dtype", "values", "given"),
    [
        ("u2", 300 + 3400 * UNIT, (0.0, 4095.0)),
        ("f4", 300 + 3400 * UNIT, (0.0, 4095.0)),
        ("f4", UNIT, (0.0, 1.0)),
    ],
)
def test_where_white_is_zero_a_range_is_in_the_units_of_the_file(
    tmp_path: Path, dtype: str, values: np.ndarray, given: tuple[float, float]
) -> None:
    path = tif(tmp_path / "a.tif", values, dtype, photometric="miniswhite")
    case = load_case(path, TaskOptions("denoise", sigma=30, value_range=given), seed=0)
    expected = torch.from_numpy(values.astype(dtype).astype(np.float32)) / given[1]
    assert torch.allclose(case.problem.y[0, 0], expected, atol=1e-4)
    blurred = TaskOptions("deblur", kernel="gaussian:1", value_range=given)
    turned = load_case(path, blurred, seed=0).problem.y
    assert torch.allclose(turned[0, 0], 1 - expected, atol=1e-4)
    plain = load_case(path, TaskOptions("denoise", sigma=30), seed=0)
    said = [note for note in plain.notes if note.startswith("values from")]
    if values.max() > 1:
        low, high = (float(word.replace(",", "")) for word in said[0].split()[2:5:2])
        assert low == 0 and abs(high - values.max()) < 60  # as where black is 0
        assert "worked on as white to black" in said[0]
        assert plain.problem.noise.sigma == pytest.approx(30 / plain.range.span)
    else:
        assert not said and torch.allclose(plain.problem.y[0, 0], expected, atol=1e-6)
        assert plain.problem.noise.sigma == pytest.approx(30 / 255)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
@pytest.mark.parametrize("dtype", ["f4", "i2", "u2"])
def test_fewer_bits_show_what_was_worked_on_from_black_to_white(
    tmp_path: Path, suffix: str, dtype: str
) -> None:
    case = load_case(
        tif(tmp_path / "a.tif", 200 + 3400 * UNIT, dtype), TaskOptions("denoise", sigma=30), seed=0
    )
    write_restored(tmp_path / f"b{suffix}", case.problem.y, case)
    shown = read_image(tmp_path / f"b{suffix}").pixels.mean(dim=1)
    assert torch.allclose(shown[0], case.problem.y[0, 0].clamp(0, 1), atol=0.04)


def test_psnr_takes_the_range_of_a_reference_that_has_more_than_eight_bits(tmp_path: Path) -> None:
    clean, noisy = np.rint(100 + 2000 * UNIT), np.rint(100 + 2000 * UNIT + 50 * NOISE)
    paths = [tif(tmp_path / f"{name}.tif", values, "u2") for name, values in (("c", clean), ("n", noisy))]
    case = load_case(paths[1], TaskOptions("denoise", reference=paths[0]), seed=0)
    assert case.reference is not None
    own = clean.max() - clean.min()
    expected = 10 * np.log10(own**2 / np.mean((clean - noisy) ** 2))
    assert psnr(case.problem.y, case.reference, data_range=case.data_range) == pytest.approx(
        expected, abs=1e-3
    )
    assert any(f"the reference's own range, {own:.5g}" in note for note in case.notes)
    case = load_case(paths[1], TaskOptions("denoise", reference=paths[0], data_range=4095), seed=0)
    assert case.data_range * case.range.span == pytest.approx(4095)


def test_eight_bits_stay_as_they_were(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", 100 * UNIT, "u1")
    case = load_case(path, TaskOptions("denoise", sigma=5, reference=path), seed=0)
    assert case.range.span == 255 and case.data_range == 1 and not case.notes[0].startswith("values")


@pytest.mark.parametrize(
    ("dtype", "times"),
    [("f4", 1.0), ("f4", 1 / 65535), ("f4", 1 / 257), ("u1", 1 / 257), ("u2", 1.0), ("u2", 4095 / 65535)],
)
def test_a_reference_of_another_type_is_brought_to_the_same_range(
    tmp_path: Path, dtype: str, times: float
) -> None:
    values = np.rint(1000 + 50000 * UNIT)
    noisy = tif(tmp_path / "n.tif", values + 500 * NOISE, "u2")
    clean = tif(tmp_path / "c.tif", values * times, dtype)
    case = load_case(noisy, TaskOptions("denoise", sigma=500, reference=clean), seed=0)
    assert case.reference is not None
    error = (case.reference - case.problem.y).square().mean().sqrt() * case.range.span
    assert float(error) == pytest.approx(500, rel=0.1)
    assert any("the values of the reference are taken times" in note for note in case.notes) == (times != 1)


@pytest.mark.parametrize(
    ("measured", "clean", "types", "times"),
    [
        (200 * UNIT, 1.02 * UNIT / UNIT.max(), ("u1", "f4"), 255),  # a resampled reference that rings
        (50000 * UNIT, 1.02 * UNIT / UNIT.max(), ("u2", "f4"), 65535),
        (15 * UNIT, 3800 * UNIT, ("u1", "u2"), 1 / 257),  # a dark one of all 16 bits
        (255 * UNIT / UNIT.max(), 4095 * UNIT / UNIT.max(), ("u1", "u2"), 1 / 16),  # twelve bits, saturated
        (0.005 * UNIT + 0.2 * NOISE, 0.005 * UNIT, ("f4", "f4"), 1),  # noise is no brightness
        (np.maximum(40 * UNIT + 300 * NOISE, 0), 40 * UNIT, ("u2", "u2"), 1),
        (
            100 + 40 * UNIT + NOISE,
            40 * UNIT,
            ("u2", "u2"),
            1,
        ),  # a black level that the reference does not have
        (0.3 + 0 * UNIT, 0.3 + 0 * UNIT, ("f4", "f4"), 1),  # of what is flat nothing is known
    ],
)
def test_a_slope_tells_which_value_of_a_reference_is_white(
    tmp_path: Path, measured: np.ndarray, clean: np.ndarray, types: tuple[str, str], times: float
) -> None:
    noisy, reference = tif(tmp_path / "n.tif", measured, types[0]), tif(tmp_path / "c.tif", clean, types[1])
    _, found = _scale(read_image(noisy), read_image(reference), None)
    assert found == pytest.approx(times, rel=0.01)


def test_what_is_missing_does_not_make_a_picture_darker_than_its_reference(tmp_path: Path) -> None:
    clean = np.rint(1000 + 50000 * np.tile(UNIT, (3, 3)))
    hidden = np.random.default_rng(1).random(clean.shape) < 0.8
    mask, holes = tif(tmp_path / "m.tif", np.where(hidden, 0, 255), "u1"), np.where(hidden, 0, clean)
    options = TaskOptions("inpaint", mask=mask, reference=tif(tmp_path / "c.tif", clean, "u2"))
    case = load_case(tif(tmp_path / "h.tif", holes, "u2"), options, seed=0)
    assert case.reference is not None and not [note for note in case.notes if "taken times" in note]


def test_the_range_of_a_reference_is_said(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", 1000 * UNIT, "u2")
    options = TaskOptions("denoise", sigma=20, reference=path, value_range=(0, 4095))
    case = load_case(path, options, seed=0)
    assert case.data_range == 1 and "PSNR and SSIM take 4095 for the range, that of --range" in case.notes


@pytest.mark.parametrize(("offset", "step", "dtype"), [(4e9, 2000, "u4"), (1e6, 5, "f8"), (-2e9, 3000, "i4")])
def test_a_small_signal_on_a_large_offset_keeps_its_steps_in_a_file(
    tmp_path: Path, offset: float, step: float, dtype: str
) -> None:
    values = (offset + step * (UNIT + 0.03 * NOISE)).astype(dtype)
    case = load_case(tif(tmp_path / "a.tif", values, dtype), TaskOptions("denoise"), seed=0)
    sigma = case.problem.noise.sigma
    assert sigma is not None and sigma * case.range.span == pytest.approx(0.03 * step, rel=0.15)
    write_restored(tmp_path / "b.tif", case.problem.y + 1e-5, case)
    written = tifffile.imread(tmp_path / "b.tif")
    assert written.dtype == np.dtype(dtype)
    assert np.abs(written - values.astype("f8") - 1e-5 * case.range.span).max() <= max(1e-5 * step, 0.5)


@pytest.mark.parametrize("given", [None, (0.0, 4095.0)])
@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_photons_are_those_of_what_is_worked_on_as_white(
    tmp_path: Path, dtype: str, given: tuple[float, float] | None
) -> None:
    counts = np.random.default_rng(0).poisson(30 * UNIT)
    counts = np.minimum(counts, 30)  # as many as make white
    path = tif(tmp_path / "a.tif", counts * 4095 / 30, dtype)
    case = load_case(path, TaskOptions("denoise", photons=30, value_range=given), seed=0)
    assert case.range.span == pytest.approx(4095)
    assert case.problem.noise.gain == pytest.approx(1 / 30)
    assert not any("were given, but" in note for note in case.notes)


def test_photons_of_a_picture_with_negative_values_are_counted_from_the_least(tmp_path: Path) -> None:
    values = -30000 + 60000 * (UNIT - UNIT.min())
    path = tif(tmp_path / "a.tif", values, "i2")
    case = load_case(path, TaskOptions("denoise", photons=100, simulate=True), seed=0)
    assert case.range.low == pytest.approx(-30000)
    assert float((case.problem.y * 100 - (case.problem.y * 100).round()).abs().max()) < 1e-3
    write_restored(tmp_path / "b.tif", case.problem.y, case)
    written = tifffile.imread(tmp_path / "b.tif")
    assert (written < 0).mean() == pytest.approx((values < 0).mean(), abs=0.05)


@pytest.mark.parametrize(("span", "said"), [(40.0, True), (200.0, False)])
def test_a_file_of_few_whole_numbers_says_that_rounding_costs(span: float, said: bool) -> None:
    chosen = PictureRange(0.0, span / 65535, 65535.0, own=True)
    assert ("rounding to them costs quality" in chosen.sentence()) is said
