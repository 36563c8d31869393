"""Rows of the pre-selection: recorded fits of known networks, each with the features of its measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from ...library.measurement_features import FEATURES
from ...library.preselection import NEIGHBOURS, EvidenceRow, cases_from, expected
from ..shared.sections import markdown_table
from ..tabular.recorded.table_genomes import FOUND_HERE

COMMAND = "bench preselection"


@dataclass(frozen=True)
class PreselectionRow:
    """One known network on one measurement.

    Args:
        picture, task: what was measured.
        network: the preset.
        psnr: in dB against the clean picture, of what the fit delivers.
        steps: the iteration that it delivers.
        measurement: digest of the table.
        size, channels, noise, missing, gap, reduction, slope, contrast, similarity: see ``MeasurementFeatures``.
    """

    picture: str
    task: str
    network: str
    psnr: float
    steps: int
    measurement: str
    size: float
    channels: float
    noise: float
    missing: float
    gap: float
    reduction: float
    slope: float
    contrast: float
    similarity: float

    @property
    def evidence(self) -> EvidenceRow:
        """The row as the pre-selection takes it."""
        values = asdict(self)
        features = {name: values[name] for name in FEATURES}
        return EvidenceRow(self.picture, self.task, features, self.network, self.psnr, self.steps)


@dataclass(frozen=True)
class Regret:
    """What the network that is tried first loses against the best known one, in dB.

    Args:
        order: "fixed", or how many neighbours were asked.
        task: or "all".
        cases: measurements.
        mean, largest: over them.
        hits: in how many the first network was the best one.
    """

    order: str
    task: str
    cases: int
    mean: float
    largest: float
    hits: int


def regrets(
    rows: Sequence[EvidenceRow], *, networks: Mapping[str, Sequence[str]], neighbours: Sequence[int]
) -> list[Regret]:
    """The regret of the fixed order and of pre-selection, which never saw the picture that it is asked of.

    Args:
        rows: recorded fits.
        networks: the names in their fixed order, by task.
        neighbours: how many of them to ask, each a row.
    """
    cases = cases_from(rows)
    found = []
    for count in (0, *neighbours):
        lost: dict[str, list[float]] = {}
        for case in cases:
            behind = {one.network: one.behind for one in case.seen}
            there = [name for name in networks[case.task] if name in behind]
            first = there[0]
            if count:
                others = [other for other in cases if other.picture != case.picture]
                ranked = expected(others, case.features, task=case.task, networks=there, neighbours=count)
                first = ranked[0].network if ranked else first
            for name in (case.task, "all"):
                lost.setdefault(name, []).append(behind[first])
        order = f"{count} similar" if count else "fixed"
        found += [
            Regret(order, task, len(each), fmean(each), max(each), sum(value == 0 for value in each))
            for task, each in sorted(lost.items(), key=lambda item: (item[0] == "all", item[0]))
        ]
    return found


def preselection_markdown(
    found: Sequence[Regret], *, command: str, date: str, pictures: Sequence[str]
) -> str:
    """The section of the page."""
    head = ("order", "task", "measurements", "mean regret", "largest", "first was best")
    lines = [
        (one.order, one.task, str(one.cases), f"{one.mean:.3f}", f"{one.largest:.2f}", str(one.hits))
        for one in found
    ]
    parts = [
        "## Pre-selection: which known network is tried first",
        f"`{command}`, {date}. Fits of known networks to {len(pictures)} pictures ({', '.join(pictures)}), as "
        "`bench table` has recorded them. Regret: dB that the network tried first delivers less than the best "
        "known one, at its own stop. The nearest recorded measurements of other pictures say which that is (leave "
        f"one picture out); {NEIGHBOURS} are asked where `--order similar` is given. The fixed order is that of "
        f"today's searches; for noise it begins with `{FOUND_HERE}`, which is the best mutant on this table's pictures "
        "for tuning (coffee, brick, text), so that its regret with noise is flattered.",
        markdown_table(head, lines),
    ]
    return "\n\n".join(parts)
