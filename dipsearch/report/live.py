"""The live dashboard: a list of studies and a page for each, which renews itself while a search runs.

It reads what is on disk every few seconds and writes nothing. It is meant for this machine: it knows no
passwords, so whoever can reach it sees every study in its folder.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote

from dash import Dash, Input, Output, Patch, State, ctx, dcc, html, no_update
from flask import Response, abort, request

from ..errors import DipsearchError
from ..run import StudyRecord
from ..visible import one_line, visible
from . import live_views as views
from .studies import Watched, find_studies, pulse, study_rows
from .tables import CandidateRow, candidate_rows
from .timeline import slices_of

REFRESH_SECONDS = 4.0
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; connect-src 'self'; img-src 'self' data: blob:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'"
)
_INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{%title%}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">{%favicon%}{%css%}<style>__STYLE__</style></head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body></html>"""


def make_app(root: Path, *, refresh: float = REFRESH_SECONDS, local: bool = True) -> Dash:
    """The dashboard of the studies directly in ``root``.

    Args:
        root: the folder of the studies.
        refresh: seconds between two looks at the disk.
        local: answer only requests that were addressed to this machine as itself, so that no page of another
            origin can reach it under a borrowed name.
    """
    app = Dash(
        __name__,
        title="dipsearch",
        update_title="",
        assets_folder="no-assets",
        suppress_callback_exceptions=True,
        serve_locally=True,
    )
    app.index_string = _INDEX.replace("__STYLE__", files(__package__).joinpath("page.css").read_text("utf-8"))
    app.layout = html.Main(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Interval(id="tick", interval=refresh * 1000),
            html.Div(id="page"),
        ]
    )
    _guard(app, root, local=local)
    _answer(app, root)
    return app


def _guard(app: Dash, root: Path, *, local: bool) -> None:
    """Refuse addresses that name no study, and add headers that keep the pages to themselves."""

    @app.server.before_request  # type: ignore[untyped-decorator]
    def refuse() -> None:
        if local and not _is_local(request.host):
            abort(403, "this dashboard answers only on this machine")
        path = request.path  # decoded already; what a browser tells the callbacks is not
        if (
            path != "/"
            and not path.startswith(("/_dash", "/_favicon", "/_reload"))
            and _name(path, root) is None
        ):
            abort(404, "there is no such study")

    @app.server.after_request  # type: ignore[untyped-decorator]
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def _answer(app: Dash, root: Path) -> None:
    watched: dict[str, _Shown] = {}

    @app.callback(Output("page", "children"), Input("url", "pathname"))
    def open_page(path: str | None) -> Any:
        name = _name(unquote(path or "/"), root)
        if name is not None:
            return views.study_page(name)
        return [
            html.Header([html.H1("Studies"), html.P(visible(str(root)), className="lead")]),
            html.Div(id="live-list"),
        ]

    @app.callback(Output("live-list", "children"), Input("tick", "n_intervals"), Input("live-list", "id"))
    def renew_list(_ticks: int | None, _there: str) -> Any:
        return views.study_list(study_rows(find_studies(root)))

    outputs = [
        Output("live-head", "children"),
        Output("live-pictures", "children"),
        Output("live-workers", "children"),
        Output("live-candidates", "children"),
        Output("live-losses", "children"),
        Output("live-begun", "data"),
        *(Output(f"live-{key}", "figure") for key in views.FIGURES),
    ]

    @app.callback(
        outputs,
        Input("tick", "n_intervals"),
        Input("live-head", "id"),
        State("url", "pathname"),
        State("live-begun", "data"),
    )
    def renew_study(_ticks: int | None, _there: str, path: str, seen: str | None) -> list[Any]:
        name = _name(unquote(path), root)
        if name is None:
            return [html.P("This study has gone.", className="caution"), *[no_update] * (len(outputs) - 1)]
        study = watched.setdefault(name, _Shown(find_studies(root)[name]))
        try:
            made = study.newest()
            now = pulse(made.record)
            figures = made.figures
            if now.state == "running" and not slices_of(
                made.record
            ):  # its bars grow while nothing is written
                growing = views.timeline(made.record, now=time.time()).to_plotly_json()
                figures = {**figures, "timeline": growing}
            elif seen == made.version:
                figures = {}
            return [
                views.head(made.record, now),
                no_update if seen == made.version else made.pictures,
                views.workers(now),
                *([no_update] * 2 if seen == made.version else [made.candidates, made.losses]),
                made.version,
                *(_sent(figures.get(key), begun=seen is not None) for key in views.FIGURES),
            ]
        except Exception as error:  # whatever is in its files: it is said here, and the other pages go on
            return [html.P(_words(error), className="caution"), *[no_update] * (len(outputs) - 1)]

    @app.callback(
        Output("live-chosen", "data"),
        *(Input(f"live-{key}", "clickData") for key in views.FIGURES),
        prevent_initial_call=True,
    )
    def choose(*clicks: Any) -> Any:
        number = _clicked(dict(zip(views.FIGURES, clicks, strict=True)), str(ctx.triggered_id))
        return no_update if number is None else number

    @app.callback(
        Output("live-candidate", "children"),
        Input("live-chosen", "data"),
        Input("live-head", "children"),
        State("url", "pathname"),
    )
    def show_candidate(number: int | None, _head: Any, path: str) -> Any:
        name = _name(unquote(path), root)
        if name not in watched:
            return no_update
        try:
            made = watched[name].newest()
            return views.candidate(made.record, made.rows, number)
        except Exception as error:
            return html.P(_words(error), className="caution")


