"""Several studies on one page: the same kind of file as a study's own page, with nothing but the comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go

from ..errors import InputError
from ..files import write_text
from ..run import StudyRecord
from .comparison import Band, bands, cautions, compared_rows, groups
from .pictures import delivered_picture
from .style import SERIES, frame
from .templates import render_template
from .wording import NOTHING, decibels, plural

NAME = "comparison.html"
_PICTURES = 12


def write_comparison(records: Sequence[StudyRecord], *, to: Path | None = None) -> Path:
    """Write the page that compares studies, whole or not at all, and return its path.

    Args:
        records: two studies or more.
        to: the file; ``None``: ``comparison.html`` beside the folder of the first study.

    Raises:
        InputError: fewer than two studies.
        ResourceError: the file cannot be written.
    """
    path = records[0].folder.parent / NAME if to is None and records else to
    text = render_comparison(records)
    assert path is not None
    write_text(path, text)
    return path


def render_comparison(records: Sequence[StudyRecord]) -> str:
    """The comparison of studies as HTML.

    Raises:
        InputError: fewer than two studies.
    """
    if len(records) < 2:
        raise InputError("there is nothing to compare", "a comparison needs two studies", "name another one")
    grouped = groups(records)
    score, psnr = bands(grouped), bands(grouped, value="psnr")
    values = {
        "title": f"{len(records)} studies compared",
        "groups": plural(len(grouped), "group"),
        "cautions": cautions(records),
        "pictures": [shown for record in records[:_PICTURES] if (shown := delivered_picture(record))],
        "score": band_figure(score, y="best estimated PSNR so far (dB)") if score else None,
        "psnr": band_figure(psnr, y="its PSNR against the reference (dB)") if psnr else None,
        "ends": [
            (
                band.label,
                len(band.studies),
                decibels(band.median[-1]),
                decibels(band.low[-1]) if len(band.studies) > 1 else NOTHING,
                decibels(band.high[-1]) if len(band.studies) > 1 else NOTHING,
                f"{band.at[-1]:.0f} s",
            )
            for band in score
        ],
        "rows": compared_rows(grouped),
    }
    return render_template("comparison.html", values, scripts=("plots.js",))


def band_figure(found: Sequence[Band], *, y: str) -> go.Figure:
    """Each group's median as a line over its quartiles, with a mark at its end."""
    figure = frame(x="seconds since the search began", y=y, height=460, from_zero=True)
    for index, band in enumerate(found):
        colour = SERIES[index % len(SERIES)]
        dash = ("solid", "dash", "dot")[index // len(SERIES) % 3]
        if len(band.studies) > 1:
            figure.add_scatter(
                x=[*band.at, *reversed(band.at)],
                y=[*band.high, *reversed(band.low)],
                fill="toself",
                fillcolor=colour,
                opacity=0.18,
                line={"width": 0, "shape": "linear"},
                hoverinfo="skip",
                showlegend=False,
                legendgroup=band.label,
            )
        figure.add_scatter(
            x=list(band.at),
            y=list(band.median),
            mode="lines",
            line={"color": colour, "width": 2.5, "shape": "hv", "dash": dash},
            name=f"{_escaped(band.label)} ({plural(len(band.studies), 'run')})",
            legendgroup=band.label,
        )
        figure.add_scatter(
            x=[band.at[-1]],
            y=[band.median[-1]],
            mode="markers",
            marker={"color": colour, "size": 9},
            text=[f"{_escaped(band.label)}: {decibels(band.median[-1])} after {band.at[-1]:.0f} s"],
            hoverinfo="text",
            showlegend=False,
            legendgroup=band.label,
        )
    return figure


def _escaped(words: str) -> str:
    # Plotly reads a little HTML in names.
    return words.replace("&", "&amp;").replace("<", "&lt;")
