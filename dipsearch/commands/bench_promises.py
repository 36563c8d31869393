"""``dipsearch bench promises``: whether searches are back within their budgets, on quiet and on busy machines."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import InputError
from . import bench_options as shared
from . import parsing

FILE, SECTION = "promises.json", "promises"
TASKS, BUSY = ("denoise", "inpaint"), {"no": False, "yes": True}


def promises(
    tasks: shared.Tasks = "denoise,inpaint",
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="N,N…", help="Sides of the picture, in pixels.")
    ] = "128,512",
    budgets: Annotated[
        str, typer.Option("--budgets", metavar="DURATION,…", help="Budgets of the searches.")
    ] = "5s,15s,60s,4m",
    busy: Annotated[
        str, typer.Option("--busy", metavar="no|yes|no,yes", help="Beside two busy loops, or alone.")
    ] = "no,yes",
    workers: Annotated[int, typer.Option("--workers", metavar="N", help="Processes of a search.")] = 2,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the damage and of the search.")] = 0,
    recorded_only: shared.RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Time whole searches by their budgets: each is back in time, with a picture. Resumable.

    Searches whose rows are there are not made again. Let nothing else run meanwhile.
    """
    parsing.at_least(1, workers, option="--workers")
    words = [_one_of(word, TASKS, option="--tasks") for word in shared.words(tasks)]
    sides = [_side(word) for word in shared.words(sizes)]
    seconds = sorted(parsing.seconds(word, option="--budgets") for word in shared.words(budgets))
    loads = [BUSY[_one_of(word, tuple(BUSY), option="--busy")] for word in shared.words(busy)]
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    import time

    from ..bench import write_section
    from ..bench.machine import command_line, machine_name, versions
    from ..bench.promise_rows import COMMAND, Promise, PromiseRow
    from ..bench.promise_run import PromisedSearches, keep_promises
    from ..bench.promise_table import promises_markdown
    from ..bench.row_file import RowFile

    date = time.strftime("%Y-%m-%d")
    about = {"machine": machine_name("cpu"), "command": command_line(), "date": date, "versions": versions()}
    file = RowFile(out / FILE, PromiseRow, command=COMMAND, about=about)
    if not recorded_only:
        wanted = [
            Promise(task, side, load, budget)
            for budget in seconds
            for load in loads
            for task in words
            for side in sides
        ]
        keep_promises(PromisedSearches(wanted, workers, seed), file, say=lambda line: print(line, flush=True))
    command, date = file.measured_by
    write_section(page, SECTION, promises_markdown(file.rows, command=command, date=date))
    print(f"written: {len(file.rows)} rows in {out / FILE}, and the section {SECTION} of {page}")


def _one_of(word: str, allowed: tuple[str, ...], *, option: str) -> str:
    if word not in allowed:
        raise InputError(f"{option} has {word!r}", f"it is {', '.join(allowed)}", "choose from these")
    return word


def _side(word: str) -> int:
    if not (word.isascii() and word.isdigit() and int(word) >= 16):
        raise InputError(
            f"--sizes has {word!r}",
            "it is numbers of pixels, at least 16",
            "write for example --sizes 128,512",
        )
    return int(word)
