"""Scores and their cost drawn with Plotly: what is drawn is decided in the tables, here it gets axes and marks.

Points carry the numbers of their candidates, so that the page can show the one that was clicked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go

from .search_gain_part import EXPECTED, AnytimeRow
from .style import BLUE, GREEN, GREY, ORANGE, PINK, STATE_COLOURS, frame
from .tables import CandidateRow, FinalistRow, HistoryRow
from .wording import COUNTING, decibels, duration

LEAST_SPAN = 0.5
"""Decibels that an axis of scores shows at the least: what the tables round away would fill it otherwise. Single scores
had standard errors of 0.7 and 1.1 dB in two studies of about 100 × 100 pixels: less is nothing to look at."""


def score_against_seconds(rows: Sequence[CandidateRow], finalists: Sequence[FinalistRow] = ()) -> go.Figure:
    """Each candidate's score against the time of its fit; known networks, finalists and the best marked."""
    figure = frame(x="seconds of fitting", y="estimated PSNR (dB)", from_zero=True)
    groups = (
        ("searched", ("complete",), False, {"color": BLUE, "size": 9}),
        ("resting", ("resting",), False, {"color": STATE_COLOURS["resting"], "size": 9}),
        ("known networks", COUNTING, True, {"color": ORANGE, "size": 13, "symbol": "diamond"}),
        ("pruned", ("pruned",), None, {"color": GREY, "size": 7, "symbol": "x-thin-open"}),
    )
    for name, states, known, marker in groups:
        chosen = [row for row in rows if row.state in states and known in (None, row.known)]
        chosen = [row for row in chosen if row.counts or row.state == "pruned"]
        _points(figure, chosen, y=[row.estimated_psnr for row in chosen], name=name, marker=marker)
    of = {row.number: row for row in rows}
    scores: dict[int, float | None] = {row.number: row.estimated_psnr for row in finalists}
    bars: list[float | None] = []
    if len(finalists) > 1:
        again = ", scored again"
        if (
            finalists[0].split == "first"
        ):  # the score that selected them, which is drawn as it stands in the table
            again = ""
            scores |= {n: of[n].estimated_psnr for n in scores if n in of}
        figure.add_scatter(
            x=[of[row.number].seconds if row.number in of else None for row in finalists],
            y=[scores[row.number] for row in finalists],
            error_y={"array": [row.standard_error or 0.0 for row in finalists], "color": PINK},
            customdata=[row.number for row in finalists],
            mode="markers",
            name=f"finalists{again} (± standard error of the difference)",
            marker={"color": PINK, "size": 9, "symbol": "square"},
            hoverinfo="y",
        )
        errors = [(scores[row.number] or 0.0, row.standard_error or 0.0) for row in finalists]
        bars = [score + sign * error for score, error in errors for sign in (-1, 1)]
    _ring(figure, rows, [row.estimated_psnr for row in rows])
    _span(figure, [*(row.estimated_psnr for row in rows), *bars])
    return figure


def psnr_against_seconds(
    rows: Sequence[CandidateRow], result: Mapping[str, object] | None = None
) -> go.Figure:
    """Each candidate's PSNR against the time of its fit, with similar patches alone and what was delivered."""
    figure = frame(x="seconds", y="PSNR against the reference (dB)")
    for name, known, marker in (
        ("searched", False, {"color": BLUE, "size": 9}),
        ("known networks", True, {"color": ORANGE, "size": 13, "symbol": "diamond"}),
    ):
        chosen = [row for row in rows if row.counts and row.known == known]
        _points(figure, chosen, y=[row.psnr for row in chosen], name=name, marker=marker)
    for name, seconds, psnr, symbol in _marks(result or {}):
        figure.add_scatter(
            x=[seconds],
            y=[psnr],
            mode="markers+text",
            name=escape(name),
            text=[escape(name)],
            textposition="top left" if name == "delivered" else "top right",
            marker={"color": GREEN, "size": 14, "symbol": symbol},
            hovertemplate=f"{escape(name)}: {decibels(psnr)} after {duration(seconds)}<extra></extra>",
            showlegend=False,
            cliponaxis=False,
        )
    _ring(figure, rows, [row.psnr for row in rows])
    _span(figure, [row.psnr for row in rows if row.counts] + [psnr for _, _, psnr, _ in _marks(result or {})])
    return figure


def history(rows: Sequence[HistoryRow]) -> go.Figure:
    """The candidates over the time of the study, and the best so far."""
    figure = frame(x="seconds since the search began", y="estimated PSNR (dB)", from_zero=True)
    figure.add_scatter(
        x=[row.at for row in rows],
        y=[row.estimated_psnr for row in rows],
        customdata=[row.number for row in rows],
        mode="markers",
        name="candidate",
        marker={"color": BLUE, "size": 8},
        text=[
            f"candidate {row.number}: {decibels(row.estimated_psnr)} at {duration(row.at)}" for row in rows
        ],
        hoverinfo="text",
    )
    figure.add_scatter(
        x=[row.at for row in rows],
        y=[row.best for row in rows],
        mode="lines",
        name="best so far",
        line={"color": GREEN, "width": 2, "shape": "hv"},
        hoverinfo="skip",
    )
    _span(figure, [row.estimated_psnr for row in rows])
    return figure


