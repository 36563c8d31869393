"""The proposal: one whole genome that a sampler offers to a trial, and the rules that every sampler obeys.

Optuna asks a sampler for genes; a search over architectures has to think in genomes. `ProposingSampler` turns
the one into the other: a subclass (`breeding`, `samplers`) draws whole genomes, the first one that is new
to the study and affordable is taken, and how it came to be is written into the trial. A genome that the
study has already met, in whatever state and on whichever worker, is refused, since fitting it again would
cost minutes and teach nothing.

Proposals depend on the seed, on the trial's place in the study and on the study's history, and on nothing
that lives in the process: a study that was stopped and resumed proposes what it would have proposed without
the stop.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ..errors import InputError
from ..network import SearchSpace
from .distributions import Flat, Space, Unconditional, conditional

FIT = "fit"  # user attribute of a trial under way: what its latest slice has led to
DESCENT = ("operator", "parents", "changed")  # user attributes: how a genome came to be
CLAIM = "dipsearch:genome"  # system attribute: the whole genome, before its genes are asked one by one


@dataclass(frozen=True)
class Proposal:
    """A genome that is offered, and where it comes from.

    Args:
        flat: the active genes and their values.
        operator: how it was made ("random", "crossover+mutation", "tpe", …).
        parents: numbers of the trials that it was bred from, the one that the changes refer to first.
        changed: genes that differ from the first parent.
        generation: 0 for a genome without parents, else one more than the latest of theirs.
    """

    flat: Flat
    operator: str
    parents: tuple[int, ...] = ()
    changed: tuple[str, ...] = ()
    generation: int = 0


@dataclass(frozen=True)
class ProposalLimits:
    """What the time and the memory that are left allow.

    Args:
        affordable: whether a candidate may be fitted.
        expense: a number that orders candidates by their cost, in any unit. When nothing affordable was found
            in a bounded number of draws, the cheapest one is proposed, the first one among equals.
    """

    affordable: Callable[[Flat], bool] = lambda flat: True
    expense: Callable[[Flat], float] = lambda flat: 0.0


NO_LIMITS = ProposalLimits()
"""Lets everything pass."""


class ProposingSampler(BaseSampler):
    """A sampler that offers whole genomes; subclasses say how they are drawn.

    Args:
        space: the search space; ``None``: whatever the study's finished trials have in common (as Optuna's
            own samplers do), without conditions between genes.
        seed: of everything that the sampler draws.
        limits: what may be fitted at all.

    A trial whose genes were enqueued only in part keeps those and gets the others from the proposal. Beside
    ``operator``, ``parents`` and ``changed``, a trial gets the user attribute ``unaffordable`` (true) or
    ``repeat_of`` (a trial's number) when nothing better could be found.
    """

    def __init__(self, space: SearchSpace | None, *, seed: int, limits: ProposalLimits = NO_LIMITS) -> None:
        self._space = None if space is None else conditional(space)
        self._seed, self._limits = seed, limits

    @abstractmethod
    def draws(
        self, study: Study, trial: FrozenTrial, *, space: Space, generator: np.random.Generator
    ) -> Iterator[Proposal]:
        """Yield candidates, the most wanted first; a bounded number, at least one."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The union of all genes, whether they will be active or not: a genome is proposed as a whole."""
        if self._space is None:
            return IntersectionSearchSpace().calculate(study)
        return dict(self._space.distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose a genome: its active genes, as far as they belong to ``search_space``."""
        _one_objective(study)
        if not search_space and self._space is None:
            return {}
        space: Space = self._space or Unconditional(search_space)
        draws = self.draws(study, trial, space=space, generator=self._generator(study, trial))
        fixed = trial.system_attrs.get("fixed_params", {})
        if fixed:
            repairing = self._generator(study, trial, purpose="fixed")
            draws = (_with_fixed(proposal, fixed, space, repairing) for proposal in draws)
        proposal = _settle(study, trial, draws, space=space, limits=self._limits)
        _record(study, trial, proposal, generation_key=f"{self}:generation")
        return {name: value for name, value in proposal.flat.items() if name in search_space}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw a gene that the proposal did not have, uniformly."""
        _one_objective(study)
        seed = int(self._generator(study, trial, purpose=param_name).integers(2**32))
        return RandomSampler(seed=seed).sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Nothing to do: there is no state, and every trial has its own generator."""

    def _generator(self, study: Study, trial: FrozenTrial, *, purpose: str = "") -> np.random.Generator:
        """The generator of this trial, the same in every process."""
        del study
        return np.random.default_rng([self._seed % 2**64, trial.number, crc32(purpose.encode())])


def is_resting(trial: FrozenTrial) -> bool:
    """Whether a trial is under way and had its first look, so that it can be compared with others."""
    return trial.state == TrialState.RUNNING and bool(trial.user_attrs.get(FIT, {}).get("usable"))


def genome_of(trial: FrozenTrial) -> Flat:
    """The genes of a trial as far as they are known: asked, enqueued, or claimed by its sampler."""
    if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
        return dict(trial.params)
    claimed, fixed = trial.system_attrs.get(CLAIM, {}), trial.system_attrs.get("fixed_params", {})
    return {**claimed, **fixed, **trial.params}


def _taken(study: Study, trial: FrozenTrial, *, space: Space) -> dict[Hashable, int]:
    """The genomes of all other trials, in any state, and the first trial that has each."""
    return {
        space.identity(genome_of(other)): other.number
        for other in reversed(study.get_trials(deepcopy=False))
        if other.number != trial.number
    }


def _with_fixed(proposal: Proposal, fixed: Flat, space: Space, generator: np.random.Generator) -> Proposal:
    flat = space.repair({**proposal.flat, **fixed}, generator)
    return Proposal(flat, f"enqueued+{proposal.operator}", generation=proposal.generation)


def _settle(
    study: Study, trial: FrozenTrial, draws: Iterator[Proposal], *, space: Space, limits: ProposalLimits
) -> Proposal:
    """Take the first draw that is new and affordable, and claim it for the trial."""
    taken = _taken(study, trial, space=space)
    cheapest: tuple[float, Proposal] | None = None
    for proposal in draws:
        latest = proposal
        if space.identity(proposal.flat) in taken:
            continue
        if not limits.affordable(proposal.flat):
            cost = limits.expense(proposal.flat)
            if cheapest is None or cost < cheapest[0]:
                cheapest = cost, proposal
            continue
        _attribute(study, trial, CLAIM, proposal.flat)
        # Two workers may have drawn the same genome at the same moment. Both look again after they wrote,
        # so at least one of them sees the other and moves on.
        taken = _taken(study, trial, space=space)
        if space.identity(proposal.flat) not in taken:
            return proposal
    if cheapest is not None:
        study._storage.set_trial_user_attr(trial._trial_id, "unaffordable", True)
        _attribute(study, trial, CLAIM, cheapest[1].flat)
        return cheapest[1]
    study._storage.set_trial_user_attr(trial._trial_id, "repeat_of", taken[space.identity(latest.flat)])
    return latest


def _record(study: Study, trial: FrozenTrial, proposal: Proposal, *, generation_key: str) -> None:
    if "operator" not in trial.user_attrs:
        values = (proposal.operator, list(proposal.parents), list(proposal.changed))
        for key, value in zip(DESCENT, values, strict=True):
            study._storage.set_trial_user_attr(trial._trial_id, key, value)
    _attribute(study, trial, generation_key, proposal.generation)


def _attribute(study: Study, trial: FrozenTrial, key: str, value: Any) -> None:
    # Optuna has no public way for a sampler to write into a trial; its own samplers do the same.
    study._storage.set_trial_system_attr(trial._trial_id, key, value)


def _one_objective(study: Study) -> None:
    if len(study.directions) > 1:
        raise InputError(
            f"the study has {len(study.directions)} objectives",
            "candidates are ranked by one number",
            "make a study with one direction",
        )
