"""The comparison of strategies on the table, at equal time: many searches of each, on the same cases and seeds.

Seeds take the pictures of a set in turns, and every search has the policy of a timed one. A gain is the mean over
pictures of the mean over seeds, and its interval is what other seeds would change on these pictures; what other
pictures would change is more: the worst and the best picture say a little of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev, variance
from typing import Any

from scipy.stats import t as student

from ....planning.policy import ExpectedGain, Policy
from ....proposal.breeding import Breeding, GeneticSampler
from ...shared.search_rows import Delivers, SearchRow
from ..recorded.table import Table, cases_of
from ..recorded.table_cases import SETS, SetName
from ..recorded.table_parts import TableCase
from ..strategies.ideas import (
    CheapFirst,
    ForEnsemble,
    ForWeakest,
    Predicted,
    PredictedPerSecond,
    WithOtherSeeds,
)
from ..strategies.known_strategies import (
    best_known_once,
    dip_default,
    known_networks,
    other_seeds,
    random_after_known,
    random_genomes,
)
from ..strategies.replay_delivery import Delivered, delivered_at
from ..strategies.sampler_strategies import sampled, with_much_jitter, with_sampler
from ..strategies.search_replay import SECONDS_PER_MINUTE, Moves, replay
from ..strategies.strategy import Maker, Tried

SEEDS, RANDOM, GENETIC = "best known network, other seeds", "known, then random", "known, then genetic"

PILOT = "known, then with a pilot"
"""What a search does: the known networks with a pilot, and then others."""

JITTER = "known, then with a pilot and much jitter"
"""The same from a space that is cut by the gene that matters most."""

ALL = "all known, then with a pilot"
"""The same after the known networks without one, too: what a search does enlarging, where it has 8 minutes and more."""

WEAKEST = "known, then children of the ensemble's weakest"

ONCE, DIP = "best known network, once", "DIP default network"
"""One fit each, and nothing more to do: what a search without a search delivers."""

STRATEGIES: Mapping[str, Maker] = {
    ONCE: best_known_once,
    SEEDS: other_seeds,
    "known networks": known_networks,
    "random": random_genomes,
    RANDOM: random_after_known,
    "known, then TPE": sampled("tpe"),
    PILOT: sampled("pilot"),
    ALL: sampled("pilot", known=None),
    "known, then with a pilot and other seeds": WithOtherSeeds,
    JITTER: with_much_jitter,
    GENETIC: sampled("genetic"),
    "known, then genetic and random": with_sampler(
        lambda space, seed: GeneticSampler(space, seed=seed, breeding=Breeding(strangers=0.5))
    ),
    "known, then the ensemble's children": ForEnsemble,
    WEAKEST: ForWeakest,
    "known, then cheap ones": CheapFirst,
    "known, then promising or unlike ones": Predicted,
    "known, then such by the second": PredictedPerSecond,
    DIP: dip_default,
}
"""By the names of the table."""

AGAINST = (SEEDS, RANDOM, PILOT)
"""What the others are compared with: more of the same, chance, and what a search does."""

LASTING = (SEEDS, RANDOM, PILOT, ALL)
"""Strategies that are looked at in long searches, whose replays take longer: what a search does for noise and missing
pixels, and what it does enlarging (`ALL`), more of the same, and chance."""

MINUTES = (1.0, 2.0, 4.0)

DELIVERS: tuple[Delivers, ...] = ("networks", "polished")

TIMED = ExpectedGain()
"""The policy of a search that has a budget of time."""

FEWEST_SEEDS = 2
"""Of one there is no interval."""

LATE = 0.95
"""A search whose strategy ran dry before this share of its time had less than the others; after it nothing is lost."""


@dataclass(frozen=True, eq=False)
class Searched:
    """One replayed search.

    Args:
        case: of what.
        tried: its fits.
        delivered: what it would deliver, by the minute.
        dry_at: when the table had no more for its strategy, in seconds of the search; infinite where it always had.
    """

    case: TableCase
    tried: Sequence[Tried]
    delivered: Mapping[float, Delivered]
    dry_at: float = math.inf

    def ran_dry(self, minutes: float) -> bool:
        """Whether it had nothing to do for a part of so many minutes."""
        return self.dry_at < LATE * minutes * SECONDS_PER_MINUTE

    def psnr(self, minutes: float, delivers: Delivers) -> float:
        """Of what it would deliver, in dB."""
        found = self.delivered[minutes]
        return found.ensemble if delivers == "networks" else found.polished


Searches = Mapping[tuple[SetName, str, str], Sequence[Searched]]
"""By set, task and strategy; one for each seed."""


def replayed_searches(
    table: Table,
    *,
    seeds: int,
    strategies: Mapping[str, Maker] = STRATEGIES,
    minutes: Sequence[float] = MINUTES,
    sets: Sequence[SetName] = SETS,
    policy: Policy = TIMED,
    watch: Callable[[str], None] = lambda line: None,
) -> Searches:
    """Replay every strategy for every task of every set.

    Args:
        table: that is searched.
        seeds: searches of each.
        strategies: by name.
        minutes: after which it is asked what would be delivered; the last one ends the search.
        sets: of the pictures.
        policy: that says which fit goes on; that of a timed search.
        watch: told about each strategy.
    """
    found: dict[tuple[SetName, str, str], list[Searched]] = {}
    for name in sets:
        for task in dict.fromkeys(case.task for case in cases_of(table, set=name)):
            cases = cases_of(table, set=name, task=task)
            # Most strategies begin with the same networks, on which the policy is asked once.
            moves = [Moves() for _ in cases]
            for strategy, maker in strategies.items():
                found[name, task, strategy] = [
                    _searched(maker, table, cases, seed, minutes, policy, moves) for seed in range(seeds)
                ]
                last = [one.psnr(max(minutes), "polished") for one in found[name, task, strategy]]
                watch(f"{name} {task}: {strategy} {fmean(last):.2f} dB")
    return found


def _searched(
    maker: Maker,
    table: Table,
    cases: Sequence[TableCase],
    seed: int,
    minutes: Sequence[float],
    policy: Policy,
    moves: Sequence[Moves],
) -> Searched:
    turn = seed % len(cases)
    case, longest = cases[turn], max(minutes)
    found = replay(maker, table, case, seed=seed, minutes=longest, policy=policy, moves=moves[turn])
    delivered = {when: delivered_at(found.tried, case, minutes=when) for when in minutes}
    return Searched(case, found.tried, delivered, found.dry_at)


def dry_searches(searches: Searches) -> list[dict[str, Any]]:
    """Where the table had nothing more for a strategy: ``strategy, task, minutes``, and how ``many`` of the searches.

    Strategies of a single fit are left out: they have nothing more to do by nature.
    """
    found = []
    for (_, task, strategy), each in searches.items():
        for minutes in each[0].delivered:
            many = sum(one.ran_dry(minutes) for one in each)
            if many and strategy not in (ONCE, DIP):
                found.append(
                    {"strategy": strategy, "task": task, "minutes": minutes, "many": many, "of": len(each)}
                )
    return found


def search_rows(searches: Searches, *, measurement: str, against: Sequence[str] = AGAINST) -> list[SearchRow]:
    """The rows of replayed searches, none where a strategy had nothing to deliver, or ran dry before.

    Args:
        searches: replayed ones.
        measurement: digest of the table.
        against: strategies that the others are compared with.
    """
    return [
        row
        for (name, task, strategy), each in searches.items()
        for other in against
        if (name, task, other) in searches
        for delivers in DELIVERS
        for minutes in each[0].delivered
        if (row := _row(strategy, other, name, task, searches, minutes, delivers, measurement)) is not None
    ]


def _row(
    strategy: str,
    against: str,
    name: SetName,
    task: str,
    searches: Searches,
    minutes: float,
    delivers: Delivers,
    measurement: str,
) -> SearchRow | None:
    ours, theirs = searches[name, task, strategy], searches[name, task, against]
    if not all(one.tried for one in (*ours, *theirs)):
        return None  # the table has nothing for it
    compared = ((strategy, ours), (against, theirs))
    if any(one.ran_dry(minutes) for title, each in compared if title not in (ONCE, DIP) for one in each):
        return None
    levels = [one.psnr(minutes, delivers) for one in ours]
    gains = [level - one.psnr(minutes, delivers) for level, one in zip(levels, theirs, strict=True)]
    if not all(map(math.isfinite, gains)):
        return None
    by_picture: dict[str, list[float]] = {}
    for one, gain in zip(ours, gains, strict=True):
        by_picture.setdefault(one.case.picture, []).append(gain)
    of_pictures = [fmean(each) for each in by_picture.values()]
    mean, half = fmean(of_pictures), half_within(list(by_picture.values()))
    return SearchRow(
        strategy=strategy,
        against=against,
        task=task,
        source="table",
        minutes=minutes,
        pictures=len(by_picture),
        seeds=len(gains),
        gain_db=round(mean, 3),
        low_db=round(mean - half, 3),
        high_db=round(mean + half, 3),
        set=name,
        delivers=delivers,
        psnr_db=round(fmean(levels), 3),
        worst_db=round(min(of_pictures), 3),
        best_db=round(max(of_pictures), 3),
        measurement=measurement,
    )


def half_interval(values: Sequence[float]) -> float:
    """Half of the 95 % interval of a mean, by Student's distribution."""
    if len(values) < FEWEST_SEEDS:
        return 0.0
    return float(student.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))


def half_within(values: Sequence[Sequence[float]]) -> float:
    """Half of the 95 % interval of a mean of means, each over some seeds, by how far these lie apart within each.

    Pictures stay as they are; degrees of freedom as Welch (1947) and Satterthwaite (1946) have them.

    Args:
        values: by picture; where one has a single value there is no interval, and 0 is returned.
    """
    if any(len(each) < FEWEST_SEEDS for each in values):
        return 0.0
    parts = [variance(each) / len(each) for each in values]
    if not (total := sum(parts)):
        return 0.0
    freedom = total**2 / sum(part**2 / (len(each) - 1) for part, each in zip(parts, values, strict=True))
    return float(student.ppf(0.975, freedom)) * math.sqrt(total) / len(values)
