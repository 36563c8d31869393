"""Known networks: which of them a search tries, and in which order.

They are the presets of the task and the best networks of the user's own studies, as far as the search space contains
them. The order is fixed, or that in which they did on measurements like this one.
"""

from __future__ import annotations

import os
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from statistics import fmean
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..library import Preset, presets_for, starters_for
from ..library.kept_presets import readable_presets
from ..library.kept_studies import PLACE, kept_networks, library_folder, readable_studies
from ..library.kept_study_file import KeptStudy
from ..library.measurement_features import FEATURES, features_of
from ..library.preselection import (
    EvidenceCase,
    Expected,
    Seen,
    expected,
    ordered,
    preselection_words,
)
from ..library.preselection_file import shipped_cases
from ..library.warm_weights import architecture_of
from ..network import Genome, SearchSpace
from ..problem import Case, Identity, Mask, Problem, sees_little
from ..request_words import OrderWord

Named = tuple[tuple[str, Genome], ...]


@dataclass(frozen=True)
class KnownNetworks:
    """The known networks of a search.

    Args:
        starters: dipsearch's own and the user's by name, in the order in which they are tried.
        published: those of the literature.
        notes: what a person should know of them.
        why_first: why the first of them comes first, where measurements say so; empty otherwise.
        record: what ``result.json`` says of them.
    """

    starters: Named = ()
    published: Named = ()
    notes: tuple[str, ...] = ()
    why_first: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)


NONE = KnownNetworks()


def known_networks(
    cases: Sequence[Case], space: SearchSpace, *, order: OrderWord, images: Sequence[Tensor]
) -> KnownNetworks:
    """The known networks for some pictures.

    Args:
        cases: the pictures.
        space: of the search.
        order: "similar": by how they did on similar measurements; "fixed", which is what "auto" is.
        images: the first answers to the pictures; fewer: there are none.
    """
    task = cases[0].problem.task
    studies, own_presets, notes = _own_library()
    presets = starters_for(task)
    own = kept_networks(studies, task, presets=own_presets)
    # The first preset has the most evidence; after it those that suited the user's own pictures.
    starters = within((*presets[:1], *own, *presets[1:]), space)
    published = within(presets_for(task), space)
    if len(images) == len(cases):
        named = {one.name for study in studies if study.task == task for one in study.networks}
        starters, published = with_pilots(
            (starters, published), cases[0].problem, keep=named.union(name for name, _ in own)
        )
    features = _mean_features(cases, images)
    found: tuple[Expected, ...] = ()
    why_first = ""
    if features is not None and order == "similar":
        evidence = (*shipped_cases(), *_own_evidence(studies))
        found = expected(evidence, features, task=task, networks=[name for name, _ in starters])
        if found:
            alike = sum(case.task == task for case in evidence)
            why_first = preselection_words(found, alike)
        else:
            notes = (
                *notes,
                "no measurement like this one is recorded: known networks come in their fixed order",
            )
    by_name = dict(starters)
    record = {
        "order": "similar" if found else "fixed",
        "features": features,
        "expected": [
            {"network": one.network, "behind": one.behind, "steps": one.steps, "cases": one.cases}
            for one in found
        ],
        "own": [name for name, _ in own if name in by_name],
    }
    sequence = tuple((name, by_name[name]) for name in ordered(list(by_name), found))
    return KnownNetworks(sequence, published, notes, why_first, record)


def _own_library() -> tuple[tuple[KeptStudy, ...], tuple[Preset, ...], tuple[str, ...]]:
    """The studies and presets of the user's own library, and sentences on what is left out.

    A user without a home directory has no library, and one who named a library that cannot be entered is told so.
    """
    try:
        folder = library_folder()
    except InputError as error:
        return (), (), (str(error),) if PLACE in os.environ else ()
    try:
        studies, notes = readable_studies(folder)
        presets, more = readable_presets(folder)
    except OSError as error:
        return (), (), (f"your library {folder} is left out: the system says: {error.strerror or error}",)
    return studies, presets, notes + more


def _mean_features(cases: Sequence[Case], images: Sequence[Tensor]) -> dict[str, float] | None:
    """The features of the pictures, the mean of each; ``None`` where there are no first answers."""
    if len(images) < len(cases):
        return None
    each = [
        features_of(case.problem, image.to(case.problem.y)).to_dict()
        for case, image in zip(cases, images, strict=True)
    ]
    return {name: round(fmean(one[name] for one in each), 4) for name in FEATURES}


def _own_evidence(studies: Sequence[KeptStudy]) -> tuple[EvidenceCase, ...]:
    """What the user's own studies say of networks that others know, too: by their estimates, the mean over pictures."""
    found = []
    for study in studies:
        known = [one for one in study.networks if one.name is not None]
        best = max((one.estimated_psnr for one in known), default=0.0)
        seen = tuple(Seen(one.name or "", round(best - one.estimated_psnr, 3), one.steps) for one in known)
        found += [EvidenceCase(study.name, study.task, one.features, seen) for one in study.pictures if seen]
    return tuple(found)


def with_pilots(
    of: tuple[Named, Named], problem: Problem, *, keep: Container[str | None]
) -> tuple[Named, Named]:
    """The networks that are worth trying where there are pilots, by what was measured.

    Noise, missing pixels: those with a pilot in their input alone, and those to keep, which are the user's. Behind the
    four with one, the known ones without take the time of better ones: in ``benchmarks/search.json`` what they bring
    or cost after 4 and 12 minutes are the rows "all known, then with a pilot" beside "known, then with a pilot".

    Enlarging keeps them: in replayed searches of 12 minutes on the tuning pictures of the table what is delivered gains
    0.11 dB with them (interval 0.09 to 0.12; on the three pictures -0.05 to 0.40). Shorter searches have no time for
    them (`planning.budget`).

    Where an operator leaves much unseen the pilot is a guess, whose errors a network keeps that has it in its input:
    one of each kind comes in turn.
    """
    starters, published = of
    if not any(genome.needs_pilot for networks in of for _, genome in networks):
        return of
    if isinstance(problem.operator, Identity | Mask):
        return tuple(one for one in starters if one[1].needs_pilot or one[0] in keep), tuple(
            one for one in published if one[1].needs_pilot
        )
    if not problem.croppable and sees_little(problem):
        kinds = ([one for one in starters if one[1].needs_pilot is wanted] for wanted in (True, False))
        return tuple(one for pair in zip_longest(*kinds) for one in pair if one is not None), published
    return of


def within(networks: Named, space: SearchSpace) -> Named:
    """The networks that the space contains, each as its nearest genome there; a space may fix settings of the fit."""
    near = [(name, genome, space.genome(space.nearest(genome))) for name, genome in networks]
    return tuple(
        (name, there) for name, genome, there in near if architecture_of(there) == architecture_of(genome)
    )
