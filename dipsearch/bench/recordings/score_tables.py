"""The tables of the score: how well rules stop and criteria rank, from recorded fits.

Rows are plain values, for JSON and for the page; every figure comes with the number of cases that it rests on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...fitting import StoppingRule
from ..cases.damages import ALL, group_name, group_order, groups_of, noise_energy
from ..shared.sections import crossed
from .archive import Entry
from .recording import Recording
from .replays import DEFAULT, Oracle, criteria, default_choice, random_choice, rank, rules_for, stop_of


@dataclass(frozen=True)
class StoppingRow:
    """How far below the peak of its own fit a rule stops, in dB, over some fits.

    Args:
        task, damage, network: which fits; "all" where they are put together.
        rule: its name.
        mean_db, median_db, p95_db, max_db: of the loss.
        cases: fits.
    """

    task: str
    damage: str
    network: str
    rule: str
    mean_db: float
    median_db: float
    p95_db: float
    max_db: float
    cases: int


@dataclass(frozen=True)
class RankingRow:
    """How a criterion orders the networks of a case, over some cases.

    Args:
        task, damage: which cases; "all" where they are put together.
        criterion: its name.
        kendall_tau: mean; ``kendall_tau_min`` and ``kendall_tau_sd`` beside it.
        regret_mean_db, regret_max_db: PSNR of the best network minus that of the chosen one.
        cases: measurements, each with all networks.
    """

    task: str
    damage: str
    criterion: str
    kendall_tau: float
    kendall_tau_min: float
    kendall_tau_sd: float
    regret_mean_db: float
    regret_max_db: float
    cases: int


def stopping_rows(
    entries: Sequence[Entry], *, extra: Mapping[str, StoppingRule[Any]] | None = None
) -> list[StoppingRow]:
    """One row per damage and rule, per network and rule, and per rule over everything.

    Args:
        extra: further rules to be judged, by name.
    """
    losses: dict[tuple[str, str, str, str], list[float]] = {}
    for entry in entries:
        rules = rules_for(entry.recording, noise_energy=noise_energy(entry.damage)) | dict(extra or {})
        rules["oracle"] = Oracle(entry.recording.psnr_by_step())
        for name, rule in rules.items():
            stop = stop_of(rule, entry.recording)
            loss = _nothing_delivered(entry.recording) if stop is None else stop.loss_db
            for group in groups_of(entry.damage):
                losses.setdefault((*group, ALL, name), []).append(loss)
            losses.setdefault((ALL, ALL, entry.network, name), []).append(loss)
    ordered = sorted(losses.items(), key=lambda item: (group_order(item[0][:2]), item[0][2] == ALL))
    return [
        StoppingRow(
            *key,
            mean_db=_rounded(np.mean(values)),
            median_db=_rounded(np.median(values)),
            p95_db=_rounded(np.percentile(values, 95)),
            max_db=_rounded(max(values)),
            cases=len(values),
        )
        for key, values in ordered
    ]


def ranking_rows(entries: Sequence[Entry]) -> list[RankingRow]:
    """One row per damage and criterion, and per criterion over everything."""
    found: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for case in cases(entries):
        damage = case[0].damage
        recordings = {entry.network: entry.recording for entry in case}
        stops = [default_choice(entry.recording) for entry in case]
        truth = [-np.inf if stop is None else stop.psnr for stop in stops]
        found_by = criteria(recordings, consensus=[entry.consensus for entry in case])
        results = {name: rank(list(values), truth) for name, values in found_by.items()}
        results["random choice"] = random_choice(truth)
        for name, ranking in results.items():
            for group in groups_of(damage):
                found.setdefault((*group, name), []).append((ranking.kendall_tau, ranking.regret_db))
    rows = []
    for key, values in sorted(found.items(), key=lambda item: group_order(item[0][:2])):
        taus, regrets = np.array(values).T
        rows.append(
            RankingRow(
                *key,
                kendall_tau=_rounded(taus.mean()),
                kendall_tau_min=_rounded(taus.min()),
                kendall_tau_sd=_rounded(deviation(taus)),
                regret_mean_db=_rounded(regrets.mean()),
                regret_max_db=_rounded(regrets.max()),
                cases=len(values),
            )
        )
    return rows


def cases(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Entries by measurement; only measurements with at least three networks."""
    found: dict[tuple[str, str, int], list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.case, []).append(entry)
    return [case for case in found.values() if len(case) > 2]


def stopping_markdown(rows: Sequence[StoppingRow]) -> str:
    """Loss below the own peak in dB: damages and networks against rules."""
    return "\n\n".join(
        [
            _stopping_table(
                [row for row in rows if row.network == ALL],
                "damage",
                lambda row: group_name(row.task, row.damage),
            ),
            _stopping_table([row for row in rows if row.task == ALL], "network", lambda row: row.network),
        ]
    )


def ranking_markdown(rows: Sequence[RankingRow]) -> str:
    """Mean Kendall τ and mean / largest regret in dB: criteria against damages."""
    cells = {
        (
            row.criterion,
            f"{group_name(row.task, row.damage)} ({row.cases})",
        ): f"{row.kendall_tau:.2f} ± {row.kendall_tau_sd:.2f} · {row.regret_mean_db:.2f} / {row.regret_max_db:.2f}"
        for row in rows
    }
    return crossed("criterion", cells)


def _stopping_table(rows: Sequence[StoppingRow], title: str, label: Callable[[StoppingRow], str]) -> str:
    fits = {label(row): row.cases for row in rows if row.rule == DEFAULT}
    cells = {}
    for row in rows:
        most = fits[label(row)]
        fewer = "" if row.cases == most else f" of {row.cases}"
        cells[f"{label(row)} ({most})", row.rule] = (
            f"{row.mean_db:.2f} · {row.median_db:.2f} / {row.p95_db:.2f} / {row.max_db:.2f}{fewer}"
        )
    return crossed(f"{title} (fits)", cells)


def _nothing_delivered(recording: Recording) -> float:
    return float(recording.psnr_delivered.max() - recording.psnr_delivered[0])


def deviation(values: Sequence[float] | NDArray[np.float64]) -> float:
    """The standard deviation of a sample, which estimates that of all cases; 0 of one value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 4)
