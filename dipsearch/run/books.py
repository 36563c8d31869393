"""The books: what the study's storage is told of the candidates, by the parent alone.

Optuna proposes, and remembers. A candidate under way is one of its running trials; whatever interrupts a search, it is
there when the study is resumed, with the files of its fits.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import optuna
import torch
from optuna.trial import FrozenTrial, TrialState

from ..errors import DipsearchError, InputError
from ..execution.picture_fits import kept_steps
from ..execution.task import OUTPUT, STATE
from ..execution.worker import METRIC_FAILED, in_words
from ..fitting import Ended
from ..library.warm_weights import warm_name
from ..network import Genome, Network, OwnNetwork, SearchSpace, as_network
from ..proposal.proposals import FIT, is_resting
from ..proposal.samplers import suggest
from ..trials.trial import Trial, ranked, trial_of
from ..trials.trial_files import has_full, trial_folder, write_genome
from .candidate import Candidate
from .run import Run

TIME_OVER = "the time was over"
"""Why a candidate rests that a resumed search can go on with."""

FUNCTION_FAILED = "the function that makes networks failed"
"""How the reason begins of a candidate that was none."""

SPACE_FAILED = "the space made no network"
"""The same, of one that came from the search space."""


@dataclass(frozen=True)
class Asked:
    """What the sampler proposed: a candidate, or none of this number."""

    number: int
    candidate: Candidate | None


class OwnPartFailed(Exception):
    """The user's sampler or pruner raised what this was raised from."""


