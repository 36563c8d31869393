"""``dipsearch bench rivals``: our restorations beside the strongest rivals, on the same measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import parsing
from ..options import Precision
from . import bench_options as shared

FILE, SECTION = "rivals.json", "rivals"


def rivals(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FOLDER",
            help="Of clean pictures; NAME_noise25.png, NAME_inpaint50.png, NAME_lr4.png beside them are used.",
        ),
    ] = None,
    tasks: shared.Tasks = "denoise,inpaint,sr",
    damage: shared.Damage = None,
    methods: Annotated[
        str | None,
        typer.Option(
            "--methods",
            metavar="NAME,NAME…",
            help="dipsearch, dip, dip-oracle, bm3d, nlm, biharmonic and others (a wrong name lists them); all when "
            "absent.",
        ),
    ] = None,
    seconds: Annotated[
        str, typer.Option("--seconds", metavar="N,N…", help="Budgets of our searches; each is a row.")
    ] = "20,60,240",
    workers: shared.Workers = 2,
    fit_seconds: Annotated[
        float, typer.Option("--fit-seconds", metavar="S", help="Time of a rival that iterates, at most.")
    ] = 240.0,
    fit_steps: Annotated[
        int | None, typer.Option("--fit-steps", metavar="N", min=1, help="Its iterations, at most.")
    ] = None,
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="Where Deep Image Prior is fitted: cpu, cuda.")
    ] = "cpu",
    precision: Precision = "tf32",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the damage and of every method.")] = 0,
    recorded_only: shared.RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
    readme: Annotated[
        Path | None,
        typer.Option(
            "--readme", metavar="FILE", help="A page that gets the short table: ours, strongest rival."
        ),
    ] = None,
) -> None:
    """Restore damaged copies of clean pictures by every method, and compare: a row for each. Resumable.

    Rows that are there are not made again. What a method needs and is not installed is said in one line.
    """
    budgets = sorted(shared.numbers(seconds, least=1, option="--seconds"))
    word = parsing.one_of(precision, parsing.PRECISIONS, option="--precision")
    shared.refuse_none(fit_seconds, option="--fit-seconds", example=240)
    given = () if recorded_only else parsing.expand_sources(sources or ())
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    from ...bench import write_section
    from ...bench.cases.rival_case import clean_sources
    from ...bench.cases.rival_damages import chosen_damages
    from ...bench.rivals.own_search import run_search
    from ...bench.rivals.rival_limits import Limits
    from ...bench.rivals.rival_rows import COMMAND, RivalRow, rivals_markdown, summary_table
    from ...bench.rivals.rival_run import Comparison, compare
    from ...bench.rivals.rivals import chosen_methods
    from ...bench.shared.row_file import RowFile
    from ...fitting.compute import Compute
    from ...run.devices import choose_devices

    damages, names = (
        chosen_damages(shared.words(tasks), shared.words(damage) if damage else None),
        chosen_methods(shared.words(methods) if methods else None),
    )
    file = RowFile(out / FILE, RivalRow, command=COMMAND, about=shared.about_now())
    if not recorded_only:
        wanted = Comparison(
            sources=clean_sources(given),
            damages=damages,
            methods=names,
            budgets=budgets,
            limits=Limits(
                fit_seconds, fit_steps, seed, choose_devices(device, workers=1)[0], Compute(precision=word)
            ),
            search=run_search(workers),
        )
        compare(wanted, file, say=shared.say)
    if readme is not None:
        write_section(readme, SECTION, summary_table(file.rows))
    shared.publish_rows(file, rivals_markdown, section=SECTION, page=page)
