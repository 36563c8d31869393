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
    LinearOperator,
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
    with pytest.raises(InputError, match="the operator is Tensor; it has A"):
        Product(Identity(), torch.ones(3, 3))
    with pytest.raises(InputError, match="'product' is incomplete"):
        operator_from_arrays({"operator": np.array("product")})


# -- factors of one's own ----------------------------------------------------------------------------------


class Turned:
    """From the right to the left, in NumPy; it knows nothing of devices."""

    def A(self, x):
        return 3 * np.asarray(x)[..., ::-1]

    A_adjoint = A


def test_factors_of_ones_own_are_as_they_are_alone():
    x = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0))
    seen = mask((12, 14))
    for own in (Turned(), (Turned().A, Turned().A), LinearOperator(Turned().A, Turned().A)):
        product = Product(Mask(seen), own)
        assert torch.equal(product.A(x), 3 * x.flip(-1) * seen)
        assert torch.equal(product.A_adjoint(x), 3 * (x * seen).flip(-1))
        there = x.clone().requires_grad_()
        product.A(there).sum().backward()
        assert torch.equal(there.grad, 3 * seen.expand(SHAPE).flip(-1))
        assert torch.equal(product.to("cpu").A(x), product.A(x))
        assert torch.equal(product.divided_by(6.0).A(x), product.A(x) / 6) and product.divisor == 1


def test_a_factor_is_as_small_as_its_place_in_each_product():
    own = LinearOperator(Turned().A, Turned().A)
    x = torch.rand(SHAPE)
    assert Product(own, Downsample(2, SHAPE)).A(x).shape == (1, 3, 6, 7)
    assert Product(Downsample(2, SHAPE), own).A(x).shape == (1, 3, 6, 7)
    assert own.measured_shape is None


def test_a_factor_that_comes_first_without_the_shape_of_its_images_is_refused():
    with pytest.raises(InputError, match="the operator does not know the shape of its images"):
        Product(Mask(mask((12, 14))), Turned()).A_adjoint(torch.rand(SHAPE))
