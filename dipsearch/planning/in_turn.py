"""In turn: the policy of a search for a number of candidates, without a clock: each is fitted to its end.

What is decided depends on the candidates alone and not on how fast anybody was, so that the same request gives the same
picture on any machine, unless a sampler learns from those that have ended, and several workers fit.
"""

from __future__ import annotations

from dataclasses import dataclass

from .policy import Decision, Situation


@dataclass(frozen=True)
class InTurn:
    """Go on with whoever was begun first; begin another one where all have a worker."""

    def decide(self, situation: Situation) -> Decision | None:
        """The lowest number that is free, or a new one."""
        for one in sorted(situation.contestants, key=lambda one: one.number):
            if one.free:
                return Decision(one.number, 10**9, "to its end")
        return Decision(None, 10**9, "to its end") if situation.can_begin else None
