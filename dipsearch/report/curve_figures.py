"""The course of all fits drawn with Plotly: curves, stops, the peaks that were missed, and what other rules would do.

Points carry the numbers of their candidates, so that the page can show the one that was clicked. What is only
shown on demand carries the name of its group as ``meta.shown``.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from .curves import CurveRow
from .style import GREY, SERIES, frame
from .wording import decibels

HIGHLIGHTED = 5
"""Curves that have a colour of their own; the others are thin and grey."""


def curves(rows: Sequence[CurveRow]) -> go.Figure:
    """The course of all fits: the first few coloured with their stops, the others thin, in one trace."""
    figure = frame(x="iteration", y="PSNR (dB)", height=480, from_zero=True)
    first = [row for row in rows if row.counts][:HIGHLIGHTED]
    others = [row for row in rows if row not in first]
    if others:
        figure.add_scatter(**_thin(others))
        figure.add_scatter(**_thin_stops(others))
    for row, colour in zip(first, SERIES, strict=False):
        _add_curve(figure, row, colour)
    return figure


def _thin(rows: Sequence[CurveRow]) -> dict[str, object]:
    """Many curves as one trace with gaps; ``meta`` says where each begins and whose it is."""
    x: list[int | None] = []
    y: list[float | None] = []
    starts = []
    for row in rows:
        starts.append(len(x))
        x += [*row.step, None]
        y += [*row.estimated_psnr, None]
    return {
        "x": x,
        "y": y,
        "mode": "lines",
        "name": "another candidate" if len(rows) == 1 else f"{len(rows)} other candidates",
        "line": {"color": GREY, "width": 0.8},
        "opacity": 0.55,
        "meta": {"starts": starts, "numbers": [row.number for row in rows]},
        "hoverinfo": "none" if len(rows) > 200 else "x+y",
    }


def _thin_stops(rows: Sequence[CurveRow]) -> dict[str, object]:
    return {
        "x": [row.stop for row in rows],
        "y": [row.at_stop for row in rows],
        "customdata": [row.number for row in rows],
        "mode": "markers",
        "name": "their stops",
        "marker": {"color": GREY, "size": 5, "symbol": "circle-open"},
        "text": [f"candidate {row.number}, stopped at {row.stop}: {escape(row.ended[:120])}" for row in rows],
        "hoverinfo": "text",
    }


def _add_curve(figure: go.Figure, row: CurveRow, colour: str) -> None:
    label = escape(row.label)
    shared = {"legendgroup": label, "customdata": [row.number] * len(row.step)}
    figure.add_scatter(
        x=list(row.step),
        y=list(row.estimated_psnr),
        mode="lines",
        name=label,
        line={"color": colour},
        **shared,
    )
    if any(value is not None for value in row.fitted):
        figure.add_scatter(
            x=list(row.step),
            y=list(row.fitted),
            mode="lines",
            name=f"{label}, on what it is fitted to",
            line={"color": colour, "dash": "dash", "width": 1},
            showlegend=False,
            visible=False,
            meta={"shown": "fitted"},
            **shared,
        )
    if row.course is not None:
        _add_course(figure, row, colour, label)
    figure.add_scatter(
        x=[row.stop],
        y=[row.at_stop],
        mode="markers",
        name="stopped here",
        customdata=[row.number],
        marker={"color": colour, "size": 12, "symbol": "circle-open", "line": {"width": 2.5}},
        text=[f"{label} stopped at iteration {row.stop}, {decibels(row.at_stop)}: {escape(row.ended[:200])}"],
        hoverinfo="text",
        legendgroup=label,
        showlegend=False,
    )


def _add_course(figure: go.Figure, row: CurveRow, colour: str, label: str) -> None:
    assert row.course is not None
    step, psnr = row.course.peak
    figure.add_scatter(
        x=list(row.course.step),
        y=list(row.course.psnr),
        mode="lines",
        name=f"{label}, against the reference",
        line={"color": colour, "dash": "dot"},
        legendgroup=label,
        showlegend=False,
        customdata=[row.number] * len(row.course.step),
    )
    figure.add_scatter(
        x=[step],
        y=[psnr],
        mode="markers",
        name="its peak",
        customdata=[row.number],
        marker={"color": colour, "size": 11, "symbol": "triangle-down"},
        text=[f"{label} would have been best at iteration {step}: {decibels(psnr)} against the reference"],
        hoverinfo="text",
        legendgroup=label,
        showlegend=False,
    )
