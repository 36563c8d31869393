"""A recording: one fit of one network to one damaged picture, watched to its end with the clean picture in hand.

It goes on well beyond where a rule would stop, so that any rule or criterion can be judged later without fitting
anything. What it holds at every check point is small; the image at the default rule's stop lies beside.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import FormatError
from ...files import replacing
from ...fitting import (
    Check,
    Monitor,
    data_consistent,
    default_rule,
    make_engine,
)
from ...fitting.compute import Compute
from ...network import Genome
from ...problem import Problem, make_split, psnr
from ...trials.trial_files import read_npz

EVERY = 10
PAST_PEAK = 0.75
"""A recording ends before its last step once the PSNR is this far, in dB, below its peak and the default rule is done.

What other rules would have delivered later would be worse still; so this can only be in their favour."""

Numbers = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Recording:
    """The curves of one fit, one value per check point, and single numbers.

    Args:
        step: iterations.
        loss: training loss.
        validation_mse: the split's estimate of the mean squared error of the averaged output.
        psnr: of the averaged output, in dB.
        psnr_raw: of the raw output, in dB.
        psnr_delivered: of the averaged output as it would be delivered, in dB: with exact measurements put back.
        windowed, moving: variances of the raw outputs, see ``Fluctuation``.
        parts: what the squares of a grid contribute to an indirect score, ``(k, n)``; n is 0 for others.
        seconds: of the fit.
        trivial: the score of an image that has learned nothing, for the default rule.
    """

    step: Numbers
    loss: Numbers
    validation_mse: Numbers
    psnr: Numbers
    psnr_raw: Numbers
    psnr_delivered: Numbers
    windowed: Numbers
    moving: Numbers
    parts: Numbers
    seconds: float
    trivial: float

    @classmethod
    def of_curves(
        cls,
        curves: Mapping[str, Numbers],
        *,
        seconds: float,
        trivial: float,
    ) -> Self:
        """The recording whose curves have these names, as in ``CURVES``."""
        single = {field: curves[name] for name, field in CURVES.items()}
        return cls(**single, parts=curves["parts"], seconds=seconds, trivial=trivial)

    def checks(self) -> list[Check]:
        """What a stopping rule gets to see."""
        rows = zip(self.step, self.loss, self.validation_mse, self.windowed, self.moving, strict=True)
        plain = ((int(a), float(b), float(c), float(d), float(e)) for a, b, c, d, e in rows)
        return [Check(*row, tuple(parts.tolist())) for row, parts in zip(plain, self.parts, strict=True)]

    def psnr_by_step(self) -> dict[int, float]:
        """PSNR of what would be delivered at every check point, for the oracle."""
        return {int(step): float(value) for step, value in zip(self.step, self.psnr_delivered, strict=True)}


NUMBERS = ("seconds", "trivial")
CURVES = {
    {"validation_mse": "score"}.get(field.name, field.name): field.name
    for field in fields(Recording)
    if field.name not in ("parts", *NUMBERS)
}
"""Of one value per check point, ``parts`` has several: their names in files, and the fields that they are."""


def record(
    genome: Genome,
    problem: Problem,
    reference: Tensor,
    *,
    seed: int,
    most_steps: int,
    device: str = "cpu",
) -> tuple[Recording, Tensor]:
    """Fit ``genome`` to its end and beyond.

    Returns:
        the curves, and the image that the default rule leaves, ``(1, C, H, W)``; NaN where there is none.

    Args:
        reference: the clean picture; nothing of the fit sees it, only what is written down.
        seed: of the split, the weights, z and the jitter.
        most_steps: iterations at the most.
        device: of the fits.
    """
    split = make_split(problem, seed=seed).to(device)
    problem, reference = problem.to(device), reference.to(device)
    engine = make_engine(Compute(), genome, problem, split=split, seed=seed, fluctuation=True)
    default = Monitor(default_rule(split))
    rows: list[tuple[float, ...]] = []
    parts: list[tuple[float, ...]] = []
    recent: deque[tuple[int, Tensor]] = deque(maxlen=4)
    chosen: tuple[int, Tensor] | None = None
    started, step = time.perf_counter(), 0
    while step < most_steps:
        reading = engine.advance(EVERY)
        step += EVERY
        check = reading.check(step)
        if not np.isfinite(reading.loss):
            break
        shown = data_consistent(reading.image, problem)
        truth = psnr(reading.image, reference), psnr(reading.output, reference), psnr(shown, reference)
        rows.append((step, check.loss, check.validation_mse, *truth, check.windowed, check.moving))
        parts.append(check.parts)
        recent.append((step, reading.image))
        default.see(check)
        chosen = next((one for one in recent if one[0] == default.step), chosen)
        past = max(row[5] for row in rows) - truth[2] > PAST_PEAK
        if past and default.stopped:
            break
    seconds, choice = time.perf_counter() - started, default.choice()
    chosen = next((one for one in recent if one[0] == choice.step), chosen)
    table = np.array(rows, dtype=np.float32).reshape(-1, len(CURVES))
    curves = dict(zip(CURVES, table.T, strict=True))
    curves["parts"] = np.array(parts, dtype=np.float32).reshape(len(parts), -1 if rows else 0)
    done = Recording.of_curves(
        curves,
        seconds=seconds,
        trivial=split.trivial_mse(),
    )
    if chosen is None:
        return done, torch.full(problem.image_shape, float("nan"))
    return done, chosen[1].cpu()


def write_recording(path: Path, recording: Recording, judged: Tensor) -> None:
    """Write both to one ``.npz`` file; the image in 16 bits, which changes its PSNR by less than 0.001 dB."""
    arrays: dict[str, Any] = {name: getattr(recording, field) for name, field in CURVES.items()}
    arrays["parts"] = recording.parts
    for name in NUMBERS:
        arrays[name] = np.array(getattr(recording, name))
    arrays["judged"] = judged.numpy().astype(np.float16)
    with replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def read_recording(path: Path) -> tuple[Recording, Tensor]:
    """Read what ``write_recording`` wrote.

    Raises:
        FormatError: the file is missing or damaged.
    """
    arrays = read_npz(path)
    lacking = [name for name in (*CURVES, "parts", *NUMBERS, "judged") if name not in arrays]
    if lacking:
        raise FormatError(
            f"{path} has no {', '.join(lacking)}",
            "a recording of this version holds the curves, the numbers and one image of a fit",
            "record it again, in another folder",
        )
    recording = Recording.of_curves(
        arrays,
        seconds=float(arrays["seconds"]),
        trivial=float(arrays["trivial"]),
    )
    return recording, torch.from_numpy(arrays["judged"].astype(np.float32))
