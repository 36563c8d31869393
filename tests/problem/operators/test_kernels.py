"""Kernels have the sum 1, and come from words or files."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from dipsearch.errors import InputError
from dipsearch.problem import TaskOptions, load_case
from dipsearch.problem.operators import described_kernel, gaussian_kernel, motion_kernel, read_kernel


def spread(kernel):
    """The standard deviations along rows and columns."""
    rows, columns = (torch.arange(size) - size // 2 for size in kernel.shape)
    return (
        math.sqrt((kernel.sum(1) * rows**2).sum()),
        math.sqrt((kernel.sum(0) * columns**2).sum()),
    )


@pytest.mark.parametrize("sigma", [0.1, 0.8, 2, 3.3])
def test_a_gaussian_is_as_wide_as_its_sigma(sigma):
    kernel = gaussian_kernel(sigma)
    assert kernel.shape[0] == kernel.shape[1] == 2 * max(1, int(4 * sigma + 0.5)) + 1
    assert abs(float(kernel.sum()) - 1) < 1e-12
    if sigma > 0.5:
        assert spread(kernel) == pytest.approx((sigma, sigma), rel=0.01)


def test_a_level_movement_has_equal_weights():
    assert torch.allclose(motion_kernel(9, 0), torch.full((1, 9), 1 / 9, dtype=torch.float64))
    assert torch.allclose(motion_kernel(5, 90), torch.full((5, 1), 1 / 5, dtype=torch.float64))
    assert torch.equal(motion_kernel(1, 37), torch.ones(1, 1, dtype=torch.float64))


@pytest.mark.parametrize("length", [3, 9.5, 20])
@pytest.mark.parametrize("angle", [10, 30, 45, 80, 135, -20])
def test_a_movement_runs_in_its_direction(length, angle):
    kernel = motion_kernel(length, angle)
    assert kernel.shape[0] % 2 == kernel.shape[1] % 2 == 1
    assert abs(float(kernel.sum()) - 1) < 1e-12 and float(kernel.min()) >= 0
    assert torch.allclose(kernel, kernel.flip((0, 1)), atol=1e-12)
    rows, columns = (torch.arange(size, dtype=torch.float64) - size // 2 for size in kernel.shape)
    moments = torch.stack([kernel.sum(0) @ columns**2, -(rows @ kernel @ columns), kernel.sum(1) @ rows**2])
    direction = math.degrees(math.atan2(2 * float(moments[1]), float(moments[0] - moments[2])) / 2)
    assert (direction - angle + 90) % 180 - 90 == pytest.approx(0, abs=6)


def test_words_name_kernels():
    assert torch.equal(read_kernel("gaussian:2"), gaussian_kernel(2))
    assert torch.equal(read_kernel("motion:9:30"), motion_kernel(9, 30))


def test_files_hold_kernels_which_are_brought_to_the_sum_1(tmp_path):
    values = np.array([[0, 1, 2], [3, 4, 5]])
    np.save(tmp_path / "k.npy", values)
    np.savetxt(tmp_path / "k.txt", values)
    np.savetxt(tmp_path / "k.csv", values, delimiter=",")
    Image.fromarray((values * 40).astype(np.uint8)).save(tmp_path / "k.png")
    for name in ("k.npy", "k.txt", "k.csv", "k.png"):
        assert torch.allclose(read_kernel(str(tmp_path / name)), torch.from_numpy(values / 15), atol=1e-7)
    np.savetxt(tmp_path / "row.txt", values[:1])
    assert read_kernel(str(tmp_path / "row.txt")).shape == (1, 3)


@pytest.mark.parametrize("word", ["gaussian", "gaussian:x", "motion:9", "motion:1:2:3"])
def test_a_word_with_other_numbers_is_refused(word):
    with pytest.raises(
        InputError, match=rf"the kernel is '{word}'; it is gaussian:SIGMA.* \.txt or \.csv file"
    ):
        read_kernel(word)


@pytest.mark.parametrize(
    "word", ["gaussian:0", "gaussian:-1", "gaussian:nan", "motion:0.5:3", "motion:3:inf"]
)
def test_impossible_numbers_are_refused(word):
    with pytest.raises(InputError):
        read_kernel(word)


def test_files_that_are_no_kernel_are_refused(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read_kernel(str(tmp_path / "none.png"))
    for name, content in (("a.npy", b"nothing"), ("b.txt", b"one two"), ("c.png", b"no picture")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            read_kernel(str(tmp_path / name))
    for values in (np.zeros((3, 3)), np.ones((2, 2, 2)), np.array([["a"]]), np.full((2, 2), np.nan)):
        np.save(tmp_path / "bad.npy", values)
        with pytest.raises(InputError, match=r"the kernel in .*bad\.npy"):
            read_kernel(str(tmp_path / "bad.npy"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.ones((3, 3)) / 9, ""),
        (np.ones((3, 3)), "k.npy is 3 × 3 pixels; its sum 9 was brought to 1"),
        (np.ones((4, 4)) / 16, "0.5 pixels up and 0.5 pixels left of its centre, row 2 and column 2 from 0"),
        ([[0, 0, 1.0]], "1 pixels right of its centre"),
        ([[-0.1, 1.2, -0.1]], "2 of its values are negative"),
    ],
)
def test_what_is_unexpected_of_a_file_is_said(values, said, tmp_path):
    np.save(tmp_path / "k.npy", np.asarray(values))
    found = described_kernel(str(tmp_path / "k.npy"))[1]
    assert said in found and bool(said) == bool(found)


def test_colours_that_differ_are_averaged_and_that_is_said(tmp_path):
    grey = np.full((3, 3, 3), 255, np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert "colours" not in described_kernel(str(tmp_path / "grey.png"))[1]
    grey[0, 0, 1] = 0
    Image.fromarray(grey).save(tmp_path / "red.png")
    assert "its colours differ" in described_kernel(str(tmp_path / "red.png"))[1]


def test_a_kernel_is_refused_before_the_work_where_it_is_larger_than_the_picture(tmp_path):
    np.save(tmp_path / "big.npy", np.ones((33, 33)))
    options = TaskOptions("deblur", kernel=str(tmp_path / "big.npy"), sigma=5)
    with pytest.raises(InputError, match="no larger than the image"):
        load_case("sample:coffee@32", options, seed=0)


def measured_point(*, pedestal, across=0.0):
    """What a camera sees of a point: 13 × 13, peak 3000, with noise of sigma 4 on a pedestal."""
    rows, columns = np.mgrid[-6:7, -6:7]
    point = 3000 * (1 + ((columns - across) ** 2 + (1.2 * rows) ** 2) / 4) ** -2.5
    return np.rint(point + pedestal + (pedestal > 0) * np.random.default_rng(1).normal(0, 4, point.shape))


@pytest.mark.parametrize("across", [0.0, 1.0])
def test_the_background_of_a_measured_point_is_taken_off(tmp_path, across):
    for pedestal in (0, 100):
        np.save(tmp_path / f"{pedestal}.npy", measured_point(pedestal=pedestal, across=across))
    clean, _ = described_kernel(str(tmp_path / "0.npy"))
    kernel, said = described_kernel(str(tmp_path / "100.npy"))
    assert float((kernel - clean).abs().sum()) < 0.1
    assert "% of its peak, which is taken off as the camera's background" in said
    assert ("of its centre" in said) == (across == 1)


def test_kernels_that_fill_their_file_keep_their_rim(tmp_path):
    rows, columns = np.mgrid[-6:7, -6:7]
    kernels = {
        "box": np.ones((13, 13)),
        "disc": (rows**2 + columns**2 <= 36).astype(float),
        "motion": motion_kernel(13, 30).numpy(),
        "cut": np.exp(-(rows**2 + columns**2) / 2 / 3**2),
        "clean": measured_point(pedestal=0),
        "small": np.array([[1.0, 1, 1], [1, 9, 1], [1, 1, 1]]),
    }
    for name, values in kernels.items():
        np.save(tmp_path / f"{name}.npy", values)
        kernel, said = described_kernel(str(tmp_path / f"{name}.npy"))
        assert torch.allclose(kernel, torch.from_numpy(values / values.sum())) and "background" not in said
