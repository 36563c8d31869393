"""The comparison of answers as Markdown: how near what is delivered comes to the best answer that there was.

That best answer is picked with the clean picture in hand, by an oracle; the regret is what the decision without it
cost. Pure data: from rows to tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ...delivery.answers import SIMPLEST_FIRST
from ...delivery.shares import BEST, ENSEMBLE, FIRST
from ..cases.rival_damages import DAMAGES_OF_RIVALS, USUAL
from ..rivals.own_search import search_title
from ..rivals.rival_rows import RivalRow
from ..rivals.rivals import RIVALS
from ..shared.sections import NOTHING, crossed, markdown_table, or_dash
from .answer_rows import BM3D, DELIVERED, AnswerRow

NEAR = 0.05
"""Decibels within which a delivered picture counts as the best that there was."""


LEGEND = (
    "What a search delivers, chosen without the clean picture, against the best of all its answers, chosen with it: "
    f"the share of cases within {NEAR:g} dB of that, and the regret, which is the difference in dB. Gains in dB are of "
    "what is delivered over one answer alone; networks alone: the ensemble, else the best network. Where fewer cases "
    "than all have such an answer, their number stands behind it."
)

HEAD = (
    "damage",
    "cases",
    f"within {NEAR:g} dB of the best",
    "regret, mean",
    "regret, largest",
    "gain over the first answer, mean",
    "smallest",
    "over networks alone",
    "over BM3D",
)


@dataclass(frozen=True)
class AnsweredCase:
    """One measurement with all answers of one search, in dB.

    Args:
        picture, damage: what was measured.
        seconds: the budget of the search.
        delivered: what it delivered.
        answers: by name; those whose PSNR is finite.
        bm3d: of the same measurement, if known.
    """

    picture: str
    damage: str
    seconds: int
    delivered: float
    answers: Mapping[str, float]
    bm3d: float | None

    @property
    def regret(self) -> float:
        """How much better the best of all answers is."""
        return max([self.delivered, *self.answers.values()]) - self.delivered

    @property
    def networks(self) -> float | None:
        """What the networks reach alone."""
        return self.answers.get(ENSEMBLE, self.answers.get(BEST))


def answered_cases(rows: Sequence[AnswerRow], *, bm3d: Mapping[str, float]) -> list[AnsweredCase]:
    """The cases whose delivered picture has a finite PSNR, in the order of the rows.

    Args:
        bm3d: PSNR of BM3D by the digest of a measurement, from elsewhere; rows of the same file come first.
    """
    own = {row.measurement: row.psnr for row in rows if row.answer == BM3D and row.psnr is not None}
    searches: dict[tuple[object, ...], list[AnswerRow]] = {}
    for row in rows:
        if row.answer != BM3D:
            searches.setdefault(row.group, []).append(row)
    cases = []
    for search in searches.values():
        found = {row.answer: row.psnr for row in search if row.psnr is not None}
        one, delivered = search[0], found.pop(DELIVERED, None)
        if delivered is not None and one.seconds is not None:
            other = own.get(one.measurement, bm3d.get(one.measurement))
            cases.append(AnsweredCase(one.picture, one.damage, one.seconds, delivered, found, other))
    return cases


def bm3d_of_rivals(rows: Iterable[RivalRow]) -> dict[str, float]:
    """What BM3D reached in the comparison with rivals, by the digest of the measurement."""
    title = RIVALS[BM3D].title
    return {row.measurement: row.psnr for row in rows if row.method == title and row.psnr is not None}


def answers_markdown(rows: Sequence[AnswerRow], *, bm3d: Mapping[str, float], command: str, date: str) -> str:
    """The section: a heading, the legend, and two tables for each budget.

    Args:
        bm3d: PSNR of BM3D by the digest of a measurement, from elsewhere.
        command, date: that wrote it.
    """
    cases = answered_cases(rows, bm3d=bm3d)
    parts = ["## Answers: what is delivered, and the best that there was", f"`{command}`, {date}. {LEGEND}"]
    for seconds in sorted({case.seconds for case in cases}):
        there = [case for case in cases if case.seconds == seconds]
        pictures = len({case.picture for case in there})
        parts += [
            f"### Searches of {search_title(seconds)}, {pictures} picture{'s' * (pictures > 1)}",
            decision_table(there),
            "Mean PSNR of each answer in dB:",
            level_table(there),
        ]
    versions = sorted({row.version for row in rows})
    parts += [f"Versions: {', '.join(versions)}."] if versions else ["Nothing was measured yet."]
    return "\n\n".join(parts)


def decision_table(cases: Sequence[AnsweredCase]) -> str:
    """A line for each damage, and one for the usual damages together."""
    lines = [_line(title, chosen) for title, chosen in _damages(cases).items()]
    usual = [name for name in USUAL.values() if any(case.damage == name for case in cases)]
    if len(usual) > 1:
        lines.append(_line(f"all of {', '.join(usual)}", [case for case in cases if case.damage in usual]))
    return markdown_table(HEAD, lines)


def level_table(cases: Sequence[AnsweredCase]) -> str:
    """The mean PSNR of every answer, damages as rows; gaps where no case has it."""
    cells: dict[tuple[str, str], str] = {}
    names = [name for name in SIMPLEST_FIRST if any(name in case.answers for case in cases)]
    for title, chosen in _damages(cases).items():
        for name in names:
            found = [case.answers.get(name) for case in chosen]
            cells[title, name] = _over(found, of=len(chosen), sign="")
        cells[title, DELIVERED] = f"{fmean(case.delivered for case in chosen):.2f}"
        cells[title, "BM3D"] = _over([case.bm3d for case in chosen], of=len(chosen), sign="")
    return crossed("damage", cells)


def _damages(cases: Sequence[AnsweredCase]) -> dict[str, list[AnsweredCase]]:
    """Cases by the title of their damage, in the order in which damages are listed."""
    there = {case.damage for case in cases}
    known = [name for name in DAMAGES_OF_RIVALS if name in there]
    order = [*known, *sorted(there - set(known))]
    return {_title(name): [case for case in cases if case.damage == name] for name in order}


def _title(damage: str) -> str:
    known = DAMAGES_OF_RIVALS.get(damage)
    return damage if known is None else f"{known.task}: {known.title}"


def _line(title: str, cases: Sequence[AnsweredCase]) -> list[str]:
    count, worst = len(cases), max(cases, key=lambda case: case.regret)
    near = sum(round(case.regret, 4) <= NEAR for case in cases)
    gains = [_gain(case, case.answers.get(FIRST)) for case in cases]
    return [
        title,
        str(count),
        f"{100 * near / count:.0f} %",
        f"{fmean(case.regret for case in cases):.3f}",
        f"{worst.regret:.3f} ({worst.picture})" if worst.regret > 0 else f"{0:.3f}",
        _over(gains, of=count),
        or_dash(min((gain for gain in gains if gain is not None), default=None), "+.2f"),
        _over([_gain(case, case.networks) for case in cases], of=count),
        _over([_gain(case, case.bm3d) for case in cases], of=count),
    ]


def _gain(case: AnsweredCase, bar: float | None) -> float | None:
    return None if bar is None else case.delivered - bar


def _over(values: Sequence[float | None], *, of: int, sign: str = "+") -> str:
    """The mean of what is known, and of how many where that is not all."""
    known = [value for value in values if value is not None]
    if not known:
        return NOTHING
    return f"{fmean(known):{sign}.2f}" + (f" ({len(known)})" if len(known) < of else "")
