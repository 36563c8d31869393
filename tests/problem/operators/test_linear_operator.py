"""One's own operator: pairs and objects of any origin, their shapes and gradients, and what is refused in words."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional

from dipsearch.errors import InputError
from dipsearch.problem import Downsample, Fourier, Identity, LinearOperator, Product
from dipsearch.problem.operators import as_operator, check_adjoint
from dipsearch.problem.operators.maps import At

SHAPE = (1, 1, 16, 20)
Y = torch.rand(16, 20, generator=torch.Generator().manual_seed(0))
SAME = (lambda x: x, lambda y: y)


def shifted(x):
    """One column to the left, 0 behind."""
    return torch.cat([x[..., 1:], torch.zeros_like(x[..., :1])], dim=-1)


def shifted_back(y):
    return torch.cat([torch.zeros_like(y[..., :1]), y[..., :-1]], dim=-1)


def adjoint_error(operator) -> float:
    """|⟨A x, y⟩ − ⟨x, Aᵀ y⟩| as a share of ‖A x‖ ‖y‖, for random images of the operator's own shape."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(operator.image_shape, generator=generator)
    Ax = operator.A(x)
    y = torch.randn(Ax.shape, generator=generator)
    difference = (Ax * y).double().sum() - (x * operator.A_adjoint(y)).double().sum()
    return abs(float(difference)) / float(Ax.norm() * y.norm())


def matrix():
    return torch.randn(60, 320, generator=torch.Generator().manual_seed(2)) / math.sqrt(320)


# -- what is taken -------------------------------------------------------------------------------------------


def test_a_pair_of_functions_of_tensors_is_an_operator():
    operator = as_operator((shifted, shifted_back)).shaped(Y)
    assert operator.image_shape == SHAPE and operator.measured_shape == SHAPE
    assert torch.equal(operator.A(Y[None, None])[0, 0, :, :-1], Y[:, 1:])
    assert adjoint_error(operator) < 1e-6


def test_a_pair_may_be_written_in_numpy():
    def A(x):
        return np.asarray(x)[..., ::-1]  # strides that a tensor cannot have

    operator = as_operator((A, A)).shaped(Y)
    assert torch.equal(operator.A(Y[None, None])[0, 0], Y.flip(-1)) and adjoint_error(operator) < 1e-6


def test_a_measurement_may_be_a_vector():
    M = matrix()
    operator = as_operator((lambda x: M @ x.flatten(), lambda y: (M.T @ y).reshape(16, 20))).shaped(
        M @ Y.flatten()
    )
    assert operator.measured_shape == (60,) and operator.image_shape == SHAPE
    assert operator.A(Y[None, None]).shape == (1, 1, 1, 60)
    assert torch.allclose(operator.inward(M @ Y.flatten()), operator.A(Y[None, None]), atol=1e-6)
    assert adjoint_error(operator) < 1e-6


def test_an_object_of_another_library_is_taken_with_its_shape():
    class Physics(torch.nn.Module):
        """As deepinv's: both methods take more keywords, the shape of an image is without its first axis."""

        img_size = (1, 16, 20)

        def A(self, x, mask=None, **keywords):
            return 3 * x

        def A_adjoint(self, y, mask=None, **keywords):
            return 3 * y

    operator = as_operator(Physics())
    assert operator.image_shape == SHAPE and adjoint_error(operator.shaped(Y)) < 1e-6
    moved = operator.to("cpu").shaped(Y)
    assert torch.equal(moved.A(Y[None, None])[0, 0], 3 * Y)


def test_complex_values_are_twice_as_many_real_channels():
    operator = LinearOperator(
        lambda x: torch.fft.fft2(x, norm="ortho"), lambda y: torch.fft.ifft2(y, norm="ortho")
    ).shaped(Y.to(torch.complex64))
    assert operator.image_shape == SHAPE and operator.A(Y[None, None]).shape == (1, 2, 16, 20)
    assert adjoint_error(operator) < 1e-6  # of a real image the real part of A_adjoint counts
    ours = Fourier(torch.ones(16, 20))
    assert torch.allclose(operator.A(Y[None, None]), ours.A(Y[None, None]), atol=1e-5)


def test_a_complex_image_is_two_real_ones():
    operator = LinearOperator(
        lambda x: torch.fft.fft2(x, norm="ortho"),
        lambda y: torch.fft.ifft2(y, norm="ortho"),
        complex_image=True,
    ).shaped(Y.to(torch.complex64))
    assert operator.image_shape == (1, 2, 16, 20) and adjoint_error(operator) < 1e-6
    flat = LinearOperator(lambda x: x[0, 0] * 1j, lambda y: y * -1j, complex_image=True)
    assert adjoint_error(flat.shaped(Y.to(torch.complex64))) < 1e-6


