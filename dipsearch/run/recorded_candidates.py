"""The candidates of a study read back from its journal or its database, and measured against the reference.

A candidate that cannot be read is left out and named, and the others are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.trial import FrozenTrial
from torch import Tensor

from ..errors import DipsearchError, FormatError, InputError
from ..network import Genome
from ..problem import psnr
from ..proposal.patience import Patience
from ..proposal.storage import open_storage
from ..trials.array_files import finite_of
from ..trials.journal import JOURNAL
from ..trials.journal_reader import JournalReader
from ..trials.request import Request
from ..trials.storage_url import whole_address
from ..trials.trial import Trial, trial_of
from ..trials.trial_files import read_arrays, suffix, trial_folder
from .picture_record import PictureRecord


def read_candidates(
    folder: Path,
    request: Request,
    missing: list[str],
    *,
    storage: str | None,
    before: Sequence[Trial],
    journal: JournalStorage | None,
) -> tuple[Sequence[Trial], JournalStorage | None]:
    """The candidates of a study by number, and its journal as far as it was read.

    Args:
        folder: the study's.
        request: what was asked.
        missing: takes sentences on what could not be read.
        storage: the database's whole address, where a person gave it.
        before: the candidates as they were a moment ago.
        journal: likewise; only what is new in it is read.
    """
    if request.storage is None and not (folder / JOURNAL).exists():
        return [], None
    kept = journal
    genomes = {} if kept is None else {e.number: e.genome for e in before}
    try:
        address = whole_address(request.storage, given=storage)
        opened: BaseStorage
        if address:
            kept, opened = None, open_storage(address, patience=Patience(seconds=0)).storage
        else:
            # A journal is only read: whoever searches repairs it, and an archive may be read-only.
            opened = kept = kept or JournalStorage(JournalReader(folder))
        try:
            trials = optuna.load_study(study_name=request.name, storage=opened).get_trials(deepcopy=False)
        finally:
            if address:
                opened.remove_session()  # a dashboard looks again and again
    except Exception as error:  # records that make no sense together make Optuna stumble in its own ways
        words = str(error) if isinstance(error, DipsearchError) else f"{type(error).__name__}: {error}"
        missing.append(f"the study's candidates cannot be read: {words}")
        return [], None
    return _sound(trials, genomes, missing), kept


def _sound(
    trials: Sequence[FrozenTrial], genomes: Mapping[int, Genome | None], missing: list[str]
) -> list[Trial]:
    """The candidates that can be read."""
    found, damaged = [], []
    for trial in trials:
        try:
            found.append(trial_of(trial, genome=genomes.get(trial.number)))
        except InputError as error:
            damaged.append(str(error))
    if damaged:
        missing.append(
            f"{len(damaged)} of {len(trials)} candidates cannot be read, the first one: {damaged[0]}"
        )
    return found


def with_psnr(folder: Path, trial: Trial, pictures: Sequence[PictureRecord]) -> Trial:
    """Add the true PSNR, the mean over the pictures in dB, where all of them have a reference."""
    if trial.state not in ("complete", "resting", "pruned"):
        return trial
    values = []
    for index, picture in enumerate(pictures):
        if picture.reference is None:
            return trial
        key, name = "x" + suffix(index), "output.npz"
        try:
            arrays = read_arrays(folder, trial.number, name, keys=(key,))
            image = finite_of(arrays, key, path=trial_folder(folder, trial.number) / name, axes=4, kinds="f")
        except FormatError:
            return trial
        if image.shape != picture.reference.shape:
            return trial
        values.append(psnr(Tensor(image), picture.reference, data_range=picture.data_range))
    return replace(trial, psnr=sum(values) / len(values)) if values else trial
