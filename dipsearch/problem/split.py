"""A split: the measurement in two independent parts, one that is fitted and one that scores.

No reference exists, so a candidate is judged on data that it was not fitted to. One split serves all
candidates of a study, so that they differ by themselves and not by luck.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .clipping import surviving_noise
from .holes import are_holes, copy_holes
from .randomness import generator_for
from .task import Problem

HELD_SHARE, LARGER_SHARE = 0.05, 0.10
ENOUGH_PIXELS = 1000
HOLE_SHARE = 0.15
RECORRUPTION = 0.1
FEWEST_VALUES = 50


@dataclass(frozen=True, eq=False)
class Split:
    """A measurement in two parts; shapes as in the measurement, weights (1, 1, h, w) of 0 and 1.

    Attributes:
        kind: how y was divided; "whole" when nothing scores.
        fit_target, fit_weight: the loss is Σ w (A x − target)² / (C Σ w).
        score_target, score_weight, score_offset: the score is Σ w (A x̄ − target)² / (C Σ w) − offset, an
            estimate of the mean squared error of A x̄.
        share: the part of the information that the fit gives up.
        assumes: what has to be true for the score to be right, in one sentence.
    """

    kind: Literal["held-out", "held-out holes", "recorruption", "whole"]
    fit_target: Tensor
    fit_weight: Tensor
    score_target: Tensor
    score_weight: Tensor
    score_offset: float
    share: float
    assumes: str
    # The loss runs in every step: its normaliser is counted once.
    _fit_scale: float = field(init=False, repr=False)
    _score_scale: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name, weight in (("_fit_scale", self.fit_weight), ("_score_scale", self.score_weight)):
            values = self.fit_target.shape[1] * float(weight.sum())
            object.__setattr__(self, name, 1 / values if values else math.nan)

    def loss(self, Ax: Tensor, *, kind: Literal["mse", "l1"] = "mse") -> Tensor:
        """Return the mean squared or absolute error on the fitted part, a differentiable scalar."""
        difference = (Ax - self.fit_target) * self.fit_weight
        energy = difference.square() if kind == "mse" else difference.abs()
        return energy.sum() * self._fit_scale

    def score(self, Ax: Tensor) -> Tensor:
        """Return the estimated mean squared error, a scalar; it may be slightly negative.

        Raises:
            InputError: the split is "whole" and has no scoring part.
        """
        if math.isnan(self._score_scale):
            raise InputError(
                "this split fits the whole measurement",
                "nothing is left to score",
                "make one with make_split",
            )
        difference = (Ax - self.score_target) * self.score_weight
        return difference.square().sum() * self._score_scale - self.score_offset

    def to(self, device: torch.device | str) -> Split:
        """Return the same split on another device."""
        return dataclasses.replace(
            self,
            fit_target=self.fit_target.to(device),
            fit_weight=self.fit_weight.to(device),
            score_target=self.score_target.to(device),
            score_weight=self.score_weight.to(device),
        )


def make_split(problem: Problem, *, seed: int) -> Split:
    """Divide a measurement into a part to fit and a part to score.

    ========  ==============================================  ==============
    task      case                                            kind
    ========  ==============================================  ==============
    denoise   the noise is Gaussian of known sigma            recorruption
    denoise   otherwise                                       held-out
    inpaint   missing pixels form holes (``holes.are_holes``) held-out holes
    inpaint   they are scattered                              held-out
    sr                                                        held-out
    ========  ==============================================  ==============

    Held-out hides 5 % of the observed pixels, all channels together; 10 % where that would be fewer than 1000,
    and for grey pictures up to 256 × 256 with noise.

    Raises:
        InputError: fewer than 50 values would score.
    """
    noise = problem.noise
    if problem.task == "denoise" and noise.kind == "gaussian" and noise.sigma is not None:
        split = _recorrupted(problem, sigma=noise.sigma, seed=seed)
    else:
        split = _held_out_holes(problem, seed=seed) or _held_out(problem, seed=seed)
    _refuse_few_values(split)
    return split


def whole(problem: Problem) -> Split:
    """Return the split that fits the whole measurement and scores nothing, for refits."""
    return Split(
        kind="whole",
        fit_target=problem.y,
        fit_weight=problem.observed,
        score_target=problem.y,
        score_weight=torch.zeros_like(problem.observed),
        score_offset=0.0,
        share=0.0,
        assumes="Everything that was measured is fitted; nothing scores.",
    )


def _recorrupted(problem: Problem, *, sigma: float, seed: int) -> Split:
    """Add noise for the fit and subtract it, weighted, for the score: both parts see every pixel.

    With w ~ N(0, 1) and a = 0.1, y₁ = y + √(a/(1−a)) σ w and y₂ = y − √((1−a)/a) σ w have independent errors
    (Pang, Zheng, Quan, Ji, Recorrupted-to-Recorrupted, CVPR 2021). Neither is clipped.
    Since w is known, its own energy is taken off instead of its expectation, which leaves less variance.
    """
    a, seen = RECORRUPTION, problem.observed
    w = torch.randn(problem.y.shape, generator=generator_for("recorruption", seed)).to(problem.y)
    spread = math.sqrt((1 - a) / a) * sigma
    return Split(
        kind="recorruption",
        fit_target=problem.y + math.sqrt(a / (1 - a)) * sigma * w,
        fit_weight=seen,
        score_target=problem.y - spread * w,
        score_weight=seen,
        score_offset=spread**2 * _mean(w.square(), seen) + _noise_energy(problem, seen),
        share=a,
        assumes=f"The noise is white and Gaussian with sigma {255 * sigma:.1f} of 255.",
    )


def _noise_energy(problem: Problem, weight: Tensor) -> float:
    """What the noise in y adds to a mean squared error against y, so that the rest is the error of the image.

    A good fit follows the mean of clipped noise, which is off by the bias; hence the bias comes off twice,
    once from the energy of the noise about the truth and once to count as error of the fit.
    """
    sigma = problem.noise.sigma
    if problem.noise.kind == "none" or not sigma:
        return 0.0
    variance, bias = surviving_noise(problem.y, sigma)
    return _mean(variance - bias.square(), weight)


def _mean(values: Tensor, weight: Tensor) -> float:
    return float((values * weight).double().sum() / (values.shape[1] * weight.double().sum().clamp(min=1)))


def _held_out(problem: Problem, *, seed: int) -> Split:
    """Hide single pixels, chosen uniformly among the observed ones."""
    observed = problem.observed.cpu().flatten().nonzero().flatten()
    count = round(_held_share(problem, len(observed)) * len(observed))
    order = torch.randperm(len(observed), generator=generator_for("held-out pixels", seed))
    held = torch.zeros(problem.observed.numel())
    held[observed[order[:count]]] = 1
    assumes = {
        "denoise": "The noise is independent from pixel to pixel.",
        "inpaint": "Missing pixels are scattered like the hidden ones, and observed pixels are noise-free.",
        "sr": "The measurement is noise-free; what its resolution cannot show is not scored.",
    }[problem.task]
    return _hiding(problem, held.view_as(problem.observed), kind="held-out", assumes=assumes)


def _held_share(problem: Problem, observed: int) -> float:
    _, channels, height, width = problem.y.shape
    small_grey = problem.task == "denoise" and channels == 1 and height * width <= 256**2
    return LARGER_SHARE if small_grey or HELD_SHARE * observed < ENOUGH_PIXELS else HELD_SHARE


def _held_out_holes(problem: Problem, *, seed: int) -> Split | None:
    """Hide translated copies of the holes; None without holes, or without room for copies that score."""
    missing = (problem.observed == 0)[0, 0].cpu().numpy()
    if problem.task != "inpaint" or not are_holes(missing):
        return None
    # numpy draws the places; its generator is seeded from the purpose's stream.
    stream = int(torch.randint(2**62, (1,), generator=generator_for("held-out holes", seed)))
    most = int(HOLE_SHARE * (~missing).sum())
    held = copy_holes(missing, most=most, generator=np.random.default_rng(stream))
    if held.sum() * problem.y.shape[1] < FEWEST_VALUES:
        return None
    return _hiding(
        problem,
        torch.from_numpy(held)[None, None].float(),
        kind="held-out holes",
        assumes="The holes cover content like that under their copies, and observed pixels are noise-free.",
    )


def _hiding(
    problem: Problem,
    held: Tensor,
    *,
    kind: Literal["held-out", "held-out holes"],
    assumes: str,
) -> Split:
    held = held.to(problem.observed)
    return Split(
        kind=kind,
        fit_target=problem.y,
        fit_weight=problem.observed - held,
        score_target=problem.y,
        score_weight=held,
        score_offset=_noise_energy(problem, held),
        share=float(held.sum() / problem.observed.sum().clamp(min=1)),
        assumes=assumes,
    )


def _refuse_few_values(split: Split) -> None:
    values = int(split.score_weight.sum()) * split.score_target.shape[1]
    if values < FEWEST_VALUES:
        raise InputError(
            f"only {values} measured values would be left to judge a restoration",
            f"at least {FEWEST_VALUES} are needed",
            "use a larger picture or one with fewer missing pixels",
        )