@dataclass(frozen=True, eq=False)
class _Made:
    """What is shown of a study as it was read once; ``version`` is another one for every reading."""

    version: str
    record: StudyRecord
    rows: tuple[CandidateRow, ...]
    pictures: list[Any]
    candidates: Any
    losses: list[Any]
    figures: dict[str, Any]


class _Shown:
    """A study that people look at: what they see is made once for all of them, when something has changed.

    Args:
        folder: the study's.
    """

    def __init__(self, folder: Path) -> None:
        self._watched = Watched(folder)
        self._made: _Made | None = None
        self._making = Lock()

    def newest(self) -> _Made:
        """What is to be shown now."""
        with self._making:
            record = self._watched.read()
            if self._made is None or self._made.record is not record:
                self._made = _make(record)
            return self._made


def _make(record: StudyRecord) -> _Made:
    rows = candidate_rows(record)
    return _Made(
        str(time.time_ns()),
        record,
        rows,
        views.pictures(record),
        views.candidates(rows),
        views.losses(record),
        {
            name: figure.to_plotly_json()
            for name, figure in views.drawn(record, rows, now=time.time()).items()
        },
    )


def _words(error: Exception) -> str:
    if isinstance(error, DipsearchError):
        return one_line(str(error))
    return one_line(f"this study cannot be shown ({type(error).__name__}: {error}); its files are damaged")


def _clicked(clicks: dict[str, Any], asked: str) -> int | None:
    """The candidate whose mark was clicked in the figure ``asked``; ``None`` where a mark is no candidate."""
    click = clicks.get(asked.removeprefix("live-")) or {}
    for point in click.get("points", ()):
        if isinstance(number := point.get("customdata"), int):
            return number
    return None


def _sent(figure: dict[str, Any] | None, *, begun: bool) -> Any:
    """A figure, or its data without its layout: what somebody has zoomed to stays as it is in the browser."""
    if figure is None:
        return no_update
    if not begun:
        return figure
    patch = Patch()
    patch["data"] = figure["data"]
    return patch


def _name(path: str, root: Path) -> str | None:
    """The study that an address means; only names of studies that are there, and nothing like a path."""
    if not path.startswith("/study/"):
        return None
    name = path.removeprefix("/study/")
    return name if name in find_studies(root) else None


def _is_local(host: str) -> bool:
    name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
