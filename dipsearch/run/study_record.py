"""A study's folder read back for people: what was asked, what was tried, what came out.

Candidates meet the reference here, and in ``result``, after everything was decided. Whatever is missing or
damaged is left out and named, so that a study of any age and in any state can still be shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.storages import JournalStorage
from torch import Tensor

from ..errors import FormatError
from ..plain_files import inside
from ..problem import Case
from ..trials.array_files import array_of, finite_of
from ..trials.claim import REQUEST_FILE
from ..trials.request import Request, read_request
from ..trials.trial import Trial, ranked
from ..trials.trial_files import VALIDATION_MSE, read_arrays
from .picture_record import PictureRecord, first_file_of, read_pictures
from .recorded_candidates import read_candidates, with_psnr
from .result_file import read_result

UNREADABLE = "the result cannot be read"
"""What the sentence on a damaged result begins with."""


@dataclass(frozen=True, eq=False)
class StudyRecord:
    """A study as it lies on disk.

    Args:
        folder: the study's.
        request: what was asked.
        trials: the candidates, by number; with PSNR where a reference exists.
        result: the content of ``result.json``; ``None`` before the delivery.
        pictures: what was restored.
        missing: sentences on what could not be read.
        journal: as far as it was read; a later reading goes on from there.
    """

    folder: Path
    request: Request
    trials: tuple[Trial, ...]
    result: dict[str, Any] | None
    pictures: tuple[PictureRecord, ...]
    missing: tuple[str, ...] = field(default=())
    journal: JournalStorage | None = field(default=None, repr=False)

    def ranked(self) -> list[Trial]:
        """The complete candidates, the best first."""
        return ranked(self.trials)

    def winner(self) -> Trial | None:
        """The candidate that was chosen, before a delivery the best by the score; ``None``: none is complete.

        The finalists may have overruled the score of the search.
        """
        complete = self.ranked()
        number = ((self.result or {}).get("best") or {}).get("number")
        return next((e for e in complete if e.number == number), complete[0] if complete else None)


def read_study(
    folder: str | Path,
    *,
    earlier: StudyRecord | None = None,
    storage: str | None = None,
    cases: Sequence[Case] = (),
) -> StudyRecord:
    """Read a study's folder; nothing in it is changed, so a search may be at work in it.

    Args:
        folder: the study's.
        earlier: what a reading a moment ago has found. Its pictures and the PSNR of its finished candidates
            are taken over, since they take long to read and do not change, and of its journal only what is new
            is read.
        storage: the database's whole address; ``None``: as the folder says, with its password from the environment.
        cases: its pictures, where they were read a moment ago; none: they are read, which takes seconds.

    Raises:
        FormatError: there is no study in it.
    """
    folder = Path(folder)
    if not (folder / REQUEST_FILE).exists():
        raise FormatError(
            f"{folder} holds no {REQUEST_FILE}",
            "a study's folder has one",
            "name a folder in studies/, for example studies/demo",
        )
    request = read_request(inside(folder, REQUEST_FILE))
    missing: list[str] = []
    before = earlier
    if earlier is not None and earlier.request == request and all(p.case for p in earlier.pictures):
        pictures = list(earlier.pictures)
    else:
        pictures, earlier = read_pictures(folder, request, missing, cases=cases), None
    trials, journal = read_candidates(
        folder,
        request,
        missing,
        storage=storage,
        before=() if before is None else before.trials,
        journal=None if before is None else before.journal,
    )
    result = _result(folder, missing)
    restored = {
        picture["name"]: inside(folder, picture["restored"]) for picture in (result or {}).get("pictures", [])
    }
    pictures = [
        replace(
            picture,
            restored=restored.get(picture.name),
            first=first_file_of(folder, picture.name, alone=len(pictures) == 1),
        )
        for picture in pictures
    ]
    known = (
        {(e.number, e.state, e.steps): e.psnr for e in earlier.trials if e.psnr is not None}
        if earlier
        else {}
    )

    def measured(trial: Trial) -> Trial:
        if (key := (trial.number, trial.state, trial.steps)) in known:
            return replace(trial, psnr=known[key])
        return with_psnr(folder, trial, pictures)

    # Unpacking thousands of images is most of the work of a page, and threads share it well.
    with ThreadPoolExecutor() as pool:
        trials = list(pool.map(measured, trials))
    return StudyRecord(folder, request, tuple(trials), result, tuple(pictures), tuple(missing), journal)


def read_curves(folder: str | Path, number: int) -> dict[str, NDArray[Any]]:
    """The check points of a candidate for the first picture.

    Returns:
        ``step``, ``loss``, ``validation_mse`` (mean squared errors), ``seconds``, each ``(k,)``, and ``chosen`` (0-d).

    Raises:
        FormatError: the file is missing or damaged.
    """
    arrays, path = read_arrays(Path(folder), number, "fit.npz"), Path(f"{number}/fit.npz")
    curves = {
        key: array_of(arrays, key, path=path, axes=1, kinds="iu" if key == "step" else "fiu")
        for key in ("step", "loss", VALIDATION_MSE, "seconds")
    }
    if len({len(curve) for curve in curves.values()}) > 1:
        raise FormatError(
            f"the curves of candidate {number} differ in length",
            "they have the same check points",
            "restore the file fit.npz, or search again under another name",
        )
    return curves | {"chosen": array_of(arrays, "chosen", path=path, axes=0, kinds="iu")}


def read_trajectory(
    folder: str | Path, number: int, reference: Tensor, *, data_range: float = 1.0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The true PSNR of a candidate's averaged output along its fit to the first picture.

    Returns:
        iterations ``(k,)`` and PSNR in dB ``(k,)``.

    Raises:
        FormatError: the outputs along the way were not kept, or cannot be read.
    """
    arrays = read_arrays(Path(folder), number, "trajectory.npz")
    path = Path(f"{number}/trajectory.npz")
    steps = array_of(arrays, "step", path=path, axes=1, kinds="iu")
    images = finite_of(arrays, "x", path=path, axes=4).astype(np.float32)
    truth = reference.cpu().numpy()
    if images.shape != (len(steps), *truth.shape[1:]):
        raise FormatError(
            f"the outputs of candidate {number} have the shape {images.shape}",
            "there is one image like the reference for every step",
            "restore the file trajectory.npz, or search again under another name",
        )
    errors = ((images - truth) ** 2).mean(axis=(1, 2, 3), dtype=np.float64)
    return steps, 20 * np.log10(data_range) - 10 * np.log10(np.maximum(errors, 1e-12))


def _result(folder: Path, missing: list[str]) -> dict[str, Any] | None:
    try:
        return read_result(folder)
    except FormatError as error:
        missing.append(f"{UNREADABLE}: {error}")
        return None
