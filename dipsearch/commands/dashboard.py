"""``dipsearch dashboard``: look at studies in a browser while they run."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from ..errors import InputError, ResourceError
from . import parsing

LOOPBACK = "127.0.0.1"


def dashboard(
    what: Annotated[
        str,
        typer.Argument(metavar="STUDY|FOLDER", help="A study, or a folder of studies.", show_default=True),
    ] = str(parsing.STUDIES),
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="Who may look: 127.0.0.1 is this machine only."),
    ] = LOOPBACK,
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Of the server; 0: any that is free.")
    ] = 8050,
) -> None:
    """Serve live pages of STUDY, or of all studies in FOLDER, until Ctrl-C. It changes nothing in them."""
    root, name = _place(what)
    try:
        import dash  # noqa: F401
    except ImportError as error:
        raise InputError(
            "the dashboard needs Dash, which is not installed",
            "it comes with an extra",
            "pip install dipsearch[live]",
        ) from error
    listening = _listen(host, port)

    from werkzeug.serving import WSGIRequestHandler, make_server

    from ..report.live import make_app

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: object) -> None:
            """Say nothing about single requests."""

    local = host in (LOOPBACK, "localhost", "::1")
    app = make_app(root, local=local)
    chosen = listening.getsockname()[1]
    server = make_server(
        host, chosen, app.server, threaded=True, request_handler=Quiet, fd=listening.fileno()
    )
    shown = f"[{host}]" if ":" in host else host
    print(f"http://{shown}:{chosen}/{f'study/{quote(name)}' if name else ''}", flush=True)
    if not local:
        warning = (
            f"Everybody who can reach {shown}:{chosen} sees all studies in {root}; there is no password."
        )
        print(warning, file=sys.stderr)
    with listening:
        server.serve_forever()


def _place(what: str) -> tuple[Path, str | None]:
    """The folder of studies, and the one that was meant in it."""
    path = Path(what)
    if path.is_dir() and not (path / parsing.STUDY_FILE).is_file():
        return path, None
    if what == str(parsing.STUDIES):
        raise InputError(
            f"there is no folder {what} here",
            "it holds the studies",
            "begin a search, or name another folder",
        )
    folder = parsing.study_folder(what).resolve()
    return folder.parent, folder.name


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ResourceError(
            f"cannot serve on {host}:{port}",
            f"the system says: {error.strerror or error}",
            "give another one, for example --port 0 for any that is free",
        ) from error
