"""The comparison of policies: every one on every recorded case, with shorter and longer budgets, in several orders.

Means are over cases and orders; a case counts once, with its mean over the orders.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Literal

import numpy as np

from ..planning.known_policies import FreezeThaw, SuccessiveHalving
from ..planning.policy import ExpectedGain, Policy, WholeFits
from ..problem.formats.sources import picture_name
from .policy_archive import RecordedCase
from .policy_recording import PRESETS, TUNING
from .policy_replay import STEP_SECONDS, Outcome, replay_policy

WHOLE = "whole fits"
POLICIES: dict[str, Policy] = {
    WHOLE: WholeFits(),
    "successive halving": SuccessiveHalving(),
    "freeze-thaw": FreezeThaw(),
    "expected gain": ExpectedGain(),
}
"""By the names of the table; the first one is what the others are compared with."""

USUAL_SECONDS = 200.0
"""What a search of four minutes has for its candidates."""

TIMES = (0.5, 1.0, 2.0, 4.0)
"""Multiples of it."""

COMMAND = "bench policies"

SetName = Literal["tuning", "fresh"]
SETS: tuple[SetName, ...] = ("tuning", "fresh")


@dataclass(frozen=True)
class PolicyRow:
    """One policy with one length of search.

    Args:
        strategy: the policy.
        set: of the pictures: what constants were chosen on, or what shows whether they hold.
        time: of the search, in that of a search of four minutes.
        mean_psnr, worst_psnr: of the ensemble of networks, in dB: the mean of all cases, and the worst one.
        gain_over_whole, worst_gain: of the ensemble over whole fits at equal time, in dB: likewise.
        best_psnr: of the network with the best score, the mean.
        looks: candidates that had a fair first look, the mean.
        cases, orders: how many cases, and in how many orders the candidates came in each.
        networks: candidates that were recorded for each case; there are no more to begin.
    """

    strategy: str
    set: SetName
    time: float
    mean_psnr: float
    worst_psnr: float
    gain_over_whole: float
    worst_gain: float
    best_psnr: float
    looks: float
    cases: int
    orders: int
    networks: int


def set_of(case: RecordedCase) -> SetName:
    """Which pictures a case belongs to."""
    return "tuning" if case.picture in {picture_name(source).lower() for source in TUNING} else "fresh"


def order_of(case: RecordedCase, *, seed: int) -> list[int]:
    """In which order the candidates of a case come: the presets as in a search, then the others at random."""
    known = [index for index, fit in enumerate(case.fits) if fit.network in PRESETS]
    others = [index for index, fit in enumerate(case.fits) if fit.network not in PRESETS]
    return [*known, *(int(k) for k in np.random.default_rng(seed).permutation(others))]


def policy_rows(
    cases: Sequence[RecordedCase],
    *,
    orders: int,
    workers: int,
    policies: Mapping[str, Policy] = POLICIES,
    times: Sequence[float] = TIMES,
    watch: Callable[[str], None] = lambda line: None,
) -> list[PolicyRow]:
    """Replay every policy.

    Args:
        cases: recorded ones.
        orders: of the candidates, for each case.
        workers: processes; with one, no other than this.
        policies: by name; the first one is what the others are compared with.
        times: in those of a search of four minutes.
        watch: told about each policy.
    """
    if workers == 1:
        return _rows(cases, orders, policies, times, watch, map)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        return _rows(cases, orders, policies, times, watch, pool.map)


def _rows(
    cases: Sequence[RecordedCase],
    orders: int,
    policies: Mapping[str, Policy],
    times: Sequence[float],
    watch: Callable[[str], None],
    each: Callable[..., Iterable[list[Outcome]]],
) -> list[PolicyRow]:
    rows: list[PolicyRow] = []
    for name in SETS:
        of_set = [case for case in cases if set_of(case) == name]
        for time in times if of_set else ():
            whole: list[float] = []
            for strategy, policy in policies.items():
                found = list(each(partial(_replayed, policy, time, orders), of_set))
                whole = whole or _levels(found)
                rows.append(_row(strategy, name, time, found, whole, len(of_set[0].fits)))
                watch(f"{name} {time:g}×: {strategy} {rows[-1].mean_psnr:.2f} dB, {rows[-1].looks:.0f} looks")
    return rows


def _row(
    strategy: str,
    name: SetName,
    time: float,
    found: Sequence[Sequence[Outcome]],
    whole: Sequence[float],
    networks: int,
) -> PolicyRow:
    levels = _levels(found)
    gains = [level - other for level, other in zip(levels, whole, strict=True)]
    return PolicyRow(
        strategy=strategy,
        set=name,
        time=time,
        mean_psnr=round(fmean(levels), 3),
        worst_psnr=round(min(levels), 3),
        gain_over_whole=round(fmean(gains), 3),
        worst_gain=round(min(gains), 3),
        best_psnr=round(fmean(one.best for case in found for one in case), 3),
        looks=round(fmean(one.looks for case in found for one in case), 1),
        cases=len(found),
        orders=len(found[0]),
        networks=networks,
    )


def _levels(found: Sequence[Sequence[Outcome]]) -> list[float]:
    """Of each case, the mean over the orders of the ensemble's PSNR."""
    return [fmean(one.ensemble for one in case) for case in found]


def _replayed(policy: Policy, time: float, orders: int, case: RecordedCase) -> list[Outcome]:
    seconds = time * USUAL_SECONDS
    return [replay_policy(policy, case, order=order_of(case, seed=k), seconds=seconds) for k in range(orders)]


HEAD = (
    "policy",
    "ensemble, dB",
    "worst case",
    "over whole fits, dB",
    "worst case",
    "best network, dB",
    "first looks",
)


def policies_markdown(rows: Sequence[PolicyRow], *, command: str, date: str) -> str:
    """The section: a heading, a legend, and a table for each set of pictures and each length.

    Args:
        command, date: that wrote it.
    """
    parts = [
        "## Policies: what the next free worker does",
        f"`{command}`, {date}. Searches replayed on recorded fits, two workers, a step of `{PRESETS[0]}` taken as "
        f"{1000 * STEP_SECONDS:.0f} ms; 1× is the {USUAL_SECONDS:.0f} s that a search of four minutes has for its "
        "candidates at 128 × 128. Ensemble: of the networks alone, PSNR over what was not measured exactly. A first "
        "look is as many iterations as a fit needs until it can be judged. Each case has "
        f"{max((row.networks for row in rows), default=0)} recorded networks: where all of them are fitted, more time "
        "cannot tell policies apart.",
    ]
    for name, time in dict.fromkeys((row.set, row.time) for row in rows):
        there = [row for row in rows if (row.set, row.time) == (name, time)]
        parts += [
            f"### {name.capitalize()} pictures, {time:g}× ({there[0].cases} cases, {there[0].orders} orders each)",
            "\n".join(
                [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|", *(f"| {_line(row)} |" for row in there)]
            ),
        ]
    return "\n\n".join(parts)


def _line(row: PolicyRow) -> str:
    return " | ".join(
        (
            row.strategy,
            f"{row.mean_psnr:.2f}",
            f"{row.worst_psnr:.2f}",
            f"{row.gain_over_whole:+.2f}",
            f"{row.worst_gain:+.2f}",
            f"{row.best_psnr:.2f}",
            f"{row.looks:.1f}",
        )
    )
