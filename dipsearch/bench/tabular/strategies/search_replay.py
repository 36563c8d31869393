"""A replay of a search: workers and a clock, whose fits were recorded before.

The clock is that of a search on 128 × 128 pixels on two cores: the best known network needs a fixed time for an
iteration, the others are in proportion to what was measured on the table's smaller pictures. A policy is asked at every
free worker, as in a search: whether a fit goes on, or the strategy's next one is begun.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

from ....planning.plan import LEAST_WITH_PILOT
from ....planning.policy import InTurn, Move, Policy, Situation
from ..recorded.fit_recording import EVERY, MARK
from ..recorded.table import Table
from ..recorded.table_genomes import BEST_KNOWN
from ..recorded.table_parts import TableCase
from .strategy import Maker, Offer, Strategy, Tried

STEP_SECONDS = 0.08
"""Of the best known network on 128 × 128 pixels on one of two busy cores; other networks are in proportion."""

SECONDS_PER_MINUTE = 50.0
"""Of a minute of a search so many are for candidates; the rest is start, first answer and delivery."""

SLICE_SHARE, LEAST_SLICE = 0.02, 1.0
"""The longest slice: a share of the time, and in seconds at the least. None is longer than from sketch to sketch."""

Moves = dict[Hashable, Move | None]
"""What one policy has said in searches of one case, by the situation."""

WHOLE = InTurn()
"""Every fit to its end, one after the other."""


@dataclass(frozen=True, eq=False)
class Replay:
    """A replayed search.

    Args:
        tried: its fits, with the times of their slices.
        dry_at: when a worker first had nothing to do because the table has no more for the strategy, in seconds of the
            search; infinite where that did not happen.
    """

    tried: list[Tried]
    dry_at: float


@dataclass
class _Worker:
    """When it is free, and what it works on until then; nothing where the policy had nothing for it."""

    free_at: float = 0.0
    one: Tried | None = None
    steps: int = 0

    def hand_in(self) -> None:
        if self.one is not None:
            self.one.steps, self.one.busy = self.steps, False
            self.one.slices.append((self.free_at, self.steps))
            self.one = None


def replay_search(
    maker: Maker,
    table: Table,
    case: TableCase,
    *,
    seed: int,
    minutes: float,
    workers: int = 2,
    policy: Policy = WHOLE,
) -> list[Tried]:
    """Search for so long; return what was tried, with the times of its slices; see `replay`."""
    return replay(maker, table, case, seed=seed, minutes=minutes, workers=workers, policy=policy).tried


def replay(
    maker: Maker,
    table: Table,
    case: TableCase,
    *,
    seed: int,
    minutes: float,
    workers: int = 2,
    policy: Policy = WHOLE,
    moves: Moves | None = None,
) -> Replay:
    """Search for so long.

    Args:
        maker: of the strategy, which says what is begun.
        table, case: that are searched.
        seed: of the strategy.
        minutes: of a search, start and delivery among them.
        workers: that fit at the same time.
        policy: which says whether a fit goes on or another one is begun.
        moves: of the same policy in other replays of this case, which are taken over and added to.
    """
    seconds = minutes * SECONDS_PER_MINUTE
    search = _Search(maker(Offer(table, case.task, seed)), table, case, moves)
    team, dry_at = [_Worker() for _ in range(workers)], math.inf
    while True:
        # Of two at the same time, the one that brings something comes first.
        worker = min(team, key=lambda each: (each.free_at, each.one is None))
        worker.hand_in()
        if worker.free_at >= seconds:
            break
        left = seconds - worker.free_at
        found = search.decided(policy, left=left, workers=workers)
        if found is None:
            if search.exhausted:
                dry_at = min(dry_at, worker.free_at)
            # It is asked again when something has changed.
            worker.free_at = min((each.free_at for each in team if each.one is not None), default=math.inf)
            continue
        one, wanted = found
        steps = _slice(one, wanted, seconds=seconds, left=left)
        worker.one, worker.steps, one.busy = one, one.steps + steps, True
        # What little time is left after the last check point is of no use.
        worker.free_at += steps * one.seconds_per_step if steps else left
    for worker in team:
        worker.hand_in()
    return Replay(search.tried, dry_at)


class _Search:
    """The candidates of a replay, and who is next."""

    def __init__(self, strategy: Strategy, table: Table, case: TableCase, moves: Moves | None) -> None:
        self.tried, self._moves = list[Tried](), moves
        self._strategy, self._table, self._case = strategy, table, case
        self._scale = STEP_SECONDS / table.recorded(BEST_KNOWN).seconds[case.side]
        self.exhausted = False

    def decided(self, policy: Policy, *, left: float, workers: int) -> tuple[Tried, int] | None:
        """Whom a free worker advances, and for how many iterations at the most."""
        while (move := self._move(policy, left, workers)) is not None:
            if move.number is not None:
                return self.tried[move.number], move.steps
            one = self._begun()
            if one is not None:
                return one, move.steps
        return None

    def _move(self, policy: Policy, left: float, workers: int) -> Move | None:
        """What the policy says; where it is known what it said of the same situation elsewhere, it is not asked."""
        if self._moves is None:
            return policy.decide(self._situation(left, workers))
        begun = tuple((one.choice, one.steps, one.busy) for one in self.tried)
        key = (left, workers, self.exhausted, begun)
        if key not in self._moves:
            self._moves[key] = policy.decide(self._situation(left, workers))
        return self._moves[key]

    def _situation(self, left: float, workers: int) -> Situation:
        return Situation(
            contestants=[one.contestant for one in self.tried],
            left=left,
            workers=workers,
            fresh_seconds_per_step=STEP_SECONDS,
            fresh_look=LEAST_WITH_PILOT,
            can_begin=not self.exhausted,
        )

    def _begun(self) -> Tried | None:
        choice = self._strategy.next(self.tried)
        self.exhausted = choice is None
        if choice is None:
            return None
        recorded = self._table.recorded(choice[0])
        each = recorded.seconds[self._case.side] * self._scale
        one = Tried(recorded, self._case.fits[choice], len(self.tried), each, self._case.first[0])
        self.tried.append(one)
        # One that diverged at once costs nothing.
        return one if one.fit.steps else None


def _slice(one: Tried, wanted: int, *, seconds: float, left: float) -> int:
    """Iterations of a slice: it ends at a check point, after its time, with the search, or with the fit."""
    longest = max(LEAST_SLICE, SLICE_SHARE * seconds) / one.seconds_per_step
    steps = EVERY * math.ceil(min(wanted, longest, MARK) / EVERY)
    return min(steps, EVERY * int(left / one.seconds_per_step / EVERY), one.fit.steps - one.steps)
