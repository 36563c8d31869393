"""Fourier samples: an exact adjoint, and a pseudo-inverse for real images too."""

import numpy as np
import pytest
import torch

from dipsearch.errors import InputError
from dipsearch.problem.operators import Fourier, cartesian_mask
from dipsearch.problem.operators.fourier import centred

SIZES = [(6, 6), (5, 6), (6, 5), (5, 5)]


def random_mask(size, seed=1):
    return (torch.rand(size, generator=torch.Generator().manual_seed(seed)) > 0.5).float()


@pytest.mark.parametrize("size", [*SIZES, (16, 21)])
def test_fourier_conforms(conforms, size):
    assert conforms(Fourier(random_mask(size)), (1, 3, *size))
    assert conforms(Fourier(random_mask(size), complex_image=True), (1, 4, *size))


def test_the_measurement_is_numpys_transform_real_parts_first():
    x, mask = np.random.default_rng(0).random((2, 6, 7)), random_mask((6, 7))
    expected = np.fft.fft2(x, norm="ortho") * mask.numpy()
    operator = Fourier(mask)
    y = operator.A(torch.from_numpy(x)[None])[0].numpy()
    assert np.abs(y - np.concatenate([expected.real, expected.imag])).max() < 1e-12
    assert torch.equal(operator.observed, mask[None, None])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("complex_image", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_pseudo_inverse_is_the_one_of_the_matrix(dense, size, complex_image, seed):
    shape = (1, 2 if complex_image else 1, *size)
    operator = Fourier(random_mask(size, seed), complex_image=complex_image)
    y = torch.randn(1, 2, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.linalg.pinv(dense(operator, shape), rtol=1e-9) @ y.flatten()
    assert torch.allclose(operator.A_pinv(y).flatten(), expected, atol=1e-12)


def test_all_frequencies_give_the_image_back():
    x = torch.rand(1, 3, 16, 15, generator=torch.Generator().manual_seed(0))
    operator = Fourier(np.ones((16, 15), dtype=bool))
    assert torch.allclose(operator.A_pinv(operator.A(x)), x, atol=1e-6)
    half = torch.ones(16, 15)
    half[:, 8:] = 0  # the mirror images of the columns 1 to 7, which a real image has in common with them
    operator = Fourier(half)
    assert torch.allclose(operator.A_pinv(operator.A(x)), x, atol=1e-6)


def test_a_centred_mask_is_brought_into_the_order_of_the_transform():
    mask = torch.zeros(6, 7)
    mask[3, 3] = 1
    x = torch.rand(1, 1, 6, 7, generator=torch.Generator().manual_seed(0))
    operator = Fourier(centred(mask))
    assert torch.allclose(operator.A_pinv(operator.A(x)), x.mean().expand_as(x), atol=1e-6)


@pytest.mark.parametrize("width", [64, 65])
@pytest.mark.parametrize("acceleration", [1, 4, 8])
def test_a_cartesian_mask_has_its_centre_and_its_acceleration(width, acceleration):
    mask = cartesian_mask((20, width), acceleration=acceleration, centre=0.08, seed=0)
    assert mask.shape == (20, width) and bool((mask == mask[0]).all())
    assert int(mask[0].sum()) == round(width / acceleration)
    low = torch.fft.fftshift(mask[0])[width // 2 - 2 : width // 2 + 3]
    assert bool((low == 1).all()) and mask[0, 0] == 1


def test_seeds_choose_columns():
    first, again, other = (cartesian_mask((8, 64), acceleration=4, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_bad_input_is_refused_in_a_sentence():
    with pytest.raises(InputError, match=r"the mask has the shape \(2, 4, 4\)"):
        Fourier(torch.ones(2, 4, 4))
    with pytest.raises(InputError, match="other values than 0 and 1"):
        Fourier(np.full((4, 4), 0.5))
    with pytest.raises(InputError, match="the mask is 4 × 5"):
        Fourier(torch.ones(5, 4)).A(torch.ones(1, 1, 4, 5))
    with pytest.raises(InputError, match="an even number of channels"):
        Fourier(torch.ones(4, 4)).A_adjoint(torch.ones(1, 3, 4, 4))
    with pytest.raises(InputError, match=r"acceleration 0\.5"):
        cartesian_mask((8, 64), acceleration=0.5, seed=0)
    with pytest.raises(InputError, match=r"give a centre of at most 0\.0625"):
        cartesian_mask((8, 64), acceleration=16, seed=0)
