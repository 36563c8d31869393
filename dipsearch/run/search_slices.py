"""The slices of a search: which files a worker reads for a candidate, and how long it may work on it."""

from __future__ import annotations

from dataclasses import replace

from ..execution.task import Limits, Picture, Slice
from ..fitting.own_draws import SEEDS
from ..planning.policy import Move
from ..proposal.study import Settings
from ..trials.problem_files import SEARCHED, pilot_file, problem_file
from ..trials.trial import ranked
from .candidate import Candidate
from .run import Run

LEAST_SLICE, SLICE_SHARE, LONGEST_SLICE = 1.0, 0.02, 10.0
"""Seconds of a slice at the least, as a share of the budget, and at the most: whoever asks to finish waits for it, and
systems that end processes wait for half a minute."""

UNTIMED_SLICE = 5.0
"""Seconds of a slice without a budget."""

OWN_SEEDS = 15_485_863
"""Between the seeds of two candidates where each has its own: a prime, so that they meet no others."""

REPORT_EVERY = 50
"""Iterations between two looks of the user's own pruner."""


def slice_seconds(run: Run) -> float:
    """How long a slice may take, but for the ten iterations of one picture that are under way then."""
    budget = run.request.budget_seconds
    return UNTIMED_SLICE if budget is None else min(max(LEAST_SLICE, SLICE_SHARE * budget), LONGEST_SLICE)


def next_slice(run: Run, candidate: Candidate, move: Move, *, now: float, left: float) -> Slice:
    """The slice that a candidate is advanced by.

    Args:
        run: the search.
        candidate: who was chosen.
        move: and how far it is to come.
        now: seconds since the start.
        left: seconds until the search has to be over.
    """
    seconds = slice_seconds(run)
    return replace(
        slice_of(run, candidate),
        steps=_steps(run, candidate, move),
        all_begin=not candidate.steps and _nothing_else(run),
        seconds=max(0.0, min(seconds, left)),
        keep=candidate.keeping.due(now + seconds) or left <= seconds,
    )


def _nothing_else(run: Run) -> bool:
    """Whether there is nothing else to deliver, so that no picture may be without a network when the time is over.

    What has to be read from files is asked for last.
    """
    return not (run.settings.has_pilot or ranked(run.trials()) or run.has_firsts)


def _steps(run: Run, candidate: Candidate, move: Move) -> int:
    if move.steps and candidate.races and candidate.steps < candidate.look:
        return candidate.look  # of the next picture
    return move.steps if run.own.pruner is None else min(move.steps, REPORT_EVERY)


def fit_seed(settings: Settings, number: int) -> int:
    """The seed of a candidate's fits: of weights, input and jitter; that of the first is always the study's."""
    return (settings.seed + number * OWN_SEEDS) % SEEDS if settings.own_seeds else settings.seed


def slice_of(run: Run, candidate: Candidate) -> Slice:
    """A slice in which a candidate is not advanced."""
    settings, plan, piloted = run.settings, run.plan, candidate.network.needs_pilot
    pictures = tuple(
        Picture(
            problem_file(kind=SEARCHED, name=name),
            settings.seed,
            pilot_file(kind=SEARCHED, name=name) if piloted else None,
        )
        for name in settings.names
    )
    compute = replace(settings.compute, lean=settings.compute.lean or candidate.lean)
    return Slice(
        place=candidate.place,
        label=f"candidate {candidate.number}",
        network=candidate.network,
        pictures=pictures,
        seed=fit_seed(settings, candidate.number),
        limits=Limits(max_steps=plan.max_steps, patience=plan.patience, compute=compute),
        at=candidate.made,
        steps=0,
        may_go_on=plan.crop is None,
        trajectory_every=settings.trajectory_every,
        start=candidate.start,
        look=candidate.look if candidate.races else 0,
    )
