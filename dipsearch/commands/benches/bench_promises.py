"""``dipsearch bench promises``: whether searches are back within their budgets, on quiet and on busy machines."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import parsing
from . import bench_options as shared

FILE, SECTION = "promises.json", "promises"
TASKS, BUSY = ("denoise", "inpaint"), {"no": False, "yes": True}


def promises(
    tasks: shared.Tasks = "denoise,inpaint",
    sizes: shared.Sizes = "128,512",
    budgets: Annotated[
        str, typer.Option("--budgets", metavar="DURATION,…", help="Budgets of the searches.")
    ] = "5s,15s,60s,4m",
    busy: Annotated[
        str, typer.Option("--busy", metavar="no|yes|no,yes", help="Beside two busy loops, or alone.")
    ] = "no,yes",
    workers: shared.Workers = 2,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the damage and of the search.")] = 0,
    recorded_only: shared.RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Time whole searches by their budgets: each is back in time, with a picture. Resumable.

    Searches whose rows are there are not made again. Let nothing else run meanwhile.
    """
    words = shared.known(tasks, TASKS, option="--tasks")
    sides = shared.numbers(sizes, least=16, option="--sizes")
    seconds = sorted(parsing.seconds(word, option="--budgets") for word in shared.words(budgets))
    loads = [BUSY[word] for word in shared.known(busy, tuple(BUSY), option="--busy")]
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    from ...bench.promises.promise_rows import COMMAND, Promise, PromiseRow, promises_markdown
    from ...bench.promises.promise_run import PromisedSearches, keep_promises
    from ...bench.shared.machine import machine_name
    from ...bench.shared.row_file import RowFile

    about = {"machine": machine_name("cpu")} | shared.about_now()
    file = RowFile(out / FILE, PromiseRow, command=COMMAND, about=about)
    if not recorded_only:
        wanted = [
            Promise(task, side, load, budget)
            for budget in seconds
            for load in loads
            for task in words
            for side in sides
        ]
        keep_promises(PromisedSearches(wanted, workers, seed), file, say=shared.say)
    shared.publish_rows(file, promises_markdown, section=SECTION, page=page)
