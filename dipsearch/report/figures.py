"""Rows of a study drawn with Plotly: what is drawn is decided in ``tables``, here it gets axes and marks.

Colours of text and grid are left to the page, which knows whether it is light or dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from .curves import CurveRow
from .tables import CandidateRow, HistoryRow
from .wording import decibels, duration

CONFIG = {"showSendToCloud": False, "displaylogo": False, "responsive": True}
"""For every figure: nothing is offered for upload, and no logo is shown."""

_BLUE, _ORANGE, _GREEN, _GREY = "#3b82c4", "#e08a1e", "#2f9e6e", "#8a9199"
_SERIES = (_BLUE, _ORANGE, _GREEN, "#b45bb0", "#c9504e")


def score_against_seconds(rows: Sequence[CandidateRow]) -> go.Figure:
    """Each candidate's score against the time of its fit; published networks and the best are marked."""
    figure = _figure(x="seconds of fitting", y="estimated PSNR (dB)")
    groups = (
        ("searched", "complete", False, {"color": _BLUE, "size": 9}),
        ("published networks", "complete", True, {"color": _ORANGE, "size": 12, "symbol": "diamond"}),
        ("pruned", "pruned", None, {"color": _GREY, "size": 7, "symbol": "x-thin-open"}),
    )
    for name, state, published, marker in groups:
        chosen = [
            row
            for row in rows
            if row.state == state and row.score is not None and row.seconds is not None
            if published is None or row.published == published
        ]
        if chosen:
            figure.add_scatter(
                x=[row.seconds for row in chosen],
                y=[row.score for row in chosen],
                mode="markers",
                name=name,
                marker=marker,
                text=[_hover(row) for row in chosen],
                hoverinfo="text",
            )
    best = next((row for row in rows if row.rank == 1 and row.seconds is not None), None)
    if best is not None:
        figure.add_scatter(
            x=[best.seconds],
            y=[best.score],
            mode="markers",
            name="best",
            marker={"color": _GREEN, "size": 18, "symbol": "circle-open", "line": {"width": 2}},
            hoverinfo="skip",
        )
    return figure


def history(rows: Sequence[HistoryRow]) -> go.Figure:
    """The candidates over the time of the study, and the best so far."""
    figure = _figure(x="seconds since the search began", y="estimated PSNR (dB)")
    figure.add_scatter(
        x=[row.at for row in rows],
        y=[row.score for row in rows],
        mode="markers",
        name="candidate",
        marker={"color": _BLUE, "size": 8},
        text=[f"candidate {row.number}: {decibels(row.score)} at {duration(row.at)}" for row in rows],
        hoverinfo="text",
    )
    figure.add_scatter(
        x=[row.at for row in rows],
        y=[row.best for row in rows],
        mode="lines",
        name="best so far",
        line={"color": _GREEN, "width": 2, "shape": "hv"},
        hoverinfo="skip",
    )
    return figure


def curves(rows: Sequence[CurveRow]) -> go.Figure:
    """The course of several fits: estimated PSNR against the iteration, with the stop marked on each."""
    figure = _figure(x="iteration", y="PSNR (dB)")
    for row, colour in zip(rows, _SERIES * (len(rows) // len(_SERIES) + 1), strict=False):
        label = escape(row.label)
        figure.add_scatter(
            x=list(row.step),
            y=list(row.score),
            mode="lines",
            name=label,
            line={"color": colour},
            legendgroup=label,
        )
        if row.course is not None:
            figure.add_scatter(
                x=list(row.course.step),
                y=list(row.course.psnr),
                mode="lines",
                name=f"{label}, against the reference",
                line={"color": colour, "dash": "dot"},
                legendgroup=label,
            )
        figure.add_scatter(
            x=[row.stop],
            y=[row.at_stop],
            mode="markers",
            name="stopped here",
            marker={"color": colour, "size": 12, "symbol": "circle-open", "line": {"width": 2}},
            text=[f"stopped at iteration {row.stop}: {decibels(row.at_stop)}"],
            hoverinfo="text",
            legendgroup=label,
            showlegend=False,
        )
    return figure


def score_against_psnr(rows: Sequence[CandidateRow]) -> go.Figure:
    """The score, made without a reference, against the PSNR that the reference gives."""
    chosen = [
        row for row in rows if row.state == "complete" and row.score is not None and row.psnr is not None
    ]
    figure = _figure(x="estimated PSNR (dB)", y="PSNR against the reference (dB)")
    figure.add_scatter(
        x=[row.score for row in chosen],
        y=[row.psnr for row in chosen],
        mode="markers",
        name="candidate",
        marker={"color": _BLUE, "size": 9},
        text=[_hover(row) for row in chosen],
        hoverinfo="text",
        showlegend=False,
    )
    return figure


def _hover(row: CandidateRow) -> str:
    lines = [f"candidate {row.number}: {decibels(row.score)}", row.shape, row.origin, row.remark]
    if row.psnr is not None:
        lines.insert(1, f"{decibels(row.psnr)} against the reference")
    return "<br>".join(escape(line) for line in lines if line)


def _figure(*, x: str, y: str) -> go.Figure:
    return go.Figure(
        layout={
            "template": "none",
            "height": 380,
            "margin": {"l": 60, "r": 16, "t": 16, "b": 48},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": {"title": {"text": x}, "zeroline": False},
            "yaxis": {"title": {"text": y}, "zeroline": False},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "hovermode": "closest",
        }
    )
