"""A split: the measurement in two independent parts, one that is fitted and one that scores.

No reference exists, so a candidate is judged on data that it was not fitted to. One split serves all
candidates of a study, so that they differ by themselves and not by luck. ``make_split`` chooses which one.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from ...errors import InputError
from ..gate.grid import square_sums
from ..gate.impulses import clean_values
from ..problem import Problem
from .control_variate import ControlVariate, control_weight

SplitKind = Literal["held-out", "held-out holes", "recorruption", "thinning", "whole"]

PARTS = 6
"""Squares per side of the grid that a sampled score is a sum over; errors are alike in pixels, hardly in squares."""

TYPICAL_ERROR = 1e-3
"""Mean squared error of a restoration of 30 dB."""


@dataclass(frozen=True, eq=False)
class Split:
    """A measurement in two parts; shapes as in the measurement.

    Weights are 0 or 1, (1, 1, h, w) for all channels alike or (1, C, h, w).

    Attributes:
        kind: how y was divided; "whole" when nothing scores.
        fit_target, fit_weight: the loss is the mean of (A x − target)² where the weight is 1.
        score_target, score_weight, score_offset: the score is the mean of (x̄ − target)² where the weight is 1,
            minus the offset: an estimate of the mean squared error, with a control variate of that where nothing was
            measured. Where y is no picture of x, x̄ is A x̄, see `Problem.view`.
        share: the part of the information that the fit gives up.
        assumes: what has to be true for the score to be right, in one sentence.
        score_noise: standard deviation of the noise of one scoring value, in units of [0, 1].
        control: makes the score an estimate for what was not measured, see `ControlVariate`.
        indirect: the score is of A x̄, and A loses detail: it says nothing of a part of what is sought.
    """

    kind: SplitKind
    fit_target: Tensor
    fit_weight: Tensor
    score_target: Tensor
    score_weight: Tensor
    score_offset: float
    share: float
    assumes: str
    score_noise: float = 0.0
    control: ControlVariate | None = None
    indirect: bool = False
    # The loss runs in every step: its normaliser is counted once.
    _fit_scale: float = field(init=False, repr=False)
    _score_scale: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name, weight in (("_fit_scale", self.fit_weight), ("_score_scale", self.score_weight)):
            values = count_values(weight, channels=self.fit_target.shape[1])
            object.__setattr__(self, name, 1 / values if values else math.nan)

    @property
    def blind(self) -> bool:
        """Whether the score is of A x̄ without noise: of two that it cannot tell apart one may have more detail.

        With noise the score of A x̄ still tells which of two images has fitted more of that.
        """
        return self.indirect and self.score_noise == 0

    def loss(self, Ax: Tensor, *, kind: Literal["mse", "l1"] = "mse") -> Tensor:
        """Return the mean squared or absolute error on the fitted part, a differentiable scalar."""
        difference = (Ax - self.fit_target) * self.fit_weight
        energy = difference.square() if kind == "mse" else difference.abs()
        return energy.sum() * self._fit_scale

    def validation_mse(self, x: Tensor) -> Tensor:
        """Return the estimated mean squared error, a scalar; it may be slightly negative.

        Args:
            x: an image as `Problem.view` shows it.

        Raises:
            InputError: the split is "whole" and has no scoring part.
        """
        if math.isnan(self._score_scale):
            raise InputError(
                "this split fits the whole measurement",
                "nothing is left to score",
                "make one with make_split",
            )
        errors, guided = self.judged_errors(x)
        return errors.sum() * self._score_scale - self.score_offset + guided

    def judged_errors(self, x: Tensor) -> tuple[Tensor, Tensor | float]:
        """Return what a score is made of.

        Returns:
            The squared errors of x where the weight is 1, less λ times those against the control variate if there is
            one, (1, C, h, w) and 0 elsewhere; and λ times its mean squared distance where nothing was measured, 0
            without one.
        """
        errors = (x - self.score_target).square() * self.score_weight
        if self.control is None:
            return errors, 0.0
        against = (x - self.control.image).square() * self.score_weight
        weight = control_weight(errors.sum(), against.sum())
        return errors - weight * against, weight * self.control.distance(x)

    def validation_parts(self, x: Tensor) -> Tensor:
        """Return what each square of a grid of at most 6 × 6 contributes to the sampled part of the score, flat."""
        side = -(-max(x.shape[-2:]) // PARTS)
        return square_sums(self.judged_errors(x)[0][0].sum(0), side=side) * self._score_scale

    def trivial_mse(self) -> float:
        """Return the score of an image of the scoring part's mean colour, which has learned nothing; NaN without."""
        if math.isnan(self._score_scale):
            return math.nan
        weight = self.score_weight.expand_as(self.score_target)
        colour = (self.score_target * weight).sum((0, 2, 3)) / weight.sum((0, 2, 3)).clamp(min=1)
        return float(self.validation_mse(colour[None, :, None, None].expand_as(self.score_target)))

    def standard_error(self, mse: float = TYPICAL_ERROR) -> float:
        """Return the standard error in dB of the difference of two candidates' scores, on this very image.

        For two candidates of mean squared error e² = ``mse`` that differ by half of it, rms(x_a − x_b) = e/2:

            sd(ΔMSE) = 2 s (e/2) / √N,  in dB: (10 / ln 10) s / (e √N)

        with N scoring values. Where all of them score (recorruption, thinning) s is their noise. Where a sample
        scores, which one counts, too: s² = noise² + e². Errors of networks are alike in neighbouring pixels
        and larger at edges, so that it can be twice as much, and a control variate makes it less; a bootstrap over
        blocks tells, once fits exist.
        Infinite when nothing scores.
        """
        if math.isnan(self._score_scale):
            return math.inf
        sampled = mse if self.kind in ("held-out", "held-out holes") else 0.0
        spread = math.sqrt(self.score_noise**2 + sampled)
        return 10 / math.log(10) * spread * math.sqrt(self._score_scale / mse)

    def sentence(self) -> str:
        """Return in words what scores, what that costs, how far it can be trusted, and what it assumes."""
        scoring = {
            "held-out": "hidden from the fits",
            "held-out holes": "hidden from the fits in the shape of the holes",
            "recorruption": "with other noise than the fits see",
            "thinning": "with other photons than the fits see",
            "whole": "none",
        }[self.kind]
        helped = ", helped by a biharmonic restoration" if self.control is not None else ""
        return (
            f"judged by {self.scoring_values} values, {scoring}{helped}: {100 * self.share:.0f} % of the information; "
            f"two candidates of about 30 dB are told apart to {self.standard_error():.2f} dB. Assumed: {self.assumes}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {
            "kind": self.kind,
            "values": self.scoring_values,
            "share": round(self.share, 4),
            "guided": self.control is not None,
            "indirect": self.indirect,
            "standard_error": round(self.standard_error(), 3),
            "assumes": self.assumes,
        }

    @property
    def scoring_values(self) -> int:
        """How many measured values score."""
        return count_values(self.score_weight, channels=self.score_target.shape[1])

    def to(self, device: torch.device | str) -> Split:
        """Return the same split on another device."""
        return dataclasses.replace(
            self,
            fit_target=self.fit_target.to(device),
            fit_weight=self.fit_weight.to(device),
            score_target=self.score_target.to(device),
            score_weight=self.score_weight.to(device),
            control=None if self.control is None else self.control.to(device),
        )


def whole(problem: Problem) -> Split:
    """Return the split that fits the whole measurement and scores nothing, for refits."""
    return Split(
        kind="whole",
        fit_target=problem.y,
        fit_weight=telling_values(problem),
        score_target=problem.y,
        score_weight=torch.zeros_like(problem.observed),
        score_offset=0.0,
        share=0.0,
        assumes="Everything that was measured is fitted; nothing scores.",
    )


def telling_values(problem: Problem) -> Tensor:
    """Return (1, 1, h, w) or (1, C, h, w): 1 where y says something, which struck values do not."""
    if problem.noise.kind != "impulse":
        return problem.observed
    return problem.observed * clean_values(problem.y)


def count_values(weight: Tensor, *, channels: int) -> int:
    """Return how many values of ``channels`` channels a weight lets through; one for all channels counts so."""
    return int(torch.count_nonzero(weight)) * (channels if weight.shape[1] == 1 else 1)
