"""Langevin sampling: instead of stopping a fit, average what it visits.

Noise on the weights keeps a long fit from settling on the noise of the measurement; the mean of its outputs is the
restoration, and their variance says where it is unsure (Cheng, Gadelha, Maji, Sheldon, A Bayesian Perspective on the
Deep Image Prior, CVPR 2019, arXiv 1904.07457). Ten times the length of a stopped fit, and no split is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ..calling import option
from ..errors import InputError
from ..network import Genome
from ..problem import Problem, whole
from .compute import USUAL, Compute
from .engine import EagerEngine
from .step import Step
from .stopping import Check, Ended

CHECK_EVERY = 10  # iterations between two looks at how it goes


@dataclass(frozen=True)
class Langevin:
    """How the weights are disturbed and when outputs are sampled; the defaults are those of the authors' code.

    With preconditioned steps and noise of one size for all weights this is no calibrated sampler: the variance orders
    the pixels, it is not an error bar.

    Args:
        noise: standard deviation added to every convolution's weights after a step, in units of the learning rate.
        weight_decay: of Adam.
        burn_in: iterations before the first sample.
        every: iterations between samples.
        steps: iterations in all, more than ``burn_in``.
    """

    noise: float = 2.0
    weight_decay: float = 5e-8
    burn_in: int = 7000
    every: int = 50
    steps: int = 20_000

    def __post_init__(self) -> None:
        if not (
            self.noise >= 0 and self.weight_decay >= 0 and 0 <= self.burn_in < self.steps and self.every >= 1
        ):
            raise ValueError(f"{self}: burn_in lies below steps, and nothing is negative")

    @classmethod
    def of_length(cls, steps: int) -> Self:
        """The published settings in proportion: 35 % of ``steps`` are burn-in, and about 260 samples are taken."""
        return cls(burn_in=round(0.35 * steps), every=max(1, steps // 400), steps=steps)


@dataclass(frozen=True, eq=False)
class Posterior:
    """What was sampled.

    Args:
        mean: of the samples, ``(1, C, H, W)``.
        deviation: their standard deviation, ``(1, C, H, W)``; zero for fewer than two samples.
        samples: how many.
        steps: iterations made.
        ended: why.
        seconds: wall time.
    """

    mean: Tensor
    deviation: Tensor
    samples: int
    steps: int
    ended: Ended
    seconds: float


class LangevinStep(Step):
    """A step on all of a measurement, after which the convolutions' weights are disturbed."""

    def __init__(
        self,
        genome: Genome,
        problem: Problem,
        *,
        langevin: Langevin,
        seed: int,
        pilot: Tensor | None = None,
        compute: Compute = USUAL,
    ) -> None:
        super().__init__(genome, problem, split=whole(problem), seed=seed, pilot=pilot, compute=compute)
        self.adam.weight_decay = langevin.weight_decay
        self._spread = langevin.noise * genome.learning_rate
        self._disturbed = [weight for weight in self.network.parameters() if weight.dim() == 4]

    def _step(self) -> None:
        super()._step()
        with torch.no_grad():
            for weight in self._disturbed:
                noise = torch.empty_like(weight).normal_(0, self._spread, generator=self.draw)
                weight.add_(noise)


def sample(
    genome: Genome,
    problem: Problem,
    *,
    langevin: Langevin,
    seed: int,
    seconds: float | None = None,
    watch: Callable[[Check, Tensor], Ended | None] | None = None,
    pilot: Tensor | None = None,
    compute: Compute = USUAL,
) -> Posterior:
    """Fit all of the measurement with disturbed weights and average the raw outputs after the burn-in.

    Args:
        genome: architecture, input and fit settings.
        problem: what was measured; on the device of the fit.
        langevin: settings of the sampler.
        seed: of the weights, the input, its jitter and the disturbance.
        seconds: wall time after which sampling ends with what it has; at a quarter of it the burn-in ends at the
            latest, so that a short time gives a rough mean rather than none.
        watch: sees the mean so far at check points and may end the sampling.
        pilot: ``(1, C, H, W)``, a restoration from all of y, for networks that have one in their input.
        compute: in which precision; the steps are eager ones.

    Raises:
        InputError: the genome needs a pilot, and there is none, or it is of another shape than the image. Or nothing
            was sampled, since a loss was not finite.
    """
    step = LangevinStep(genome, problem, langevin=langevin, seed=seed, pilot=pilot, compute=compute)
    engine = EagerEngine(step, problem, split=whole(problem))
    started, count, made, ended = time.perf_counter(), 0, 0, None
    mean = torch.zeros(problem.image_shape, device=problem.y.device, dtype=torch.float32)
    spread = torch.zeros_like(mean)
    last_sample = 0
    while made < langevin.steps and ended is None:
        due = last_sample + langevin.every - made if count else langevin.every
        steps = min(CHECK_EVERY, due, langevin.steps - made)
        reading = engine.advance(steps)
        made += steps
        passed = time.perf_counter() - started
        if not torch.isfinite(torch.tensor(reading.loss)):
            ended = Ended.DIVERGED
            break
        burnt = made >= langevin.burn_in or (seconds is not None and passed >= seconds / 4)
        if burnt and (count == 0 or made - last_sample >= langevin.every):
            count, last_sample = count + 1, made
            change = reading.output - mean
            mean.add_(change, alpha=1 / count)
            spread.add_(change * (reading.output - mean))
        if watch is not None:
            ended = watch(Check(made, reading.loss, float("nan")), mean if count else reading.image)
        if seconds is not None and passed >= seconds:
            ended = ended or Ended.TIME
    if count == 0 and ended not in (None, Ended.DIVERGED):
        count = 1  # it was ended from outside: the average so far is all that there is
        mean.copy_(reading.image)
    if count == 0:
        raise InputError(
            "nothing was sampled",
            "the loss was not finite before the burn-in was over",
            f"leave out {option('sgld')}, or use another network",
        )
    deviation = (spread / max(count - 1, 1)).sqrt()
    return Posterior(mean, deviation, count, made, ended or Ended.STEPS, time.perf_counter() - started)
