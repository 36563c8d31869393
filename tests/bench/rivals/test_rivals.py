"""The rivals themselves: that each restores what it is for, from the problem alone."""

import subprocess
import sys
import types
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import torch

from dipsearch.bench.cases.rival_case import RivalCase, make_case
from dipsearch.bench.cases.rival_damages import DAMAGES_OF_RIVALS
from dipsearch.bench.rivals import rivals
from dipsearch.bench.rivals.back_projection import back_projected, enlarged, reduction
from dipsearch.bench.rivals.dip_default import default_network, dip_oracle, dip_stopped
from dipsearch.bench.rivals.rival_denoisers import sigma_of
from dipsearch.bench.rivals.rival_limits import Limits
from dipsearch.bench.rivals.rivals import METHODS, RIVALS, chosen_methods, kind_of
from dipsearch.errors import InputError
from dipsearch.problem import psnr, write_image

LIMITS = Limits(seconds=30, steps=20)
Make = Callable[..., RivalCase]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a case of 48 × 48 pixels with a damage."""

    def case(damage: str, *, channels: int = 3, side: int = 48) -> RivalCase:
        rows, columns = torch.meshgrid(torch.linspace(0, 4, side), torch.linspace(0, 3, side), indexing="ij")
        planes = torch.stack([rows.sin().abs(), columns.cos().abs(), (rows + columns).sin().abs()])
        write_image(tmp_path / "waves.png", planes[None, :channels] * 0.7 + 0.1)
        return make_case(str(tmp_path / "waves.png"), DAMAGES_OF_RIVALS[damage], seed=0, folder=tmp_path)

    return case


def gain(case: RivalCase, name: str, *, over: str) -> float:
    """By how many dB a rival is better than another on a case."""
    found = [RIVALS[rival].restore(case.problem, LIMITS).clamp(0, 1) for rival in (name, over)]
    assert all(image.shape == case.clean.shape for image in found)
    return psnr(found[0], case.clean) - psnr(found[1], case.clean)


@pytest.mark.parametrize("damage", ["sigma25", "poisson30"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("name", "least"), [("nlm", 4.0), ("tv", 4.0)])
def test_denoisers_remove_noise(make: Make, name: str, least: float, damage: str, channels: int) -> None:
    assert gain(make(damage, channels=channels), name, over="measured") > least


def test_wavelets_remove_noise(make: Make) -> None:
    pytest.importorskip("pywt")
    assert gain(make("sigma25"), "wavelets", over="measured") > 4.0
    assert gain(make("sigma25", channels=1), "wavelets", over="measured") > 4.0


def test_total_variation_removes_as_much_as_the_noise_is_strong(make: Make) -> None:
    problem = make("sigma25").problem
    removed = RIVALS["tv"].restore(problem, LIMITS) - problem.y
    assert float(removed.square().mean().sqrt()) == pytest.approx(sigma_of(problem), rel=0.05)


def test_impulses_are_filled_from_what_was_not_struck(make: Make) -> None:
    case = make("impulse30")
    assert kind_of(case.problem) == "impulses"
    assert gain(case, "median", over="measured") > 5.0
    assert gain(case, "biharmonic", over="median") > 5.0


def test_biharmonic_inpainting_keeps_what_was_measured(make: Make) -> None:
    problem = make("half").problem
    restored = RIVALS["biharmonic"].restore(problem, LIMITS)
    assert torch.allclose(restored * problem.observed, problem.y, atol=1e-6)
    assert gain(make("half"), "biharmonic", over="measured") > 20.0


@pytest.mark.parametrize(
    ("name", "channels", "least"),
    [("telea", 3, 15.0), ("navier-stokes", 3, 15.0), ("fsr", 3, 10.0), ("telea", 1, 15.0), ("fsr", 1, 10.0)],
)
def test_opencv_fills_pixels_and_keeps_the_others(make: Make, name: str, channels: int, least: float) -> None:
    if RIVALS[name].missing():
        pytest.skip(RIVALS[name].missing())
    case = make("half", channels=channels)
    restored = RIVALS[name].restore(case.problem, LIMITS)
    assert torch.equal(restored * case.problem.observed, case.problem.y)
    assert gain(case, name, over="measured") > least


def test_back_projection_agrees_with_the_measurement_and_is_the_nearest_that_does(make: Make) -> None:
    problem = make("x2").problem
    operator, start = reduction(problem), enlarged(problem)
    found = back_projected(start, problem.y, operator)
    assert float((operator.A(found) - problem.y).abs().max()) < 1e-5
    other = found + (torch.rand_like(found) - 0.5) * 0.1
    other = back_projected(other, problem.y, operator)  # agrees, too
    assert float((other - start).norm()) > float((found - start).norm())


@pytest.mark.parametrize("name", ["back-projection", "lanczos-projection"])
def test_enlargements_gain_by_agreeing_with_the_measurement(make: Make, name: str) -> None:
    assert gain(make("x2"), name, over="bicubic") > 0.1


def test_bm3d_is_asked_with_all_colours_and_our_sigma(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fake(pixels: np.ndarray, sigma: float) -> np.ndarray:
        asked.append((pixels.shape, sigma))
        return pixels

    module = types.ModuleType("bm3d")
    module.bm3d_rgb = module.bm3d = fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bm3d", module)
    problem = make("sigma25").problem
    assert torch.allclose(RIVALS["bm3d"].restore(problem, LIMITS), problem.y, atol=1e-6)
    grey = make("sigma25", channels=1).problem
    RIVALS["bm3d"].restore(grey, LIMITS)
    assert asked == [((48, 48, 3), sigma_of(problem)), ((48, 48), sigma_of(grey))]


def test_counts_come_back_from_the_transform_of_anscombe(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A denoiser that changes nothing leaves the counts, but for the bias that its inverse corrects."""
    module = types.ModuleType("bm3d")
    seen = []

    def fake(pixels: np.ndarray, sigma: float) -> np.ndarray:
        seen.append(sigma)
        return pixels

    module.bm3d_rgb = fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bm3d", module)
    problem = make("poisson30").problem
    back = RIVALS["bm3d"].restore(problem, LIMITS)
    many = problem.y * 30 > 4
    assert float(((back - problem.y) * 30)[many].mean()) == pytest.approx(0.25, abs=0.05)
    assert 1 / seen[0] == pytest.approx(2 * (float(problem.y.max()) * 30 + 3 / 8) ** 0.5, rel=0.01)


