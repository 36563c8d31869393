"""``dipsearch bench operators``: blurred pictures, tomograms and k-space, restored by us and as is usual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ..errors import InputError
from . import bench_options as shared
from . import parsing
from .options import Precision

FILE, SECTION, RECORDINGS = "operators.json", "operators", "recordings-operators"
SMALLEST = 32
"""A Gaussian blur of 2 pixels reaches over 17."""


def operators(
    sources: shared.Sources = None,
    crop: shared.Crop = 96,
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
        int, typer.Option("--workers", metavar="N", help="Processes of a search, and fits at the same time.")
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
        int, typer.Option("--steps", metavar="N", help="Iterations of a single network, at most.")
    ] = 1200,
    dip_steps: Annotated[
        int, typer.Option("--dip-steps", metavar="N", help="Iterations of Deep Image Prior's network.")
    ] = 1500,
    precision: Precision = "tf32",
    recorded_only: shared.RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Measure crops of clean pictures through operators, and restore them by every method: a row for each. Resumable.

    Rows and recordings that are there are not made again. No search sees the clean picture.
    """
    parsing.at_least(SMALLEST, crop, option="--crop")
    parsing.at_least(1, seconds, option="--seconds")
    parsing.at_least(1, workers, option="--workers")
    parsing.at_least(100, steps, option="--steps")
    parsing.at_least(10, dip_steps, option="--dip-steps")
    word = parsing.precision_word(precision)
    given = () if recorded_only else parsing.expand_sources(sources or ())
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    import time

    from ..bench import operator_fits, operator_search, write_section
    from ..bench.contestants import CONTESTANTS
    from ..bench.half_size_crops import refuse_namesakes
    from ..bench.machine import command_line, machine_name, versions
    from ..bench.operator_cases import INSTRUMENTS, chosen_instruments
    from ..bench.operator_rows import COMMAND, OperatorRow
    from ..bench.operator_run import WHAT, Measuring, measure
    from ..bench.operator_table import operators_markdown
    from ..bench.rival_case import clean_sources
    from ..bench.row_file import RowFile

    chosen = chosen_instruments(shared.words(operators) if operators else list(INSTRUMENTS))
    kinds = _known(shared.words(what), WHAT, option="--what")
    names = _known(
        shared.words(networks) if networks else list(CONTESTANTS), list(CONTESTANTS), option="--networks"
    )
    date = time.strftime("%Y-%m-%d")
    about = {
        "machine": machine_name("cpu"),
        "command": command_line(),
        "date": date,
        "versions": versions(),
    }
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
        measure(wanted, file, say=lambda line: print(line, flush=True))
    command, date = file.measured_by
    write_section(page, SECTION, operators_markdown(file.rows, command=command, date=date))
    print(f"written: {len(file.rows)} rows in {out / FILE}, and the section {SECTION} of {page}")


def _known(words: Sequence[str], known: Sequence[str], *, option: str) -> list[str]:
    """Those of the known words that were named, in their order."""
    for word in words:
        if word not in known:
            raise InputError(
                f"{option} {word!r} is not known",
                f"it is one or more of {', '.join(known)}",
                f"write for example {option} {known[0]}",
            )
    return [word for word in known if word in words]
