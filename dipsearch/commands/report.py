"""``dipsearch report``: write a study as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import parsing


def report(
    study: Annotated[
        str, typer.Argument(metavar="STUDY", help="The study's folder, or its name in studies/.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Where the page goes; report.html in the study when absent."
        ),
    ] = None,
) -> None:
    """Write STUDY as one self-contained page: pictures, curves, candidates, the network that was chosen."""
    folder = parsing.study_folder(study)

    from ..report import write_page
    from ..search import read_study

    print(write_page(read_study(folder), to=out))
