"""``dipsearch bench policies``: which policy hands out the time of a search best, on recorded fits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from . import bench_options as shared
from . import parsing

FILE, SECTION, ARCHIVE = "policies.json", "policies", "policies.npz"


def policies(
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FOLDER", help="Of the pictures; nothing is fitted when absent."),
    ] = None,
    networks: Annotated[int, typer.Option("--networks", metavar="N", help="To fit to each picture.")] = 24,
    workers: Annotated[int, typer.Option("--workers", metavar="N", help="Processes.")] = 2,
    orders: Annotated[
        int, typer.Option("--orders", metavar="N", help="In which the candidates of a picture come.")
    ] = 8,
    recordings: Annotated[
        Path, typer.Option("--recordings", metavar="FOLDER", help="Where recordings are kept.")
    ] = shared.FOLDER / "recordings" / "policies",
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Replay searches on recorded fits, with several policies and lengths; recording takes hours. Resumable.

    With --data, fits that are not recorded yet are made first, and all are packed into policies.npz.
    """
    parsing.at_least(1, networks, option="--networks")
    parsing.at_least(1, workers, option="--workers")
    parsing.at_least(1, orders, option="--orders")
    archive = out / ARCHIVE
    if data is None and not archive.is_file():
        raise InputError(
            f"there is no {archive}",
            "policies are replayed on recorded fits",
            "give --data, the folder of the pictures, to record some",
        )

    import json
    import time
    from dataclasses import asdict

    from ..bench import write_section
    from ..bench.machine import command_line, versions
    from ..bench.policy_archive import read_policy_archive, read_recorded_cases, write_policy_archive
    from ..bench.policy_recording import make_networks, policy_jobs, record_fits
    from ..bench.policy_table import policies_markdown, policy_rows
    from ..files import write_text

    def show(line: str) -> None:
        print(line, flush=True)

    if data is not None:
        jobs = policy_jobs(data, networks=list(make_networks(networks)))
        record_fits(jobs, folder=recordings, workers=workers, watch=show)
        write_policy_archive(archive, read_recorded_cases(jobs, folder=recordings))
    rows = policy_rows(read_policy_archive(archive), orders=orders, workers=workers, watch=show)
    date = time.strftime("%Y-%m-%d")
    about = {"command": command_line(), "date": date, "versions": versions()}
    content = about | {"rows": [asdict(row) for row in rows]}
    write_text(out / FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    write_section(page, SECTION, policies_markdown(rows, command=command_line(), date=date))
    print(f"written: {out / FILE} and the section {SECTION} of {page}")
