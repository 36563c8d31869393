"""The study: Optuna's record of all candidates, opened for a folder."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from ..fitting.compute import USUAL, Compute
from ..network import Calibration, SearchSpace, cost, load_space
from ..planning.memory_limit import UNLIMITED, MemoryLimit
from ..trials.journal import JOURNAL
from ..trials.own_parts import NOTHING, OwnParts
from ..trials.storage_url import masked
from ..trials.trial_files import trial_folder
from .patience import Patience
from .proposals import ProposalLimits
from .samplers import make_sampler
from .storage import create_or_load, load_begun, no_such_books, open_storage

SPACE_FILE = "space.yaml"


@dataclass(frozen=True)
class Settings:
    """What all workers of a study share.

    Args:
        name: of the study in its storage, which it keeps when its folder is renamed.
        storage: a database's URL; ``None``: the journal file in the folder.
        sampler: the sampler's word.
        seed: of everything random.
        names: the pictures' names, in order; their problem files lie in the folder.
        patience: iterations without improvement after which a fit ends.
        trajectory_every: iterations between the outputs that are kept for the page; ``None``: none.
        calibration: of the machine, for the limit of cost; ``None`` without one.
        affordable_seconds: a candidate whose fit is predicted to take longer is not proposed.
        image_shape: of what candidates are fitted to, for predicting their cost.
        usual_steps: how long a fit usually is; the limit of cost and the pruner go by it.
        compute: by what means fits are made, the same for all candidates.
        memory limit: a candidate that needs more memory is not started.
        has_pilot: whether the pictures have pilots; without them, networks with one in their input are not proposed.
        pilots_only: whether others are not, for lack of time.
        own_seeds: every candidate has a seed of its own; otherwise all have ``seed``.
    """

    name: str
    storage: str | None
    sampler: str
    seed: int
    names: tuple[str, ...]
    patience: int
    trajectory_every: int | None
    calibration: Calibration | None
    affordable_seconds: float | None
    image_shape: tuple[int, int, int, int]
    usual_steps: int
    compute: Compute = USUAL
    memory_limit: MemoryLimit = UNLIMITED
    has_pilot: bool = False
    pilots_only: bool = False
    own_seeds: bool = False


@dataclass(frozen=True)
class OpenedStudy:
    """Optuna's study, and sentences on what had to be repaired to open it."""

    study: optuna.Study
    notes: tuple[str, ...]


def open_study(
    folder: Path,
    settings: Settings,
    *,
    space: SearchSpace,
    own: OwnParts = NOTHING,
    new: bool = False,
    patience: Patience | None = None,
) -> OpenedStudy:
    """Make or open the Optuna study of a folder, with its sampler and its pruner.

    Args:
        own: a sampler and a pruner in the place of ours.
        new: only make it; refuse one of this name that is there. Otherwise it is only made where a search was
            killed before it had a candidate.
        patience: how long a database that goes away is waited for.

    Raises:
        DipsearchError: the storage cannot be used, see ``open_storage``; or it does not have a study that has
            candidates.
    """
    has_candidates = not new and any(trial_folder(folder, 0).parent.glob("[0-9]*"))
    kept_in = str(folder / JOURNAL) if settings.storage is None else masked(settings.storage)
    if has_candidates and settings.storage is None and not (folder / JOURNAL).exists():
        raise no_such_books(settings.name, kept_in)  # to open the journal would make it
    opened = open_storage(settings.storage or folder, patience=patience)
    sampler = sampler_of(settings, space=space, own=own)
    pruner = own.pruner or NopPruner()
    if has_candidates:
        study = load_begun(settings.name, opened.storage, sampler=sampler, pruner=pruner, kept_in=kept_in)
    else:
        study = create_or_load(
            settings.name,
            opened.storage,
            sampler=sampler,
            pruner=pruner,
            space_digest=space.digest,
            new=new,
        )
    return OpenedStudy(study, opened.notes)


def sampler_of(settings: Settings, *, space: SearchSpace, own: OwnParts = NOTHING) -> BaseSampler:
    """Who proposes candidates: the user's own sampler, or that of the settings' word, within what they afford."""
    if own.sampler is not None:
        return own.sampler
    if own.propose is not None:
        return _sampler_of_parameters(settings)
    predicted = _Predicted(settings, space)
    limits = ProposalLimits(predicted.affordable, predicted.expense)
    return make_sampler(settings.sampler, space, seed=settings.seed, limits=limits)


def _sampler_of_parameters(settings: Settings) -> BaseSampler:
    """Who draws the parameters of networks of one's own, which are no genomes."""
    if settings.sampler == "random":
        return RandomSampler(seed=settings.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(seed=settings.seed, multivariate=True, group=True, constant_liar=True)


@dataclass(frozen=True)
class _Predicted:
    """What a candidate would cost, so that none is started that cannot end in its time or its memory.

    One whose input needs a pilot that the study does not have cannot be had at any price.
    """

    settings: Settings
    space: SearchSpace

    def expense(self, flat: dict[str, Any]) -> float:
        """Seconds of a usual fit; without a calibration the bytes that it keeps, which order candidates as well."""
        genome = self.space.genome(flat)
        if genome.needs_pilot and not self.settings.has_pilot:
            return math.inf
        asked = cost(genome, image_shape=self.settings.image_shape, calibration=self.settings.calibration)
        if asked.seconds_per_step is None:
            return asked.saved_bytes
        return asked.seconds_per_step * self.settings.usual_steps * len(self.settings.names)

    def affordable(self, flat: dict[str, Any]) -> bool:
        """Whether it has its pilot, and ends in its time and its memory."""
        genome = self.space.genome(flat)
        if not (self.settings.has_pilot if genome.needs_pilot else not self.settings.pilots_only):
            return False
        limit = self.settings.affordable_seconds
        if limit is not None and self.expense(flat) > limit:
            return False
        return self.settings.memory_limit.fits(genome)


def search_space(folder: Path) -> SearchSpace:
    """The space of a study, from the copy in its folder."""
    return load_space(folder / SPACE_FILE)
