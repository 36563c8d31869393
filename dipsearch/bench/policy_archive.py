"""The archive of policies: what a replay needs of many recorded fits, in one small file.

All pictures of a case lie near a plane of few dimensions, and only how far they are from each other and from the clean
picture matters. So a sketch is a picture's coordinates in that plane, scaled so that the mean squared difference of two
sketches is that of the pictures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..files import replacing
from ..trials.objective import estimated_psnr
from ..trials.trial_files import read_npz
from .archive import index_of
from .policy_recording import EVERY, KEPT, PolicyJob, read_speeds
from .sketches import principal_axes

FORMAT = "dipsearch/policies/1"
DIMENSIONS = 96
"""Of the plane: what lies outside of it is less than a hundredth of the error of a good restoration."""

MARK = 40
"""Iterations between sketches."""

CURVES = {"smooth": "smooth", "best_score": "best_validation_mse", "score": "validation_mse", "psnr": "psnr"}
"""Their names in files, and the fields that they are."""


@dataclass(frozen=True, eq=False)
class RecordedFit:
    """One fit of one network, to its end.

    Args:
        network: its name.
        seconds_per_step: of the processor, on a picture of 128 × 128.
        smooth: lowest smoothed score so far at every check point, ``(k,)``.
        best_validation_mse: the score of the iterate that the fit would deliver there, ``(k,)``.
        validation_mse: of the averaged output, ``(k,)``.
        psnr: of the averaged output as it would be delivered, in dB, ``(k,)``; no policy sees it.
        sketches: of the iterate that would be delivered, at every ``MARK`` iterations, ``(m, DIMENSIONS)``.
    """

    network: str
    seconds_per_step: float
    smooth: NDArray[np.float32]
    best_validation_mse: NDArray[np.float32]
    validation_mse: NDArray[np.float32]
    psnr: NDArray[np.float32]
    sketches: NDArray[np.float32]

    @classmethod
    def of_curves(
        cls,
        network: str,
        seconds_per_step: float,
        curves: Mapping[str, NDArray[np.float32]],
        sketches: NDArray[np.float32],
    ) -> Self:
        """The fit whose curves have these names, as in ``CURVES``."""
        return cls(
            network,
            seconds_per_step,
            smooth=curves["smooth"],
            best_validation_mse=curves["best_score"],
            validation_mse=curves["score"],
            psnr=curves["psnr"],
            sketches=sketches,
        )

    @property
    def steps(self) -> int:
        """After how many iterations its own rule ended it."""
        return len(self.smooth) * EVERY

    def curve(self, steps: int) -> tuple[tuple[int, float], ...]:
        """Iterations and best estimated PSNR so far, in dB."""
        return self._curve[: steps // EVERY]

    @cached_property
    def _curve(self) -> tuple[tuple[int, float], ...]:
        return tuple(
            (EVERY * k, estimated_psnr(float(value))) for k, value in enumerate(self.smooth, start=1)
        )

    def seen(self, steps: int) -> tuple[NDArray[np.float32], float] | None:
        """The sketch after so many iterations, and its score; ``None`` before the first one."""
        mark = min(steps // MARK, len(self.sketches))
        if mark == 0:
            return None
        return self.sketches[mark - 1], float(self.best_validation_mse[mark * MARK // EVERY - 1])


@dataclass(frozen=True, eq=False)
class RecordedCase:
    """All fits to one measurement.

    Args:
        picture, damage: what it is.
        clean: the sketch of the clean picture, ``(DIMENSIONS,)``; no policy sees it.
        beyond: the mean squared part of the clean picture outside of the plane.
        fits: by network.
    """

    picture: str
    damage: str
    clean: NDArray[np.float32]
    beyond: float
    fits: tuple[RecordedFit, ...]

    def psnr(self, sketch: NDArray[np.float64]) -> float:
        """Of the picture of a sketch, in dB, over the values that were not measured exactly."""
        return float(-10 * np.log10(((sketch - self.clean) ** 2).mean() + self.beyond))


def read_recorded_cases(jobs: Sequence[PolicyJob], *, folder: Path) -> list[RecordedCase]:
    """The cases of which ``folder`` holds all fits.

    Raises:
        FormatError: a recording is damaged.
    """
    speeds, by_case = read_speeds(folder), dict[tuple[str, str], list[PolicyJob]]()
    for job in jobs:
        by_case.setdefault((job.picture, job.damage), []).append(job)
    there = {
        case: each for case, each in by_case.items() if all((folder / job.file).exists() for job in each)
    }
    return [_read_case(each, folder=folder, speeds=speeds) for each in there.values()]


def _read_case(jobs: Sequence[PolicyJob], *, folder: Path, speeds: Mapping[str, float]) -> RecordedCase:
    arrays = [read_npz(folder / job.file) for job in jobs]
    pictures = [one["pictures"][MARK // KEPT - 1 :: MARK // KEPT] for one in arrays]
    drawn, clean, beyond = _sketches(np.concatenate(pictures), arrays[0]["clean"])
    ends = np.cumsum([len(each) for each in pictures])
    fits = tuple(
        RecordedFit.of_curves(
            job.network,
            speeds[job.network],
            {name: one[name].astype(np.float32) for name in CURVES},
            drawn[end - len(each) : end],
        )
        for job, one, each, end in zip(jobs, arrays, pictures, ends, strict=True)
    )
    return RecordedCase(jobs[0].picture, jobs[0].damage, clean, beyond, fits)


def _sketches(
    pictures: NDArray[np.float16], clean: NDArray[np.float16]
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """The sketches of all pictures of a case and of the clean one, and the clean one's mean square outside."""
    vectors, sought = pictures.astype(np.float32), clean.astype(np.float32)
    middle = vectors.mean(axis=0)
    axes = principal_axes(vectors - middle, most=DIMENSIONS)
    inside = (sought - middle) @ axes.T
    beyond = float((((sought - middle) - inside @ axes) ** 2).mean())
    scale = np.float32(np.sqrt(DIMENSIONS / vectors.shape[1]))
    flat = np.zeros((len(vectors) + 1, DIMENSIONS), dtype=np.float32)
    flat[:, : len(axes)] = scale * np.vstack([(vectors - middle) @ axes.T, inside])
    return flat[:-1], flat[-1], beyond