def test_the_gradient_is_the_adjoint_where_autograd_knows_nothing():
    M = matrix().numpy()
    operator = LinearOperator(
        lambda x: M @ x.numpy().ravel(), lambda y: (M.T @ y.numpy().ravel()).reshape(SHAPE), image_shape=SHAPE
    )
    x = torch.rand(SHAPE, requires_grad=True)
    Ax = operator.A(x)
    Ax.square().sum().backward()
    assert torch.allclose(x.grad, 2 * operator.A_adjoint(Ax.detach()), atol=1e-5)


@pytest.mark.parametrize("error", [KeyError("meta"), NotImplementedError(), AttributeError("no device")])
def test_parts_that_fail_on_another_device_in_whatever_way_work_on_the_cpu(error):
    def doubled(x):
        if x.device.type != "cpu":
            raise error
        return 2 * x

    operator = LinearOperator(doubled, doubled, image_shape=SHAPE).shaped(Y)
    moved = operator.to("meta")  # a device that is there on any machine
    assert isinstance(moved._forward, At) and isinstance(moved._backward, At)
    assert torch.equal(moved.A(Y[None, None]), 2 * Y[None, None])


def test_ours_are_taken_as_they_are():
    ours = Downsample(2, (16, 20))
    assert as_operator(ours) is ours and isinstance(as_operator(None), Identity)
    given = LinearOperator(*SAME)
    assert as_operator(given) is given


def test_the_answer_of_A_keeps_the_precision_of_x():
    operator = LinearOperator(lambda x: x.double(), lambda y: y.double(), image_shape=SHAPE)
    assert operator.A(torch.rand(SHAPE)).dtype == torch.float32
    assert operator.A(torch.rand(SHAPE).double()).dtype == torch.float64


def test_it_can_be_used_by_itself_and_in_a_product():
    operator = LinearOperator(shifted, shifted_back, image_shape=(16, 20))
    assert torch.equal(operator.A_adjoint(Y[None, None])[0, 0, :, 1:], Y[:, :-1])
    product = Product(Downsample(2, SHAPE), operator)
    assert product.A(Y[None, None]).shape == (1, 1, 8, 10)
    assert product.A_adjoint(torch.rand(1, 1, 8, 10)).shape == SHAPE
    assert torch.equal(LinearOperator(shifted, shifted_back).A(Y[None, None])[0, 0], shifted(Y))
    with pytest.raises(InputError, match="does not know the shape of its images"):
        LinearOperator(shifted, shifted_back).A_adjoint(Y[None, None])


