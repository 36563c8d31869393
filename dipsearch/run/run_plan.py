"""How a run is planned: what the planning has to know of its pictures, its machine and its search space."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch

from ..calling import option
from ..errors import InputError, ResourceError, out_of_memory
from ..execution.executor import WorkerSpec
from ..fitting import give_back_memory
from ..fitting.compute import Compute
from ..fitting.precision import Precision, arithmetic, effective, forward_pass
from ..network import Calibration, SearchSpace, calibrate
from ..planning.affordable import LEAST_CROP, cropped, pixels_of
from ..planning.budget import FINISHING, first_alone, least_budget_unmeasured, make_plan
from ..planning.memory_limit import MemoryLimit, memory_limit_of
from ..planning.plan import UNDECIDED, Load, Plan
from ..planning.representative import Crop, representative
from ..problem import Case, Problem, make_split
from ..proposal.study import Settings
from ..trials.first_files import KeptFirst
from ..trials.request import Request
from .devices import choose_devices
from .known_networks import KnownNetworks

WORKER_START = 3.0
"""Seconds until a worker has imported PyTorch."""


def plan_of(
    request: Request,
    cases: Sequence[Case],
    space: SearchSpace,
    *,
    known: KnownNetworks,
    devices: tuple[str, ...],
    workers: Sequence[WorkerSpec] | None,
    started: float,
    begun: Sequence[Crop] | None,
    slowness: float,
    patch_seconds: float | None,
    no_time: bool,
    least: float,
    may_crop: bool,
) -> tuple[Plan, Calibration | None]:
    """The plan, and the calibration that it rests on; ``None`` where there is no clock, or no time for one.

    Args:
        known: the networks that are tried first.
        devices: of the workers.
        workers: of a cluster; ``None``: those of this machine.
        started: ``time.monotonic()`` of the start.
        begun: what the candidates of a study to be resumed were fitted to.
        slowness: see ``Load``.
        patch_seconds: of one worker for the first answers; ``None``: there are none.
        no_time: for networks, see ``without_time``.
        least: seconds that a search takes beside its fits, see ``without_fits``.
        may_crop: whether candidates can be fitted once more, to the whole pictures, where they are searched on crops.

    Raises:
        ResourceError: a device has no memory to measure its speed, and there is no first answer to deliver, or what a
            study to be resumed has searched on crops has still to be fitted to the whole pictures.
    """
    calibration = None
    shapes = [case.problem.image_shape for case in cases]
    if no_time and begun is None:
        # Whatever is measured now would only delay what can be delivered.
        searched = shapes
        if may_crop and _searched_on(cases, begun) == UNDECIDED:
            smallest = LEAST_CROP * (request.options.factor if request.options.task == "sr" else 1)
            # Of a search on a crop the finalists, fitted to the whole picture, take as long again.
            crops = [cropped(shape, smallest) for shape in shapes] * 2
            searched = min(shapes, crops, key=lambda some: sum(map(pixels_of, some)))
        enough = least_budget_unmeasured(least, shapes, searched=searched, slowness=slowness)
        return first_alone(request.budget_seconds or 0.0, shapes, devices=devices, networks_from=enough), None
    if request.budget_seconds is not None:
        device = here(devices[0], workers)
        try:
            calibration = _calibrated(device, precision=request.precision, seed=request.seed)
        except ResourceError:
            if patch_seconds is None or _side(begun or ()) is not None:
                raise
            return first_alone(request.budget_seconds, shapes, devices=devices, no_room=device), None
    largest = max(shapes, key=lambda shape: shape[-1] * shape[-2])
    load = Load(
        task=cases[0].problem.task,
        shapes=shapes,
        starters=known.starters,
        published=known.published,
        sample=space.genome(space.sample(np.random.default_rng(request.seed))),
        calibration=calibration,
        spent=time.monotonic() - started,
        max_steps=request.steps,
        factor=request.options.factor if request.options.task == "sr" else 1,
        searched_on=_searched_on(cases, begun) if may_crop else None,
        memory_limit=_memory_limit(devices, workers, image_shape=largest),
        has_pilot=patch_seconds is not None,
        patch_seconds=patch_seconds or 0.0,
        slowness=slowness,
        no_time=no_time,
    )
    plan = make_plan(load, devices=devices, budget=request.budget_seconds, trials=request.trials)
    return plan, calibration


def _calibrated(device: str, *, precision: Precision, seed: int) -> Calibration:
    """The speed of a device in the precision of the fits; its memory is free again.

    Raises:
        ResourceError: it has not even the memory for small networks.
    """
    found, place = None, torch.device(device)
    precision = effective(precision, place)
    try:
        with arithmetic(precision, place), forward_pass(precision, place):
            found = calibrate(device, seed=seed)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
    give_back_memory(device)
    if found is None:
        raise ResourceError(
            f"there was not enough memory on '{device}' to measure how fast it is",
            "small networks are fitted for that, which take less than a gigabyte",
            f"end what else is there, or use another {option('device')}",
        )
    return found


def without_time(request: Request, firsts: Sequence[KeptFirst], *, spent: float) -> bool:
    """Whether there is no time for networks.

    The first answers had less than they usually take, or those of the fitted parts, the polishing and the output alone
    would take longer than the budget.

    Args:
        firsts: the first answers.
        spent: seconds since the start.
    """
    if any(first.made != "as usual" for first in firsts):
        return True
    return request.budget_seconds is not None and without_fits(firsts, spent=spent) > request.budget_seconds


def without_fits(firsts: Sequence[KeptFirst], *, spent: float) -> float:
    """Seconds that a search takes beside the fits of its networks; more, where a first answer had less than it usually
    takes."""
    patches = sum(max(first.seconds, first.usually) for first in firsts)
    return spent + 2 * patches + WORKER_START + FINISHING


def here(device: str, workers: Sequence[WorkerSpec] | None) -> str:
    """Where this process itself computes: what workers elsewhere have is not here."""
    return device if workers is None else choose_devices("auto", workers=1)[0]


def _memory_limit(
    devices: tuple[str, ...],
    workers: Sequence[WorkerSpec] | None,
    *,
    image_shape: tuple[int, int, int, int],
) -> MemoryLimit:
    """What a candidate may take on the tightest worker."""
    if workers is None:
        return memory_limit_of(devices, image_shape=image_shape)
    known = [one.memory for one in workers if one.memory is not None]
    least = min(known, default=None)
    return MemoryLimit(image_shape, least, least, devices[0].partition(":")[0])


def _searched_on(cases: Sequence[Case], begun: Sequence[Crop] | None) -> int | None:
    """The side of the crops, as far as it is decided: of some measurements no part can be taken."""
    if begun is not None:
        return _side(begun)
    return UNDECIDED if all(case.problem.croppable for case in cases) else None


def _side(begun: Sequence[Crop]) -> int | None:
    boxes = [part.box for part in begun if part.box is not None]
    return max((max(box[2:]) for box in boxes), default=None)


def searched_part(problem: Problem, plan: Plan, *, seed: int) -> Crop:
    """The part of a picture that candidates are fitted to; all of it where a crop would not have enough to score."""
    if plan.crop is None or max(problem.image_shape[-2:]) <= plan.crop:
        return Crop(problem, None)
    part = representative(problem, side=plan.crop)
    try:
        make_split(part.problem, seed=seed)
    except InputError:
        return Crop(problem, None)
    return part


def settings_of(
    request: Request,
    names: Sequence[str],
    *,
    kept_as: str,
    plan: Plan,
    calibration: Calibration | None,
    searched: Sequence[Crop],
    trajectory: bool,
    has_pilot: bool,
    own_seeds: bool,
) -> Settings:
    """What the study remembers of the plan.

    Args:
        kept_as: the study's name in its storage.
        searched: what candidates are fitted to.
        trajectory: whether images along the way are kept, for the page.
        has_pilot: whether the pictures have first answers.
        own_seeds: whether every candidate has a seed of its own.
    """
    largest = max((part.problem.image_shape for part in searched), key=lambda shape: shape[-1] * shape[-2])
    pixels = largest[-1] * largest[-2]
    return Settings(
        name=kept_as,
        storage=request.storage,
        sampler=request.sampler,
        seed=request.seed,
        names=tuple(names),
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
        own_seeds=own_seeds,
    )
