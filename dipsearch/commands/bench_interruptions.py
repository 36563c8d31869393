"""``dipsearch bench interruptions``: what is lost when searches are killed, asked to end, or started twice."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import InputError
from . import bench_options as shared
from . import parsing

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
            help="Of each kind; 100 kills, 20 signals and workers, 3 of the others when absent.",
        ),
    ] = None,
    seconds: shared.Seconds = 20,
    size: Annotated[int, typer.Option("--size", metavar="N", help="Side of the picture, in pixels.")] = 48,
    workers: Annotated[int, typer.Option("--workers", metavar="N", help="Processes of a search.")] = 2,
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
    parsing.at_least(1, number, option="--number")
    parsing.at_least(5, seconds, option="--seconds")
    parsing.at_least(16, size, option="--size")
    parsing.at_least(1, workers, option="--workers")
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    import time

    from ..bench import write_section
    from ..bench.interrupted_search import InterruptedSearch
    from ..bench.interruption_rows import COMMAND, KINDS, USUAL_NUMBERS, InterruptionRow
    from ..bench.interruption_run import interrupt
    from ..bench.interruption_table import interruptions_markdown
    from ..bench.machine import command_line, machine_name, versions
    from ..bench.row_file import RowFile

    chosen = KINDS if kinds is None else shared.words(kinds)
    for word in chosen:
        if word not in KINDS:
            raise InputError(
                f"there is no interruption {word!r}", f"they are {', '.join(KINDS)}", "choose from these"
            )
    numbers = {kind: number or usual for kind, usual in USUAL_NUMBERS.items() if kind in chosen}
    date = time.strftime("%Y-%m-%d")
    about = {"machine": machine_name("cpu"), "command": command_line(), "date": date, "versions": versions()}
    file = RowFile(out / FILE, InterruptionRow, command=COMMAND, about=about)
    if not recorded_only:
        search = InterruptedSearch(seconds, size, workers, seed)
        interrupt(search, numbers, file, say=lambda line: print(line, flush=True))
    command, date = file.measured_by
    write_section(page, SECTION, interruptions_markdown(file.rows, command=command, date=date))
    print(f"written: {len(file.rows)} rows in {out / FILE}, and the section {SECTION} of {page}")
