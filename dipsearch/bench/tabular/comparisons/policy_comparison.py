"""The comparison of policies: every one on every case of the table, with shorter and longer budgets, in several orders.

What comes is the same for all, and what comes in a search: a few known networks, then others with a pilot. Means are
over cases and orders; a case counts once, with its mean over the orders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

import optuna
from optuna.pruners import MedianPruner

from ....planning.policy import ExpectedGain, Policy, WholeFits
from ...shared.sections import markdown_table
from ...shared.worker_pool import worker_pool
from ..recorded.table import Table, cases_of
from ..recorded.table_cases import SETS, SetName
from ..recorded.table_genomes import BEST_KNOWN
from ..strategies.pruning import Pruning
from ..strategies.replay_delivery import delivered_at
from ..strategies.sampler_strategies import pool_of, sampled
from ..strategies.search_replay import STEP_SECONDS, replay_search
from .known_policies import FreezeThaw, SuccessiveHalving


def median_pruner() -> Policy:
    """Optuna's median pruner, as it is by default."""
    return Pruning(MedianPruner())


WHOLE = "whole fits"
POLICIES: Mapping[str, Callable[[], Policy]] = {
    WHOLE: WholeFits,
    "median pruner": median_pruner,
    "successive halving": SuccessiveHalving,
    "freeze-thaw": FreezeThaw,
    "expected gain": ExpectedGain,
}
"""By the names of the table, each made anew for a search; the first one is what the others are compared with."""

USUAL_MINUTES = 4.0

TIMES = (0.5, 1.0, 2.0, 4.0)
"""Multiples of it."""


@dataclass(frozen=True)
class Outcome:
    """What a replayed search would deliver.

    Args:
        ensemble, best: PSNR in dB of the networks' ensemble and of the network with the best score.
        looks: candidates with as many iterations as a fair first look takes.
    """

    ensemble: float
    best: float
    looks: int


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


def policy_rows(
    table: Table,
    *,
    orders: int,
    workers: int,
    policies: Mapping[str, Callable[[], Policy]] = POLICIES,
    times: Sequence[float] = TIMES,
    watch: Callable[[str], None] = lambda line: None,
) -> list[PolicyRow]:
    """Replay every policy.

    Args:
        table: of recorded fits.
        orders: of the candidates, for each case.
        workers: processes; with one, no other than this.
        policies: by name; the first one is what the others are compared with.
        times: in those of a search of four minutes.
        watch: told about each policy.
    """
    if workers == 1:
        return _rows(table, orders, policies, times, watch, map)
    quiet = partial(optuna.logging.set_verbosity, optuna.logging.get_verbosity())
    with worker_pool(workers, quiet) as pool:
        return _rows(table, orders, policies, times, watch, pool.map)


def _rows(
    table: Table,
    orders: int,
    policies: Mapping[str, Callable[[], Policy]],
    times: Sequence[float],
    watch: Callable[[str], None],
    each: Callable[..., Iterable[dict[tuple[str, float], list[Outcome]]]],
) -> list[PolicyRow]:
    single = [replace(table, cases=(case,)) for case in table.cases]
    candidates = len(pool_of(table, pilots=True)[0])
    minutes = {time: time * USUAL_MINUTES for time in times}
    replayed = each(partial(_replayed, policies, minutes, orders), single)
    found = dict(zip(((case.picture, case.task) for case in table.cases), replayed, strict=True))
    rows: list[PolicyRow] = []
    for of_set in SETS:
        cases = [(case.picture, case.task) for case in cases_of(table, set=of_set)]
        for time in times if cases else ():
            whole: list[float] = []
            for strategy in policies:
                outcomes = [found[name][strategy, time] for name in cases]
                whole = whole or _levels(outcomes)
                rows.append(_row(strategy, of_set, time, outcomes, whole, candidates))
                watch(
                    f"{of_set} {time:g}×: {strategy} {rows[-1].mean_psnr:.2f} dB, {rows[-1].looks:.0f} looks"
                )
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


def _replayed(
    policies: Mapping[str, Callable[[], Policy]], minutes: Mapping[float, float], orders: int, table: Table
) -> dict[tuple[str, float], list[Outcome]]:
    """Of a table of one case: by policy and length, for every order."""
    return {
        (strategy, time): [
            _outcome(table, policy(), minutes=minutes[time], order=order) for order in range(orders)
        ]
        for strategy, policy in policies.items()
        for time in minutes
    }


def _outcome(table: Table, policy: Policy, *, minutes: float, order: int) -> Outcome:
    (case,) = table.cases
    tried = replay_search(sampled("pilot"), table, case, seed=order, minutes=minutes, policy=policy)
    found = delivered_at(tried, case, minutes=minutes)
    return Outcome(found.ensemble, found.best, sum(one.steps >= one.look for one in tried))


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
        f"`{command}`, {date}. Searches replayed on the table of recorded fits, two workers, a step of `{BEST_KNOWN}` "
        f"taken as {1000 * STEP_SECONDS:.0f} ms; 1× is a search of {USUAL_MINUTES:g} minutes at 128 × 128. A few known "
        "networks come first, then others with a pilot, as in a search. Ensemble: of the networks alone. A first look "
        "is as many iterations "
        f"as a fit needs until it can be judged. {max((row.networks for row in rows), default=0)} networks are "
        "recorded: where all of them are fitted, more time cannot tell policies apart.",
    ]
    for name, time in dict.fromkeys((row.set, row.time) for row in rows):
        there = [row for row in rows if (row.set, row.time) == (name, time)]
        parts += [
            f"### {name.capitalize()} pictures, {time:g}× ({there[0].cases} cases, {there[0].orders} orders each)",
            markdown_table(HEAD, map(_line, there)),
        ]
    return "\n\n".join(parts)


def _line(row: PolicyRow) -> tuple[str, ...]:
    return (
        row.strategy,
        f"{row.mean_psnr:.2f}",
        f"{row.worst_psnr:.2f}",
        f"{row.gain_over_whole:+.2f}",
        f"{row.worst_gain:+.2f}",
        f"{row.best_psnr:.2f}",
        f"{row.looks:.1f}",
    )
