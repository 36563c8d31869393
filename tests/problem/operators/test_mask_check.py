"""The check whether one's own operator is in truth a mask."""

import pytest
import torch
from torch import Tensor

from dipsearch import InputError
from dipsearch.api.asked import TAKEN_AS_IDENTITY, TAKEN_AS_MASK, cases_of
from dipsearch.patches import answer
from dipsearch.problem import Gaussian, Identity, LinearOperator, Mask, NoNoise, Problem

SHAPE = (1, 3, 24, 24)


def kept(channels: int) -> Tensor:
    return (torch.rand(1, channels, 24, 24, generator=torch.Generator().manual_seed(0)) < 0.5).float()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_pair_that_keeps_or_drops_values_is_a_mask_and_that_is_said(channels: int) -> None:
    mask, x = kept(channels), torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))
    own = Problem(mask * x, (lambda v: v * mask, lambda v: v * mask), NoNoise())
    ours = Problem(mask * x, Mask(mask), NoNoise())
    assert isinstance(own.operator, Mask) and torch.equal(own.operator.mask, mask)
    assert own.task == "inpaint" and torch.equal(own.y, ours.y) and torch.equal(own.observed, ours.observed)
    assert torch.equal(answer(own), answer(ours))
    assert [case.notes for case in cases_of([own, ours])] == [(TAKEN_AS_MASK,), ()]


class Denoising:
    """An operator as other libraries have it."""

    def A(self, x: Tensor) -> Tensor:
        return x * 1

    def A_adjoint(self, y: Tensor) -> Tensor:
        return y * 1


@pytest.mark.parametrize("given", [(lambda v: v, lambda v: v), Denoising()])
def test_what_keeps_everything_is_the_identity_and_that_is_said(given: object) -> None:
    y = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))
    own, ours = Problem(y, given, Gaussian(0.1)), Problem(y, None, Gaussian(0.1))
    assert isinstance(own.operator, Identity) and own.task == "denoise" and torch.equal(own.y, ours.y)
    assert torch.equal(answer(own), answer(ours))
    assert [case.notes for case in cases_of([own, ours])] == [(TAKEN_AS_IDENTITY,), ()]
    with pytest.raises(InputError, match="noise was not given"):
        Problem(y, given)


@pytest.mark.parametrize(
    ("A", "A_adjoint"),
    [
        (lambda v: v * 0.5, lambda v: v * 0.5),
        (lambda v: v * kept(1) * 2, lambda v: v * kept(1) * 2),
        (lambda v: -v * kept(1), lambda v: -v * kept(1)),
        (lambda v: v.roll(1, -1), lambda v: v.roll(-1, -1)),
        (lambda v: v.flip(-1) * kept(1), lambda v: (v * kept(1)).flip(-1)),
    ],
)
def test_what_weighs_or_moves_values_is_none(A, A_adjoint) -> None:  # type: ignore[no-untyped-def]
    y = A(torch.rand(SHAPE, generator=torch.Generator().manual_seed(1)))
    assert isinstance(Problem(y, (A, A_adjoint), Gaussian(0.1)).operator, LinearOperator)


def test_the_noise_of_such_a_pair_has_to_be_given_as_of_any_other() -> None:
    mask = kept(3)
    with pytest.raises(InputError, match="noise was not given"):
        Problem(mask * torch.rand(SHAPE), (lambda v: v * mask, lambda v: v * mask))
