"""A pruner of Optuna's as a policy: what is begun goes on until its end, or until the pruner gives it up."""

from __future__ import annotations

import optuna
from optuna.pruners import BasePruner
from optuna.trial import Trial, TrialState

from ....planning.policy import Contestant, Move, Situation
from ..recorded.fit_recording import MARK


class Pruning:
    """Of one search: the pruner learns from the fits that have ended in it.

    Args:
        pruner: asked at every look, which is a few times in a fit.
    """

    def __init__(self, pruner: BasePruner) -> None:
        self._study = optuna.create_study(direction="maximize", pruner=pruner)
        self._trials = dict[int, Trial]()
        self._looks = dict[int, int]()
        self.given_up = set[int]()

    def decide(self, situation: Situation) -> Move | None:
        """The first that is free and not given up; else a new one."""
        for one in situation.contestants:
            if not one.busy and one.number not in self.given_up and self._goes_on(one):
                return Move(one.number, MARK, "to its end")
        return Move(None, MARK, "a worker is free") if situation.can_begin else None

    def _goes_on(self, one: Contestant) -> bool:
        if one.number not in self._trials:
            self._trials[one.number] = self._study.ask()
        trial = self._trials[one.number]
        look = one.steps // MARK
        if look > self._looks.get(one.number, 0):
            self._looks[one.number] = look
            trial.report(one.curve[-1][1], step=look)
            if not one.ended and trial.should_prune():
                self.given_up.add(one.number)
                self._study.tell(trial, state=TrialState.PRUNED)
                return False
        if one.ended:
            self.given_up.add(one.number)
            value = one.curve[-1][1] if one.curve else None
            self._study.tell(trial, value, state=TrialState.FAIL if value is None else TrialState.COMPLETE)
        return not one.ended