class Scaled(torch.nn.Module):
    """A physics with a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("factor", torch.tensor(3.0))

    def A(self, x):
        return self.factor * x

    A_adjoint = A


@pytest.mark.parametrize("given", [lambda own: own, lambda own: (own.A, own.A_adjoint)])
def test_moving_an_operator_leaves_the_users_own_where_it_is(given):
    own = Scaled()
    here = as_operator(given(own)).shaped(Y)
    there = here.to("meta")
    assert there.A(torch.rand(SHAPE, device="meta")).device.type == "meta"
    assert there._forward.owner is there._backward.owner is not own
    assert own.factor.device.type == "cpu" and torch.equal(here.A(Y[None, None])[0, 0], 3 * Y)
    assert here.to("cpu")._forward.owner is own  # nothing to be copied


# -- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [16, 64, 256])
@pytest.mark.parametrize(
    "pair",
    [
        pytest.param((lambda x: 2 * x, lambda y: y), id="factor 2"),
        pytest.param((lambda x: 1.01 * x, lambda y: y), id="factor 1.01"),
        pytest.param((shifted, lambda y: torch.roll(y, 1, -1)), id="border"),
        pytest.param((shifted, shifted), id="direction"),
        pytest.param((lambda x: x.mT, lambda y: y), id="axes"),
        pytest.param((lambda x: x, lambda y: -y), id="sign"),
    ],
)
def test_an_adjoint_that_is_none_is_found_in_images_of_any_size(pair, side):
    operator = LinearOperator(*pair, image_shape=(side, side)).shaped(torch.zeros(side, side))
    with pytest.raises(InputError, match="A_adjoint is not the adjoint of A"):
        check_adjoint(operator, image_shape=operator.image_shape)


@pytest.mark.parametrize(
    ("A", "said"),
    [
        (lambda x: x + 1, "A is not linear"),
        (lambda x: x**2, "A is not linear"),
        (lambda x: x + 0.1 * torch.randn_like(x), "A is not linear"),
        (lambda x: (x * 255).to(torch.uint8), "A is not linear"),
        (lambda x: 0 * x, "A of an image is 0"),
        (lambda x: x / 0, "not finite"),
    ],
)
def test_a_map_that_is_not_linear_is_found(A, said):
    operator = LinearOperator(A, lambda y: y, image_shape=SHAPE).shaped(Y)
    with pytest.raises(InputError, match=said):
        check_adjoint(operator, image_shape=SHAPE)


@pytest.mark.parametrize("side", [64, 256])
def test_a_border_that_is_repeated_is_not_its_own_adjoint_in_images_of_any_size(side):
    def box(x, *, width):
        reach = width // 2
        return functional.avg_pool2d(functional.pad(x, (reach,) * 4, mode="replicate"), width, 1)

    shape = (1, 1, side, side)
    three, seven = ((partial(box, width=width),) * 2 for width in (3, 7))
    check_adjoint(LinearOperator(*three, image_shape=shape), image_shape=shape)  # which is symmetric
    with pytest.raises(InputError, match="A_adjoint is not the adjoint of A"):
        check_adjoint(LinearOperator(*seven, image_shape=shape), image_shape=shape)


def test_a_correct_pair_passes_at_every_scale():
    for scale in (1e-8, 1e-3, 1, 1e5):
        pair = (lambda x, s=scale: s * shifted(x), lambda y, s=scale: s * shifted_back(y))
        check_adjoint(LinearOperator(*pair, image_shape=SHAPE).shaped(Y), image_shape=SHAPE)


def fails(value):
    raise KeyError("a setting")


@pytest.mark.parametrize(
    ("pair", "shape", "said"),
    [
        ((fails, lambda y: y), None, "A failed on a tensor .* KeyError: 'a setting'"),
        ((lambda x: x, fails), SHAPE, "A_adjoint failed on a tensor .* KeyError"),
        ((lambda x: x, fails), None, "the shape of the image is not known: A_adjoint.y. failed .KeyError"),
        ((lambda x: x @ torch.eye(20).double(), lambda y: y), None, "A failed on a tensor .* torch.float32"),
        ((lambda x: None, lambda y: y), None, "A returned NoneType"),
        ((lambda x: (x, x), lambda y: y), None, "A returned tuple"),
        ((lambda x: "x", lambda y: y), None, "A returned str"),
        ((lambda x: x, lambda y: "y"), None, "the shape of the image is not known"),
    ],
)
def test_a_function_that_fails_is_named_with_its_own_words(pair, shape, said):
    with pytest.raises(InputError, match=said) as caught:
        LinearOperator(*pair, image_shape=shape).shaped(Y)
    assert "\n" not in str(caught.value)


def test_the_failure_itself_is_kept_for_whoever_looks_for_it():
    with pytest.raises(InputError) as caught:
        LinearOperator(fails, lambda y: y).shaped(Y)
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_adjoint_of_another_size_than_the_image_is_refused():
    operator = LinearOperator(lambda x: x, lambda y: y[..., 1:], image_shape=SHAPE).shaped(Y)
    with pytest.raises(InputError, match=r"A_adjoint returned the shape \(1, 1, 16, 19\)"):
        operator.A_adjoint(Y[None, None])


def test_a_measurement_of_another_shape_or_kind_is_refused():
    operator = LinearOperator(*SAME, image_shape=SHAPE).shaped(Y)
    with pytest.raises(InputError, match=r"y has the shape \(15, 20\)"):
        operator.inward(Y[1:])
    with pytest.raises(InputError, match="y is complex"):
        operator.inward(Y.to(torch.complex64))


@pytest.mark.parametrize("pair", [(3, SAME[1]), (SAME[0], None)])
def test_both_parts_are_functions(pair):
    with pytest.raises(InputError, match="it is a function of a tensor"):
        LinearOperator(*pair)


@pytest.mark.parametrize("shape", [(2, 1, 16, 20), (20,), (16.5, 20), 20, "a", (0, 20), (1, 1, 1, 16, 20)])
def test_the_shape_of_an_image_has_two_to_four_whole_numbers(shape):
    with pytest.raises(InputError, match="the shape of the image is"):
        LinearOperator(*SAME, image_shape=shape)


@pytest.mark.parametrize("elsewhere", [True, False])
def test_parts_that_do_not_work_on_a_device_are_called_on_the_cpu(elsewhere):
    weights = torch.linspace(0.5, 1, 12 * 10).view(12, 10)

    def scaled(x):
        if x.device.type == "meta" and not elsewhere:
            raise RuntimeError("Expected all tensors to be on the same device")
        return x * weights.to(x)

    operator = LinearOperator(scaled, scaled, image_shape=(12, 10)).shaped(torch.zeros(1, 1, 12, 10))
    parts = operator.to("meta")._forward, operator.to("cpu")._forward
    assert (parts[0] is scaled) == elsewhere and parts[1] is scaled
    if not elsewhere:
        assert torch.equal(parts[0](torch.ones(1, 1, 12, 10)), weights[None, None])
