"""``dipsearch bench preselection``: whether similar measurements say which known network to try first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import bench_options as shared

FILE, SECTION, ARCHIVE = "preselection.json", "preselection", "policies.npz"
NEIGHBOURS = (1, 3, 5)


def preselection(
    data: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Of the pictures; absent: the rows that are there."),
    ] = None,
    ship: Annotated[
        Path | None,
        typer.Option("--ship", metavar="FILE", help="Write the cases that searches go by to this file, too."),
    ] = None,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Regret of the network that is tried first: fixed order against similar measurements, one picture left out."""
    shared.refuse_missing_rows(out / FILE, recorded_only=data is None)

    import time

    from ..bench import write_section
    from ..bench.machine import versions
    from ..bench.policy_recording import PRESETS
    from ..bench.preselection_rows import COMMAND, PreselectionRow, preselection_markdown, regrets
    from ..bench.preselection_run import evidence_rows, picture_names
    from ..bench.row_file import RowFile
    from ..library.preselection import cases_from
    from ..library.preselection_file import write_preselection

    command = f"python cli.py {COMMAND} FOLDER" + ("" if ship is None else f" --ship {ship}")
    date = time.strftime("%Y-%m-%d")
    about = {"command": command, "date": date, "versions": versions()}
    rows = RowFile(out / FILE, PreselectionRow, command=COMMAND, about=about)
    if data is not None:
        for some in evidence_rows(
            out / ARCHIVE,
            data,
            has=lambda group, measurement: rows.has(group, measurement=measurement),
            watch=lambda line: print(line, flush=True),
        ):
            rows.add(some)
    evidence = [row.evidence for row in rows.rows]
    found = regrets(evidence, networks=PRESETS, neighbours=NEIGHBOURS)
    pictures = picture_names(rows.rows)
    write_section(page, SECTION, preselection_markdown(found, command=command, date=date, pictures=pictures))
    if ship is not None:
        source = f"dipsearch {COMMAND}: recorded fits of known networks to {', '.join(pictures)}"
        write_preselection(ship, cases_from(evidence), source=source)
        print(f"written: {ship}")
    for one in found:
        print(f"{one.order:10} {one.task:8} {one.mean:.3f} dB on average, {one.largest:.2f} at the most")
    print(f"written: {out / FILE} and the section {SECTION} of {page}")
