"""``dipsearch bench operators``: blurred pictures, tomograms and k-space, restored by us and as is usual."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import parsing
from ..options import Precision
from . import bench_options as shared

FILE, SECTION, RECORDINGS = "operators.json", "operators", "recordings-operators"
SMALLEST = 32
"""A Gaussian blur of 2 pixels reaches over 17."""


def operators(
    sources: shared.Sources = None,
    crop: Annotated[int, typer.Option("--crop", metavar="N", min=SMALLEST, help=shared.CROP_HELP)] = 96,
    operators: Annotated[
        str | None,
        typer.Option(
            "--operators",
            metavar="NAME,NAME…",
            help="gaussian blur, motion blur, ct, mri; all when absent.",
        ),
    ] = None,
    what: Annotated[
        str,
        typer.Option(
            "--what",
            metavar="WORD,WORD…",
            help="classical, first (similar patches alone), search, networks (single ones, recorded), dip (the "
            "default network of Deep Image Prior, stopped by an oracle).",
        ),
    ] = "classical,first,search,networks,dip",
    seconds: shared.Seconds = 60,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", metavar="N", min=1, help="Processes of a search, and fits at the same time."
        ),
    ] = 2,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Of the noise, the mask and every method.")
    ] = 0,
    networks: Annotated[
        str | None,
        typer.Option(
            "--networks", metavar="NAME,NAME…", help="Which single networks; all eight when absent."
        ),
    ] = None,
    steps: Annotated[
        int, typer.Option("--steps", metavar="N", min=100, help="Iterations of a single network, at most.")
    ] = 1200,
    dip_steps: Annotated[
        int,
        typer.Option("--dip-steps", metavar="N", min=10, help="Iterations of Deep Image Prior's network."),
    ] = 1500,
    precision: Precision = "tf32",
    recorded_only: shared.RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Measure crops of clean pictures through operators, and restore them by every method: a row for each. Resumable.

    Rows and recordings that are there are not made again. No search sees the clean picture.
    """
    word = parsing.one_of(precision, parsing.PRECISIONS, option="--precision")
    given = () if recorded_only else parsing.expand_sources(sources or ())
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    from ...bench.cases.half_size_crops import refuse_namesakes
    from ...bench.cases.rival_case import clean_sources
    from ...bench.operators import operator_fits, operator_search
    from ...bench.operators.operator_cases import INSTRUMENTS, chosen_instruments
    from ...bench.operators.operator_rows import COMMAND, OperatorRow
    from ...bench.operators.operator_run import WHAT, Measuring, measure
    from ...bench.operators.operator_table import operators_markdown
    from ...bench.recordings.recorder import CONTESTANTS
    from ...bench.shared.machine import machine_name
    from ...bench.shared.row_file import RowFile

    chosen = chosen_instruments(shared.words(operators) if operators else list(INSTRUMENTS))
    kinds = shared.known(what, WHAT, option="--what")
    names = shared.known(networks, list(CONTESTANTS), option="--networks")
    about = {"machine": machine_name("cpu")} | shared.about_now()
    file = RowFile(out / FILE, OperatorRow, command=COMMAND, about=about)
    if not recorded_only:
        clean = clean_sources(given)
        refuse_namesakes(clean, side=crop)
        wanted = Measuring(
            sources=clean,
            side=crop,
            instruments=chosen,
            what=kinds,
            networks=names,
            seconds=seconds,
            steps=steps,
            dip_steps=dip_steps,
            seed=seed,
            recordings=out / RECORDINGS,
            search=operator_search.run_search(workers),
            precision=word,
            fit=operator_fits.fit_in_processes(workers),
        )
        measure(wanted, file, say=shared.say)
    shared.publish_rows(file, operators_markdown, section=SECTION, page=page)
