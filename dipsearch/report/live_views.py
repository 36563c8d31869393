"""What the live pages show: a study's record as the components of Dash, and the list of studies.

The figures are those of the static page. They keep zoom and selection while new data come in, since only
their data are exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import plotly.graph_objects as go
from dash import dcc, html

from ..run import StudyRecord
from ..visible import visible
from . import curve_figures, descent_figures, figures, lineage, tables
from .curves import curve_rows
from .diagram import diagram
from .headline import headline
from .pictures import pictures_of
from .studies import Pulse, StudyRow
from .style import CONFIG, frame
from .tables import CandidateRow
from .timeline import because, spans
from .wording import decibels, duration

FIGURES = ("history", "curves", "cost", "tree", "timeline")
_TITLES = {
    "history": "Best score so far",
    "curves": "Every fit, and where it was stopped",
    "cost": "Score against the time of a fit",
    "tree": "Family tree",
    "timeline": "Who works when",
}
_CONFIG: Any = CONFIG
_TOP = 40  # curves: a browser that redraws them every few seconds has to keep up
_FAMILY = 200  # candidates in the family tree, besides the ancestors of the best: what changed is told at every edge


def study_list(rows: tuple[StudyRow, ...]) -> Any:
    """All studies as a table of links."""
    if not rows:
        return html.Div("There is no study here yet.", className="gap")
    body = [
        html.Tr(
            [
                html.Td(html.A(visible(row.name), href=f"/study/{quote(row.name)}"), className="cell-study"),
                html.Td(html.Span(row.state, className=f"badge {row.state.split()[0]}")),
                html.Td(row.task, className="cell-task"),
                html.Td(decibels(row.delivered_psnr), className="number"),
                html.Td(row.remark),
            ]
        )
        for row in rows
    ]
    return _table(("study", "state", "task", "delivered PSNR", ""), body, label="studies")


def study_page(name: str) -> list[Any]:
    """The fixed part of a study's live page; the rest is filled in at every tick."""
    plots = [
        html.Section(
            [
                html.H2(_TITLES[key]),
                dcc.Graph(id=f"live-{key}", config=_CONFIG, figure=frame(x="", y=""), className="plot"),
            ]
        )
        for key in FIGURES
    ]
    return [
        html.Header(
            [
                html.P(html.A("all studies", href="/")),
                html.H1(visible(name)),
                html.Div(id="live-head", children="reading …"),
            ]
        ),
        dcc.Store(id="live-chosen"),
        dcc.Store(id="live-begun"),
        html.Section(id="live-pictures"),
        html.Section([html.H2("Workers"), html.Div(id="live-workers")]),
        *plots[:1],
        html.Section([html.H2("Chosen candidate"), html.Div(id="live-candidate")]),
        *plots[1:],
        html.Section([html.H2("Candidates"), html.Div(id="live-candidates")]),
        html.Section(id="live-losses"),
    ]


def head(record: StudyRecord, now: Pulse) -> Any:
    """The sentence and the large numbers."""
    said = headline(record)
    facts = [(fact.value, fact.label, fact.remark) for fact in said.facts]
    if now.state == "running":
        left = "no time limit" if now.seconds_left is None else f"{duration(now.seconds_left)} left"
        facts.append((duration(now.seconds), "so far", left))
    items = [html.Li([html.B(value), html.Span(label), html.Small(remark)]) for value, label, remark in facts]
    state = html.Li([html.B(now.state), html.Span(tables.state_words(record))], className="state")
    missing = [html.P(visible(sentence), className="caution") for sentence in record.missing]
    return [
        html.P(visible(said.sentence), className="sentence"),
        html.Ul([*items, state], className="facts"),
        *missing,
    ]


def pictures(record: StudyRecord) -> list[Any]:
    """The layers of every picture, side by side."""
    shown: list[Any] = []
    for case in pictures_of(record):
        layers = [layer for layer in case.pictures if layer.full is None]
        figures_of = [
            html.Figure(
                [
                    html.Img(src=layer.uri, alt=layer.title)
                    if layer.uri
                    else html.Div(visible(layer.caption), className="gap"),
                    html.Figcaption([html.B(layer.title), f" {layer.caption}" if layer.uri else ""]),
                ]
            )
            for layer in layers
        ]
        shown += [html.H2(case.name), html.Div(figures_of, className="panes still")]
    return shown


def workers(now: Pulse) -> Any:
    """Who is advanced: each worker's newest slice, or its fit where no slices were logged."""
    if not now.working:
        return html.P(
            "Nobody is at work." if now.state != "running" else "Between two candidates.", className="lead"
        )
    if now.working[0].slices:
        return _slices(now)
    body = [
        html.Tr(
            [
                html.Td("?" if span.worker is None else str(span.worker)),
                html.Td(f"candidate {span.number}"),
                html.Td(duration(span.end - span.start), className="number"),
            ]
        )
        for span in now.working
    ]
    return _table(("worker", "fits", "for"), body, label="workers")


