"""``dipsearch bench search``: strategies of a search beside each other, in real searches of minutes."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import parsing
from . import bench_options as shared

FILE, SUMMARY, SECTION = "searches.json", "search.json", "searches"
PICTURES = (
    *(f"sample:{name}@96" for name in ("astronaut", "camera", "immunohistochemistry")),
    *(f"sample:{name}@128" for name in ("cell", "page", "coins")),
)
"""Where none are given: a face, a grey photo, stained tissue; and, wider than high, a phase contrast, print, objects on
a ground. No constant was chosen on them."""


def search(
    sources: shared.Sources = None,
    tasks: shared.Tasks = "denoise,inpaint,sr",
    strategies: Annotated[
        str,
        typer.Option(
            "--strategies",
            metavar="NAME,NAME…",
            help="seeds: the best known network again and again; once: one fit of it; known: each known network once; "
            "pilot, random, genetic, tpe: samplers; warm, similar: pilot with --start warm, or --order similar; dip: "
            "the default network of Deep Image Prior again and again.",
        ),
    ] = "seeds,pilot",
    budgets: Annotated[str, typer.Option("--budgets", metavar="DURATION,…", help="Of each search.")] = "4m",
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="N,N…", help="Of damages and searches; each is a search more.")
    ] = "0",
    workers: shared.Workers = 2,
    at_once: Annotated[int, typer.Option("--at-once", metavar="N", min=1, help="Searches side by side.")] = 1,
    recorded_only: shared.RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Search by different strategies for the same time, and compare what is delivered. Resumable.

    Searches whose rows are there are not made again. Without pictures: six that are bundled. Let nothing else run.
    """
    minutes = [parsing.seconds(word, option="--budgets") / 60 for word in shared.words(budgets)]
    numbers = shared.numbers(seeds, least=0, option="--seeds")
    given = () if recorded_only else parsing.expand_sources(sources or PICTURES)
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    from ...bench.cases.rival_case import clean_sources
    from ...bench.cases.rival_damages import chosen_damages
    from ...bench.searches.real_search_rows import COMMAND, RealSearchRow, gains
    from ...bench.searches.real_search_run import RealSearches, chosen_strategies, search_all
    from ...bench.searches.real_search_table import real_searches_markdown
    from ...bench.shared.row_file import RowFile
    from ...bench.shared.search_rows import write_search_rows
    from ...bench.tabular.comparisons.search_comparison import SEEDS

    chosen = chosen_strategies(shared.words(strategies))
    damages = chosen_damages(shared.words(tasks), None)
    about = shared.about_now()
    file = RowFile(out / FILE, RealSearchRow, command=COMMAND, about=about)
    if not recorded_only:
        wanted = RealSearches(clean_sources(given), damages, chosen, minutes, numbers, workers, at_once)
        search_all(wanted, file, say=shared.say)
    found = gains(file.rows, against=SEEDS)
    if found:
        write_search_rows(out / SUMMARY, found, about=file.about)
    shared.publish_rows(file, real_searches_markdown, section=SECTION, page=page)
