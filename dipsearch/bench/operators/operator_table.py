"""The comparison on operators as Markdown: what is delivered beside classical methods, and how right the score is.

Pure data: from rows to tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from ..rivals.own_search import search_title
from ..shared.sections import NOTHING
from .operator_cases import INSTRUMENTS
from .operator_rows import ALONE, DELIVERED, DIP, FIRST, NETWORK, SCORE, OperatorRow

LEGEND = (
    "Mean PSNR in dB of restored crops, cut to [0, 1]; no method but the oracle sees the clean picture. Classical, "
    "best: of the classical methods the one with the highest mean for this operator; how much of the noise total "
    "variation leaves was chosen in its favour, on other pictures. First answer: similar patches alone. Networks alone "
    "are the search's ensemble, else its best one. DIP default, oracle: the network of Deep Image Prior's authors for "
    "noise, fitted to all of y, at the iteration that the clean picture prefers. Gains are of what is delivered over "
    "the best classical method, picture by picture. Where fewer cases than all have a number, theirs stands behind it."
)

SCORE_LEGEND = (
    "The networks of the benchmark of the score, one by one, stopped by the default rule: loss below the peak of the "
    "same fit in dB, and Kendall's τ of the scores where they stop with the true PSNR there, over the networks of a "
    "case. What is scored is A x."
)

HEAD = (
    "operator",
    "cases",
    "classical, best",
    "first answer",
    "networks alone",
    "delivered",
    "DIP default, oracle",
    "gain over classical, mean",
    "smallest",
)

SCORE_HEAD = (
    "operator",
    "cases",
    "fits",
    "stop loss, median",
    "largest",
    "τ, mean",
    "smallest",
)

Case = tuple[str, str, int]
"""Operator, picture and seed."""

Values = Mapping[Case, float]
"""PSNR by case."""


@dataclass(frozen=True)
class Level:
    """What a method reaches on the cases of an operator."""

    method: str
    values: Values

    @property
    def mean(self) -> float:
        """Over its cases."""
        return fmean(self.values.values())


def operators_markdown(rows: Sequence[OperatorRow], *, command: str, date: str) -> str:
    """The section: a heading, the legends, a table of methods for each budget, and one of the score.

    Args:
        command, date: that wrote it.
    """
    parts = ["## Operators: blurred pictures, tomograms and k-space", f"`{command}`, {date}. {LEGEND}"]
    there = {row.operator for row in rows}
    parts.append("\n".join(f"- {name}: {one.words}" for name, one in INSTRUMENTS.items() if name in there))
    budgets = sorted({row.limit for row in rows if row.method == DELIVERED and row.limit is not None})
    for seconds in budgets:
        parts += [f"### Searches of {search_title(seconds)}", method_table(rows, seconds=seconds)]
    if rows and not budgets:
        parts += ["### No search", method_table(rows, seconds=None)]
    if any(row.method.startswith(NETWORK) for row in rows):
        parts += ["### Stops and scores of single networks", SCORE_LEGEND, score_table(rows)]
    versions = sorted({row.version for row in rows})
    parts += [f"Versions: {', '.join(versions)}."] if versions else ["Nothing was measured yet."]
    return "\n\n".join(part for part in parts if part)


def method_table(rows: Sequence[OperatorRow], *, seconds: int | None) -> str:
    """A line for each operator.

    Args:
        seconds: the budget of the searches; ``None``: there were none.
    """
    lines = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    lines += [_method_line(name, own, seconds) for name, own in _by_operator(rows).items()]
    return "\n".join(lines)


def score_table(rows: Sequence[OperatorRow]) -> str:
    """A line for each operator whose networks were fitted; of several lengths of fits the longest."""
    lines = [f"| {' | '.join(SCORE_HEAD)} |", "|---" * len(SCORE_HEAD) + "|"]
    for name, own in _by_operator(rows).items():
        fits = _longest([row for row in own if row.method.startswith(NETWORK)])
        if fits:
            scores = _longest([row for row in own if row.method == SCORE])
            losses = [row.stop_loss_db for row in fits if row.stop_loss_db is not None]
            taus = [row.kendall_tau for row in scores if row.kendall_tau is not None]
            cells = [
                name,
                str(len({row.case for row in fits})),
                str(len(fits)),
                f"{median(losses):.2f}" if losses else NOTHING,
                f"{max(losses):.2f}" if losses else NOTHING,
                f"{fmean(taus):.2f}" if taus else NOTHING,
                f"{min(taus):.2f}" if taus else NOTHING,
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def best_classical(rows: Sequence[OperatorRow], operator: str) -> Level | None:
    """The classical method with the highest mean, among those that were measured on most cases.

    Args:
        rows: of this operator.
    """
    usual = INSTRUMENTS[operator].classical if operator in INSTRUMENTS else {}
    levels = [Level(name, values) for name in usual if (values := _values(rows, name))]
    most = max((len(level.values) for level in levels), default=0)
    whole = [level for level in levels if len(level.values) == most]
    return max(whole, key=lambda level: level.mean, default=None)


def _method_line(operator: str, rows: Sequence[OperatorRow], seconds: int | None) -> str:
    count = len({row.case for row in rows})
    bar = best_classical(rows, operator)
    searched = [row for row in rows if row.limit == seconds]
    delivered = _values(searched, DELIVERED)
    gains = (
        {}
        if bar is None
        else {case: delivered[case] - bar.values[case] for case in delivered if case in bar.values}
    )
    cells = [
        operator,
        str(count),
        NOTHING if bar is None else f"{_mean(bar.values, of=count)} {bar.method}",
        _mean(_values(rows, FIRST), of=count),
        _mean(_values(searched, ALONE), of=count),
        _mean(delivered, of=count),
        _mean(_values(_longest([row for row in rows if row.method == DIP]), DIP), of=count),
        _mean(gains, of=count, sign="+"),
        f"{min(gains.values()):+.2f}" if gains else NOTHING,
    ]
    return f"| {' | '.join(cells)} |"


def _by_operator(rows: Sequence[OperatorRow]) -> dict[str, list[OperatorRow]]:
    """Rows by operator, in the order in which operators are listed."""
    there = {row.operator for row in rows}
    known = [name for name in INSTRUMENTS if name in there]
    return {
        name: [row for row in rows if row.operator == name] for name in [*known, *sorted(there - set(known))]
    }


def _longest(rows: Sequence[OperatorRow]) -> list[OperatorRow]:
    """Those with the highest limit."""
    limit = max((row.limit or 0 for row in rows), default=0)
    return [row for row in rows if (row.limit or 0) == limit]


def _values(rows: Sequence[OperatorRow], method: str) -> dict[Case, float]:
    return {row.case: row.psnr for row in rows if row.method == method and row.psnr is not None}


def _mean(values: Values, *, of: int, sign: str = "") -> str:
    """The mean of what is known, and of how many where that is not all."""
    if not values:
        return NOTHING
    return f"{fmean(values.values()):{sign}.2f}" + (f" ({len(values)})" if len(values) < of else "")
