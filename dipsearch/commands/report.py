"""``dipsearch report``: write a study as one page, or several studies as one comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..visible import visible
from . import options as shared
from . import parsing


def report(
    studies: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY...",
            help="A study's folder, or its name in studies/. Several are compared on one page.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Where the page goes; report.html in the study when absent, comparison.html beside several.",
        ),
    ] = None,
    storage: shared.Storage = None,
) -> None:
    """Write STUDY as one self-contained page: pictures, curves, candidates, the network that was chosen."""
    address = parsing.storage_url(storage)
    folders = [parsing.study_folder(study) for study in studies]

    from ..report import write_comparison, write_page
    from ..run import read_study

    records = [read_study(folder, storage=address) for folder in folders]
    file = write_page(records[0], to=out) if len(records) == 1 else write_comparison(records, to=out)
    print(visible(str(file)))
