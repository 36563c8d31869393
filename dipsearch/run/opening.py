"""Opening: from a request to the folder in which a search can start.

Everything that can be wrong with a request is found out before the first byte is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
from optuna.trial import TrialState

from ..errors import DipsearchError, StudyError
from ..execution.busy import Span
from ..execution.executor import WorkerSpec
from ..files import write_bytes
from ..library.warm_words import warm_words
from ..network import SearchSpace, load_space, space_file
from ..planning.plan import Plan
from ..planning.representative import Crop
from ..problem import Case, image_digest, load_case
from ..proposal.patient_storage import Patience
from ..proposal.storage import refuse_taken_name
from ..proposal.study import SPACE_FILE, open_study
from ..trials.claim import REQUEST_FILE
from ..trials.first_files import write_first
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
from ..trials.source_files import write_sources
from ..trials.storage_url import whole_address
from .answering import first_answers, first_until, go_ahead
from .devices import choose_devices, expected_gpus
from .head_start import HeadStart
from .known_networks import NONE, known_networks
from .run import Run
from .run_plan import here, plan_of, searched_part, settings_of


def open_run(
    request: Request,
    *,
    root: Path,
    resume: bool,
    started: float,
    tell: Callable[[str], None] = lambda sentence: None,
    cases: Sequence[Case] | None = None,
    own: OwnParts = NOTHING,
    patience: Patience | None = None,
    workers: Sequence[WorkerSpec] | None = None,
    ahead: HeadStart | None = None,
) -> Run:
    """Check a request, let similar patches answer, plan the work, and make or reopen its folder.

    Args:
        root: the folder of all studies.
        resume: go on with a study that is already there.
        started: ``time.monotonic()`` of the start.
        tell: hears how far the first answers are.
        cases: the pictures, where they do not come from the sources of the request.
        own: parts of the user's in the place of ours.
        patience: how long a database that goes away is waited for.
        workers: of a cluster; ``None``: those of this machine.
        ahead: starts these while their work is still planned.

    Raises:
        DipsearchError: something about the request cannot be used; nothing was begun.
    """
    wall, processor = time.monotonic(), time.process_time()
    folder, notes = root / request.name, list[str]()
    if resume:
        _check_request(folder, request)
    request = replace(request, storage=_storage(folder, request, resume=resume))
    ahead = ahead if workers is None else None
    if ahead is not None and (gpus := expected_gpus(request.device, workers=request.workers)):
        ahead.begin(
            gpus, besides=1
        )  # before this process asks for a GPU's context itself, which takes as long
    devices = (
        choose_devices(request.device, workers=request.workers, tell=notes.append)
        if workers is None
        else tuple(one.device for one in workers)
    )
    space = load_space(request.space)
    if cases is None:
        cases = [load_case(source, request.options, seed=request.seed) for source in request.sources]
    names = unique_names([case.name for case in cases])
    notes += _of_each(names, [case.notes for case in cases])
    if resume:
        _check_pictures(folder, names, cases)
    begun = [_begun_on(folder, name) for name in names] if resume else None
    if not resume and request.storage is not None:
        refuse_taken_name(request.name, request.storage)
    if ahead is not None:
        go_ahead(ahead, folder, request, names=names, cases=cases, devices=devices, resume=resume)
    slowness = max(1.0, (time.monotonic() - wall) / max(time.process_time() - processor, 1e-3))
    until = first_until(request, started=started, slowness=slowness)
    place, begun_at = here(devices[0], workers), time.monotonic() - started
    firsts = first_answers(folder, names, cases, device=place, until=until, tell=tell)
    spans = [Span(place, begun_at, time.monotonic() - started)] if workers is None else []
    has_pilot = len(firsts) == len(names)
    known = NONE
    if own.propose is None:
        images = [first.image for first in firsts.values()] if has_pilot else []
        known = known_networks(cases, space, order=request.order, images=images)
        notes += known.notes
    plan, calibration = plan_of(
        request,
        cases,
        space,
        known=known,
        devices=devices,
        workers=workers,
        started=started,
        begun=begun,
        slowness=max(1.0, (time.monotonic() - wall) / max(time.process_time() - processor, 1e-3)),
        patch_seconds=sum(first.seconds for first in firsts.values()) if has_pilot else None,
        hurried=has_pilot and any(first.hurried for first in firsts.values()),
    )
    channels = [case.problem.image_shape[1] for case in cases]
    if said := warm_words(request.start, plan.queue, task=cases[0].problem.task, channels=channels):
        notes.append(said)
    searched = begun or [searched_part(case.problem, plan, seed=request.seed) for case in cases]
    settings = settings_of(request, names, plan=plan, calibration=calibration, searched=searched,
                         trajectory=any(case.reference is not None for case in cases),
                         has_pilot=has_pilot)  # fmt: skip
    if not resume:
        _write_inputs(folder, request, names=names, cases=cases, searched=searched)
    for name, first in firsts.items():
        write_first(folder, name, first.image, seconds=first.seconds)
    try:
        opened = open_study(folder, settings, space=space, own=own, new=not resume, patience=patience)
    except DipsearchError:
        if not resume:
            # Nothing was begun: the study of this name that a database has belongs to another folder.
            (folder / REQUEST_FILE).unlink(missing_ok=True)
        raise
    study = opened.study
    notes.extend(opened.notes)
    if resume:
        if study.user_attrs.get("space_digest") != space.digest:
            raise StudyError(
                f"the search space '{request.space}' is not the one that study '{request.name}' was begun with",
                "candidates of two spaces cannot be compared by the sampler",
                "give the old space, or search under another --name",
            )
        under_way = len(study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))
        if under_way:
            notes.append(f"{under_way} candidates that were under way are gone on with")
    if own.propose is None and not study.get_trials(deepcopy=False):
        _enqueue(study, space, plan)
    study.set_user_attr("settings", settings.to_dict())
    details = _of_each(names, [case.details for case in cases])
    run = Run(
        request, folder, cases, plan, settings, study, started, notes, own, spans=spans, details=details
    )
    run.known = known.record
    return run


def _of_each(names: Sequence[str], sentences: Sequence[Sequence[str]]) -> list[str]:
    """The sentences on each picture, with its name where there are several."""
    return [
        f"{name}: {sentence}" if len(names) > 1 else sentence
        for name, some in zip(names, sentences, strict=True)
        for sentence in some
    ]


def _write_inputs(
    folder: Path, request: Request, *, names: Sequence[str], cases: Sequence[Case], searched: Sequence[Crop]
) -> None:
    """Write all that workers need. Where that fails, whoever holds the folder's claim clears it."""
    for name, case, part in zip(names, cases, searched, strict=True):
        write_problem(problem_path(folder, kind=WHOLE, name=name), case.problem)
        write_problem(problem_path(folder, kind=SEARCHED, name=name), part.problem, box=part.box)
    write_bytes(folder / SPACE_FILE, space_file(request.space).read_bytes())
    write_sources(folder, request)
    write_request(folder / REQUEST_FILE, request)


def _check_request(folder: Path, request: Request) -> None:
    """Refuse to go on with a study by another request than the one that it was begun with."""
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
    """Names of pictures for files and folders; those that differ in nothing but case, or not at all, get a number."""
    unique: list[str] = []
    taken: set[str] = set()
    for name in names:
        number, candidate = 2, name
        while candidate.casefold() in taken:
            number, candidate = number + 1, f"{name}-{number}"
        unique.append(candidate)
        taken.add(candidate.casefold())
    return unique


def _enqueue(study: optuna.Study, space: SearchSpace, plan: Plan) -> None:
    """Queue the known networks that the plan affords, each once."""
    queued: set[str] = set()
    for name, genome in plan.queue:
        if genome.digest not in queued:
            queued.add(genome.digest)
            study.enqueue_trial(space.flat(genome), user_attrs={"operator": "known", "preset": name})
