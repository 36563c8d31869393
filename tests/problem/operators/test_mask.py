"""The mask: whatever array says what was measured, it is copied, and has the type of the flow."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dipsearch as ds

HOLES = np.random.default_rng(0).random((16, 12)) < 0.5


@pytest.mark.parametrize(
    "given",
    [
        HOLES,
        HOLES[::-1][::-1],
        HOLES.astype(">i2"),
        HOLES.astype("f8"),
        HOLES.astype("longdouble"),
        HOLES.astype("f2"),
    ],
)
def test_arrays_of_every_kind_are_taken(given: np.ndarray) -> None:
    mask = ds.Mask(given)
    assert mask.mask.dtype == torch.float32 and np.array_equal(mask.mask[0, 0].numpy() > 0, given > 0)
    assert mask.A(torch.ones(1, 1, 16, 12)).dtype == torch.float32


@pytest.mark.parametrize("given", [HOLES.astype("f4"), torch.from_numpy(HOLES.astype("f4"))])
def test_what_is_done_to_the_array_later_changes_nothing(given: np.ndarray | torch.Tensor) -> None:
    mask = ds.Mask(given)
    given[:] = 0
    assert np.array_equal(mask.mask[0, 0].numpy() > 0, HOLES)


def test_a_mask_that_somebody_learns_is_taken_as_it_is() -> None:
    mask = ds.Mask(torch.from_numpy(HOLES.astype("f4")).requires_grad_())
    problem = ds.Problem(np.random.default_rng(1).random((16, 12)), mask)
    assert not problem.observed.requires_grad
