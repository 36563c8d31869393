"""The plan: how a budget is spent, said before the work starts.

A budget is wall time for everything: preparing, searching, delivering, writing. The plan decides how many
workers search, on which part of the picture, how long one candidate may take, which known networks are tried
first, and what is kept back for the delivery. It follows from the sizes, the budget and a short measurement
of this machine; without a budget it follows from the request alone, so that it is the same every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..calling import option
from ..durations import rounded_up
from ..network import Calibration, Genome, cost
from .affordable import (
    affordable_networks,
    cheapest_fit,
    cheapest_step,
    crop_side,
    cropped,
    pixels_of,
    seconds_of_step,
)
from .memory_limit import those_that_fit
from .plan import ENDLESS, LEAST_STEPS, UNDECIDED, USUAL_STEPS, Load, Plan, least_steps, usual_steps
from .plan_lines import enough_words, lines_of, picture_line
from .rescoring import MANY, MOST_FINALISTS, NOTHING, RESCORING_SHARE, Rescoring, best_choice

PATIENCE, SHORT_PATIENCE = 300, 120
"""Iterations without improvement before a fit ends; the short one where every minute counts."""

SLACK = 0.03
"""The share of a budget that is kept back against surprises."""

BETWEEN = 0.02
"""The share that is kept back between the search and the polishing."""

FINISHING = 2.0
"""Seconds for what is written however small the picture is, the page above all: a whole library may have to be read
from a disk for it.

On two busy cores a 128 × 128 picture took 0.45 s, and where work took five times as long as its processor time a
96 × 96 one 1.5 s: so slow a machine is no reason for more.
"""

FIRST_SHARE = 0.6
"""Of the time that is left, what the first answer may take."""

PIXELS_PER_SECOND = 80_000
"""How fast what is delivered is put together, measured and written, and the page made.

With eight candidates and a reference a 512 × 512 picture took 3.1 to 3.5 s on two busy cores.
"""

POLISHING = 1.0
"""The time that is kept back for polishing one picture, in that of its first answer; it takes half of that."""

PARTS = 2
"""A picture is polished twice: from the fitted part, and from all of y."""

MARGIN = 2.0
"""How much slower than it was measured a machine may be for a budget that is named to have time for a network.

