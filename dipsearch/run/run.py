"""A run: one run of a search, from a request to the folder in which workers can start.

Everything that can be wrong with a request is found out before the first byte is written.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from torch import Tensor

from ..errors import DipsearchError, InputError, ResourceError, StudyError
from ..execution.at_once import answer_at_once
from ..files import write_bytes
from ..fitting.compute import Compute
from ..library import presets_for, starters_for
from ..network import Calibration, Genome, SearchSpace, calibrate, load_space, space_file
from ..planning.budget import make_plan
from ..planning.memory_limit import memory_limit_of
from ..planning.plan import UNDECIDED, Load, Plan
from ..planning.representative import Crop, representative
from ..problem import Case, Problem, image_digest, load_case, make_split
from ..proposal.proposals import STALE
from ..proposal.storage import open_storage, sweep_stale
from ..proposal.study import SPACE_FILE, Settings, open_study
from ..trials.first_files import read_first, write_first
from ..trials.own_parts import NOTHING, OwnParts
from ..trials.problem_files import (
    SEARCHED,
    WHOLE,
    problem_path,
    read_box,
    read_problem,
    write_problem,
)
from ..trials.request import Request, read_request, write_request
from ..trials.storage_url import whole_address
from ..trials.trial import Trial, trial_of

REQUEST_FILE = "study.yaml"

StudyCallback = Callable[[optuna.Study, optuna.trial.FrozenTrial], None]


@dataclass
class Run:
    """A search that is ready to start.

    Args:
        request: what was asked.
        folder: the study's.
        cases: the pictures; their references are for the report only.
        plan: how the work is done.
        settings: what the workers share.
        study: Optuna's.
        started: ``time.monotonic()`` of the start, from which the budget counts.
        notes: what a person should know of the inputs.
        own: parts of the user's in the place of ours.
        callbacks: called with the study and the trial whenever a candidate ended, as Optuna's are.
    """

    request: Request
    folder: Path
    cases: Sequence[Case]
    plan: Plan
    settings: Settings
    study: optuna.Study
    started: float
    notes: list[str] = field(default_factory=list)
    own: OwnParts = NOTHING
    callbacks: Sequence[StudyCallback] = ()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def search_until_unix(self) -> float | None:
        """When the search ends, in Unix seconds; ``None``: when all trials are done."""
        until = self.plan.search_until
        return None if until is None else time.time() + until - self.seconds

    def finished(self) -> int:
        """How many candidates have come to an end of their own; those cut off by a kill or by Ctrl-C have not."""
        return sum(
            trial.state.is_finished() and STALE not in trial.user_attrs
            for trial in self.study.get_trials(deepcopy=False)
        )

    def trials(self) -> list[Trial]:
        """All candidates so far."""
        return [trial_of(trial) for trial in self.study.get_trials(deepcopy=False)]


def open_run(
    request: Request,
    *,
    root: Path,
    resume: bool,
    started: float,
    tell: Callable[[str], None] = lambda sentence: None,
    cases: Sequence[Case] | None = None,
    own: OwnParts = NOTHING,
) -> Run:
    """Check a request, let similar patches answer, plan the work, and make or reopen its folder.

    Args:
        root: the folder of all studies.
        resume: go on with a study that is already there.
        started: ``time.monotonic()`` of the start.
        tell: hears how far the first answers are.
        cases: the pictures, where they do not come from the sources of the request.
        own: parts of the user's in the place of ours.

    Raises:
        DipsearchError: something about the request cannot be used; nothing was written.
    """
    folder = root / request.name
    _check_folder(folder, request, resume=resume)
    request = replace(request, storage=_storage(folder, request, resume=resume))
    devices = choose_devices(request.device, workers=request.workers)
    space = load_space(request.space)
    if cases is None:
        cases = [load_case(source, request.options, seed=request.seed) for source in request.sources]
    names = unique_names([case.name for case in cases])
    notes = [f"{name}: {note}" if len(cases) > 1 else note for name, case in zip(names, cases, strict=True)
             for note in case.notes]  # fmt: skip
    if resume:
        _check_pictures(folder, names, cases)
    begun = [_begun_on(folder, name) for name in names] if resume else None
    if not resume:
        _check_storage(request)
    firsts = _firsts(folder, names, cases, device=devices[0], tell=tell)
    has_pilot = len(firsts) == len(names)
    plan, calibration = _plan(
        request,
        cases,
        space,
        known=own.propose is None,
        devices=devices,
        started=started,
        begun=begun,
        patch_seconds=sum(seconds for _, seconds in firsts.values()) if has_pilot else None,
    )
    searched = begun or [_searched(case.problem, plan, seed=request.seed) for case in cases]
    settings = _settings(request, names, plan=plan, calibration=calibration, searched=searched,
                         trajectory=any(case.reference is not None for case in cases),
                         has_pilot=has_pilot)  # fmt: skip
    if not resume:
        _write_inputs(folder, request, names=names, cases=cases, searched=searched)
    for name, (image, seconds) in firsts.items():
        write_first(folder, name, image, seconds=seconds)
    opened = open_study(folder, settings, space=space, own=own)
    study = opened.study
    notes.extend(opened.notes)
    if resume:
        if study.user_attrs.get("space_digest") != space.digest:
            raise StudyError(
                f"the search space '{request.space}' is not the one that study '{request.name}' was begun with",
                "candidates of two spaces cannot be compared by the sampler",
                "give the old space, or search under another --name",
            )
        swept = sweep_stale(study)
        if swept:
            notes.append(f"{len(swept)} candidates that were being fitted at the kill are fitted again")
    elif own.propose is None:
        _enqueue(study, space, plan)
    study.set_user_attr("settings", settings.to_dict())
    return Run(request, folder, cases, plan, settings, study, started, notes, own)


def _write_inputs(
    folder: Path, request: Request, *, names: Sequence[str], cases: Sequence[Case], searched: Sequence[Crop]
) -> None:
    """Write all that workers need; when that fails, leave nothing that would be in the way of the next try."""
    try:
        for name, case, part in zip(names, cases, searched, strict=True):
            write_problem(problem_path(folder, kind=WHOLE, name=name), case.problem)
            write_problem(problem_path(folder, kind=SEARCHED, name=name), part.problem, box=part.box)
        write_bytes(folder / SPACE_FILE, space_file(request.space).read_bytes())
        write_request(folder / REQUEST_FILE, request)
    except DipsearchError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def choose_devices(word: str, *, workers: int | None) -> tuple[str, ...]:
    """The device of each worker: all GPUs, or one CPU process per core.

    Raises:
        ResourceError: the device is not there.
    """
    gpus = torch.cuda.device_count()
    if word == "auto":
        word = "cuda" if gpus else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = word.partition(":")
    if kind == "cuda" and (not gpus or (number and int(number) >= gpus)):
        raise ResourceError(
            f"the device is '{word}'", f"this machine has {gpus} CUDA devices", "use --device auto or cpu"
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ResourceError("the device is 'mps'", "this machine has none", "use --device auto or cpu")
    if kind == "cuda":
        one = [f"cuda:{number}"] if number else [f"cuda:{index}" for index in range(gpus)]
        return tuple(one[index % len(one)] for index in range(workers or len(one)))
    return (kind,) * (workers or (cores() if kind == "cpu" else 1))


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_folder(folder: Path, request: Request, *, resume: bool) -> None:
    if not resume:
        if folder.exists() and any(folder.iterdir()):
            raise StudyError(
                f"the study '{request.name}' is there already ({folder})",
                "a new search needs a new name",
                "go on with it by --resume, or choose another --name",
            )
        return
    if not (folder / REQUEST_FILE).exists():
        raise StudyError(
            f"there is no study '{request.name}' in {folder.parent}",
            "--resume goes on with one that was begun",
            "leave --resume out, or correct --name",
        )
    if difference := read_request(folder / REQUEST_FILE).differs_from(request):
        raise StudyError(
            f"the study '{request.name}' was asked for something else: {difference}",
            "its candidates would not be comparable with new ones",
            "give the same options as before, or search under another --name",
        )


def _storage(folder: Path, request: Request, *, resume: bool) -> str | None:
    """Where the study is kept: as it was asked for, or else as it was begun."""
    begun = read_request(folder / REQUEST_FILE).storage if resume else None
    return whole_address(begun or request.storage, given=request.storage)


def _check_storage(request: Request) -> None:
    """Refuse to join, unasked, a study of the same name that a database already has."""
    if request.storage is None:
        return
    if request.name in optuna.get_all_study_names(open_storage(request.storage).storage):
        raise StudyError(
            f"the storage has a study '{request.name}' already",
            "a new search needs a new name",
            "go on with it by --resume, or choose another --name",
        )


def _firsts(
    folder: Path, names: Sequence[str], cases: Sequence[Case], *, device: str, tell: Callable[[str], None]
) -> dict[str, tuple[Tensor, float]]:
    """What similar patches make of each picture, and the seconds of it; read where it is there already."""
    found = {}
    for name, case in zip(names, cases, strict=True):
        there = read_first(folder, name) or answer_at_once(case, device=device, threads=cores(), tell=tell)
        if there is not None:
            found[name] = there
    return found


def _begun_on(folder: Path, name: str) -> Crop:
    """What the candidates of a study to be resumed were fitted to."""
    path = problem_path(folder, kind=SEARCHED, name=name)
    return Crop(read_problem(path), read_box(path))


def _check_pictures(folder: Path, names: Sequence[str], cases: Sequence[Case]) -> None:
    for name, case in zip(names, cases, strict=True):
        then = read_problem(problem_path(folder, kind=WHOLE, name=name))
        if then.y.shape != case.problem.y.shape or image_digest(then.y) != image_digest(case.problem.y):
            raise StudyError(
                f"the image {case.source} is not the one that this study was begun with",
                "its candidates would not be comparable with new ones",
                "restore the image, or search under another --name",
            )


def unique_names(names: Sequence[str]) -> list[str]:
    """Names of pictures for files and folders; equal ones get a number."""
    unique: list[str] = []
    for name in names:
        number, candidate = 2, name
        while candidate in unique:
            number, candidate = number + 1, f"{name}-{number}"
        unique.append(candidate)
    return unique


def _plan(
    request: Request,
    cases: Sequence[Case],
    space: SearchSpace,
    *,
    known: bool,
    devices: tuple[str, ...],
    started: float,
    begun: Sequence[Crop] | None,
    patch_seconds: float | None,
) -> tuple[Plan, Calibration | None]:
    calibration = None
    if request.budget_seconds is not None:
        calibration = calibrate(devices[0], threads=1, seed=request.seed)
    shapes = [case.problem.image_shape for case in cases]
    largest = max(shapes, key=lambda shape: shape[-1] * shape[-2])
    load = Load(
        task=cases[0].problem.task,
        shapes=shapes,
        starters=_known(starters_for(cases[0].problem.task), space) if known else (),
        published=_known(presets_for(cases[0].problem.task), space) if known else (),
        sample=space.genome(space.sample(np.random.default_rng(request.seed))),
        calibration=calibration,
        spent=time.monotonic() - started,
        max_steps=request.steps,
        factor=request.options.factor if request.options.task == "sr" else 1,
        searched_on=_searched_on(cases, begun),
        memory_limit=memory_limit_of(devices, image_shape=largest),
        has_pilot=patch_seconds is not None,
        patch_seconds=patch_seconds or 0.0,
    )
    plan = make_plan(load, devices=devices, budget=request.budget_seconds, trials=request.trials)
    return plan, calibration


def _searched_on(cases: Sequence[Case], begun: Sequence[Crop] | None) -> int | None:
    """The side of the crops, as far as it is decided: of some measurements no part can be taken."""
    if begun is not None:
        return _side(begun)
    return UNDECIDED if all(case.problem.croppable for case in cases) else None


def _side(begun: Sequence[Crop]) -> int | None:
    boxes = [part.box for part in begun if part.box is not None]
    return max((max(box[2:]) for box in boxes), default=None)


def _searched(problem: Problem, plan: Plan, *, seed: int) -> Crop:
    """The part of a picture that candidates are fitted to; all of it where a crop would not have enough to score."""
    if plan.crop is None or max(problem.image_shape[-2:]) <= plan.crop:
        return Crop(problem, None)
    part = representative(problem, side=plan.crop)
    try:
        make_split(part.problem, seed=seed)
    except InputError:
        return Crop(problem, None)
    return part


def _settings(
    request: Request,
    names: Sequence[str],
    *,
    plan: Plan,
    calibration: Calibration | None,
    searched: Sequence[Crop],
    trajectory: bool,
    has_pilot: bool,
) -> Settings:
    largest = max((part.problem.image_shape for part in searched), key=lambda shape: shape[-1] * shape[-2])
    pixels = largest[-1] * largest[-2]
    return Settings(
        name=request.name,
        storage=request.storage,
        sampler=request.sampler,
        seed=request.seed,
        names=tuple(names),
        max_steps=plan.max_steps,
        patience=plan.patience,
        trajectory_every=(50 if pixels <= 256**2 else 200) if trajectory else None,
        calibration=calibration,
        affordable_seconds=plan.affordable_seconds,
        image_shape=largest,
        usual_steps=plan.usual_steps,
        compute=Compute(request.engine, request.precision),
        memory_limit=plan.memory_limit,
        has_pilot=has_pilot,
        pilots_only=plan.pilots_only,
    )


def _known(networks: Sequence[tuple[str, Genome]], space: SearchSpace) -> tuple[tuple[str, Genome], ...]:
    """The networks that the space contains, each as its nearest genome there."""
    near = [(name, genome, space.genome(space.nearest(genome))) for name, genome in networks]
    return tuple(
        (name, there) for name, genome, there in near if _architecture(there) == _architecture(genome)
    )


def _architecture(genome: Genome) -> dict[str, Any]:
    """What makes the network; without the settings of the fit, which a space may well fix at other values."""
    return {name: value for name, value in genome.to_nested().items() if name != "fit"}


def _enqueue(study: optuna.Study, space: SearchSpace, plan: Plan) -> None:
    """Queue the known networks that the plan affords, each once."""
    queued: set[str] = set()
    for name, genome in plan.queue:
        if genome.digest not in queued:
            queued.add(genome.digest)
            study.enqueue_trial(space.flat(genome), user_attrs={"operator": "known", "preset": name})