def _slices(now: Pulse) -> Any:
    body = [
        html.Tr(
            [
                html.Td("?" if span.worker is None else str(span.worker)),
                html.Td(f"candidate {span.number}"),
                html.Td(f"{span.before} to {span.after}", className="number"),
                html.Td(decibels(span.estimated_psnr), className="number"),
                html.Td(because(span.why)),
                html.Td(duration(span.end - span.start), className="number"),
                html.Td(f"{duration(now.seconds - span.end)} ago", className="number"),
            ]
        )
        for span in now.working
    ]
    headings = ("worker", "advanced", "iterations", "score", "why", "took", "ended")
    return _table(headings, body, label="the newest slice of every worker")


def drawn(record: StudyRecord, rows: Sequence[CandidateRow], *, now: float | None) -> dict[str, go.Figure]:
    """The figures of a study by name."""
    line = lineage.ancestry(record)
    family = {*line, *(row.number for row in rows[:_FAMILY])}
    nodes = [node for node in lineage.nodes(record) if node.number in family]
    return {
        "history": figures.history(tables.history_rows(record)),
        "curves": curve_figures.curves(curve_rows(record, top=_TOP)),
        "cost": figures.score_against_seconds(rows, tables.finalist_rows(record)),
        "tree": descent_figures.family_tree(nodes, lineage.edges(record, among=family)),
        "timeline": timeline(record, now=now),
    }


def timeline(record: StudyRecord, *, now: float | None) -> go.Figure:
    """Who works when, until ``now`` (Unix seconds)."""
    return descent_figures.timeline(spans(record, now=now))


def candidates(rows: Sequence[CandidateRow], *, most: int = 50) -> Any:
    """The best candidates as a table."""
    if not rows:
        return html.Div("no candidate has been started", className="gap")
    headings, cells = tables.candidate_cells(rows[:most])
    names = ["number" if heading in tables.NUMERIC else f"cell-{heading}" for heading in headings]
    body = [
        html.Tr([html.Td(cell, className=name) for cell, name in zip(line, names, strict=True)])
        for line in cells
    ]
    return _table(headings, body, label="candidates")


def losses(record: StudyRecord) -> list[Any]:
    """What failed or was given up, and why."""
    rows = tables.reason_rows(record)
    if not rows:
        return []
    body = [
        html.Tr(
            [
                html.Td(row.state, className=row.state),
                html.Td(row.reason),
                html.Td(str(len(row.numbers)), className="number"),
            ]
        )
        for row in rows
    ]
    return [
        html.H2("What was given up, and why"),
        _table(("state", "reason", "how many"), body, label="failed and pruned candidates"),
    ]


def candidate(record: StudyRecord, rows: Sequence[CandidateRow], number: int | None) -> Any:
    """One candidate: its drawing and what is known; the winner when none was clicked."""
    winner = record.winner()
    wanted = number if number is not None else (winner.number if winner else None)
    row = next((row for row in rows if row.number == wanted), None)
    if row is None:
        return html.P("No candidate is complete yet.", className="lead")
    genome = next(e.genome for e in record.trials if e.number == row.number)
    name = f"Candidate {row.number}" if number is not None else f"The best so far, candidate {row.number}"
    words = f"{name}, {row.state}: {decibels(row.estimated_psnr)}; {row.shape}. {row.remark}"
    parts: list[Any] = [html.P(words, className="lead")]
    if genome is not None:
        # As an image the drawing cannot run anything; it brings its own colours along.
        parts.append(html.Img(src=_as_image(diagram(genome)), alt=row.shape, className="drawing"))
    return parts


def _as_image(svg: str) -> str:
    from base64 import b64encode

    style = (
        "<style>text{fill:#7d8892;font:12px sans-serif}.inside,.end,.note{text-anchor:middle}.inside{fill:#111}"
        ".down{fill:#8dbfe6}.up{fill:#7fcfb2}rect.skip{fill:#ecc27c}.flow,line.skip{stroke:#7d8892;fill:none}"
        "line.skip{stroke-dasharray:4 3}.tip{fill:#7d8892}</style>"
    )
    whole = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(
        "<title>", style + "<title>", 1
    )
    return "data:image/svg+xml;base64," + b64encode(whole.encode()).decode()


def _table(headings: tuple[str, ...], body: list[Any], *, label: str) -> Any:
    numeric = tables.NUMERIC | {"delivered PSNR", "how many", "for", "iterations", "took", "ended"}
    top = html.Thead(
        html.Tr([html.Th(heading, className="number" if heading in numeric else "") for heading in headings])
    )
    return html.Div(
        html.Table([top, html.Tbody(body)]),
        className="wide",
        tabIndex="0",
        role="region",
        title=label,
    )
