"""Held-out: some measured pixels, copies of a hole, or single values are hidden from the fit and score it.

No strength of the noise has to be known, only that it is independent from pixel to pixel.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..gate.impulses import struck_together
from ..operators import Fourier, Identity, Mask
from ..problem import Problem
from ..randomness import generator_for
from .control_variate import ControlVariate, make_control_variate
from .holes import are_holes, copy_holes
from .noise_energy import noise_energy
from .split import Split, count_values, telling_values

SHARE, LARGER_SHARE = 0.05, 0.10
ENOUGH_PIXELS = 1000
"""The share of the observed pixels that is hidden, and the one for small grey pictures with noise, and where that
were fewer than so many: the fit misses every hidden one, and few of them judge badly."""

HOLE_SHARE = 0.15
"""Of what was measured, that copies of a hole may hide at the most."""

FEWEST_VALUES = 50
"""With fewer nothing can be judged: scattered pixels are hidden in the place of copies of a hole, or the picture is
refused."""


def hold_out(problem: Problem, *, seed: int) -> Split:
    """Hide 5 or 10 % of the observed pixels, all channels together, chosen uniformly; none that impulses struck."""
    telling = telling_values(problem)
    if telling.shape != problem.observed.shape:
        telling = telling.amin(1, keepdim=True)
    share = _share(problem, int(telling.sum()))
    if _is_symmetric(problem):
        # The mirror of a frequency says the same, so that both are hidden: as many values as otherwise.
        held = _drawn(telling, share=share / (1 + _share_with_mirror(telling)), seed=seed)
        held = torch.maximum(held, _mirrored(held)).to(telling) * telling
    else:
        held = _drawn(telling, share=share, seed=seed)
    return _hiding(problem, held, kind="held-out", assumes=_assumes(problem))


def _assumes(problem: Problem) -> str:
    """What has to be true for hidden values to say how good a restoration is."""
    if isinstance(problem.operator, Mask):
        return f"Missing pixels are scattered like the hidden ones, and {_noise_of_pixels(problem)}."
    if problem.pixelwise:
        return "The noise is independent from pixel to pixel."
    noise = "noise-free" if problem.exact is not None else "noisy, each value by itself"
    return f"The measurement is {noise}; what it cannot show is not scored."


def _noise_of_pixels(problem: Problem) -> str:
    exact = problem.exact is not None
    return "observed pixels are noise-free" if exact else "their noise is independent from pixel to pixel"


def _is_symmetric(problem: Problem) -> bool:
    """Whether a frequency and its mirror are complex conjugates: those of a real image."""
    return isinstance(problem.operator, Fourier) and not problem.operator.complex_image


def _mirrored(frequencies: Tensor) -> Tensor:
    """(1, c, h, w) of the frequencies -k, in the order of the transform."""
    return frequencies.flip((-2, -1)).roll((1, 1), (-2, -1))


def _share_with_mirror(observed: Tensor) -> float:
    """How many of the observed frequencies are observed at -k, too, those that are their own mirrors among them."""
    return float((observed * _mirrored(observed)).sum() / observed.sum().clamp(min=1))


def hold_out_values(problem: Problem, *, seed: int) -> Split:
    """Hide 5 or 10 % of the values that impulses left clean; struck ones are neither fitted nor score.

    Each channel has its own hidden values, as it has its own struck ones, so that a hidden value is seen in
    other channels as often as a struck one is. Where impulses strike pixels, pixels are hidden.
    """
    clean = telling_values(problem)
    if struck_together(clean):
        clean = clean.amin(1, keepdim=True)
    held = _drawn(clean, share=_share(problem, int(clean[:, :1].sum())), seed=seed)
    return _hiding(
        problem,
        held,
        kind="held-out",
        assumes="Values of exactly 0 or 1 outside of black and white areas are wrong, and all others right.",
    )


def hold_out_holes(problem: Problem, *, seed: int) -> Split | None:
    """Hide translated copies of the holes; None without holes, or without room for copies that score."""
    missing = (problem.observed == 0).any(1)[0].cpu().numpy()
    if not isinstance(problem.operator, Mask) or missing.all() or not are_holes(missing):
        return None
    # numpy draws the places; its generator is seeded from the purpose's stream.
    stream = int(torch.randint(2**62, (1,), generator=generator_for("held-out holes", seed)))
    most = int(HOLE_SHARE * (~missing).sum())
    held = copy_holes(missing, most=most, generator=np.random.default_rng(stream))
    telling = telling_values(problem).amin(1, keepdim=True)
    hidden = torch.from_numpy(held)[None, None].to(telling) * telling
    if float(hidden.sum()) * problem.y.shape[1] < FEWEST_VALUES:
        return None
    return _hiding(
        problem,
        hidden,
        kind="held-out holes",
        assumes=f"The holes cover content like that under their copies, and {_noise_of_pixels(problem)}.",
    )


def _drawn(weight: Tensor, *, share: float, seed: int) -> Tensor:
    """1 at a random ``share`` of the places where ``weight`` is 1; shaped like it."""
    places = weight.cpu().flatten().nonzero().flatten()
    count = round(share * len(places))
    order = torch.randperm(len(places), generator=generator_for("held-out pixels", seed))
    held = torch.zeros(weight.numel(), dtype=torch.float32)
    held[places[order[:count]]] = 1
    return held.view_as(weight)


def _share(problem: Problem, pixels: int) -> float:
    _, channels, height, width = problem.y.shape
    small_grey = isinstance(problem.operator, Identity) and channels == 1 and height * width <= 256**2
    return LARGER_SHARE if small_grey or SHARE * pixels < ENOUGH_PIXELS else SHARE


def _hiding(
    problem: Problem,
    held: Tensor,
    *,
    kind: Literal["held-out", "held-out holes"],
    assumes: str,
) -> Split:
    held = held.to(problem.observed)
    telling = telling_values(problem)
    channels, energy = problem.y.shape[1], noise_energy(problem, held)
    return Split(
        kind=kind,
        fit_target=problem.y,
        fit_weight=telling - telling * held,
        score_target=problem.y,
        score_weight=held,
        score_offset=energy,
        share=count_values(held, channels=channels) / max(count_values(telling, channels=channels), 1),
        assumes=assumes,
        score_noise=max(energy, 0.0) ** 0.5,
        control=_control(problem, telling - telling * held, telling=telling),
        indirect=not problem.pixelwise,
    )


def _control(problem: Problem, fitted: Tensor, *, telling: Tensor) -> ControlVariate | None:
    """Only where what was measured is exact, and what was not lies beside it: not in super-resolution."""
    if problem.exact is None or not problem.pixelwise:
        return None
    return make_control_variate(problem.y, fitted, sought=1 - telling)
