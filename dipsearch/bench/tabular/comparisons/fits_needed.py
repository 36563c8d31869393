"""How many fits a strategy needs until its best network is as good as the best of the random ones.

Both are the best in true PSNR, at their own stops: whether so good a network was fitted is asked, not whether anybody
knows that without the clean picture. What is known is asked beside it, of the network with the best estimate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from ..recorded.table import Table, cases_of
from ..recorded.table_cases import SetName
from ..recorded.table_parts import TableFit
from ..strategies.search_replay import replay_search
from ..strategies.strategy import Choice, Maker, Offer, Strategy, Tried

MOST_RANDOM = 100
"""Random genomes whose best one is to be reached."""

TOLERANCE = 0.1
"""In dB: a network no further behind has reached it. So much another seed changes: over the 24 seeds of the best known
network the standard deviation is 0.10 dB, the median over the 18 cases."""

FEW = 25
"""Fits within which it is to be reached; further ones are not looked at."""

ENDLESS = 1000.0
"""Minutes in which so many fits have ended, whatever they cost."""


@dataclass
class _Few:
    """The first few fits of a strategy."""

    strategy: Strategy

    def next(self, tried: Sequence[Tried]) -> Choice | None:
        """The next one, as long as there are few."""
        return self.strategy.next(tried) if len(tried) < FEW else None


def fits_to_best_of_random(
    table: Table, strategies: Mapping[str, Maker], *, set: SetName, seeds: int
) -> dict[str, dict[str, dict[str, float]]]:
    """How many fits strategies need, by task.

    Every fit goes to its end, so that only who is proposed counts.

    Args:
        table: that is searched.
        strategies: by name.
        set: of the pictures, which the searches take in turns.
        seeds: searches of each strategy and task.

    Returns:
        By strategy and task: ``within`` and ``strictly``, the shares of searches whose best network in true PSNR
        reached the level within ``FEW`` fits, with and without the tolerance; ``chosen``, the share of those in which
        the network with the best estimate has reached it, with the tolerance; ``median`` of the fits with the
        tolerance, -1 where most searches did not get there; ``searches``, how many; and ``random``, how
        many random genomes there were to choose from.
    """
    pool = [one.digest for one in table.genomes if one.genome.kind == "random"][:MOST_RANDOM]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for task in dict.fromkeys(case.task for case in cases_of(table, set=set) if pool):
        cases = cases_of(table, set=set, task=task)
        levels = [max(final_psnr(case.fits[digest, 0]) for digest in pool) for case in cases]
        for strategy, maker in strategies.items():
            searches = []
            for seed in range(seeds):
                turn = seed % len(cases)
                tried = replay_search(_few(maker), table, cases[turn], seed=seed, minutes=ENDLESS)
                searches.append(([one.fit for one in tried], levels[turn]))
            found.setdefault(strategy, {})[task] = _counted(searches) | {"random": len(pool)}
    return found


def _few(maker: Maker) -> Maker:
    def of(offer: Offer) -> Strategy:
        return _Few(maker(offer))

    return of


def _counted(searches: Sequence[tuple[Sequence[TableFit], float]]) -> dict[str, float]:
    forgiving = [fits_needed(fits, level - TOLERANCE) for fits, level in searches]
    strict = [fits_needed(fits, level) for fits, level in searches]
    chosen = [
        bool(fits) and final_psnr(max(fits, key=lambda fit: fit.estimate)) >= level - TOLERANCE
        for fits, level in searches
    ]
    middle = median(forgiving)
    return {
        "within": round(fmean(map(math.isfinite, forgiving)), 3),
        "strictly": round(fmean(map(math.isfinite, strict)), 3),
        "chosen": round(fmean(chosen), 3),
        "median": middle if math.isfinite(middle) else -1,
        "searches": len(searches),
    }


def fits_needed(fits: Sequence[TableFit], level: float) -> float:
    """How many of the fits it takes until one has the true PSNR of a level in dB; infinite where none has it."""
    return next((float(at) for at, fit in enumerate(fits, start=1) if final_psnr(fit) >= level), math.inf)


def final_psnr(fit: TableFit) -> float:
    """The true PSNR in dB at the own stop; minus infinity where it diverged at once."""
    return float(fit.psnr[-1]) if fit.steps else -math.inf
