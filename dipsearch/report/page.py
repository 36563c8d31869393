"""A study as one HTML file that needs nothing else: no network, no other file, no server.

The tables say what is true; figures, drawing and pictures show it; the template escapes it and puts it in
order. Here they are brought together. A page can be written at any time: of a study that is empty, running,
failed or finished. What is not there yet leaves a gap that names it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from ..delivery.answer_words import first_estimate
from ..files import write_text
from ..run import StudyRecord
from ..yaml_files import dump_yaml
from . import curve_figures, descent_figures, figures, lineage, tables
from .anatomy import cost_rows, gene_rows
from .answers_part import answer_tables
from .curves import CurveRow, curve_rows, stopping
from .diagram import diagram
from .dossier import dossiers, packed
from .explanations import (
    PSNR_WORDS,
    agreement_words,
    no_network_words,
    order_words,
    quality_words,
    score_words,
    stop_words,
)
from .genes import importance_rows, parallel
from .headline import headline
from .members import member_rows
from .outcome_part import result_rows
from .pictures import MOST_PICTURES, pictures_of
from .reproduce import restore_command, search_command, version_rows
from .search_gain_part import EXPECTED, anytime_rows, anytime_words, expectation, gain_words
from .templates import render_template
from .timeline import spans
from .wording import plural

SHOWN = 25
"""Rows of the table of candidates that stand open; a button shows the others."""

Figures = dict[str, go.Figure | None]


def write_page(record: StudyRecord, *, to: Path | None = None) -> Path:
    """Write the page of a study, whole or not at all, and return its path.

    Args:
        record: the study.
        to: the file; ``None``: ``report.html`` in the study's folder.

    Raises:
        ResourceError: the file cannot be written.
    """
    path = record.folder / "report.html" if to is None else to
    write_text(path, render(record))
    return path


def render(record: StudyRecord) -> str:
    """The page of a study as HTML."""
    return render_template("page.html", values(record))


def values(record: StudyRecord) -> dict[str, Any]:
    """Everything that the page shows, by the names that its template uses."""
    rows = tables.candidate_rows(record)
    headings, cells = tables.candidate_cells(rows) if rows else ((), ())
    courses = curve_rows(record)
    plots = _plots(record, rows, courses)
    said = headline(record)
    shown: dict[str, Any] = {
        "title": record.request.name,
        "headline": said,
        "states": tables.state_words(record),
        "cases": pictures_of(record),
        "more_pictures": [picture.name for picture in record.pictures[MOST_PICTURES:]],
        "result_rows": result_rows(record.result) if record.result else (),
        "answers": answer_tables(record),
        "filled_in": record.request.options.task == "inpaint",
        "psnr_words": PSNR_WORDS if any("dB" in fact.value for fact in said.facts) else "",
        "finished": record.result is not None,
        "no_network": no_network_words(record),
        "reuse": restore_command(record) if record.ranked() else "",
        "plots": plots,
        "stop_words": stop_words(record, stopping(record, courses)),
        "score_words": score_words(record),
        "quality_words": quality_words(record),
        "gain_words": gain_words(record),
        "anytime_words": _anytime_words(plots["anytime"]),
        "agreement_words": agreement_words(tables.agreement(record)),
        "members": [
            (picture.name, combined)
            for picture in record.pictures
            if len(combined := member_rows(record, picture.name)) > 1
        ],
        "winner": _winner(record),
        "compared": _compared(record),
        "line": _line(record),
        "reasons": tables.reason_rows(record),
        "order_words": order_words(record),
        "headings": headings,
        "rows": cells,
        "numeric": tables.NUMERIC,
        "shown": SHOWN,
        "command": search_command(record.request),
        "again": (("seed", record.request.seed), *version_rows(record), *_plan(record)),
        "request": dump_yaml(record.request.to_dict()),
        "missing": record.missing,
        "dossiers": packed(dossiers(record, rows)),
    }
    return shown | {"contents": _contents(shown)}


def _plots(
    record: StudyRecord, rows: tuple[tables.CandidateRow, ...], courses: tuple[CurveRow, ...]
) -> Figures:
    """The figures for which there is something to draw."""
    counting = any(row.counts and row.estimated_psnr is not None for row in rows)
    measured = any(row.psnr is not None for row in rows if row.counts)
    weights = importance_rows(record)
    lines = parallel(record, [row.gene for row in weights])
    family = lineage.edges(record)
    working = spans(record)
    return {
        "curves": curve_figures.curves(courses) if courses else None,
        "cost": figures.score_against_seconds(rows, tables.finalist_rows(record)) if counting else None,
        "quality": figures.psnr_against_seconds(rows, record.result) if measured else None,
        "agreement": figures.score_against_psnr(rows) if tables.agreement(record) else None,
        "anytime": _anytime(record) if counting else None,
        "history": figures.history(tables.history_rows(record)) if counting else None,
        "tree": descent_figures.family_tree(lineage.nodes(record), family) if family else None,
        "importances": descent_figures.importances(weights) if weights else None,
        "parallel": descent_figures.parallel_coordinates(lines) if lines else None,
        "timeline": descent_figures.timeline(working) if working else None,
    }


def _anytime(record: StudyRecord) -> go.Figure | None:
    """The best so far, where there is more than a point of it."""
    rows = anytime_rows(record)
    if len(rows) < 2:
        return None
    bar = first_estimate(record.result or {})
    elsewhere = () if bar is None else expectation(record, bar=bar)
    return figures.anytime(rows, expectation=elsewhere, bar=bar)


def _anytime_words(figure: go.Figure | None) -> str:
    """What stands above the best so far; empty where it is not drawn."""
    if figure is None:
        return ""
    return anytime_words(expected=any(line.name == EXPECTED for line in figure.data))


def _compared(record: StudyRecord) -> str:
    rests = any(e.state == "resting" and e.counts for e in record.trials)
    return plural(len(record.ranked()), "compared candidate" if rests else "complete candidate")


def _winner(record: StudyRecord) -> dict[str, Any] | None:
    winner = record.winner()
    if winner is None or winner.genome is None:
        return None
    shape = (record.result or {}).get("shape")
    first = winner.number == record.ranked()[0].number
    return {
        "number": winner.number,
        "place": "the best of" if first else "chosen from",
        "label": winner.genome.label,
        "drawing": Markup(diagram(winner.genome)),
        "rows": (*(cost_rows(winner.genome, shape) if shape else ()), *gene_rows(winner.genome)),
    }


def _line(record: StudyRecord) -> list[tuple[int, str, float | None, str]]:
    """The winner's ancestors for people; empty when it has none."""
    line = lineage.descent(record)
    if len(line) < 2:
        return []
    return [
        (e.number, e.operator or "", e.estimated_psnr, ", ".join(lineage.change_words(changes)))
        for e, changes in line
    ]


def _plan(record: StudyRecord) -> list[tuple[str, str]]:
    plan = (record.result or {}).get("plan") or ()
    return [(f"plan: {label}", str(words)) for label, words in plan]


def _contents(shown: dict[str, Any]) -> list[tuple[str, str]]:
    plots = shown["plots"]
    parts = (
        ("pictures", "pictures", True),
        ("outcome", "numbers", shown["result_rows"]),
        ("answers", "the answers", shown["answers"]),
        ("stop", "why it stopped", plots["curves"]),
        ("choice", "why it won", plots["cost"]),
        ("stack", "what was combined", shown["members"]),
        ("network", "the network", True),
        ("way", "how it got there", plots["history"] or plots["tree"]),
        ("losses", "what was given up", shown["reasons"]),
        ("candidates", "candidates", shown["rows"] or not shown["finished"]),
        ("again", "run it again", True),
        ("missing", "what is missing", shown["missing"]),
    )
    return [(anchor, words) for anchor, words, there in parts if there]
