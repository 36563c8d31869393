"""Judging the classical restoration as candidates are judged, and telling when it is better than what is delivered.

It is computed twice: from all of y, to be compared with, and from the fitted part of the split alone, so that the
scoring part, which it did not see either, gives it a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..errors import FormatError
from .blending import Classical
from .bootstrap import block_errors, standings
from .candidate import read_npz
from .messages import BaselineJob, Done
from .prepared import WHOLE, Prepared, problem_path


@dataclass(frozen=True)
class Baseline:
    """A classical restoration of a picture.

    Args:
        name: the method's.
        seconds: wall time.
        file: it holds the image as ``x``.
        score: estimated PSNR in dB without a reference, of the same method on the fitted part alone; ``None``
            where that could not be computed.
        ahead: how far that is above the score of what is delivered, in dB.
        standard_error: of ``ahead``; ``None``: too few values to tell.
    """

    name: str
    seconds: float
    file: Path
    score: float | None = None
    ahead: float | None = None
    standard_error: float | None = None

    @property
    def is_better(self) -> bool:
        """Whether the measurements say that it is better than what is delivered."""
        return self.ahead is not None and self.ahead > (self.standard_error or 0.0)

    def image(self) -> Tensor:
        """The restoration from all of y, ``(1, C, H, W)``.

        Raises:
            FormatError: the file is missing or damaged.
        """
        return torch.from_numpy(read_npz(self.file)["x"])

    def warning(self, place: str) -> str:
        """A sentence for whoever should know that it is better.

        Args:
            place: where the picture lies.
        """
        error = "" if self.standard_error is None else f" (± {self.standard_error:.2f})"
        return (
            f"{self.name} is better than what was delivered, by {self.ahead or 0:.2f} dB{error}, judged by "
            f"measurements that neither has seen: look at {place}, or give a larger --budget"
        )


def baseline_jobs(folder: Path, name: str, *, seed: int) -> list[BaselineJob]:
    """The jobs for one picture: from all of y, and from the fitted part of the split of ``seed``."""
    problem = problem_path(folder, kind=WHOLE, name=name)
    return [
        BaselineJob(problem, _file(folder, name)),
        BaselineJob(problem, _file(folder, name, "-fitted"), seed),
    ]


def classical_of(folder: Path, done: Mapping[Path, Done], name: str) -> Classical | None:
    """Both classical restorations of a picture; ``None`` unless both could be computed.

    Args:
        folder: the study's.
        done: the outcomes of the jobs, by their files.
        name: the picture's.
    """
    full, fitted = _file(folder, name), _file(folder, name, "-fitted")
    if full not in done or fitted not in done:
        return None
    try:
        images = [torch.from_numpy(read_npz(path)["x"]) for path in (fitted, full)]
    except FormatError:
        return None
    return Classical(done[full].outcome["name"], *images)


def judged(
    folder: Path, done: Mapping[Path, Done], *, ours: Tensor, classical: Classical | None, picture: Prepared
) -> Baseline | None:
    """The classical restoration of a picture beside what is delivered; ``None`` where there is none.

    Args:
        folder: the study's.
        done: the outcomes of the jobs, by their files.
        ours: the image that stands for what is delivered before the scoring part, ``(1, C, H, W)``.
        classical: the images; ``None``: there is no score.
        picture: its problem and split.
    """
    outcome = done.get(_file(folder, picture.name))
    if outcome is None:
        return None
    found = Baseline(outcome.outcome["name"], outcome.outcome["seconds"], _file(folder, picture.name))
    if classical is None:
        return found
    errors = block_errors([[ours], [classical.fitted]], picture.problem, split=picture.split)
    here, there = standings([errors])
    apart = there.standard_error if here.standard_error == 0.0 else here.standard_error
    return replace(found, score=there.score, ahead=there.score - here.score, standard_error=apart)


def _file(folder: Path, name: str, ending: str = "") -> Path:
    return folder / "baselines" / f"{name}{ending}.npz"
