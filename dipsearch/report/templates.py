"""Templates of the pages: Jinja2 with autoescape, so that whatever comes in as text comes out as text.

A page carries its scripts itself. Its policy allows exactly these scripts, by their digests; nothing else
runs, and nothing is fetched from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from plotly.utils import PlotlyJSONEncoder

from .. import __version__
from ..visible import visible, visible_json
from .style import CONFIG
from .wording import decibels, duration, plural, signed

SCRIPTS = ("viewer.js", "plots.js", "candidates.js")
"""In the order in which they stand on a page; the viewer shows the pictures before Plotly is read."""


def render_template(name: str, values: dict[str, Any], *, scripts: tuple[str, ...] = SCRIPTS) -> str:
    """Fill ``templates/NAME``; figures among the values are drawn by the page's own scripts.

    Args:
        name: of the template.
        values: what it shows.
        scripts: files of this room that the page needs beside Plotly.
    """
    sources = [_text(script) for script in scripts]
    first = [_text(script) for script in scripts if script == "viewer.js"]
    rest = [source for source in sources if source not in first]
    return (
        _environment()
        .get_template(name)
        .render(
            **values,
            version=__version__,
            style=Markup(_text("page.css")),
            policy=_policy((*sources, get_plotlyjs())),
            scripts_first=[Markup(source) for source in first],
            scripts_last=[Markup(source) for source in (get_plotlyjs(), *rest)],
        )
    )


def figure_json(figure: go.Figure) -> Markup:
    """A figure as JSON that may stand inside ``<script type="application/json">``."""
    content = json.dumps(
        {**figure.to_plotly_json(), "config": CONFIG}, cls=PlotlyJSONEncoder, separators=(",", ":")
    )
    # No text in the data may end the <script> in which they stand.
    return Markup(visible_json(content).replace("<", "\\u003c"))


def _policy(scripts: tuple[str, ...]) -> str:
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    # Plotly writes a style sheet of its own into the page, so styles cannot be listed by digest.
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; "
        "style-src 'unsafe-inline'; script-src " + " ".join(f"'sha256-{digest}'" for digest in digests)
    )


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _seen(value: Any) -> Any:
    """What is put on a page; text without characters that could turn it around."""
    return visible(value, kept="\n") if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dipsearch.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "decibels": decibels,
        "duration": duration,
        "plural": plural,
        "signed": signed,
        "figure_json": figure_json,
    }
    return environment
