"""``dipsearch bench warm``: what learnt weights save against random ones, and what they cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...calling import program
from ...errors import InputError
from .. import parsing
from . import bench_options as shared

FILE, SECTION = "warm.json", "warm"
SETS = ("fresh", "tuning")


def warm(
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER", help="Of the pictures that are files; absent: only those of scikit-image."
        ),
    ] = None,
    pictures: Annotated[
        str,
        typer.Option("--pictures", metavar="|".join(SETS), help="Those of the table, or those for choosing."),
    ] = "fresh",
    networks: Annotated[
        str | None, typer.Option("--networks", metavar="NAME,NAME…", help="All with weights when absent.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="FOLDER", help="Others than those that are shipped.")
    ] = None,
    attempt: Annotated[
        str, typer.Option("--attempt", metavar="WORDS", help="What the table calls these weights.")
    ] = "shipped",
    steps: Annotated[
        int, typer.Option("--steps", metavar="N", min=20, help="Iterations of a fit at the most.")
    ] = 600,
    recordings: Annotated[
        Path, typer.Option("--recordings", metavar="FOLDER", help="Where fits are kept.")
    ] = shared.FOLDER / "recordings" / "warm",
    recorded_only: shared.RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Fit networks from random and from learnt weights to pictures that nothing was learnt from. Resumable."""
    parsing.one_of(pictures, SETS, option="--pictures")
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    from ...bench.shared.row_file import RowFile
    from ...bench.warm.warm_pictures import warm_sources
    from ...bench.warm.warm_rows import COMMAND, WarmRow, warm_markdown
    from ...bench.warm.warm_run import WarmFits, measure_warm
    from ...library.warm_weights import FOLDER, warm_names

    folder = weights or FOLDER
    names = list(warm_names(folder)) if networks is None else shared.words(networks)
    if not recorded_only and (not names or not set(names) <= set(warm_names(folder))):
        raise InputError(
            f"{folder} has weights for {', '.join(warm_names(folder)) or 'no network'}",
            "networks with learnt weights are measured",
            f"learn some with {program()} bench warm-weights",
        )
    about = shared.about_now()
    file = RowFile(out / FILE, WarmRow, command=COMMAND, about=about)
    if not recorded_only:
        sources = warm_sources(data, pictures)
        measure_warm(
            WarmFits(sources, pictures, names, attempt, folder, steps, recordings), file, say=shared.say
        )
    shared.refuse_no_rows(file.rows, name=SECTION)
    shared.publish_rows(file, warm_markdown, section=SECTION, page=page)
