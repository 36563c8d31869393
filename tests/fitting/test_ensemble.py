"""The ensemble: weights that are right where the right ones are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dipsearch.fitting import combine, data_consistent, make_ensemble
from dipsearch.fitting.ensemble import ensemble_weights, error_products, scoring_products
from dipsearch.problem import Identity, Mask, NoiseModel, Problem, make_split


def noisy_problem(size: int = 48) -> tuple[Problem, torch.Tensor]:
    clean = torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(0))
    y = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    noise = NoiseModel("gaussian", 0.1, "given")
    ones = torch.ones(1, 1, size, size)
    return Problem(y, Identity(), noise, tuple(clean.shape), observed=ones), clean


def test_weights_are_not_negative_and_sum_to_one() -> None:
    generator = np.random.default_rng(0)
    weights = ensemble_weights(error_products(generator.normal(size=(6, 500)), generator.normal(size=500)))
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1, abs=1e-12)


def test_the_weights_of_a_known_mixture_are_found() -> None:
    rows = np.random.default_rng(0).normal(size=(3, 4000))
    weights = ensemble_weights(error_products(rows, 0.6 * rows[0] + 0.4 * rows[2]))
    assert weights == pytest.approx([0.6, 0, 0.4], abs=1e-3)


def test_independent_errors_are_weighed_by_their_inverse_variance() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(size=200_000)
    rows = np.stack([truth + sd * generator.normal(size=truth.shape) for sd in (0.1, 0.2)])
    assert ensemble_weights(error_products(rows, truth)) == pytest.approx([0.8, 0.2], abs=0.01)


def test_a_single_network_has_all_the_weight() -> None:
    assert ensemble_weights(error_products(np.ones((1, 10)), np.zeros(10))) == pytest.approx([1.0])


def test_a_stack_beats_its_best_member_and_names_its_members() -> None:
    problem, clean = noisy_problem()
    split = make_split(problem, seed=0)
    draw = torch.Generator().manual_seed(7)
    fits = [clean + sd * torch.randn(clean.shape, generator=draw) for sd in (0.05, 0.06, 0.9)]
    found = make_ensemble(fits, problem, split=split, members=[4, 8, 15])
    combined = combine([fits[[4, 8, 15].index(number)] for number in found.members], found.weights)
    errors = [float((image - clean).square().mean()) for image in (combined, *fits)]
    assert found.members == (4, 8)
    assert errors[0] < 0.8 * min(errors[1:])
    assert found.validation_mse == pytest.approx(errors[0], abs=3e-3)  # 48 × 48 noisy values cannot say more


def test_a_member_that_is_not_finite_is_left_out() -> None:
    problem, clean = noisy_problem()
    broken = torch.full_like(clean, float("nan"))
    found = make_ensemble([broken, clean], problem, split=make_split(problem, seed=0), members=[0, 1])
    assert found.members == (1,)


def test_observed_pixels_come_back_exactly_where_there_is_no_noise() -> None:
    observed = (torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    y = torch.rand(1, 3, 16, 16) * observed
    noise = NoiseModel("none", None, "none")
    problem = Problem(y, Mask(observed), noise, (1, 3, 16, 16), observed=observed)
    image = data_consistent(torch.full((1, 3, 16, 16), 0.5), problem)
    assert torch.equal(image * observed, y)
    assert bool((image[(1 - observed).bool().expand_as(image)] == 0.5).all())


def test_noisy_pixels_are_not_put_back() -> None:
    problem, _ = noisy_problem()
    image = torch.full(problem.image_shape, 0.5)
    assert data_consistent(image, problem) is image


def test_the_ridge_draws_weights_to_the_plain_mean() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(size=20_000)
    rows = np.stack([truth + sd * generator.normal(size=truth.shape) for sd in (0.1, 0.2)])
    assert ensemble_weights(error_products(rows, truth), ridge=1e3) == pytest.approx([0.5, 0.5], abs=1e-3)
    assert 0.5 < ensemble_weights(error_products(rows, truth), ridge=0.01)[0] < 0.8


@pytest.mark.parametrize("task", ["inpaint", "denoise"])
def test_the_score_of_a_mixture_is_a_quadratic_form_of_the_weights(
    task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("problem.splits.split", "fitting.ensemble"):
        monkeypatch.setattr(f"dipsearch.{place}.control_weight", lambda sampled, control: torch.tensor(0.5))
    problem, clean = noisy_problem()
    if task == "inpaint":
        observed = (torch.rand(1, 1, 48, 48, generator=torch.Generator().manual_seed(0)) < 0.5).float()
        shape, noise = problem.image_shape, NoiseModel("none", None, "none")
        problem = Problem(clean * observed, Mask(observed), noise, shape, observed=observed)
    split = make_split(problem, seed=0)
    assert (split.control is not None) == (task == "inpaint")
    draw = torch.Generator().manual_seed(7)
    fits = [clean + 0.1 * torch.randn(clean.shape, generator=draw) for _ in range(3)]
    weights = np.array([0.5, 0.2, 0.3])
    form = weights @ scoring_products(fits, problem, split=split) @ weights
    mixed = combine(fits, weights)
    assert form - split.score_offset == pytest.approx(
        float(split.validation_mse(problem.view(mixed))), abs=1e-5
    )


def test_a_guide_may_leave_products_indefinite_and_the_weights_are_still_right() -> None:
    generator, grid, indefinite = np.random.default_rng(0), np.linspace(0, 1, 51), 0
    mixtures = np.array([[a, b, 1 - a - b] for a in grid for b in grid if a + b <= 1])
    for _ in range(40):
        control = generator.normal(size=330)
        errors = 0.3 * control + 0.3 * generator.normal(size=(3, 330))
        hidden, apart = errors[:, :30], errors - control
        products = hidden @ hidden.T / 30 + 0.75 * (
            apart[:, 30:] @ apart[:, 30:].T / 300 - apart[:, :30] @ apart[:, :30].T / 30
        )
        indefinite += bool(np.linalg.eigvalsh(products)[0] < 0)
        form, weights = np.einsum("nk,kl,nl->n", mixtures, products, mixtures), ensemble_weights(products)
        assert weights @ products @ weights <= form.min() + 0.05 * np.ptp(form)
    assert indefinite > 3


def test_the_weights_are_drawn_to_the_mean_by_three_tenths_of_the_best_error(monkeypatch) -> None:
    # Of two members whose errors are unlike, w₁ = (b + r) / (a + b + 2r) with the ridge r = 0.3 · the best one's error.
    a, b = 0.001, 0.0015
    images = [torch.full((1, 1, 8, 8), level) for level in (0.0, 1.0)]
    monkeypatch.setattr(
        "dipsearch.fitting.ensemble.scoring_products", lambda *given, **named: np.diag([a, b])
    )

    class Scores:
        blind = False

        def validation_mse(self, image):
            level = float(image.mean())  # the weight of the second member
            return torch.tensor((1 - level) ** 2 * a + level**2 * b)

    class Seen:
        def view(self, image):
            return image

    found = make_ensemble(images, Seen(), split=Scores(), members=[0, 1])
    assert found.weights[0] == pytest.approx((b + 0.3 * a) / (a + b + 0.6 * a), abs=1e-3)
