"""The delivery: from the candidates of a search to the restored pictures.

Where the search saw the whole picture, its candidates' outputs are at hand, and the best of them are stacked.
Where it saw a crop, the best architectures are fitted to the whole picture first. Then whichever is better by
the scoring part of the measurement is delivered: the ensemble, or its best member; where that is blind, the
ensemble. Members may be fitted once more to all of y, and what a second split led to may be averaged in. Pure
functions but for the reading of outputs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..calling import option, program
from ..errors import FormatError, StudyError
from ..fitting import Ensemble, data_consistent, make_ensemble
from ..fitting import combine as weighted
from ..problem import Problem, make_split
from ..problem.splits.noise_energy import weighted_mean
from ..trials.problem_files import WHOLE, SplitProblem, problem_path, read_problem
from ..trials.trial import Trial
from ..trials.trial_files import Output, read_output, refuse_damaged_output, trial_folder
from .innovations import sought

MOST_MEMBERS = 12
"""Candidates that an ensemble is chosen from; further down the ranking nothing is left to gain."""

WORTH_COMBINING = 3.0
"""Candidates more than this many dB below the best one are left out of the stack."""


@dataclass(frozen=True, eq=False)
class Member:
    """A fit that can be part of the delivery.

    Args:
        number: of the candidate.
        output: its averaged output for the whole picture: what was judged, and what is delivered.
        validation_mse: the split's estimate of the mean squared error of what was judged.
    """

    number: int
    output: Output
    validation_mse: float


@dataclass(frozen=True, eq=False)
class Delivery:
    """What a picture is restored to, and what it was made of.

    Args:
        name: of the picture.
        image: the restored picture, ``(1, C, H, W)``.
        best: the best single fit.
        best_image: its image, ready to deliver: observed pixels put back where they are exact.
        ensemble: the weights of the combination.
        combined: the combination, likewise ready.
        chosen: "best", "stack", or "stacks" when
            it is the mean with what a second split led to.
        base: "best" or "stack": what the measurement preferred before refits and means.
        members: what the best and the ensemble were chosen from, by number.
        split: the kind of split that they were fitted and weighed with.
        second: what the second split led to, where there was one; averaged in when ``chosen`` is "stacks".
    """

    name: str
    image: Tensor
    best: Member
    best_image: Tensor
    ensemble: Ensemble
    combined: Tensor
    chosen: str
    base: str
    members: Mapping[int, Member]
    split: str
    second: Delivery | None = None

    @property
    def used(self) -> dict[int, float]:
        """The weights of the members that it was made of."""
        if self.base == "best":
            return {self.best.number: 1.0}
        return dict(zip(self.ensemble.members, self.ensemble.weights, strict=True))

    @property
    def validation_mse(self) -> float:
        """The split's estimate of the mean squared error of what was judged."""
        return self.ensemble.validation_mse if self.base == "stack" else self.best.validation_mse

    @property
    def judged(self) -> Tensor:
        """The combination of what its members were judged by, ``(1, C, H, W)``."""
        return weighted([self.members[n].output.judged for n in self.used], list(self.used.values()))


def whole_problem(folder: Path, name: str, *, seed: int) -> SplitProblem:
    """A picture's whole problem and the split that its fits use."""
    problem = read_problem(problem_path(folder, kind=WHOLE, name=name))
    return SplitProblem(name, problem, make_split(problem, seed=seed))


def searched_members(
    folder: Path, best: Sequence[Trial], picture: SplitProblem, *, index: int
) -> list[Member]:
    """The outputs that the search left for picture ``index``."""
    places = [(e.number, trial_folder(folder, e.number) / "output.npz") for e in best[:MOST_MEMBERS]]
    return comparable([_member(number, read_output(path, index=index), picture) for number, path in places])


def has_output(folder: Path, trial: Trial, *, pictures: int) -> bool:
    """Whether the search left its output for all pictures, so that it can be delivered."""
    try:
        refuse_damaged_output(trial_folder(folder, trial.number) / "output.npz", pictures=pictures)
    except FormatError:
        return False
    return True


