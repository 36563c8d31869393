"""What every operator keeps to: an exact adjoint, the same after writing and reading, the same after moving."""

import pytest
import torch

from dipsearch.problem.operators import operator_from_arrays, operator_to_arrays


@pytest.fixture
def conforms():
    """A function that checks an operator on random images of a shape, in double precision."""

    def check(operator, shape):
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        Ax = operator.A(x)
        y = torch.randn(Ax.shape, generator=generator, dtype=torch.float64, requires_grad=True)
        back = operator.A_adjoint(y)
        assert back.shape == x.shape
        there, here = float((Ax * y).detach().sum()), float((x * back).detach().sum())
        assert abs(there - here) < 1e-10 * float((Ax.norm() * y.norm()).detach())
        (gradient,) = torch.autograd.grad((Ax * y.detach()).sum(), x)
        assert torch.allclose(gradient, back.detach(), atol=1e-12, rtol=1e-12)
        (gradient,) = torch.autograd.grad((back * x.detach()).sum(), y)
        assert torch.allclose(gradient, Ax.detach(), atol=1e-12, rtol=1e-12)
        assert operator.A(x.float()).dtype == operator.A_adjoint(y.float()).dtype == torch.float32
        assert torch.allclose(
            operator.A(x.float()).double(), Ax, atol=1e-5 * float(Ax.detach().abs().max() + 1)
        )
        for same in (operator_from_arrays(operator_to_arrays(operator)), operator.to("cpu")):
            assert type(same) is type(operator)
            assert torch.equal(same.A(x), Ax) and torch.equal(same.A_adjoint(y), back)
        return True

    return check


@pytest.fixture
def dense():
    """A function that writes out an operator as a matrix (measured values, pixels), in double precision."""

    def matrix(operator, shape):
        pixels = torch.eye(torch.Size(shape).numel(), dtype=torch.float64)
        return torch.stack([operator.A(pixel.reshape(shape)).flatten() for pixel in pixels], dim=1)

    return matrix
