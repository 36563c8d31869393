"""Images are brought back to what was measured: by closed forms where there are any, else by A and Aᵀ alone."""

import pytest
import torch
import torch.nn.functional as F

from dipsearch.errors import InputError
from dipsearch.patches.consistency import consistent, proximal
from dipsearch.problem import Downsample, Identity, Mask, pseudo_inverse

SHAPE = (1, 3, 18, 23)


def random(shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def some_pixels():
    return (torch.rand(1, 1, *SHAPE[-2:], generator=torch.Generator().manual_seed(1)) > 0.5).float()


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class OnlyAandItsAdjoint:
    """An operator of a user: nothing of it is known but the two maps."""

    def __init__(self, inner):
        self.inner, self.calls = inner, 0

    def A(self, x):
        self.calls += 1
        return self.inner.A(x)

    def A_adjoint(self, y):
        return self.inner.A_adjoint(y)

    def to(self, device):
        return self


class Blur:
    """A blur within the borders, with float32 weights that bear no other precision."""

    kernel = torch.tensor([[1.0, 6, 1], [6, 36, 6], [1, 6, 1]])[None, None] / 64

    def A(self, x):
        return F.conv2d(x[0][:, None], self.kernel)[:, 0][None]

    def A_adjoint(self, y):
        return F.conv_transpose2d(y[0][:, None], self.kernel)[:, 0][None]

    def to(self, device):
        return self


class Average:
    """The same average, measured twice: A Aᵀ has lost rank."""

    def A(self, x):
        return x.mean((-2, -1), keepdim=True).expand(*x.shape[:2], 1, 2)

    def A_adjoint(self, y):
        return y.sum(-1, keepdim=True).expand(*y.shape[:2], *SHAPE[-2:]) / (SHAPE[-2] * SHAPE[-1])

    def to(self, device):
        return self


def operators():
    reductions = [Downsample(factor, SHAPE) for factor in (2, 3, 4, 5)]
    return [
        Identity(),
        Mask(some_pixels()),
        *reductions,
        Blur(),
        Average(),
        OnlyAandItsAdjoint(Mask(some_pixels())),
        OnlyAandItsAdjoint(reductions[1]),
    ]


def name(operator):
    return f"{type(operator).__name__}{getattr(operator, 'factor', '')}"


def matrix_of(operator):
    unit = torch.eye(SHAPE[-2] * SHAPE[-1]).reshape(-1, 1, *SHAPE[-2:])
    return torch.stack([operator.A(one[None]).flatten() for one in unit], 1).double()


@pytest.mark.parametrize("operator", operators(), ids=name)
def test_the_operators_of_these_tests_have_exact_adjoints(operator):
    x = random(SHAPE)
    y = random(operator.A(x).shape, seed=2)
    assert float((operator.A(x) * y).sum() - (x * operator.A_adjoint(y)).sum()) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("operator", operators(), ids=name)
def test_it_is_the_pseudo_inverse_of_the_written_out_matrix(operator):
    # Also of a y that no image measures as: the average twice, with two different results.
    y = random(operator.A(random(SHAPE)).shape, seed=2)
    inverse = torch.linalg.pinv(matrix_of(operator), rtol=1e-9)
    expected = torch.stack([inverse @ y[0, c].double().flatten() for c in range(3)]).reshape(SHAPE)
    found = pseudo_inverse(operator, y, iterations=3000, tolerance=1e-8)
    assert found.dtype == torch.float32
    assert float((found - expected).abs().max()) < 2e-4 * float(expected.abs().max())


@pytest.mark.parametrize("operator", operators(), ids=name)
def test_what_was_measured_is_met_by_the_image_of_least_energy(operator):
    x = random(SHAPE, seed=3)
    y = operator.A(x)
    back = pseudo_inverse(operator, y)
    assert float((operator.A(back) - y).abs().max()) < 1e-5 * float(y.abs().max())
    assert float(back.norm()) <= float(x.norm()) * (1 + 1e-6)
    # Nothing of it lies in the null space: x − A⁺A x is at right angles to A⁺A x.
    assert float(((x - back) * back).sum()) == pytest.approx(0, abs=1e-4 * float(x.square().sum()))


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("size", [(24, 24), (17, 9), (29, 31)])
def test_a_reduction_is_met_exactly_at_every_size(factor, size):
    operator = Downsample(factor, (1, 1, *size))
    y = random(operator.A(torch.zeros(1, 1, *size)).shape)
    assert float((operator.A(pseudo_inverse(operator, y)) - y).abs().max()) < 2e-6


@pytest.mark.parametrize("operator", operators(), ids=name)
def test_a_consistent_image_measures_as_y_and_keeps_its_part_that_was_not_measured(operator):
    x, y = random(SHAPE), operator.A(random(SHAPE, seed=4))
    better = consistent(x, operator, y)
    assert float((operator.A(x) - y).abs().max()) > 0.05
    assert float((operator.A(better) - y).abs().max()) < 1e-5
    unseen = x - pseudo_inverse(operator, operator.A(x))
    assert float((better - pseudo_inverse(operator, y) - unseen).abs().max()) < 1e-4


@pytest.mark.parametrize("operator", [Identity(), Mask(some_pixels()), Downsample(3, SHAPE)], ids=name)
def test_values_of_no_weight_are_not_looked_at(operator):
    x, y = random(SHAPE), operator.A(random(SHAPE, seed=4))
    weight = (torch.rand(y.shape, generator=torch.Generator().manual_seed(5)) > 0.3).float()
    found = consistent(x, operator, y * weight + 1000 * (1 - weight), weight=weight)
    measured = operator.A(found)
    assert float(((measured - y) * weight).abs().max()) < 1e-5
    assert float(((measured - operator.A(x)) * (1 - weight)).abs().max()) < 1e-5


def test_damping_shrinks_what_is_uncertain():
    y = random(SHAPE)
    for operator in (Identity(), OnlyAandItsAdjoint(Identity())):
        assert torch.allclose(pseudo_inverse(operator, y, damping=3.0), y / 4, atol=1e-6)
    blur, y = Blur(), Blur().A(random(SHAPE))
    x = pseudo_inverse(blur, y, damping=0.1)
    gradient = blur.A_adjoint(blur.A(x) - y) + 0.1 * x
    assert float(gradient.abs().max()) < 1e-5


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("operator", operators(), ids=name)
def test_the_proximal_step_is_where_the_gradient_vanishes(operator, weighted):
    v, y = random(SHAPE), operator.A(random(SHAPE, seed=4)) + 0.1
    weight = torch.rand(y.shape, generator=torch.Generator().manual_seed(5)) + 0.2 if weighted else None
    u = proximal(v, operator, y, rho=7.0, noise_variance=0.03, weight=weight)
    square = 1.0 if weight is None else weight.square()
    gradient = operator.A_adjoint(square * (operator.A(u) - y)) / 0.03 + 7.0 * (u - v)
    before = operator.A_adjoint(square * (operator.A(v) - y)) / 0.03
    assert float(gradient.abs().max()) < 1e-4 * float(before.abs().max()) + 5e-6


def test_closed_forms_and_iterations_agree():
    v, y = random(SHAPE), random(SHAPE, seed=4)
    weight = (torch.rand(1, 1, *SHAPE[-2:], generator=torch.Generator().manual_seed(5)) > 0.3).float()
    for operator in (Identity(), Mask(some_pixels())):
        closed, iterated = (
            proximal(v, one, y, rho=2.0, noise_variance=0.4, weight=weight)
            for one in (operator, OnlyAandItsAdjoint(operator))
        )
        assert torch.allclose(closed, iterated, atol=1e-6)
    assert torch.allclose(
        proximal(v, Identity(), y, rho=2.0, noise_variance=0.4), (y + 0.8 * v) / 1.8, atol=1e-6
    )


@pytest.mark.parametrize("operator", [Identity(), Mask(some_pixels()), Downsample(2, SHAPE)], ids=name)
def test_without_noise_the_proximal_step_is_the_consistent_image(operator):
    v, y = random(SHAPE), operator.A(random(SHAPE, seed=4))
    u = proximal(v, operator, y, rho=1.0, noise_variance=0.0)
    assert torch.allclose(u, consistent(v, operator, y), atol=1e-5)


def test_a_trusted_image_is_left_alone():
    v, y = random(SHAPE), random(SHAPE, seed=4)
    assert torch.allclose(proximal(v, Identity(), y, rho=1e9, noise_variance=1.0), v, atol=1e-6)


@pytest.mark.parametrize("inner, calls", [(Downsample(3, SHAPE), 14), (Blur(), 27)])
def test_the_iteration_stops_by_itself_and_soon(inner, calls):
    # Steepest descent, without the conjugation, takes several times as long.
    y = inner.A(random(SHAPE))
    operator = OnlyAandItsAdjoint(inner)
    pseudo_inverse(operator, y)
    assert operator.calls == pytest.approx(calls, abs=5)
    operator.calls = 0
    pseudo_inverse(operator, y, iterations=4)
    assert operator.calls == 4


def test_nothing_measured_gives_nothing():
    assert torch.equal(pseudo_inverse(Blur(), torch.zeros(1, 3, 16, 21)), torch.zeros(SHAPE))


def test_an_operator_too_weak_for_the_precision_of_y_ends_the_iteration():
    class Faint(Identity):
        def A(self, x):
            return 1e-30 * x

        A_adjoint = A

    operator = OnlyAandItsAdjoint(Faint())
    assert torch.equal(pseudo_inverse(operator, torch.full(SHAPE, 1e-10)), torch.zeros(SHAPE))


@pytest.mark.parametrize("rho, noise_variance", [(0, 1), (-1, 1), (1, -1), (float("nan"), 1)])
def test_numbers_out_of_range_are_refused(rho, noise_variance):
    with pytest.raises(InputError, match="rho is"):
        proximal(random(SHAPE), Identity(), random(SHAPE), rho=rho, noise_variance=noise_variance)


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("operator", [Identity(), Mask(some_pixels()), Downsample(3, SHAPE)], ids=name)
def test_a_gpu_gives_the_same(operator):
    x, y = random(SHAPE), operator.A(random(SHAPE, seed=4))
    there = operator.to("cuda")
    assert torch.allclose(consistent(x.cuda(), there, y.cuda()).cpu(), consistent(x, operator, y), atol=1e-5)
    settings = {"rho": 2.0, "noise_variance": 0.1}
    found = proximal(x.cuda(), there, y.cuda(), **settings).cpu()
    assert torch.allclose(found, proximal(x, operator, y, **settings), atol=1e-5)
