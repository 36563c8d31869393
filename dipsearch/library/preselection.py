"""Pre-selection: which known network is tried first, judged by how they did on measurements that are alike.

``preselection.json`` holds the cases: features of a measurement, and how far each network was behind the best one and
when it stopped. A network's expected place is its mean over the nearest cases of the same task, in standardised
features. The file is short and can be read; finished studies of one's own are more cases of the same kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .measurement_features import FEATURES

NEIGHBOURS = 3
"""Cases that are asked; with 1, 5 and 7 the regret was larger (section `preselection` of BENCHMARKS.md). Searches go by
it only where somebody says so: on 6 recorded pictures its regret was 0.106 dB and that of the fixed order 0.153, but
what it gains with enlarging, 0.22 dB, it loses in part with noise, 0.10 dB."""


@dataclass(frozen=True)
class Seen:
    """How a network did on a measurement.

    Args:
        network: its name.
        behind: dB behind the best known network there, by the PSNR of what it would deliver; 0 or more.
        steps: the iteration that it delivered.
    """

    network: str
    behind: float
    steps: int


@dataclass(frozen=True)
class EvidenceCase:
    """One measurement, and how known networks did on it.

    Args:
        picture: its name.
        task: "denoise", "inpaint", "sr", …
        features: by name, those of ``MeasurementFeatures``.
        seen: the networks.
    """

    picture: str
    task: str
    features: Mapping[str, float]
    seen: tuple[Seen, ...]


@dataclass(frozen=True)
class Expected:
    """What is expected of a network on a new measurement: dB behind the best one, and iterations; ``cases`` say so."""

    network: str
    behind: float
    steps: int
    cases: int


@dataclass(frozen=True)
class EvidenceRow:
    """One fit, as a table of recorded fits has it.

    Args:
        picture, task: of the measurement.
        features: of it.
        network: the name.
        psnr: in dB, of what the fit would deliver.
        steps: the iteration of that.
    """

    picture: str
    task: str
    features: Mapping[str, float]
    network: str
    psnr: float
    steps: int


def cases_from(rows: Sequence[EvidenceRow]) -> tuple[EvidenceCase, ...]:
    """The cases of plain rows; rows of the same picture, task and features belong together."""
    groups: dict[tuple[object, ...], list[EvidenceRow]] = {}
    for row in rows:
        key = (row.picture, row.task, *(row.features[name] for name in FEATURES))
        groups.setdefault(key, []).append(row)
    cases = []
    for each in groups.values():
        best = max(row.psnr for row in each)
        seen = tuple(Seen(row.network, round(best - row.psnr, 3), row.steps) for row in each)
        features = {name: float(each[0].features[name]) for name in FEATURES}
        cases.append(EvidenceCase(each[0].picture, each[0].task, features, seen))
    return tuple(cases)


def expected(
    cases: Sequence[EvidenceCase],
    features: Mapping[str, float],
    *,
    task: str,
    networks: Sequence[str],
    neighbours: int = NEIGHBOURS,
) -> tuple[Expected, ...]:
    """The networks in the order in which they are worth trying.

    Those that no near case has seen come after the others, and equal ones stay in the order given.

    Args:
        cases: the evidence; only those of the task are asked.
        features: of the measurement.
        task: of it.
        networks: names, in the fixed order.
        neighbours: cases that are asked, the nearest ones.
    """
    alike = [case for case in cases if case.task == task]
    if not alike:
        return ()
    table, scale = _standardised(alike)
    asked = (np.array([features[name] for name in FEATURES]) - scale[0]) / scale[1]
    distances = np.sqrt(((table - asked) ** 2).mean(axis=1))
    nearest = np.argsort(distances, kind="stable")[:neighbours]
    found = []
    for network in networks:
        told = [
            (1 / (0.1 + distances[index]), one)  # a case at no distance does not silence the others
            for index in nearest
            for one in alike[index].seen
            if one.network == network
        ]
        if told:
            weights = np.array([weight for weight, _ in told])
            behind = float(np.average([one.behind for _, one in told], weights=weights))
            steps = round(float(np.average([one.steps for _, one in told], weights=weights)))
            found.append(Expected(network, round(behind, 3), steps, len(told)))
    return tuple(sorted(found, key=lambda one: one.behind))


def ordered(networks: Sequence[str], found: Sequence[Expected]) -> tuple[str, ...]:
    """All networks: those of which something is expected first, the best one first, the others as they were."""
    first = [one.network for one in found]
    return (*first, *(name for name in networks if name not in first))


def preselection_words(found: Sequence[Expected], cases: int) -> str:
    """One line on what is tried first and why."""
    best = found[0]
    return (
        f"{best.network} is tried first: on the {min(NEIGHBOURS, cases)} most similar of {cases} recorded "
        f"measurements it was {best.behind:.2f} dB behind the best known network, after about {best.steps} iterations"
    )


def _standardised(
    cases: Sequence[EvidenceCase],
) -> tuple[NDArray[np.float64], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The features of the cases with mean 0 and deviation 1 each, and what was taken off and divided by."""
    table = np.array([[case.features[name] for name in FEATURES] for case in cases], dtype=np.float64)
    mean, deviation = table.mean(axis=0), table.std(axis=0)
    # What all cases share tells none from the others; a new value of it weighs as it is.
    scale = np.where(deviation > 1e-6, deviation, 1.0)
    return (table - mean) / scale, (mean, scale)
