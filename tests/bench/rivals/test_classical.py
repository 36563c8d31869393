"""Classical restorations: of all that was measured, and of the fitted part of a split alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from dipsearch.bench.rivals.classical import classical
from dipsearch.problem import Downsample, Identity, Mask, NoiseModel, Operator, Problem, make_split, psnr

SHAPE = (1, 3, 32, 40)


def smooth() -> Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 32), torch.linspace(0, 4, 40), indexing="ij")
    return torch.stack([0.5 + 0.3 * (rows + k).sin() * (columns - k).cos() for k in range(3)])[None].float()


def problem(task: str, noise: NoiseModel) -> Problem:
    """A smooth picture, damaged in the way of a task and a noise."""
    generator = torch.Generator().manual_seed(0)
    x, operator, observed = smooth(), Identity(), torch.ones(1, 1, 32, 40)
    damaged: Operator = operator
    if task == "inpaint":
        observed = (torch.rand(1, 1, 32, 40, generator=generator) < 0.5).float()
        damaged = Mask(observed)
    elif task == "sr":
        damaged = Downsample(2, SHAPE)
        observed = torch.ones(1, 1, 16, 20)
    y = damaged.A(x)
    if noise.kind == "poisson":
        y = torch.poisson(y / (noise.gain or 1), generator=generator) * (noise.gain or 1)
    elif noise.kind == "impulse":
        struck = torch.rand(SHAPE, generator=generator) < 0.3
        y = torch.where(struck, torch.rand(SHAPE, generator=generator).round(), y)
    elif noise.kind != "none":
        y = y + 0.1 * torch.randn(y.shape, generator=generator)
    return Problem(y, damaged, noise, SHAPE, observed)


KINDS = [
    ("inpaint", NoiseModel("none", None, "none"), "biharmonic", 35.0),
    ("sr", NoiseModel("none", None, "none"), "bicubic", 35.0),
    ("denoise", NoiseModel("gaussian", 0.1), "non-local means", 24.0),
    ("denoise", NoiseModel("unknown", 0.1, "estimated"), "non-local means", 24.0),
    ("denoise", NoiseModel("poisson", gain=1 / 60), "non-local means", 24.0),
    ("denoise", NoiseModel("impulse", 0.0), "biharmonic", 35.0),
]


@pytest.mark.parametrize(("task", "noise", "name", "quality"), KINDS)
def test_the_score_of_the_fitted_part_tells_how_good_a_method_is(
    task: str, noise: NoiseModel, name: str, quality: float
) -> None:
    asked = problem(task, noise)
    split = make_split(asked, seed=0)
    method, whole = classical(asked)
    same, part = classical(asked, split=split)
    assert method == same == name
    assert psnr(whole, smooth()) > quality
    assert psnr(part, smooth()) > quality - 3
    error = float((part - smooth()).square().mean())
    assert float(split.validation_mse(asked.view(part))) == pytest.approx(error, abs=max(3 * error, 1.5e-3))


@pytest.mark.parametrize(("task", "noise", "name", "quality"), KINDS)
def test_a_grey_picture_keeps_its_axes(task: str, noise: NoiseModel, name: str, quality: float) -> None:
    del name, quality
    asked = problem(task, noise)
    grey = dataclasses.replace(asked, y=asked.y[:, :1].contiguous(), image_shape=(1, 1, 32, 40))
    if task == "sr":
        grey = dataclasses.replace(grey, operator=Downsample(2, (1, 1, 32, 40)))
    # The small picture of an enlargement has too few values in one channel to be divided.
    for split in (None,) if task == "sr" else (None, make_split(grey, seed=0)):
        assert classical(grey, split=split)[1].shape == (1, 1, 32, 40)


def test_what_scores_is_not_looked_at() -> None:
    asked = problem("inpaint", KINDS[0][1])
    split = make_split(asked, seed=0)
    _, before = classical(asked, split=split)
    hidden = split.score_weight.bool().expand_as(asked.y)
    split.fit_target[hidden] = 0.0
    _, after = classical(asked, split=split)
    assert torch.equal(before, after)
