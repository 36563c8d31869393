"""``dipsearch bench replay-search``: strategies of a search, replayed on the table of recorded fits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ...errors import InputError
from .. import parsing
from . import bench_options as shared

FILE, SECTION = "search.json", "search"
SETS: tuple[Literal["tuning", "test"], ...] = ("tuning", "test")


def replay_search(
    table: shared.TableFile = shared.TABLE,
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=2, help="Searches of each strategy and task.")
    ] = 30,
    minutes: Annotated[
        str,
        typer.Option("--minutes", metavar="M,M…", help="After which it is asked what would be delivered."),
    ] = "1,2,4",
    long: Annotated[
        str | None,
        typer.Option(
            "--long",
            metavar="M,M…",
            help="The same of long searches, for a few strategies: what a search does and could do, other seeds, and "
            "chance. 12 takes two minutes.",
        ),
    ] = None,
    pictures: Annotated[
        str,
        typer.Option("--set", metavar="SET", help="Of the pictures: test, or tuning for choosing constants."),
    ] = "test",
    ship: Annotated[
        Path | None,
        typer.Option(
            "--ship",
            metavar="FILE",
            help="Write the course that pages compare a search with to this file, too.",
        ),
    ] = None,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Compare strategies of a search at equal time, on recorded fits: a minute on one core.

    What samplers ask for is replaced by the nearest genome that was recorded.
    """
    times, long_times = (
        _minutes(minutes, option="--minutes"),
        _minutes(long, option="--long") if long is not None else (),
    )
    chosen = parsing.one_of(pictures, SETS, option="--set")

    import optuna

    from ...bench.shared.search_rows import read_search_rows, write_search_rows
    from ...bench.tabular import Table
    from ...bench.tabular.comparisons.expected_courses import COURSES, expected_courses
    from ...bench.tabular.comparisons.facts import facts_of
    from ...bench.tabular.comparisons.search_comparison import (
        LASTING,
        STRATEGIES,
        dry_searches,
        replayed_searches,
        search_rows,
    )
    from ...bench.tabular.comparisons.search_page import comparison_markdown
    from ...bench.tabular.recorded.table import cases_of
    from ...bench.tabular.recorded.table_genomes import BEST_KNOWN
    from ...library.expected_course import write_courses

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # as a search does
    found = Table.read(table)
    if not cases_of(found, set=chosen):
        raise InputError(
            f"{table} has no {chosen} pictures",
            f"it has {', '.join(found.coverage['pictures'])}",
            f"give --set {next(each for each in SETS if each != chosen)}",
        )
    searches = replayed_searches(found, seeds=seeds, minutes=times, sets=[chosen], watch=shared.say)
    rows = search_rows(searches, measurement=found.checksum[:12])
    dry = dry_searches(searches)
    if long_times:
        lasting = {name: STRATEGIES[name] for name in LASTING}
        searches = replayed_searches(
            found, seeds=seeds, strategies=lasting, minutes=long_times, sets=[chosen], watch=shared.say
        )
        rows += search_rows(searches, measurement=found.checksum[:12])
        dry += dry_searches(searches)
    about = shared.about_now()
    write_search_rows(
        out / FILE, rows, about=about | {"table": found.about, **facts_of(found, set=chosen), "dry": dry}
    )
    if ship is not None:
        courses = expected_courses(found, set=chosen)
        source = (
            f"{about['command']}, {about['date']}, dipsearch {about['versions']['dipsearch']}, "
            f"table {found.checksum[:12]}, {chosen} pictures, {COURSES} searches of each case"
        )
        write_courses(ship, courses, source=source, network=BEST_KNOWN)
        print(f"written: {ship}")
    there, of_sets = read_search_rows(out / FILE, source="table")
    text = comparison_markdown(there, about=of_sets, coverage=found.coverage)
    shared.publish(text, file=out / FILE, section=SECTION, page=page)


def _minutes(text: str, *, option: str) -> tuple[float, ...]:
    try:
        found = tuple(float(word) for word in shared.words(text))
    except ValueError:
        found = ()
    if not found or not all(0 < each < float("inf") for each in found):
        raise InputError(f"{option} is {text!r}", "it is numbers above 0", f"write for example {option} 4,12")
    return found