def write_policy_archive(path: Path, cases: Sequence[RecordedCase]) -> None:
    """Write all cases to one ``.npz`` file: concatenated, with an index in JSON."""
    index = [
        {
            "picture": case.picture,
            "damage": case.damage,
            "networks": [fit.network for fit in case.fits],
            "seconds_per_step": [fit.seconds_per_step for fit in case.fits],
            "checks": [len(fit.smooth) for fit in case.fits],
            "sketches": [len(fit.sketches) for fit in case.fits],
            "beyond": case.beyond,
        }
        for case in cases
    ]
    fits = [fit for case in cases for fit in case.fits]
    columns = {name: np.concatenate([getattr(fit, field) for fit in fits]) for name, field in CURVES.items()}
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            allow_pickle=False,
            index=np.array(json.dumps({"format": FORMAT, "cases": index})),
            clean=np.stack([case.clean for case in cases]).astype(np.float16),
            sketches=np.concatenate([fit.sketches for fit in fits]).astype(np.float16),
            **columns,
        )


def read_policy_archive(path: Path) -> list[RecordedCase]:
    """Read what ``write_policy_archive`` wrote.

    Raises:
        FormatError: the file is missing, damaged, or something else.
    """
    arrays = read_npz(path)
    index = index_of(arrays, path, kind=FORMAT, bench="policies")
    cases, check, mark = [], 0, 0
    for number, item in enumerate(index["cases"]):
        fits = []
        for name, seconds, checks, marks in zip(
            item["networks"], item["seconds_per_step"], item["checks"], item["sketches"], strict=True
        ):
            curves = {curve: arrays[curve][check : check + checks] for curve in CURVES}
            drawn = arrays["sketches"][mark : mark + marks].astype(np.float32)
            fits.append(RecordedFit.of_curves(name, seconds, curves, drawn))
            check, mark = check + checks, mark + marks
        clean = arrays["clean"][number].astype(np.float32)
        cases.append(RecordedCase(item["picture"], item["damage"], clean, item["beyond"], tuple(fits)))
    return cases
