"""How a study got to its winner, drawn with Plotly: the family tree, the genes that mattered, the workers' time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from ..delivery.search_gain import KNOWN
from .genes import ImportanceRow, Parallel
from .lineage import Edge, Node, change_words
from .style import BLUE, GREEN, GREY, ORANGE, STATE_COLOURS, frame
from .timeline import Span, because
from .wording import clause, decibels, duration, plural

_SYMBOLS = {KNOWN: "diamond", "random": "square"}
_PAPER = "rgba(128, 128, 128, 0.01)"  # behind words on lines; the style sheet gives it the colour of the page
_CHANGES = 8  # that are told at an edge of the family tree
_SHADES = 5  # groups of lines in the parallel coordinates: a trace each, not one for every candidate


def family_tree(nodes: Sequence[Node], edges: Sequence[Edge]) -> go.Figure:
    """Candidates by number and score, each joined to its parents; the winner's ancestors stand out.

    The middle of every edge says which genes changed.
    """
    figure = frame(x="candidate, in the order of proposal", y="estimated PSNR (dB)", height=460)
    place = {n.number: n for n in nodes if n.estimated_psnr is not None}
    drawn = [edge for edge in edges if edge.parent in place and edge.child in place]
    ours = [edge for edge in drawn if place[edge.parent].chosen and place[edge.child].chosen]
    others = [edge for edge in drawn if not (place[edge.parent].chosen and place[edge.child].chosen)]
    for group, name, line in (
        (others, "descent", {"color": GREY, "width": 0.8}),
        (ours, "descent of the winner", {"color": GREEN, "width": 2.5}),
    ):
        if group:
            _add_edges(figure, group, place, name=name, line=line)
    for state in ("complete", "resting", "pruned"):
        chosen = [n for n in place.values() if n.state == state]
        if chosen:
            figure.add_scatter(
                x=[n.number for n in chosen],
                y=[n.estimated_psnr for n in chosen],
                customdata=[n.number for n in chosen],
                mode="markers",
                name=state,
                marker={
                    "color": STATE_COLOURS[state],
                    "size": [12 if n.chosen else 8 for n in chosen],
                    "symbol": [_SYMBOLS.get(n.operator, "circle") for n in chosen],
                    "line": {"width": [2 if n.chosen else 0 for n in chosen], "color": GREEN},
                },
                text=[
                    f"candidate {n.number}: {decibels(n.estimated_psnr)}<br>"
                    f"{escape(n.operator)}, generation {n.generation}"
                    for n in chosen
                ],
                hoverinfo="text",
            )
    return figure


def importances(rows: Sequence[ImportanceRow]) -> go.Figure:
    """How much each gene mattered, most important on top."""
    figure = frame(x="importance", y="", height=60 + 26 * max(3, len(rows)))
    upwards = list(reversed(rows))
    figure.add_bar(
        x=[row.importance for row in upwards],
        y=[escape(row.gene.replace("_", " ")) for row in upwards],
        orientation="h",
        marker={"color": BLUE},
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )
    return figure


def parallel_coordinates(lines: Parallel) -> go.Figure:
    """Candidates as lines through their genes; better ones are drawn later, thicker and darker.

    Plotly's own trace for this draws with WebGL and makes code out of text, which the page's policy forbids.
    """
    figure = frame(x="", y="", height=440)
    count, last = len(lines.numbers), len(lines.axes)
    order = sorted(range(count), key=lambda index: lines.estimated_psnrs[index])
    low, high = min(lines.estimated_psnrs), max(lines.estimated_psnrs)
    groups = min(_SHADES, count)
    for group in range(groups):
        members = order[group * count // groups : (group + 1) * count // groups]
        share = (group + 1) / groups
        figure.add_scatter(**_line_group(lines, members, low=low, high=high, share=share))
    for index in range(last + 1):
        figure.add_shape(
            type="line", x0=index, x1=index, y0=0, y1=1, line={"color": GREY, "width": 1}, layer="below"
        )
    for index, axis in enumerate(lines.axes):
        for at, words in axis.ticks[:8]:
            figure.add_annotation(
                x=index,
                y=at,
                text=escape(words),
                showarrow=False,
                xanchor="left",
                xshift=4,
                font={"size": 11},
                bgcolor=_PAPER,
            )
    figure.update_xaxes(
        tickvals=list(range(last + 1)),
        ticktext=[
            *(escape(axis.gene.replace("_", " ")).replace(" ", "<br>", 1) for axis in lines.axes),
            "score",
        ],
        range=[-0.15, last + 0.05],
        showgrid=False,
        side="top",
        tickangle=0,
    )
    figure.update_yaxes(showticklabels=False, showgrid=False, range=[-0.04, 1.04])
    for at, value in ((0, low), (1, high)):
        figure.add_annotation(
            x=last, y=at, text=decibels(value), showarrow=False, xanchor="left", xshift=6, font={"size": 11}
        )
    figure.update_layout(margin={"t": 50, "b": 12, "l": 16, "r": 64}, showlegend=True)
    figure.update_layout(legend={"y": -0.02, "yanchor": "top"})
    return figure


def timeline(spans: Sequence[Span]) -> go.Figure:
    """Each worker's slices as bars over the time of the study, in the colours of their candidates' states."""
    workers = sorted({span.worker for span in spans}, key=lambda worker: -1 if worker is None else worker)
    figure = frame(x="seconds since the search began", y="", height=110 + 44 * max(1, len(workers)))
    for state, colour in STATE_COLOURS.items():
        chosen = [span for span in spans if span.state == state]
        if not chosen:
            continue
        figure.add_bar(
            base=[span.start for span in chosen],
            x=[span.end - span.start for span in chosen],
            y=[_worker(span.worker) for span in chosen],
            customdata=[span.number for span in chosen],
            orientation="h",
            name=state,
            marker={"color": colour, "line": {"width": 0.5, "color": "rgba(255,255,255,.6)"}},
            text=[_span_words(span) for span in chosen],
            textposition="none",
            hoverinfo="text",
        )
    figure.update_layout(barmode="overlay", bargap=0.25)
    return figure


def _worker(number: int | None) -> str:
    return "worker" if number is None else f"worker {number}"


def _span_words(span: Span) -> str:
    """What a bar says; HTML, escaped."""
    took = duration(span.end - span.start)
    if not span.slices:
        return f"candidate {span.number}, {span.state}: {took}"
    others = f"and {plural(span.others, 'other candidate')} meanwhile" if span.others else None
    return clause(
        f"candidate {span.number}",
        f"iterations {span.before} to {span.after}",
        plural(span.slices, "slice") if span.slices > 1 else None,
        escape(because(span.why)),
        f"{decibels(span.estimated_psnr)} afterwards" if span.estimated_psnr is not None else None,
        took,
        others,
    )


def _add_edges(
    figure: go.Figure,
    edges: Sequence[Edge],
    place: dict[int, Node],
    *,
    name: str,
    line: dict[str, object],
) -> None:
    x: list[float | None] = []
    y: list[float | None] = []
    for edge in edges:
        x += [edge.parent, edge.child, None]
        y += [place[edge.parent].estimated_psnr, place[edge.child].estimated_psnr, None]
    figure.add_scatter(x=x, y=y, mode="lines", name=name, line=line, hoverinfo="skip")
    middles = [
        (
            (edge.parent + edge.child) / 2,
            ((place[edge.parent].estimated_psnr or 0) + (place[edge.child].estimated_psnr or 0)) / 2,
        )
        for edge in edges
    ]
    figure.add_scatter(
        x=[x for x, _ in middles],
        y=[y for _, y in middles],
        customdata=[edge.child for edge in edges],
        mode="markers",
        marker={"size": 9, "opacity": 0.01, "color": line["color"]},
        text=[_edge_words(edge) for edge in edges],
        hoverinfo="text",
        showlegend=False,
    )


def _edge_words(edge: Edge) -> str:
    found = change_words(edge.changes)
    words = [escape(change) for change in found[:_CHANGES]]
    if len(found) > _CHANGES:
        words.append(f"and {len(found) - _CHANGES} more")
    return "<br>".join((f"{edge.parent} → {edge.child}", *(words or ["nothing changed"])))


def _line_group(
    lines: Parallel, members: Sequence[int], *, low: float, high: float, share: float
) -> dict[str, object]:
    x: list[float | None] = []
    y: list[float | None] = []
    numbers: list[int | None] = []
    for member in members:
        up = (lines.estimated_psnrs[member] - low) / (high - low) if high > low else 0.5
        points = [*(axis.places[member] for axis in lines.axes), round(up, 4), None]
        x += [*range(len(lines.axes) + 1), None]
        y += points
        numbers += [lines.numbers[member]] * len(points)
    estimates = [lines.estimated_psnrs[member] for member in members]
    best = share == 1
    return {
        "x": x,
        "y": y,
        "customdata": numbers,
        "mode": "lines",
        "name": decibels(estimates[0])
        if len(estimates) == 1
        else f"{min(estimates):.2f} to {max(estimates):.2f} dB",
        "line": {"color": GREEN if best else ORANGE if share < 0.3 else BLUE, "width": 2 if best else 1},
        "opacity": 0.25 + 0.6 * share if len(members) < 80 else 0.1 + 0.35 * share,
        "hoverinfo": "skip" if len(members) > 100 else "name",
    }
