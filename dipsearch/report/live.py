"""The live dashboard: a list of studies and a page for each, which renews itself while a search runs.

It reads what is on disk every few seconds and writes nothing. It is meant for this machine: it knows no
passwords, so whoever can reach it sees every study in its folder.
"""

from __future__ import annotations

import time
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import plotly.graph_objects as go
from dash import Dash, Input, Output, Patch, State, ctx, dcc, html, no_update
from flask import Response, abort, request

from ..errors import DipsearchError
from . import live_views as views
from .studies import Watched, find_studies, pulse, study_rows

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
        path = unquote(request.path)
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
    watched: dict[str, Watched] = {}

    @app.callback(Output("page", "children"), Input("url", "pathname"))
    def open_page(path: str | None) -> Any:
        name = _name(unquote(path or "/"), root)
        if name is not None:
            return views.study_page(name)
        return [
            html.Header([html.H1("Studies"), html.P(str(root), className="lead")]),
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
    def renew_study(_ticks: int | None, _there: str, path: str, begun: bool | None) -> list[Any]:
        name = _name(unquote(path), root)
        if name is None:
            return [html.P("This study has gone.", className="caution"), *[no_update] * (len(outputs) - 1)]
        study = watched.setdefault(name, Watched(find_studies(root)[name]))
        try:
            record = study.read()
        except DipsearchError as error:
            return [html.P(str(error), className="caution"), *[no_update] * (len(outputs) - 1)]
        now = pulse(record)
        drawn = views.drawn(record, now=time.time() if now.state == "running" else None)
        return [
            views.head(record, now),
            views.pictures(record),
            views.workers(now),
            views.candidates(record),
            views.losses(record),
            True,
            *(_new_data(drawn[key]) if begun else drawn[key] for key in views.FIGURES),
        ]

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
        return views.candidate(watched[name].read(), number) if name in watched else no_update


def _clicked(clicks: dict[str, Any], asked: str) -> int | None:
    """The candidate whose mark was clicked in the figure ``asked``; ``None`` where a mark is no candidate."""
    click = clicks.get(asked.removeprefix("live-")) or {}
    for point in click.get("points", ()):
        if isinstance(number := point.get("customdata"), int):
            return number
    return None


def _new_data(figure: go.Figure) -> Patch:
    """A figure's data without its layout: what somebody has zoomed to stays as it is in the browser."""
    patch = Patch()
    patch["data"] = figure.to_plotly_json()["data"]
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
