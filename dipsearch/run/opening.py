"""Opening: from a request to the folder in which a search can start.

Everything that can be wrong with a request is found out before the first byte is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import optuna

from ..delivery.answers import finished
from ..delivery.first_answers import quick_words
from ..delivery.unsaved import Unsaved
from ..errors import DipsearchError, StudyError
from ..execution.busy import Span
from ..execution.executor import WorkerSpec
from ..execution.runner import Asked
from ..execution.slowness import share
from ..files import write_bytes
from ..library.warm_words import warm_words
from ..network import SearchSpace, space_file
from ..planning.plan import Plan
from ..planning.representative import Crop
from ..problem import Case, in_lines, planes_together
from ..proposal.patience import Patience
from ..proposal.study import SPACE_FILE, open_study
from ..trials.claim import REQUEST_FILE
from ..trials.first_files import KeptFirst, write_first
from ..trials.holder import Holder
from ..trials.own_parts import NOTHING, OwnParts
from ..trials.problem_files import SEARCHED, WHOLE, problem_path, write_problem
from ..trials.request import Request, write_request
from ..trials.source_files import write_sources
from .answering import first_answers, first_until, go_ahead
from .gathered import Gathered, gather
from .head_start import HeadStart
from .known_networks import NONE, KnownNetworks, known_networks
from .run import Run
from .run_plan import here, plan_of, searched_part, settings_of, without_fits, without_time
from .storage_claim import StorageClaim


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
    unsaved: Unsaved | None = None,
    wish: Asked | None = None,
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
        unsaved: is told the first answers, for which the folder may have no room.
        wish: of somebody who asks to finish before it has begun.

    Raises:
        DipsearchError: something about the request cannot be used; nothing was begun.
    """
    since = share()
    ahead = ahead if workers is None else None
    asked = gather(
        request, folder=root / request.name, resume=resume, cases=cases, workers=workers, ahead=ahead
    )
    request, folder, names, notes = asked.request, asked.folder, asked.names, list(asked.notes)
    if ahead is not None:
        go_ahead(ahead, folder, request, names=names, cases=asked.cases, devices=asked.devices, resume=resume)
    hurry = wish is not None and wish.once
    until = first_until(request, started=started, slowness=since.slowness(), hurry=hurry)
    place, begun_at = here(asked.devices[0], workers), time.monotonic() - started
    firsts = first_answers(folder, names, asked.cases, device=place, until=until, tell=tell)
    if unsaved is not None:
        for name, case in zip(names, asked.cases, strict=True):
            if name in firsts:
                unsaved.pictures[name] = case, finished(firsts[name].image, case.problem)
    stacks = planes_together(names, [case.source for case in asked.cases])
    changed = {name for name, case in zip(names, asked.cases, strict=True) if not case.left_alone}
    quick = {name: first for name, first in firsts.items() if name in changed}
    notes += in_lines(quick_words(quick), stacks, alone=len(firsts) == 1)
    spans = [Span(place, begun_at, time.monotonic() - started)] if workers is None else []
    has_pilot = len(firsts) == len(names)
    kept, spent = list(firsts.values()), time.monotonic() - started
    no_time = has_pilot and without_time(request, kept, spent=spent)
    known = NONE
    if own.propose is None and not (no_time and asked.begun is None):
        images = [first.image for first in firsts.values()] if has_pilot else []
        known = known_networks(asked.cases, asked.space, order=request.order, images=images)
        notes += known.notes
    plan, calibration = plan_of(
        request,
        asked.cases,
        asked.space,
        known=known,
        devices=asked.devices,
        workers=workers,
        started=started,
        begun=asked.begun,
        slowness=since.slowness(),
        patch_seconds=sum(first.seconds for first in firsts.values()) if has_pilot else None,
        no_time=no_time,
        least=without_fits(kept, spent=spent),
        may_crop=own.propose is None,  # a module of the user's is drawn once
    )
    notes += _of_networks(asked, plan, known)
    searched = asked.begun or [searched_part(case.problem, plan, seed=request.seed) for case in asked.cases]
    settings = settings_of(request, names, kept_as=asked.kept_as, plan=plan, calibration=calibration, searched=searched,
                         trajectory=any(case.reference is not None for case in asked.cases),
                         has_pilot=has_pilot, own_seeds=asked.space.own_seeds)  # fmt: skip
    _write_inputs(asked, searched, firsts)
    try:
        opened = open_study(folder, settings, space=asked.space, own=own, new=not resume, patience=patience)
    except DipsearchError:
        if not resume:
            # Nothing was begun: the study of this name that a database has belongs to another folder.
            (folder / REQUEST_FILE).unlink(missing_ok=True)
        raise
    study = opened.study
    notes.extend(opened.notes)
    if resume:
        _refuse_other_space(study, asked)
    claim = None if request.storage is None else StorageClaim(study, Holder.me(new=not resume))
    notes += () if claim is None else claim.notes
    if own.propose is None and not study.get_trials(deepcopy=False):
        _enqueue(study, asked.space, plan)
    return Run(
        request,
        folder,
        asked.cases,
        plan,
        settings,
        study,
        started,
        notes,
        own,
        spans=spans,
        details=asked.details,
        known=known.record,
        claim=claim,
    )


def _of_networks(asked: Gathered, plan: Plan, known: KnownNetworks) -> list[str]:
    """Which network comes first and why, and which begin warm; nothing is said where there is no time for any."""
    if not plan.networks:
        return []
    said = []
    if known.why_first and [name for name, _ in plan.queue[:1]] == [known.starters[0][0]]:
        said.append(known.why_first)
    channels = [case.problem.image_shape[1] for case in asked.cases]
    warm = warm_words(asked.request.start, plan.queue, task=asked.cases[0].problem.task, channels=channels)
    return [*said, warm] if warm else said


def _write_inputs(asked: Gathered, searched: Sequence[Crop], firsts: Mapping[str, KeptFirst]) -> None:
    """Write all that workers need. Where that fails, whoever holds the folder's claim clears it."""
    folder, request = asked.folder, asked.request
    if asked.begun is None:
        for name, case, part in zip(asked.names, asked.cases, searched, strict=True):
            write_problem(problem_path(folder, kind=WHOLE, name=name), case.problem)
            write_problem(problem_path(folder, kind=SEARCHED, name=name), part.problem, box=part.box)
        write_bytes(folder / SPACE_FILE, space_file(request.space).read_bytes())
        write_sources(folder, request)
        write_request(folder / REQUEST_FILE, request)
    for name, first in firsts.items():
        write_first(folder, name, first)


def _refuse_other_space(study: optuna.Study, asked: Gathered) -> None:
    """Raise StudyError where a study to be resumed was begun with another space."""
    if study.user_attrs.get("space_digest") != asked.space.digest:
        raise StudyError(
            f"the search space '{asked.request.space}' is not the one that study '{asked.request.name}' "
            "was begun with",
            "candidates of two spaces cannot be compared by the sampler",
            "give the old space, or search under another --name",
        )


def _enqueue(study: optuna.Study, space: SearchSpace, plan: Plan) -> None:
    """Queue the known networks that the plan affords, each once."""
    queued: set[str] = set()
    for name, genome in plan.queue:
        if genome.digest not in queued:
            queued.add(genome.digest)
            study.enqueue_trial(space.flat(genome), user_attrs={"operator": "known", "preset": name})