def test_a_method_that_is_not_installed_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "find_spec", lambda name: None)
    said = RIVALS["bm3d"].missing()
    assert said == (
        "BM3D is left out: bm3d is not installed; pip install bm3d (its licence allows non-commercial use only)"
    )
    assert "\n" not in said and "opencv-contrib-python-headless" in RIVALS["fsr"].missing()
    assert RIVALS["zs-n2n"].missing() == ""


def test_versions_name_the_program() -> None:
    assert RIVALS["nlm"].version().startswith("scikit-image 0.")
    assert RIVALS["zssr"].version().startswith("dipsearch ")


def test_a_rival_is_given_the_problem_and_its_limits_and_nothing_else() -> None:
    for rival in RIVALS.values():
        assert list(signature(rival.restore).parameters) == ["problem", "limits"]
        assert rival.restore.__annotations__["problem"] == "Problem"


def test_packages_of_others_are_imported_when_they_are_used_and_not_before() -> None:
    probe = "import sys, dipsearch.bench.rivals.rivals; print([m for m in ('bm3d', 'cv2', 'pywt') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_methods_are_chosen_by_name() -> None:
    assert chosen_methods(None) == METHODS
    assert chosen_methods(["tv", "dipsearch", "tv"]) == ("tv", "dipsearch")
    with pytest.raises(InputError, match="there is no method 'dncnn'"):
        chosen_methods(["dncnn"])


def test_the_authors_network_for_each_problem(make: Make) -> None:
    wanted = {
        "sigma25": "dip_2018_denoise",
        "half": "dip_2018_restore_half",
        "hole": "dip_2018_inpaint_vase",
        "text": "dip_2018_inpaint_text",
        "x2": "dip_2018_sr4",
    }
    assert {name: default_network(make(name).problem) for name in wanted} == wanted


def test_the_oracle_delivers_the_best_iterate_that_it_was_shown(make: Make) -> None:
    case = make("half", side=32)
    seen: list[float] = []

    def true_psnr(image: torch.Tensor) -> float:
        seen.append(psnr(image, case.clean))
        return seen[-1]

    limits = Limits(seconds=60, steps=30)
    best = dip_oracle(case.problem, limits, true_psnr=true_psnr)
    assert len(seen) == 3 and psnr(best, case.clean) == pytest.approx(max(seen))
    stopped = dip_stopped(case.problem, limits)
    assert torch.equal(stopped * case.problem.observed, case.problem.y)


def test_the_oracle_gives_up_when_nothing_gets_nearer(make: Make) -> None:
    falling = iter(range(100, 0, -1))
    seen: list[float] = []

    def true_psnr(image: torch.Tensor) -> float:
        seen.append(next(falling))
        return seen[-1]

    problem = make("half", side=32).problem
    dip_oracle(problem, Limits(seconds=60, steps=100), true_psnr=true_psnr, patience=20)
    assert len(seen) == 3  # a check point each ten iterations


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_deep_image_prior_may_be_fitted_on_a_gpu(make: Make) -> None:
    case = make("half", side=32)
    limits = Limits(seconds=60, steps=30, device="cuda")
    best = dip_oracle(case.problem, limits, true_psnr=lambda image: psnr(image, case.clean))
    stopped = dip_stopped(case.problem, limits)
    assert not best.is_cuda and torch.equal(stopped * case.problem.observed, case.problem.y)
