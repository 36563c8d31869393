"""Measurements of operators: what is measured, and that the usual methods restore something of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dipsearch.bench.operators.operator_cases import INSTRUMENTS, OperatorCase, chosen_instruments, make_case
from dipsearch.bench.operators.operator_classical import total_variation, wiener
from dipsearch.errors import InputError
from dipsearch.patches.inversion import gradient, gradient_adjoint, squared_norm
from dipsearch.problem import Blur, Gaussian, NoNoise, Problem, gaussian_kernel, make_split, psnr, write_image

SIDE = 32
instruments = pytest.mark.parametrize("name", list(INSTRUMENTS))


@pytest.fixture
def crop(tmp_path: Path) -> Path:
    """A picture of 32 × 32 with a disc and a slope."""
    rows, columns = torch.meshgrid(*(torch.linspace(-1, 1, SIDE),) * 2, indexing="ij")
    disc = (rows.square() + columns.square() < 0.4).float()
    planes = torch.stack([0.2 + 0.6 * disc, 0.5 + 0.3 * rows, 0.7 - 0.4 * disc + 0.2 * columns])
    write_image(tmp_path / "disc@32.png", planes[None])
    return tmp_path / "disc@32.png"


def made(crop: Path, name: str, *, seed: int = 0) -> OperatorCase:
    return make_case(crop, INSTRUMENTS[name], seed=seed)


@instruments
def test_a_measurement_is_a_x_with_noise_of_the_strength_that_the_problem_knows(
    crop: Path, name: str
) -> None:
    case = made(crop, name)
    assert case.picture == "disc@32"
    assert case.problem.image_shape == tuple(case.clean.shape)
    difference = case.problem.y - case.problem.operator.A(case.clean)
    seen = case.problem.observed.expand_as(difference) > 0
    assert case.problem.noise.sigma is not None
    assert float(difference[seen].std()) == pytest.approx(case.problem.noise.sigma, rel=0.06)
    assert float(difference[~seen].abs().sum()) == 0
    assert make_split(case.problem, seed=0).kind == "recorruption"


def test_tomograms_and_k_space_are_of_grey_pictures(crop: Path) -> None:
    shapes = {name: tuple(made(crop, name).problem.y.shape) for name in INSTRUMENTS}
    assert shapes == {
        "gaussian blur": (1, 3, 32, 32),
        "motion blur": (1, 3, 32, 32),
        "ct": (1, 1, 60, 47),
        "mri": (1, 2, 32, 32),
    }
    problem = made(crop, "mri").problem
    assert float(problem.observed.mean()) == pytest.approx(1 / 4)
    tomogram = made(crop, "ct").problem
    assert tomogram.noise.sigma == pytest.approx(
        0.01 * float(tomogram.operator.A(made(crop, "ct").clean).max())
    )


@instruments
def test_the_digest_is_of_picture_operator_and_seed(crop: Path, tmp_path: Path, name: str) -> None:
    first = made(crop, name)
    assert made(crop, name).digest == first.digest
    assert torch.equal(made(crop, name).problem.y, first.problem.y)
    write_image(tmp_path / "other@32.png", torch.full((1, 3, SIDE, SIDE), 0.5))
    others = [
        made(crop, name, seed=1),
        made(tmp_path / "other@32.png", name),
        *(made(crop, one) for one in INSTRUMENTS if one != name),
    ]
    assert len({first.digest, *(case.digest for case in others)}) == 1 + len(others)


@instruments
def test_the_usual_methods_restore_something(crop: Path, name: str) -> None:
    case = made(crop, name)
    found = {
        method: psnr(restore(case.problem).clamp(0, 1), case.clean)
        for method, restore in case.instrument.classical.items()
    }
    plain = psnr(torch.full_like(case.clean, float(case.clean.mean())), case.clean)
    assert min(found.values()) > plain + 2
    # A disc is what total variation is made for.
    assert max(found, key=lambda method: found[method]) == "tv"


def test_total_variation_explains_the_measurement_up_to_its_noise(crop: Path) -> None:
    case = made(crop, "gaussian blur")
    assert case.problem.noise.sigma is not None
    x = total_variation(case.problem, share=0.9)
    residual = (case.problem.operator.A(x) - case.problem.y).square().mean()
    assert float(residual) == pytest.approx(0.9 * case.problem.noise.sigma**2, rel=0.03)
    assert 0 <= float(x.min()) <= float(x.max()) <= 1
    longer = total_variation(case.problem, share=0.9, iterations=2000)
    nearer = (case.problem.operator.A(longer) - case.problem.y).square().mean()
    assert float(nearer) == pytest.approx(0.9 * case.problem.noise.sigma**2, rel=0.01)
    # The clean image explains it, too, and has more variation.
    variation = [float(gradient(one).square().sum((0, 2)).sqrt().sum()) for one in (x, case.clean)]
    assert variation[0] < variation[1]


def test_the_gradient_has_its_adjoint_and_a_norm_below_its_bound() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 2, 9, 7, generator=generator, dtype=torch.float64)
    g = torch.randn(2, 1, 2, 9, 7, generator=generator, dtype=torch.float64)
    assert float((gradient(x) * g).sum()) == pytest.approx(float((x * gradient_adjoint(g)).sum()))

    class Gradient:
        def A(self, x: torch.Tensor) -> torch.Tensor:
            return gradient(x)

        def A_adjoint(self, y: torch.Tensor) -> torch.Tensor:
            return gradient_adjoint(y)

        def to(self, device: torch.device | str) -> Gradient:
            return self

    assert 6 < squared_norm(Gradient(), torch.zeros(1, 1, 24, 24)) < 1.02 * 8


def test_wiener_is_the_closed_form_where_cosine_waves_diagonalise_the_blur(crop: Path) -> None:
    from scipy.fft import dctn, idctn

    from dipsearch.bench.operators.operator_classical import _noise_to_signal

    problem = made(crop, "gaussian blur").problem
    point = torch.zeros(1, 3, SIDE, SIDE, dtype=torch.float64)
    point[..., 0, 0] = 1
    axes = (-2, -1)
    transfer = dctn(problem.operator.A(point).numpy(), axes=axes) / dctn(point.numpy(), axes=axes)
    waves = dctn(problem.y.double().numpy(), axes=axes)
    closed = idctn(waves * transfer / (transfer**2 + _noise_to_signal(problem)), axes=axes)
    assert float((wiener(problem) - torch.from_numpy(closed)).abs().max()) < 1e-4


def test_methods_that_weigh_the_noise_refuse_a_measurement_without() -> None:
    y = torch.rand(1, 1, SIDE, SIDE)
    problem = Problem(y, Blur(gaussian_kernel(1)), NoNoise(), data_range=(0, 1))
    for method in (wiener, lambda one: total_variation(one, share=1.0)):
        with pytest.raises(InputError, match="the strength of the noise is not known"):
            method(problem)
    assert Gaussian(0.1).sigma == 0.1


def test_operators_are_chosen_by_name() -> None:
    assert [one.name for one in chosen_instruments(["mri", "gaussian blur"])] == ["gaussian blur", "mri"]
    with pytest.raises(InputError, match="there is no operator 'fog'"):
        chosen_instruments(["fog"])
