"""``dipsearch bench preselection``: whether similar measurements say which known network to try first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import bench_options as shared

FILE, SECTION = "preselection.json", "preselection"
NEIGHBOURS = (1, 3, 5, 7)


def preselection(
    data: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Of the table's further pictures, where it has any."),
    ] = None,
    table: shared.TableFile = shared.TABLE,
    ship: Annotated[
        Path | None,
        typer.Option("--ship", metavar="FILE", help="Write the cases that searches go by to this file, too."),
    ] = None,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Regret of the network that is tried first: fixed order against similar measurements, one picture left out."""
    from dataclasses import asdict

    from ...bench.searches.preselection_rows import COMMAND, preselection_markdown, regrets
    from ...bench.searches.preselection_run import evidence_rows, known_digests
    from ...bench.tabular import Table
    from ...bench.tabular.recorded.table_cases import with_own_pictures
    from ...library.preselection import cases_from
    from ...library.preselection_file import write_preselection

    found = Table.read(table)
    rows = list(evidence_rows(found, with_own_pictures(data)))
    evidence = [row.evidence for row in rows]
    known = {task: list(known_digests(found, task)) for task in found.coverage["tasks"]}
    regret = regrets(evidence, networks=known, neighbours=NEIGHBOURS)
    pictures = list(dict.fromkeys(row.picture for row in rows))
    about = shared.about_now()
    content = about | {"regrets": [asdict(one) for one in regret], "rows": [asdict(row) for row in rows]}
    shared.write_json(out / FILE, content)
    if ship is not None:
        source = f"dipsearch {COMMAND}: recorded fits of known networks to {', '.join(pictures)}"
        write_preselection(ship, cases_from(evidence), source=source)
        print(f"written: {ship}")
    for one in regret:
        print(f"{one.order:10} {one.task:8} {one.mean:.3f} dB on average, {one.largest:.2f} at the most")
    text = preselection_markdown(regret, command=about["command"], date=about["date"], pictures=pictures)
    shared.publish(text, file=out / FILE, section=SECTION, page=page)