def anytime(
    rows: Sequence[AnytimeRow], *, expectation: Sequence[tuple[float, float]] = (), bar: float | None = None
) -> go.Figure:
    """The best so far over the time of a search, with and without what the search itself made.

    Args:
        rows: of the study.
        expectation: seconds and dB that such searches came to elsewhere.
        bar: estimated PSNR in dB of the first answer.
    """
    figure = frame(x="seconds since the search began", y="estimated PSNR, best so far (dB)", from_zero=True)
    lines = [
        ("all candidates", [(row.at, row.best) for row in rows], GREEN, "solid"),
        (
            "known networks alone",
            [(row.at, row.known) for row in rows if row.known is not None],
            ORANGE,
            "solid",
        ),
        (EXPECTED, list(expectation), GREY, "dash"),
    ]
    for name, points, colour, dash in lines:
        if points:
            figure.add_scatter(
                x=[at for at, _ in points],
                y=[value for _, value in points],
                mode="lines",
                name=name,
                line={"color": colour, "width": 2, "shape": "hv", "dash": dash},
                hovertemplate=f"{name}: %{{y:.2f}} dB at %{{x:.0f}} s<extra></extra>",
            )
    if bar is not None:
        figure.add_hline(y=bar, line={"color": GREY, "dash": "dot"}, annotation_text="first answer")
    values = [row.best for row in rows] + [row.known for row in rows] + [value for _, value in expectation]
    _span(figure, [*values, bar])
    return figure


def score_against_psnr(rows: Sequence[CandidateRow]) -> go.Figure:
    """The score, made without a reference, against the PSNR that the reference gives."""
    chosen = [row for row in rows if row.counts and row.estimated_psnr is not None and row.psnr is not None]
    figure = frame(x="estimated PSNR (dB)", y="PSNR against the reference (dB)")
    across, marker = [row.estimated_psnr for row in chosen], {"color": BLUE, "size": 9}
    _points(figure, chosen, x=across, y=[row.psnr for row in chosen], name="candidate", marker=marker)
    figure.update_traces(showlegend=False)
    _ring(figure, chosen, [row.psnr for row in chosen], x=across)
    return figure


def hover(row: CandidateRow) -> str:
    """What a candidate's mark says; HTML, escaped."""
    lines = [
        f"candidate {row.number}: {decibels(row.estimated_psnr)}",
        row.shape,
        row.origin,
        row.remark[:200],
    ]
    if row.psnr is not None:
        lines.insert(1, f"{decibels(row.psnr)} against the reference")
    return "<br>".join(escape(line) for line in lines if line)


def _points(
    figure: go.Figure,
    rows: Sequence[CandidateRow],
    *,
    x: Sequence[float | None] | None = None,
    y: Sequence[float | None],
    name: str,
    marker: dict[str, object],
) -> None:
    """Marks of those that have a place, by default over the seconds of their fits."""
    across = [row.seconds for row in rows] if x is None else x
    kept = [each for each in zip(rows, across, y, strict=True) if None not in each[1:]]
    if kept:
        figure.add_scatter(
            x=[right for _, right, _ in kept],
            y=[up for _, _, up in kept],
            customdata=[row.number for row, _, _ in kept],
            mode="markers",
            name=name,
            marker=marker,
            text=[hover(row) for row, _, _ in kept],
            hoverinfo="text",
        )


def _span(figure: go.Figure, values: Sequence[float | None]) -> None:
    """Show ``LEAST_SPAN`` decibels where the values lie closer together."""
    found = [value for value in values if value is not None]
    if found and max(found) - min(found) < LEAST_SPAN:
        middle = (max(found) + min(found)) / 2
        figure.update_yaxes(range=[middle - LEAST_SPAN / 2, middle + LEAST_SPAN / 2])


def _ring(
    figure: go.Figure,
    rows: Sequence[CandidateRow],
    y: Sequence[float | None],
    *,
    x: Sequence[float | None] | None = None,
) -> None:
    """Rings around the best candidate by the score and the chosen one, when they have a place in the figure."""
    across = [row.seconds for row in rows] if x is None else x
    for row, right, up in zip(rows, across, y, strict=True):
        names = {"best by the score": row.rank == 1, "chosen": row.chosen and row.rank != 1}
        for name, colour in (("best by the score", GREEN), ("chosen", ORANGE)):
            if names[name] and right is not None and up is not None:
                figure.add_scatter(
                    x=[right],
                    y=[up],
                    mode="markers",
                    name=name,
                    marker={"color": colour, "size": 19, "symbol": "circle-open", "line": {"width": 2.5}},
                    hoverinfo="skip",
                )


def _marks(result: Mapping[str, object]) -> list[tuple[str, float, float, str]]:
    marks: list[tuple[str, float, float, str]] = []
    baselines = result.get("baselines")
    for name, values in baselines.items() if isinstance(baselines, Mapping) else ():
        if values.get("psnr") is not None:
            marks.append((str(name), float(values.get("seconds") or 0.0), float(values["psnr"]), "square"))
    delivered, seconds = result.get("delivered_psnr"), result.get("seconds")
    if isinstance(delivered, int | float) and isinstance(seconds, int | float):
        marks.append(("delivered", float(seconds), float(delivered), "star"))
    return marks