class Books:
    """Asks and tells Optuna.

    Args:
        run: the search.
        space: its search space.

    Attributes:
        exhausted: whether a sampler ended the study since it has no more to try.
    """

    def __init__(self, run: Run, space: SearchSpace) -> None:
        self._run, self._space, self._study = run, space, run.study
        self.exhausted = False

    def ask(self) -> Asked:
        """The next candidate. One that is not to be fitted is told as pruned at once.

        Raises:
            OwnPartFailed: the user's sampler failed; so do ``prunes`` and all that tell.
        """
        with self._foreign():
            trial = self._study.ask()
        try:
            network = self._network(trial)
        except optuna.TrialPruned as pruned:
            reason = str(pruned) or "the function that makes networks pruned it"
            self._end(trial._trial_id, trial.number, reason, state=TrialState.PRUNED)
            return Asked(trial.number, None)
        except (
            Exception
        ) as error:  # it is not our code, or a genome that cannot be; the study goes on with the next one
            invalid = isinstance(error, InputError)
            if isinstance(error, DipsearchError) and not invalid:
                raise
            samplers = self._run.own.propose is None or self._passed_sampler(error)
            who = FUNCTION_FAILED if not samplers else SPACE_FAILED if invalid else "the sampler failed"
            self._end(trial._trial_id, trial.number, f"{who}: {in_words(error)}", state=TrialState.FAIL)
            if samplers and self._run.own.sampler is not None:
                raise OwnPartFailed from error
            return Asked(trial.number, None)
        if isinstance(network, Genome):
            trial.set_user_attr("genome", network.to_nested())
            write_genome(self._run.folder, trial.number, network)
        else:
            trial.set_user_attr("name", network.name)
        if (fruitless := self.refusal(network) or self._repeated(trial)) is not None:
            self._end(trial._trial_id, trial.number, fruitless, state=TrialState.PRUNED)
            return Asked(trial.number, None)
        candidate = self._candidate(trial.number, trial._trial_id, network)
        candidate.start = self._warm_name(network)
        if candidate.start is not None:
            trial.set_user_attr("start", candidate.start)
        return Asked(trial.number, candidate)

    def under_way(self, *, best: int) -> Iterator[Candidate]:
        """The candidates that an earlier run of this study has begun and not ended.

        Those that cannot be gone on with, since the files of their fits are gone, count with what they had reached.

        Args:
            best: of those that had their first look and rest since the time was over only so many; the others rest on.
        """
        trials = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        rest = [trial_of(one) for one in trials if one.user_attrs.get(FIT, {}).get("reason") == TIME_OVER]
        left = {trial.number for trial in ranked(rest)[best:]}
        for trial in trials:
            if trial.number in left:
                continue
            network = self._network_again(trial)
            if network is None:
                if fixed := trial.system_attrs.get(
                    "fixed_params"
                ):  # a known network, which is tried all the same
                    self._study.enqueue_trial(fixed, user_attrs=trial.user_attrs)
                reason = "it was proposed, and the search ended before it was known"
                self._end(trial._trial_id, trial.number, reason, state=TrialState.PRUNED)
                continue
            candidate = self._candidate(trial.number, trial._trial_id, network)
            candidate.made = kept_steps(trial_folder(self._run.folder, trial.number) / STATE)
            if not candidate.made and is_resting(trial):
                self.settle(candidate)
                continue
            candidate.steps = candidate.made // len(self._run.settings.names)
            candidate.seconds = trial.user_attrs.get(FIT, {}).get("seconds", 0.0)
            candidate.start = trial_of(trial).start
            candidate.fresh = not has_full(trial_folder(self._run.folder, trial.number) / OUTPUT)
            yield candidate

    def note(self, candidate: Candidate, *, counts: bool = True, reason: str = "") -> None:
        """Write down how far a candidate has come.

        Args:
            counts: it may be compared with the others, and bred from, once it had its first look.
            reason: why it rests, if the search is over.
        """
        if self._run.claim is not None:
            self._run.claim.keep()
        storage, found = self._study._storage, candidate.attributes()
        finite = math.isfinite(candidate.value)  # in a race it is not, until all pictures were looked at
        found |= {"usable": found["usable"] and counts and finite} | ({"reason": reason} if reason else {})
        storage.set_trial_user_attr(candidate.key, FIT, _plain(found))
        if finite and candidate.even:
            storage.set_trial_intermediate_value(candidate.key, candidate.steps, candidate.value)

    def rest(self, candidate: Candidate, reason: str) -> None:
        """Write down why a candidate is not gone on with in this run; a resumed search goes on with it."""
        candidate.rests = reason
        if candidate.pictures:
            self.note(candidate, reason=reason)
            return
        # Nothing was heard of its fits in this run; what an earlier one has noted stays.
        storage = self._study._storage
        known = storage.get_trial(candidate.key).user_attrs.get(FIT, {})
        storage.set_trial_user_attr(candidate.key, FIT, known | {"reason": reason})

    def prunes(self, candidate: Candidate) -> bool:
        """Whether the user's own pruner wants to give it up; it is asked where all pictures have come as far."""
        if self._run.own.pruner is None or not candidate.even:
            return False
        with self._foreign():
            return self._run.own.pruner.prune(self._study, self._study._storage.get_trial(candidate.key))

    def tell(self, candidate: Candidate, *, pruned: str = "") -> Trial:
        """Write down how a candidate ended.

        Args:
            pruned: why it was given up; empty: it was not.
        """
        self._study._storage.set_trial_user_attr(candidate.key, FIT, _plain(candidate.attributes()))
        candidate.told = True
        if candidate.ended is Ended.DIVERGED or not candidate.pictures[0].step:
            reason = f"the fit diverged at iteration {candidate.steps}"
            return self._end(candidate.key, candidate.number, reason, state=TrialState.FAIL)
        judged = self._run.own.metric is not None and all(one.step for one in candidate.pictures)
        if judged and not math.isfinite(candidate.value):
            reason = f"{METRIC_FAILED}: it returned {candidate.value}"
            return self._end(candidate.key, candidate.number, reason, state=TrialState.FAIL)
        if pruned:
            self._study._storage.set_trial_user_attr(candidate.key, "reason", pruned)
            self._tell(candidate.number, state=TrialState.PRUNED)
        else:
            self._tell(candidate.number, value=candidate.value)
        return self.trial(candidate.number)

    def settle(self, candidate: Candidate) -> None:
        """Let a candidate that rested, and that cannot be gone on with, count with what it had reached."""
        candidate.told = True
        self._tell(candidate.number, value=self.trial(candidate.number).value)

    def fail(self, candidate: Candidate, reason: str) -> Trial:
        """Write down that a candidate could not be fitted."""
        candidate.told = True
        return self._end(candidate.key, candidate.number, reason, state=TrialState.FAIL)

    def leave_out(self, candidate: Candidate, reason: str) -> Trial:
        """Write down why a candidate was not fitted at all, which is no failure."""
        candidate.told = True
        return self._end(candidate.key, candidate.number, reason, state=TrialState.PRUNED)

    def trial(self, number: int) -> Trial:
        """A candidate as the study remembers it."""
        return trial_of(self._study.get_trials(deepcopy=False)[number])

    def _candidate(self, number: int, key: int, network: Network) -> Candidate:
        return Candidate(number, key, network, self._run.plan.max_steps)

    def _warm_name(self, network: Network) -> str | None:
        """The preset whose learnt weights a new candidate begins with."""
        problem = self._run.cases[0].problem
        same = {case.problem.image_shape[1] for case in self._run.cases} == {problem.image_shape[1]}
        if not same:
            return None
        return warm_name(self._run.request.start, network, task=problem.task, channels=problem.image_shape[1])

    def _end(self, key: int, number: int, reason: str, *, state: TrialState) -> Trial:
        self._study._storage.set_trial_user_attr(key, "reason", reason)
        self._tell(number, state=state)
        return self.trial(number)

    def _tell(self, number: int, *, value: float | None = None, state: TrialState | None = None) -> None:
        before = self._run.stopped
        with self._foreign():  # some samplers end a search when they have nothing left to propose
            self._study.tell(number, value, state=state)
        self.exhausted |= self._run.stopped and not before  # callbacks are called later

    @contextmanager
    def _foreign(self) -> Iterator[None]:
        """Call what may be the user's, who learns what it raises."""
        try:
            with self._run.optimizing():
                yield
        except DipsearchError:
            raise
        except Exception as error:  # it is not our code
            if self._run.own.sampler is None and self._run.own.pruner is None:
                raise
            raise OwnPartFailed from error

    def _passed_sampler(self, error: Exception) -> bool:
        """Whether an error in the function that makes networks came out of the sampler, which its trial asks."""
        sampler = self._run.own.sampler
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        return sampler is not None and any(frame.f_locals.get("self") is sampler for frame in frames)

    def _network(self, trial: optuna.Trial) -> Network:
        propose = self._run.own.propose
        if propose is None:
            return self._space.genome(suggest(trial, self._space))
        # A module draws its weights from the global generator, which belongs to the user's program.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._run.settings.seed + trial.number)
            return as_network(propose(trial))

    def _network_again(self, trial: FrozenTrial) -> Network | None:
        """The network of a trial that was begun; ``None`` where it is not known.

        One of the user's is made once more by their function, which gets the same answers from its trial.
        """
        if "genome" in trial.user_attrs:
            return Genome.from_nested(trial.user_attrs["genome"])
        if self._run.own.propose is None or not (trial.params or FIT in trial.user_attrs):
            return None
        try:
            return self._network(optuna.Trial(self._study, trial._trial_id))
        except Exception:  # it is not our code, and what it does not make again is not known
            return None

    def _repeated(self, trial: optuna.Trial) -> str | None:
        """Why a proposal is not fitted that the study has met, since the sampler found nothing new.

        What was asked for by name is fitted, however often: it may have been met without being fitted.
        """
        # A trial that was asked has the attributes of then; what its sampler wrote later only the storage has.
        asked = self._study._storage.get_trial(trial._trial_id)
        first = asked.user_attrs.get("repeat_of")
        if first is None or asked.system_attrs.get("fixed_params"):
            return None
        return f"it is candidate {first} once more: nothing else was found in the space"

    def refusal(self, network: Network) -> str | None:
        """Why a network cannot be fitted here; what one of the user's needs is not known."""
        if isinstance(network, OwnNetwork):
            return None
        if network.needs_pilot and not self._run.settings.has_pilot:
            return "its input needs a pilot, and this study has none"
        settings = self._run.settings
        return settings.memory_limit.refusal(network, image_shape=settings.image_shape)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinities; what is not finite is left out."""
    return {k: v for k, v in values.items() if not isinstance(v, float) or math.isfinite(v)}
