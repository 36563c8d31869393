"""Small pieces of HTML: what comes in is text and goes out escaped; ``Markup`` alone passes as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape

import plotly.graph_objects as go
from plotly.utils import PlotlyJSONEncoder

from .figures import CONFIG
from .pictures import Picture


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> str:
    """``value`` as HTML: escaped, unless it is ``Markup``."""
    return value if isinstance(value, Markup) else escape(str(value))


def section(title: str, *parts: str, lead: str = "") -> Markup:
    """A part of the page: a heading, a sentence that says what is to be seen, and the parts."""
    opening = f'<p class="lead">{text(lead)}</p>' if lead else ""
    return Markup(
        f"<section><h2>{text(title)}</h2>{opening}{''.join(text(part) for part in parts)}</section>"
    )


def gap(words: str) -> Markup:
    """The place of something that is not there; ``words`` name it."""
    return Markup(f'<div class="gap">{text(words)}</div>')


def table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, numeric: Sequence[int] = ()
) -> Markup:
    """A table; the columns in ``numeric`` are set flush right."""
    kinds = ["number" if column in numeric else "word" for column in range(len(headings))]

    def line(tag: str, cells: Sequence[object]) -> str:
        pairs = zip(kinds, cells, strict=True)
        return (
            "<tr>" + "".join(f'<{tag} class="{kind}">{text(cell)}</{tag}>' for kind, cell in pairs) + "</tr>"
        )

    body = "".join(line("td", row) for row in rows)
    return Markup(
        f'<div class="wide"><table><thead>{line("th", headings)}</thead><tbody>{body}</tbody></table></div>'
    )


def definitions(rows: Iterable[tuple[str, object]]) -> Markup:
    """Labels and what they stand for."""
    return Markup(
        "<dl>" + "".join(f"<dt>{text(label)}</dt><dd>{text(value)}</dd>" for label, value in rows) + "</dl>"
    )


def picture(shown: Picture) -> Markup:
    """A picture with its caption, or a gap that says what is missing."""
    if shown.uri is None:
        inside, words = gap(shown.caption), ""
    else:
        inside, words = (
            Markup(f'<img src="{text(shown.uri)}" alt="{text(shown.title)}">'),
            text(shown.caption),
        )
    return Markup(f"<figure>{inside}<figcaption><b>{text(shown.title)}</b> {words}</figcaption></figure>")


def plot(name: str, figure: go.Figure) -> Markup:
    """A place for a figure and its data; the script of the page draws it in the colours of the page."""
    content = json.dumps({**figure.to_plotly_json(), "config": CONFIG}, cls=PlotlyJSONEncoder)
    # No text in the data may end the <script> in which they stand.
    content = content.replace("<", "\\u003c")
    return Markup(
        f'<div class="plot" id="{text(name)}"></div>'
        f'<script type="application/json" data-plot="{text(name)}">{content}</script>'
    )
