"""Kernels have the sum 1, and come from words or files."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from dipsearch.errors import InputError
from dipsearch.problem.operators import gaussian_kernel, motion_kernel, read_kernel


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
    with pytest.raises(InputError, match=f"the kernel is '{word}'; it is gaussian:SIGMA"):
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
