"""A study's folder read back for people: what was asked, what was tried, what came out.

Candidates meet the reference here, and in ``result``, after everything was decided. Whatever is missing or
damaged is left out and named, so that a study of any age and in any state can still be shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from torch import Tensor

from ..delivery.picture_outputs import picture_folder
from ..errors import DipsearchError, FormatError
from ..problem import Case, load_case, psnr, read_image
from ..proposal.patient_storage import Patience
from ..proposal.storage import open_storage
from ..trials.claim import REQUEST_FILE
from ..trials.journal import JOURNAL
from ..trials.problem_files import SEARCHED, WHOLE, problem_path, read_box, read_problem
from ..trials.request import ARRAY, Request, read_request
from ..trials.storage_url import whole_address
from ..trials.trial import Trial, ranked, trial_of
from ..trials.trial_files import read_arrays, suffix


@dataclass(frozen=True, eq=False)
class PictureRecord:
    """One picture of a study, as far as it can be read.

    Args:
        name: of the picture.
        case: its measurement and, if there is one, its reference; ``None`` when the source is gone.
        restored: the file of the restored picture; ``None`` before the delivery.
        box: top, left, height, width of the searched crop in pixels of the restored picture; ``None``: all of it.
        first: the file of what similar patches made of it; ``None`` before that, or in a study without.
    """

    name: str
    case: Case | None
    restored: Path | None
    box: tuple[int, int, int, int] | None
    first: Path | None = None

    @property
    def data_range(self) -> float:
        """What PSNR is relative to, in the range of the problem."""
        return 1.0 if self.case is None else self.case.data_range

    def read_restored(self, file: Path) -> Tensor:
        """The pixels of a restored picture ``(1, C, H, W)`` in the range of the problem.

        Raises:
            InputError: the file cannot be read.
        """
        pixels = read_image(file).pixels
        return pixels if self.case is None else self.case.part(pixels)

    @property
    def reference(self) -> Tensor | None:
        """The reference of what candidates were fitted to, ``(1, C, h, w)``."""
        whole = self.case.reference if self.case else None
        if whole is None or self.box is None:
            return whole
        top, left, height, width = self.box
        return whole[..., top : top + height, left : left + width]


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
    folder: str | Path, *, earlier: StudyRecord | None = None, storage: str | None = None
) -> StudyRecord:
    """Read a study's folder; nothing in it is changed, so a search may be at work in it.

    Args:
        folder: the study's.
        earlier: what a reading a moment ago has found. Its pictures and the PSNR of its finished candidates
            are taken over, since they take long to read and do not change, and of its journal only what is new
            is read.
        storage: the database's whole address; ``None``: as the folder says, with its password from the environment.

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
    request = read_request(folder / REQUEST_FILE)
    missing: list[str] = []
    before = earlier
    if earlier is not None and earlier.request == request and all(p.case for p in earlier.pictures):
        pictures = list(earlier.pictures)
    else:
        pictures, earlier = _pictures(folder, request, missing), None
    trials, journal = _trials(folder, request, missing, storage=storage, earlier=before)
    result = _result(folder, missing)
    restored = {
        picture["name"]: folder / picture["restored"] for picture in (result or {}).get("pictures", [])
    }
    pictures = [
        replace(
            picture,
            restored=restored.get(picture.name),
            first=_first(folder, picture.name, alone=len(pictures) == 1),
        )
        for picture in pictures
    ]
    known = {(e.number, e.state): e.psnr for e in earlier.trials if e.psnr is not None} if earlier else {}

    def measured(trial: Trial) -> Trial:
        if (trial.number, trial.state) in known:
            return replace(trial, psnr=known[trial.number, trial.state])
        return _with_psnr(folder, trial, pictures)

    # Unpacking thousands of images is most of the work of a page, and threads share it well.
    with ThreadPoolExecutor() as pool:
        trials = list(pool.map(measured, trials))
    return StudyRecord(folder, request, tuple(trials), result, tuple(pictures), tuple(missing), journal)


def read_curves(folder: str | Path, number: int, *, index: int = 0) -> dict[str, NDArray[Any]]:
    """The check points of a candidate for picture ``index``.

    Returns:
        ``step``, ``loss``, ``score`` (mean squared errors), ``seconds``, each ``(k,)``, and ``chosen`` (0-d).

    Raises:
        FormatError: the file is missing or damaged.
    """
    arrays, end = read_arrays(Path(folder), number, "fit.npz"), suffix(index)
    return {key: arrays[key + end] for key in ("step", "loss", "score", "seconds", "chosen")}


