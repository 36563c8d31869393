"""``dipsearch bench races``: candidates that lose on the first of many pictures, on recorded fits."""

from __future__ import annotations

from typing import Annotated

import typer

from . import bench_options as shared
from . import parsing

FILE, SECTION = "races.json", "races"


def races(
    table: shared.TableFile = shared.TABLE,
    orders: Annotated[
        int, typer.Option("--orders", metavar="N", help="In which genomes and pictures come.")
    ] = 100,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Replay a search for many pictures on the table of recorded fits, with and without races: two minutes."""
    parsing.at_least(2, orders, option="--orders")

    import json
    import time
    from dataclasses import asdict

    from ..bench import write_section
    from ..bench.machine import command_line, versions
    from ..bench.tabular import Table
    from ..bench.tabular.races import race_rows, races_markdown
    from ..files import write_text

    found = Table.read(table)
    rows = race_rows(found, orders=orders)
    date = time.strftime("%Y-%m-%d")
    about = {"command": command_line(), "date": date, "versions": versions(), "table": found.checksum[:12]}
    content = about | {"rows": [asdict(row) for row in rows]}
    write_text(out / FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    text = races_markdown(rows, command=command_line(), date=date, orders=orders)
    write_section(page, SECTION, text)
    print(f"written: {out / FILE} and the section {SECTION} of {page}")
