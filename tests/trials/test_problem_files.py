"""A worker reads the problem that the study wrote, down to the last number of its noise."""

from pathlib import Path

import pytest
import torch

from dipsearch.problem import Identity, NoiseModel, Problem
from dipsearch.trials.problem_files import read_problem, write_problem

TABLE = ((0.0, 0.25, 0.1), (0.5, 1.0, 0.5), (0.1, 0.25, 0.0))


def denoising(noise: NoiseModel) -> Problem:
    y = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return Problem(y, Identity(), noise, (1, 3, 16, 16), observed=torch.ones(1, 1, 16, 16))


@pytest.mark.parametrize(
    "noise",
    [
        NoiseModel("none", None, "none"),
        NoiseModel("gaussian", 0.1, "given"),
        NoiseModel("unknown", 0.02, "estimated"),
        NoiseModel("unknown", None, "given", share=0.2),
        NoiseModel("unknown", 0.02, "estimated", places=((0.5, 1.0), (1.0, 1.25))),
        NoiseModel("poisson", 0.1, "estimated", gain=1 / 30),
        NoiseModel("impulse", 0.0, "estimated"),
        NoiseModel("impulse"),
        NoiseModel("correlated", 0.1, "estimated", correlation=TABLE),
    ],
)
def test_the_noise_survives_the_file(tmp_path: Path, noise: NoiseModel) -> None:
    write_problem(tmp_path / "a.npz", denoising(noise))
    found = read_problem(tmp_path / "a.npz")
    assert found.noise == noise and torch.equal(found.y, denoising(noise).y)
