"""``dipsearch bench interruptions``: what is lost when searches are killed, asked to end, or started twice."""

from __future__ import annotations

from typing import Annotated

import typer

from . import bench_options as shared

FILE, SECTION = "interruptions.json", "interruptions"


def interruptions(
    kinds: Annotated[
        str | None,
        typer.Option(
            "--kinds",
            metavar="KIND,KIND…",
            help="kill, term, int, hup, worker, ten, beside; all when absent.",
        ),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option(
            "--number",
            metavar="N",
            min=1,
            help="Of each kind; 100 kills, 20 signals and workers, 3 of the others when absent.",
        ),
    ] = None,
    seconds: Annotated[
        int, typer.Option("--seconds", metavar="N", min=5, help="Budget of each search.")
    ] = 20,
    size: Annotated[
        int, typer.Option("--size", metavar="N", min=16, help="Side of the picture, in pixels.")
    ] = 48,
    workers: shared.Workers = 2,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Of the damage, the search and the moments.")
    ] = 0,
    recorded_only: shared.RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Kill searches at random moments and go on with them; send signals; start many at once. Resumable.

    Interruptions whose rows are there are not made again.
    """
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    from ...bench.interruptions.interrupted_search import InterruptedSearch
    from ...bench.interruptions.interruption_rows import (
        COMMAND,
        KINDS,
        USUAL_NUMBERS,
        InterruptionRow,
        interruptions_markdown,
    )
    from ...bench.interruptions.interruption_run import interrupt
    from ...bench.shared.machine import machine_name
    from ...bench.shared.row_file import RowFile

    chosen = shared.known(kinds, KINDS, option="--kinds")
    numbers = {kind: number or usual for kind, usual in USUAL_NUMBERS.items() if kind in chosen}
    about = {"machine": machine_name("cpu")} | shared.about_now()
    file = RowFile(out / FILE, InterruptionRow, command=COMMAND, about=about)
    if not recorded_only:
        search = InterruptedSearch(seconds, size, workers, seed)
        interrupt(search, numbers, file, say=shared.say)
    shared.publish_rows(file, interruptions_markdown, section=SECTION, page=page)
