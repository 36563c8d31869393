"""``dipsearch bench policies``: which policy hands out the time of a search best, on recorded fits."""

from __future__ import annotations

from typing import Annotated

import typer

from . import bench_options as shared

FILE, SECTION = "policies.json", "policies"


def policies(
    table: shared.TableFile = shared.TABLE,
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=1, help="Processes.")] = 2,
    orders: Annotated[
        int, typer.Option("--orders", metavar="N", min=1, help="In which the candidates of a picture come.")
    ] = 4,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Replay searches on the table of recorded fits, with several policies and lengths."""

    from dataclasses import asdict

    import optuna

    from ...bench.tabular import Table
    from ...bench.tabular.comparisons.policy_comparison import policies_markdown, policy_rows

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # as a search does
    found = Table.read(table)
    rows = policy_rows(found, orders=orders, workers=workers, watch=shared.say)
    about = shared.about_now() | {"table": found.checksum[:12]}
    shared.write_json(out / FILE, about | {"rows": [asdict(row) for row in rows]})
    text = policies_markdown(rows, command=about["command"], date=about["date"])
    shared.publish(text, file=out / FILE, section=SECTION, page=page)
