"""A study as one HTML file that needs nothing else: no network, no other file, no server.

``tables`` and ``curves`` say what is true; ``figures``, ``diagram`` and ``pictures`` draw it; ``markup``
escapes it; here it is put in order. A page can be written at any time: of a study that is empty, running,
failed or finished. What is not there yet leaves a gap that names it.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path

import yaml
from plotly.offline import get_plotlyjs

from .. import __version__
from ..files import write_text
from ..search import StudyRecord
from . import figures, tables
from .anatomy import cost_rows, gene_rows
from .curves import Stopping, curve_rows, stopping
from .diagram import diagram
from .markup import Markup, definitions, gap, picture, plot, section, table
from .outcome import result_rows, task_words
from .pictures import CasePictures, pictures_of
from .wording import decibels, plural

# Nothing may be fetched from anywhere; scripts and styles are those that stand in the page.
_POLICY = "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


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
    body = "".join(
        (
            _header(record),
            *(_pictures(case) for case in pictures_of(record)),
            _outcome(record),
            _winner(record),
            _fits(record),
            _search(record),
            _candidates(record),
            _again(record),
            _missing(record),
        )
    )
    style, script = (files(__package__).joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(record.request.name)} · dipsearch</title>"
        f"<style>{style}</style></head>\n<body>{body}"
        f"<footer>dipsearch {__version__}. This page stands alone and loads nothing.</footer>\n"
        f"<script>{get_plotlyjs()}</script>\n<script>{script}</script></body></html>\n"
    )


def _header(record: StudyRecord) -> str:
    words = tables.state_words(record)
    unfinished = "" if record.result else " This study has not delivered a result yet."
    task = task_words(record.request.options.task)
    lead = escape(f"{task}; {words}.{unfinished}")
    return f"<header><h1>{escape(record.request.name)}</h1><p>{lead}</p></header>"


def _pictures(case: CasePictures) -> str:
    shown = "".join(picture(each) for each in case.pictures)
    return section(case.name, Markup(f'<div class="pictures">{shown}</div>'), lead=". ".join(case.notes))


def _outcome(record: StudyRecord) -> str:
    if record.result is None:
        return ""
    return section("What came out", definitions(result_rows(record.result)))


def _winner(record: StudyRecord) -> str:
    best = record.ranked()
    if not best or best[0].genome is None:
        return section("The network", gap("no candidate is complete yet"))
    genome = best[0].genome
    shape = (record.result or {}).get("shape")
    cost = cost_rows(genome, shape) if shape else ()
    return section(
        "The network",
        Markup(diagram(genome)),
        definitions((*cost, *gene_rows(genome))),
        lead=f"Candidate {best[0].number}, the best of {plural(len(best), 'complete candidate')}: "
        f"{genome.label}. Channels · kernel, full resolution on top.",
    )


def _fits(record: StudyRecord) -> str:
    rows = curve_rows(record)
    if not rows:
        return ""
    return section(
        "How the fits went, and where they were stopped",
        plot("curves", figures.curves(rows)),
        lead=_fits_lead(stopping(record)),
    )


def _fits_lead(loss: Stopping | None) -> str:
    lead = "The score comes from measurements that the network was not fitted to. A circle marks the stop."
    if loss is None:
        return lead
    return (
        f"{lead} Compared with the reference, stopping cost {decibels(loss.mean)} on average and "
        f"{decibels(loss.worst)} at most, over {plural(loss.candidates, 'candidate')}."
    )


def _search(record: StudyRecord) -> str:
    rows = tables.candidate_rows(record)
    if not any(row.state == "complete" for row in rows):
        return ""
    parts = [
        Markup("<h3>Score against the time of a fit</h3>"),
        plot("cost", figures.score_against_seconds(rows)),
        Markup("<h3>Over the time of the search</h3>"),
        plot("history", figures.history(tables.history_rows(record))),
    ]
    if (agreement := tables.agreement(record)) is not None:
        words = f"Kendall's τ is {agreement.kendall:.2f} over {plural(agreement.candidates, 'candidate')}."
        parts += [
            Markup("<h3>Does the score rank as the reference does?</h3>"),
            Markup(f'<p class="lead">{escape(words)} The search never saw the reference.</p>'),
            plot("agreement", figures.score_against_psnr(rows)),
        ]
    return section("How the search went", *parts)


def _candidates(record: StudyRecord) -> str:
    rows = tables.candidate_rows(record)
    if not rows:
        return section("Candidates", gap("no candidate has been started"))
    headings, cells = tables.candidate_cells(rows)
    numeric = [index for index, heading in enumerate(headings) if heading in tables.NUMERIC]
    lead = "Best first, by the score, which is made without a reference."
    return section("Candidates", table(headings, cells, numeric=numeric), lead=lead)


def _again(record: StudyRecord) -> str:
    commands = f"dipsearch restore {record.folder} IMAGE --task {record.request.options.task}"
    request = yaml.safe_dump(record.request.to_dict(), sort_keys=False, allow_unicode=True)
    return section(
        "Use it again",
        Markup(f"<pre>{escape(commands)}</pre><h3>What was asked</h3><pre>{escape(request)}</pre>"),
        lead="The same network on another picture; every fit still stops by itself.",
    )


def _missing(record: StudyRecord) -> str:
    if not record.missing:
        return ""
    return section("What could not be read", *(gap(sentence) for sentence in record.missing))