def read_trajectory(
    folder: str | Path, number: int, reference: Tensor, *, index: int = 0, data_range: float = 1.0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The true PSNR of a candidate's averaged output along its fit.

    Returns:
        iterations ``(k,)`` and PSNR in dB ``(k,)``.

    Raises:
        FormatError: the outputs along the way were not kept, or cannot be read.
    """
    arrays, end = read_arrays(Path(folder), number, "trajectory.npz"), suffix(index)
    steps = arrays["step" + end]
    images = arrays["x" + end].astype(np.float32)
    truth = reference.cpu().numpy()
    errors = ((images - truth) ** 2).mean(axis=(1, 2, 3), dtype=np.float64)
    return steps, 20 * np.log10(data_range) - 10 * np.log10(np.maximum(errors, 1e-12))


def _pictures(folder: Path, request: Request, missing: list[str]) -> list[PictureRecord]:
    from .opening import unique_names

    cases: list[Case | None] = []
    for source in request.sources:
        try:
            cases.append(
                _array_case(folder, source)
                if source.startswith(ARRAY)
                else load_case(source, request.options, seed=request.seed)
            )
        except DipsearchError as error:
            cases.append(None)
            missing.append(f"the picture {source} cannot be read any more: {error}")
    names = unique_names(
        [
            case.name if case else Path(source.removeprefix(ARRAY)).stem
            for case, source in zip(cases, request.sources, strict=True)
        ]
    )
    return [
        PictureRecord(name, case, None, _box(folder, name, missing))
        for name, case in zip(names, cases, strict=True)
    ]


def _array_case(folder: Path, source: str) -> Case:
    """A picture that came as an array, from its problem file."""
    name = source.removeprefix(ARRAY)
    problem = read_problem(problem_path(folder, kind=WHOLE, name=name))
    return Case(name, source, problem, None, 32, ())


def _box(folder: Path, name: str, missing: list[str]) -> tuple[int, int, int, int] | None:
    try:
        return read_box(problem_path(folder, kind=SEARCHED, name=name))
    except FormatError as error:
        missing.append(str(error))
        return None


def _first(folder: Path, name: str, *, alone: bool) -> Path | None:
    """Written whole or not at all, so what is there can be shown."""
    return next(iter(sorted(picture_folder(folder, name, alone=alone).glob("first.*"))), None)


def _trials(
    folder: Path, request: Request, missing: list[str], *, storage: str | None, earlier: StudyRecord | None
) -> tuple[Sequence[Trial], JournalStorage | None]:
    journal = folder / JOURNAL
    if request.storage is None and not journal.exists():
        return [], None
    kept = None if earlier is None else earlier.journal
    genomes = {} if kept is None or earlier is None else {e.number: e.genome for e in earlier.trials}
    try:
        # A journal is only read: whoever searches repairs it, and an archive may be read-only.
        address = whole_address(request.storage, given=storage)
        opened: BaseStorage
        if address:
            kept, opened = None, open_storage(address, patience=Patience(seconds=0)).storage
        else:
            opened = kept = kept or JournalStorage(JournalFileBackend(str(journal)))
        study = optuna.load_study(study_name=request.name, storage=opened)
        trials = study.get_trials(deepcopy=False)
        return [trial_of(trial, genome=genomes.get(trial.number)) for trial in trials], kept
    # A line that is JSON and no record makes Optuna stumble in its own ways.
    except (DipsearchError, LookupError, TypeError, ValueError, AssertionError, OSError) as error:
        missing.append(f"the study's candidates cannot be read: {error}")
        return [], None


def _result(folder: Path, missing: list[str]) -> dict[str, Any] | None:
    path = folder / "result.json"
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        missing.append(f"{path.name} cannot be read: {error}")
        return None
    return content if isinstance(content, dict) else None


def _with_psnr(folder: Path, trial: Trial, pictures: Sequence[PictureRecord]) -> Trial:
    """Add the true PSNR, the mean over the pictures in dB, where all of them have a reference."""
    if trial.state not in ("complete", "pruned"):
        return trial
    values = []
    for index, picture in enumerate(pictures):
        if picture.reference is None:
            return trial
        key = "x" + suffix(index)
        try:
            arrays = read_arrays(folder, trial.number, "output.npz", keys=(key,))
            values.append(psnr(Tensor(arrays[key]), picture.reference, data_range=picture.data_range))
        except (FormatError, KeyError):
            return trial
    return replace(trial, psnr=sum(values) / len(values)) if values else trial
