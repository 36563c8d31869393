"""The way of a problem over a GPU, on a pretended one: nothing of two devices meets, whatever measured the picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

import dipsearch
from dipsearch.fitting import OngoingFit, pack, unpack
from dipsearch.network import Genome, Scale
from dipsearch.patches import HURRIED, answer
from dipsearch.problem import (
    Blur,
    Downsample,
    Fourier,
    Gaussian,
    Mask,
    NoNoise,
    Poisson,
    Problem,
    Product,
    Radon,
    make_split,
)

from .pretended_gpu import GPU, Mixed, OnGpu, pretended_gpu

SIDE = 32
SHAPE = (1, 1, SIDE, SIDE)
TINY = Genome(scales=(Scale(4, 4, channels_skip=2),) * 2, input_channels=2)


def picture() -> Tensor:
    at = torch.linspace(0, 6, SIDE)
    return (0.5 + 0.3 * at.sin()[:, None] * (1.7 * at).cos()).expand(SHAPE).contiguous()


def drawn() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def noisy(y: Tensor) -> Tensor:
    return y + 0.03 * torch.randn(y.shape, generator=drawn())


def kept() -> Tensor:
    return torch.rand(SIDE, SIDE, generator=drawn()) > 0.3


class Gain(torch.nn.Module):
    """As another library has it, with a tensor of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("gain", torch.linspace(0.5, 1.5, SIDE).expand(SHAPE))

    def A(self, x: Tensor) -> Tensor:
        return x * self.gain

    A_adjoint = A


def closure(device: torch.device) -> object:
    gain = Gain().gain.to(device)
    return (lambda x: x * gain), (lambda y: y * gain)


def by_numpy() -> object:
    return (lambda x: np.flip(x.numpy(), -1)), (lambda y: np.flip(y.numpy(), -1))


KERNEL = torch.ones(3, 3) / 9
HALF = torch.arange(SIDE) % 2 == 0
MADE: dict[str, Callable[[], Problem]] = {
    "noise": lambda: Problem(noisy(picture()).to(GPU), None, Gaussian(0.03)),
    "photons": lambda: Problem(torch.poisson(30 * picture(), generator=drawn()).to(GPU), None, Poisson()),
    "mask": lambda: Problem((picture() * kept()).to(GPU), Mask(kept().to(GPU)), NoNoise()),
    "downsample": lambda: measured(Downsample(2, SHAPE).to(GPU)),
    "radon": lambda: measured(Radon(range(0, 180, 20), SHAPE).to(GPU)),
    "fourier": lambda: measured(
        Fourier((HALF | (torch.arange(SIDE) < 4)).expand(SIDE, SIDE).float().to(GPU))
    ),
    "product": lambda: measured(Product(Downsample(2, SHAPE).to(GPU), Blur(KERNEL, border="reflect"))),
    "module": lambda: measured(Gain().to(GPU)),
    "closure on the GPU": lambda: measured(closure(GPU)),
    "NumPy": lambda: Problem(
        noisy(picture().flip(-1)).to(GPU), by_numpy(), Gaussian(0.03), image_shape=SHAPE
    ),
}


def measured(a: object) -> Problem:
    """A measurement that was made on the GPU."""
    A = a[0] if isinstance(a, tuple) else a.A  # type: ignore[attr-defined]
    y = A(picture().to(GPU))
    return Problem(y + noisy(0 * y.cpu()).to(GPU), a, Gaussian(0.03), image_shape=SHAPE)


def a_few() -> Callable[[], bool]:
    """Time for some passes of patches."""
    asked = iter(range(11))
    return lambda: next(asked, None) is None


@pytest.mark.parametrize("kind", MADE)
def test_it_is_divided_answered_fitted_saved_and_gone_on_with(kind: str) -> None:
    with pretended_gpu():
        problem = MADE[kind]()
        assert problem.y.device.type == "cpu"
        there, split = problem.to(GPU), make_split(problem, seed=0).to(GPU)
        found = answer(there, split=split, settings=HURRIED, over=a_few())
        assert isinstance(found, OnGpu) and bool(found.isfinite().all())
        if kind == "closure on the GPU":
            return  # on the way back of a gradient PyTorch knows nothing of what is pretended
        one = OngoingFit(TINY, there, split=split, seed=0, max_steps=8, check_every=2)
        one.advance(2)
        (state,), _ = unpack(pack([one.state()], {}))
        other = OngoingFit(TINY, there, split=split, seed=0, max_steps=8, check_every=2, state=state)
        for each in (one, other):
            each.advance(2)
        image = other.fit().image
        assert isinstance(image, OnGpu) and torch.equal(image.cpu(), one.fit().image.cpu())


def test_a_fit_from_python_takes_a_problem_from_there() -> None:
    with pretended_gpu():
        problem = MADE["mask"]().to(GPU)
        done = dipsearch.fit(problem, TINY, steps=4, device="cuda")
        assert isinstance(done.image, OnGpu)
        assert torch.equal((done.image.cpu() * kept()), (picture() * kept()))


def test_a_search_from_python_does_too() -> None:
    with pretended_gpu():
        problem = MADE["mask"]().to(GPU)
        found = dipsearch.search(problem, trials=1, steps=20, workers=1, device="cpu")
        assert torch.allclose((found.image.cpu() * kept()), (picture() * kept()))


def test_the_pretended_device_refuses_what_a_gpu_refuses() -> None:
    with pretended_gpu():
        here, there = torch.ones(3), torch.ones(3).to("cuda")
        assert (there.device, (2 * there).device, there.cpu().device.type) == (GPU, GPU, "cpu")
        with pytest.raises(Mixed):
            here + there
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
        with pytest.raises(Mixed, match="generator"):
            there.normal_(generator=torch.Generator())
        with pytest.raises(Mixed, match="generator"):
            torch.rand(3, generator=torch.Generator("cuda"))
        assert torch.rand(3, device="cuda", generator=torch.Generator("cuda")).is_cuda
    assert not torch.ones(3).is_cuda