Without one a user who obeyed was sent from 5 s to 12, 20 and 31 on a busy machine, with another refusal each time.
"""

SHORTEST_FIT, USUAL_PATCHES = 1e-3, 1.7e-4
"""Seconds for each pixel where nothing was measured: of the shortest fit that is worth starting (200 iterations of
``dipsearch_pilot_16`` took 0.8 ms on one quiet core, 1.6 to 2.1 on a very busy one), and of similar patches."""

ROOMY = 4
"""From this many rounds of candidates on, a budget is roomy: published networks first, full patience."""

HEAVY_ON_CPU = 4e9
"""Multiply-adds of one forward pass; known networks above it wait behind the lighter ones on a CPU."""


def make_plan(load: Load, *, devices: tuple[str, ...], budget: float | None, trials: int | None) -> Plan:
    """Plan a search.

    Args:
        load: what has to be done.
        devices: one for each worker.
        budget: seconds of wall time for everything, or ``None``.
        trials: candidates to finish, or ``None``.
    """
    published, too_large = those_that_fit(_possible(load.published, load), load.memory_limit)
    starters, more = those_that_fit(_possible(load.starters, load), load.memory_limit)
    load = replace(load, published=published, starters=starters, too_large=(*too_large, *more))
    if budget is None or load.calibration is None:
        plan = _by_trials(load, devices=devices, trials=trials)
    else:
        plan = _by_time(load, load.calibration, devices=devices, budget=budget, trials=trials)
    return replace(plan, memory_limit=load.memory_limit)


def replanned(plan: Plan, *, budget: float, pixels: int, slowness: float) -> Plan:
    """The plan with the ends of its parts where they belong on a machine that is as slow as was measured last.

    Args:
        plan: of a search; without a clock, or without time for networks, it stays as it is.
        budget: seconds of wall time for everything.
        pixels: of all pictures.
        slowness: see ``Load``.
    """
    if plan.search_until is None or plan.deliver_until is None or not plan.networks:
        return plan
    until = _deliver_until(budget, finishing_seconds(pixels, slowness=slowness))
    later = until - plan.deliver_until
    return replace(
        plan,
        # Half of the time belongs to the finalists where crops are searched.
        search_until=plan.search_until + later * (1 if plan.crop is None else 0.5),
        rescore_until=None if plan.rescore_until is None else plan.rescore_until + later,
        deliver_until=until,
    )


def finishing_seconds(pixels: int, *, slowness: float) -> float:
    """Seconds for what is written, on a machine that does other work, too."""
    return FINISHING + pixels / PIXELS_PER_SECOND * slowness


def _deliver_until(budget: float, finishing: float) -> float:
    """Seconds since the start at which the writing has to begin."""
    return max(budget * (1 - SLACK) - min(finishing, 0.3 * budget), 0.5 * budget)


def first_alone(
    budget: float,
    shapes: Sequence[tuple[int, int, int, int]],
    *,
    devices: tuple[str, ...],
    no_room: str = "",
    networks_from: float | None = None,
) -> Plan:
    """The plan where there is no time for a network, or no memory: the first answers are delivered.

    Args:
        no_room: the device without memory; empty: there is no time.
        networks_from: see ``Plan``.
    """
    lacking = f"not enough memory on '{no_room}'" if no_room else "no time"
    plan = Plan(
        devices=devices,
        crop=None,
        max_steps=1,
        usual_steps=1,
        patience=SHORT_PATIENCE,
        queue=(),
        left_out=(),
        affordable_seconds=None,
        search_until=0.0,
        deliver_until=budget,
        trials=None,
        networks=False,
        no_room=no_room,
        networks_from=networks_from,
    )
    said = (
        f"{budget:.0f} s in all: {lacking} for a network, the first answer is delivered{enough_words(plan)}"
    )
    return replace(plan, lines=(picture_line(shapes), ("time", said)))


def _with_pilot(load: Load) -> bool:
    """Whether any of the known networks has a pilot in its input."""
    return any(genome.needs_pilot for _, genome in (*load.starters, *load.published))


def _possible(networks: Sequence[tuple[str, Genome]], load: Load) -> tuple[tuple[str, Genome], ...]:
    """Those that do not need a pilot which nobody has."""
    return tuple((name, genome) for name, genome in networks if load.has_pilot or not genome.needs_pilot)


def _by_trials(load: Load, *, devices: tuple[str, ...], trials: int | None) -> Plan:
    shape = max(load.shapes, key=pixels_of)
    known = [*load.published, *load.starters]
    if devices[0] == "cpu":
        # Sorting is stable: among the light ones, and among the heavy ones, the order stays.
        known.sort(key=lambda item: cost(item[1], image_shape=shape).multiply_adds > HEAVY_ON_CPU)
    plan = Plan(
        devices=devices,
        crop=None if load.searched_on == UNDECIDED else load.searched_on,
        max_steps=load.last_step,
        usual_steps=min(USUAL_STEPS, load.last_step),
        patience=PATIENCE,
        queue=tuple(known),
        left_out=(),
        affordable_seconds=None,
        search_until=None,
        deliver_until=None,
        trials=trials,
        rescoring=_rescoring_of_trials(
            trials, workers=len(devices), whole=load.searched_on in (UNDECIDED, None)
        ),
    )
    return replace(plan, lines=lines_of(plan, load, budget=None, seconds_per_step=None))


def _rescoring_of_trials(trials: int | None, *, workers: int, whole: bool) -> Rescoring:
    if trials is None or trials < MANY * workers or not whole:
        return NOTHING
    fits = int(RESCORING_SHARE / (1 - RESCORING_SHARE) * trials)
    return best_choice([1.0] * fits, seconds=float(fits), workers=1)


@dataclass(frozen=True)
class _Parts:
    """A budget's parts: for whom (with the first answer from the fitted part), on which crop, until when, whether that
    is enough for the shortest fit."""

    load: Load
    crop: int | None
    search_until: float
    deliver_until: float
    polishing: float
    enough: bool


def _parts(load: Load, calibration: Calibration, *, workers: int, budget: float) -> _Parts:
    finishing = finishing_seconds(sum(map(pixels_of, load.shapes)), slowness=load.slowness)
    deliver_until = _deliver_until(budget, finishing)
    polishing = POLISHING * load.patch_seconds * -(-PARTS // workers)
    search_until = deliver_until - BETWEEN * budget - polishing
    # The first answer from the fitted part comes before all candidates: it is the input of some.
    load = replace(load, spent=load.spent + load.patch_seconds)
    crop = crop_side(load, calibration, available=(search_until - load.spent) * workers)
    if crop is not None:
        # Half of the time belongs to the finalists, which are fitted to the whole picture.
        search_until = load.spent + (search_until - load.spent) * 0.5
    shortest = cheapest_fit(load, [cropped(shape, crop) for shape in load.shapes], calibration)
    return _Parts(load, crop, search_until, deliver_until, polishing, search_until - load.spent >= shortest)


def _least_budget(load: Load, calibration: Calibration, *, workers: int) -> float:
    """Seconds, as one writes a budget, that have time for a network on a machine half as fast as was measured."""
    slow = replace(
        load,
        spent=MARGIN * load.spent,
        patch_seconds=MARGIN * load.patch_seconds,
        slowness=MARGIN * load.slowness,
    )
    calibration = calibration.slower(MARGIN)
    budget = 10.0
    while not _parts(slow, calibration, workers=workers, budget=budget).enough:
        budget = rounded_up(1.1 * budget)
    return budget


def least_budget_unmeasured(
    least: float,
    shapes: Sequence[tuple[int, int, int, int]],
    *,
    searched: Sequence[tuple[int, int, int, int]],
    slowness: float,
) -> float:
    """The same where there was no time to measure the machine.

    Args:
        least: seconds that a search takes beside its fits, by the time that the first answer took.
        shapes: of the pictures.
        searched: the same, or the smallest crops to search on.
        slowness: see ``Load``.
    """
    patches = (1 + PARTS) * USUAL_PATCHES * sum(map(pixels_of, shapes))
    fit = SHORTEST_FIT * sum(map(pixels_of, searched))
    return rounded_up(MARGIN * (least + slowness * (patches + fit)))


def _by_time(
    load: Load, calibration: Calibration, *, devices: tuple[str, ...], budget: float, trials: int | None
) -> Plan:
    pixels = sum(pixels_of(shape) for shape in load.shapes)
    parts = _parts(load, calibration, workers=len(devices), budget=budget)
    asked, load, crop, search_until = load, parts.load, parts.crop, parts.search_until
    deliver_until, polishing = parts.deliver_until, parts.polishing
    shapes = [cropped(shape, crop) for shape in load.shapes]
    per_step = seconds_of_step(load.typical, shapes, calibration)
    usual = usual_steps(load.typical)
    rounds = (search_until - load.spent) / (per_step * usual)
    rescore_until = deliver_until - polishing
    rescoring = NOTHING
    # A network without a pilot takes three times as long to come half as far: there has to be much time for it.
    plain_rounds = (search_until - load.spent) / (per_step * USUAL_STEPS)
    roomy, plain = rounds >= ROOMY, plain_rounds >= ROOMY or not _with_pilot(load)
    if crop is None and plain_rounds >= MANY:
        each = per_step * usual
        rescoring = best_choice(
            [each] * MOST_FINALISTS, seconds=RESCORING_SHARE * budget, workers=len(devices)
        )
        search_until -= min(
            RESCORING_SHARE * budget, 1.5 * rescoring.seconds([each] * MOST_FINALISTS, workers=len(devices))
        )
    candidate = (search_until - load.spent) / max(1.0, min(rounds / 2, ROOMY / 2))
    affordable, final_steps = candidate, None
    if crop is not None:
        # A finalist has to be affordable on the whole picture; on the crop it is cheaper by the share of pixels.
        final = deliver_until - polishing - search_until
        final_steps = int(final / cheapest_step(load, load.shapes, calibration))
        affordable = min(candidate, final * sum(map(pixels_of, shapes)) / pixels)
    queue, left_out = affordable_networks(
        load, shapes, calibration, seconds=affordable, roomy=roomy, plain=plain
    )
    plan = Plan(
        devices=devices,
        crop=crop,
        max_steps=load.max_steps or ENDLESS,
        usual_steps=min(usual, load.last_step, max(least_steps(load.typical), int(candidate / per_step))),
        patience=PATIENCE if roomy and plain else SHORT_PATIENCE,
        queue=queue,
        left_out=left_out,
        affordable_seconds=affordable,
        search_until=search_until,
        deliver_until=deliver_until,
        trials=trials,
        rescoring=rescoring,
        rescore_until=rescore_until,
        polishing=polishing,
        pilots_only=not plain,
        seconds_per_step=per_step,
    )
    # Without a first answer there has to be a network, however little time it has.
    networks = not load.has_pilot or (parts.enough and not load.no_time)
    plan = replace(plan, networks=networks, search_until=search_until if networks else 0.0)
    if not networks:
        plan = replace(plan, networks_from=_least_budget(asked, calibration, workers=len(devices)))
    plan = replace(plan, lines=lines_of(plan, load, budget=budget, seconds_per_step=per_step))
    if plan.networks and final_steps is not None and final_steps < LEAST_STEPS:
        warning = (
            f"only about {final_steps} iterations of the lightest network fit in the time kept for it, "
            f"{USUAL_STEPS} are usual: give a larger {option('budget')}, or a GPU"
        )
        # Where a step takes seconds, the clock has to be looked at more often than every tenth step.
        often = max(1, min(10, final_steps // 50))
        plan = replace(plan, lines=(*plan.lines, ("whole picture", warning)), whole_check_every=often)
    return plan
