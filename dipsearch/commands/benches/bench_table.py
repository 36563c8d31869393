"""``dipsearch bench table``: fits of many genomes, recorded for all who want to try strategies of a search on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import bench_options as shared

FILE = "table.npz"


def table(
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER", help="Of further clean pictures; the bundled ones are always there."
        ),
    ] = None,
    genomes: Annotated[
        int, typer.Option("--genomes", metavar="N", min=1, help="To fit to each picture.")
    ] = 164,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=0, help="Processes, one thread each; 0 only packs.")
    ] = 1,
    hours: Annotated[
        float | None, typer.Option("--hours", metavar="H", help="After which no further fit is begun.")
    ] = None,
    recordings: Annotated[
        Path, typer.Option("--recordings", metavar="FOLDER", help="Where recordings are kept.")
    ] = shared.FOLDER / "table",
    out: shared.Out = shared.FOLDER,
) -> None:
    """Record fits of known, random and mutated networks to small pictures, and pack them. Hours; resumable.

    Genome by genome: whatever is complete when it ends is packed into table.npz, with table.json beside it.
    """
    shared.refuse_none(hours, option="--hours", example=4)

    from ...bench.tabular.recorded.table_cases import with_own_pictures
    from ...bench.tabular.recorded.table_file import write_table
    from ...bench.tabular.recorded.table_genomes import blocks_of, table_genomes
    from ...bench.tabular.recorded.table_packing import pack_table
    from ...bench.tabular.recorded.table_recording import record_table, table_jobs
    from ...network import load_space

    found = table_genomes(genomes, space=load_space("skip"))
    blocks, pictures = blocks_of(found), with_own_pictures(data)
    if workers:
        jobs = table_jobs(found, blocks, pictures)
        record_table(jobs, folder=recordings, workers=workers, hours=hours, watch=shared.say)
    packed = pack_table(found, blocks, pictures, folder=recordings, watch=shared.say)
    again = " ".join(
        ["python cli.py bench table", *([] if data is None else [data.name]), f"--genomes {genomes}"]
    )
    write_table(out / FILE, packed, about=shared.about_now() | {"records_again": again})
    covered = packed.coverage
    print(
        f"written: {out / FILE} with {covered['fits']} fits of {covered['genomes']} genomes to "
        f"{len(covered['pictures'])} pictures, and {(out / FILE).with_suffix('.json')}"
    )
