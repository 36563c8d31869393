"""``dipsearch bench races``: candidates that lose on the first of many pictures, on recorded fits."""

from __future__ import annotations

from typing import Annotated

import typer

from . import bench_options as shared

FILE, SECTION = "races.json", "races"


def races(
    table: shared.TableFile = shared.TABLE,
    orders: Annotated[
        int, typer.Option("--orders", metavar="N", min=2, help="In which genomes and pictures come.")
    ] = 100,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Replay a search for many pictures on the table of recorded fits, with and without races: two minutes."""

    from dataclasses import asdict

    from ...bench.tabular import Table
    from ...bench.tabular.comparisons.races import race_rows, races_markdown

    found = Table.read(table)
    rows = race_rows(found, orders=orders)
    about = shared.about_now() | {"table": found.checksum[:12]}
    shared.write_json(out / FILE, about | {"rows": [asdict(row) for row in rows]})
    text = races_markdown(rows, command=about["command"], date=about["date"], orders=orders)
    shared.publish(text, file=out / FILE, section=SECTION, page=page)
