"""Products apply their last factor first, and are written with all of their factors."""

import numpy as np
import pytest
import torch

from dipsearch.errors import InputError
from dipsearch.problem.operators import (
    Blur,
    Downsample,
    Fourier,
    Identity,
    Mask,
    Product,
    gaussian_kernel,
    operator_from_arrays,
    operator_to_arrays,
)

SHAPE = (1, 3, 12, 14)


def mask(size):
    return (torch.rand(size, generator=torch.Generator().manual_seed(1)) > 0.5).float()


def test_products_conform(conforms):
    blur, reduction = Blur(gaussian_kernel(1)), Downsample(2, SHAPE)
    assert conforms(Product(blur), SHAPE)
    assert conforms(Product(reduction, blur), SHAPE)
    assert conforms(Product(Mask(mask((6, 7))), reduction, blur), SHAPE)
    assert conforms(Product(Fourier(mask((6, 7))), Product(reduction, blur)), SHAPE)


def test_the_last_factor_comes_first():
    x = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0))
    outer, inner = Mask(mask((12, 14))), Blur(np.ones((3, 3)))
    assert torch.equal(Product(outer, inner).A(x), outer.A(inner.A(x)))
    assert torch.equal(Product(outer, inner).A_adjoint(x), inner.A_adjoint(outer.A_adjoint(x)))


def test_what_is_observed_is_the_outer_factors_and_the_shape_the_inner_ones():
    product = Product(Mask(mask((6, 7))), Downsample(2, SHAPE))
    assert torch.equal(product.observed, mask((6, 7))[None, None]) and product.image_shape == SHAPE
    other = Product(Downsample(2, SHAPE), Mask(mask((12, 14))))
    assert not hasattr(other, "observed") and not hasattr(other, "image_shape")


def test_more_than_ten_factors_are_read_in_their_order():
    kernels = [np.eye(2) * (index + 1) for index in range(12)]
    again = operator_from_arrays(operator_to_arrays(Product(*(Blur(kernel) for kernel in kernels))))
    assert [float(factor.kernel[0, 0]) for factor in again.operators] == list(range(1, 13))


def test_a_factor_of_ones_own_is_not_written():
    class Own(Identity):
        pass

    assert operator_to_arrays(Product(Identity(), Product(Own()))) == {"operator": "given"}


def test_bad_input_is_refused_in_a_sentence():
    with pytest.raises(InputError, match="a product of nothing"):
        Product()
    with pytest.raises(InputError, match="a factor is Tensor"):
        Product(Identity(), torch.ones(3, 3))
    with pytest.raises(InputError, match="'product' is incomplete"):
        operator_from_arrays({"operator": np.array("product")})