def fitted_members(files: Sequence[tuple[int, Path]], picture: SplitProblem) -> list[Member]:
    """The outputs of fits to the whole picture, each a number and a file with ``x``; hopeless ones are left out."""
    return comparable(read_members(files, picture))


def read_members(files: Sequence[tuple[int, Path]], picture: SplitProblem) -> list[Member]:
    """The outputs of fits to the whole picture, each a number and a file with ``x``."""
    return [_member(number, read_output(path), picture) for number, path in files]


def deliver(picture: SplitProblem, members: Sequence[Member]) -> Delivery:
    """Stack the members and choose what is delivered.

    Raises:
        StudyError: there is nothing to deliver.
    """
    if not members:
        raise StudyError(
            f"no candidate was fitted to {picture.name} to a usable point",
            "something has to be left to deliver",
            f"give a larger {option('budget')}, or see why candidates failed: {program()} show STUDY",
        )
    best = min(members, key=lambda member: (member.validation_mse, member.number))
    found = make_ensemble(
        [member.output.judged for member in members],
        picture.problem,
        split=picture.split,
        members=[member.number for member in members],
    )
    by_number = {member.number: member for member in members}
    images = [by_number[number].output.delivered for number in found.members]
    combined = data_consistent(weighted(images, found.weights), picture.problem)
    best_image = data_consistent(best.output.delivered, picture.problem)
    better = found.validation_mse < best.validation_mse or picture.split.blind
    chosen = "stack" if len(found.members) > 1 and better else "best"
    image = combined if chosen == "stack" else best_image
    return Delivery(
        name=picture.name,
        image=image,
        best=best,
        best_image=best_image,
        ensemble=found,
        combined=combined,
        chosen=chosen,
        base=chosen,
        members=by_number,
        split=picture.split.kind,
    )


def averaged(delivery: Delivery, second: Delivery, problem: Problem) -> Delivery:
    """The mean of what two splits led to, where the measurements say that it is better than either.

    With e₁² and e₂² the mean squared errors that the splits estimate and d² the mean squared difference of the
    two, the mean has the error (e₁² + e₂²)/2 − d²/4, whatever the errors have in common.

    Args:
        delivery: what the search's split led to, each ensemble weighed on its own scoring part.
        second: what the second split led to.
        problem: what was measured.
    """
    both = replace(delivery, second=second)
    expected = (delivery.validation_mse + second.validation_mse) / 2 - _difference(
        delivery.judged, second.judged, problem
    ) / 4
    if expected >= min(delivery.validation_mse, second.validation_mse):
        return both
    image = data_consistent((delivery.image + second.image) / 2, problem)
    return replace(both, image=image, chosen="stacks")


def _difference(one: Tensor, other: Tensor, problem: Problem) -> float:
    """The mean squared difference of two images where a score speaks of them."""
    return weighted_mean((problem.view(one) - problem.view(other)).square(), sought(problem))


def _member(number: int, output: Output, picture: SplitProblem) -> Member:
    error = float(picture.split.validation_mse(picture.problem.view(output.judged)))
    return Member(number, output, error)


def comparable(members: Sequence[Member]) -> list[Member]:
    """Members without those that are hopeless, and without those that are not finite."""
    finite = [member for member in members if bool(torch.isfinite(member.output.delivered).all())]
    if not finite:
        return []
    limit = worst_comparable([member.validation_mse for member in finite])
    return [member for member in finite if member.validation_mse <= limit]


def worst_comparable(validation_mses: Sequence[float]) -> float:
    """The largest estimated mean squared error that is at most 3 dB above the smallest one; -inf without any.

    Estimates can be close to zero or below; what counts is how far above the best one another lies.
    """
    if not validation_mses:
        return -math.inf
    best = min(validation_mses)
    return best + max(abs(best), 1e-6) * (10 ** (WORTH_COMBINING / 10) - 1)
