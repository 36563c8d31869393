"""A blur is the convolution that SciPy makes, with either border, and knows its exact adjoint."""

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve

from dipsearch.errors import InputError
from dipsearch.problem.operators import Blur, gaussian_kernel, name_of

KERNELS = [(1, 1), (3, 3), (4, 4), (2, 7), (5, 2), (1, 6), (17, 19)]
MODES = {"circular": "wrap", "reflect": "reflect"}


def kernel_of(shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize("shape", KERNELS)
def test_a_blur_conforms(conforms, border, shape):
    assert conforms(Blur(kernel_of(shape), border=border), (1, 3, 17, 20))


@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize("shape", KERNELS)
def test_it_is_the_convolution_of_scipy(border, shape):
    x = np.random.default_rng(0).random((17, 20))
    expected = convolve(x, kernel_of(shape).numpy(), mode=MODES[border])
    found = Blur(kernel_of(shape), border=border).A(torch.from_numpy(x)[None, None])[0, 0].numpy()
    assert np.abs(found - expected).max() < 1e-12


@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize("shape", [(3, 5), (4, 6)])
def test_a_point_is_measured_as_the_kernel(border, shape):
    x = torch.zeros(1, 1, 20, 21, dtype=torch.float64)
    x[0, 0, 10, 9] = 1
    top, left = 10 - shape[0] // 2, 9 - shape[1] // 2
    seen = Blur(kernel_of(shape), border=border).A(x)[0, 0, top : top + shape[0], left : left + shape[1]]
    assert torch.allclose(seen, kernel_of(shape), atol=1e-12)


@pytest.mark.parametrize("border", MODES)
def test_the_kernel_keeps_its_sum(border):
    y = Blur(2 * gaussian_kernel(1), border=border).A(torch.full((1, 1, 16, 16), 0.25))
    assert torch.allclose(y, torch.full_like(y, 0.5), atol=1e-6)


def test_one_blur_serves_images_of_several_sizes():
    blur = Blur(np.ones((3, 3)) / 9)
    for size in ((8, 9), (16, 5), (8, 9)):
        x = torch.rand(1, 2, *size, generator=torch.Generator().manual_seed(0))
        assert torch.allclose(blur.A(x).mean(), x.mean(), atol=1e-6)
    assert name_of(blur) == "blur" and not hasattr(blur, "A_pinv")


def test_bad_input_is_refused_in_a_sentence():
    with pytest.raises(InputError, match="border is 'zero'"):
        Blur(np.ones((3, 3)), border="zero")
    with pytest.raises(InputError, match=r"the kernel has the shape \(3,\)"):
        Blur(np.ones(3))
    with pytest.raises(InputError, match="type complex128"):
        Blur(np.ones((3, 3)) * 1j)
    with pytest.raises(InputError, match="the kernel is 0 everywhere"):
        Blur(np.zeros((3, 3)))
    with pytest.raises(InputError, match="NaN"):
        Blur(torch.tensor([[1.0, float("nan")]]))
    with pytest.raises(InputError, match="the kernel is 3 × 9 pixels, the image 8 × 8"):
        Blur(np.ones((9, 3))).A(torch.rand(1, 1, 8, 8))
