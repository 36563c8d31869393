"""Adam without PyTorch's optimiser classes is the same Adam, bit for bit, and leaves the compiler where it is."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from dipsearch.network.adam import Adam


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 1))


def trained(optimiser_of: object, *, steps: int = 20) -> dict[str, torch.Tensor]:
    module, x = network(), torch.rand(1, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    optimiser = optimiser_of(module.parameters())
    for _ in range(steps):
        optimiser.zero_grad()
        (module(x) - 0.3).square().mean().backward()
        optimiser.step()
    return module.state_dict()


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_it_makes_the_steps_of_pytorchs_own(weight_decay: float) -> None:
    ours = trained(lambda p: Adam(p, learning_rate=0.01, weight_decay=weight_decay))
    theirs = trained(lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=weight_decay, fused=True))
    for name, value in theirs.items():
        assert torch.equal(ours[name], value), name


def test_parameters_without_a_gradient_stay_where_they_are() -> None:
    used, unused = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    optimiser = Adam([used, unused], learning_rate=0.1)
    used.square().sum().backward()
    optimiser.step()
    assert torch.equal(unused, torch.ones(3)) and not torch.equal(used, torch.ones(3))
    optimiser.zero_grad()
    assert used.grad is None


def test_complex_weights_are_fitted_as_pytorch_fits_them() -> None:
    def fitted(optimiser_of: object) -> torch.Tensor:
        weight = nn.Parameter(torch.full((3,), 1 + 1j, dtype=torch.complex64))
        optimiser = optimiser_of([weight])
        for _ in range(5):
            optimiser.zero_grad()
            weight.abs().square().sum().backward()
            optimiser.step()
        return weight.detach()

    ours = fitted(lambda p: Adam(p, learning_rate=0.1))
    assert torch.allclose(ours, fitted(lambda p: torch.optim.Adam(p, lr=0.1, foreach=False)))


def test_a_process_that_fits_does_not_import_the_compiler() -> None:
    # It takes two seconds, which a search of twenty seconds and each of its workers do not have.
    code = (
        "import sys, torch; from dipsearch.network.adam import Adam; p = torch.nn.Parameter(torch.ones(2));"
        "a = Adam([p], learning_rate=0.1); p.sum().backward(); a.step(); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
