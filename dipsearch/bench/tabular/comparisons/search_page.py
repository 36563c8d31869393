"""The section of BENCHMARKS.md: strategies of a search beside each other, by task and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from ...shared.search_rows import Delivers, SearchRow
from ...shared.sections import crossed
from ..recorded.table_cases import IN_WORDS, SETS
from ..recorded.table_genomes import BEST_KNOWN
from ..strategies.search_replay import STEP_SECONDS
from .search_comparison import DELIVERS, RANDOM, SEEDS

SHOWN = (4.0, 12.0)
"""Minutes of the gains; the levels are shown at all times."""

WHAT: Mapping[Delivers, str] = {
    "networks": "the networks' ensemble alone",
    "polished": "mixed with the first answer and polished",
}


def comparison_markdown(
    rows: Sequence[SearchRow],
    *,
    command: str,
    date: str,
    coverage: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> str:
    """The section: a heading, a legend and the tables.

    Args:
        rows: those of the table.
        command, date: that wrote it.
        coverage: of the table.
        facts: ``fits``, ``peak``, ``importances``, ``method`` and ``dry``, as ``search.json`` has them.
    """
    pictures = ", ".join(f"{name} ({of['kind']}, {of['set']})" for name, of in coverage["pictures"].items())
    parts = [
        "## Search strategies on recorded fits",
        f"`{command}`, {date}. The table has {coverage['fits']} fits of {coverage['genomes']} genomes to {pictures}. "
        "Searches are replayed on two workers; a minute is that of a search of 128 × 128 pixels, in which a step of "
        f"`{BEST_KNOWN}` takes {1000 * STEP_SECONDS:.0f} ms. That network is called the best known one here for all "
        "tasks, as it was when the table was recorded; searches of noise begin with another one since. Which fit goes "
        "on is decided as in a search with a budget; shorter times are looked at on the way of the longest. "
        f"{rows[0].seeds} searches take the pictures of a set in turns. A gain is the mean over pictures of the means "
        "over their searches, and its 95 % interval what other seeds would change on these pictures; in brackets the "
        "pictures where it is lowest and highest, which say what other pictures would change. What samplers ask for is "
        "replaced by the nearest recorded genome. Polished ensembles are approximated by the mean of polished members.",
        *_dry(facts["dry"]),
    ]
    for name in SETS:
        for delivers in DELIVERS:
            there = [row for row in rows if (row.set, row.delivers) == (name, delivers)]
            if there:
                parts += [f"### {name.capitalize()} pictures, {WHAT[delivers]}", *_tables(there)]
    return "\n\n".join([*parts, *_facts(facts)])


def _dry(dry: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the table had nothing more for a strategy before the time was over."""
    if not dry:
        return []
    cells = {
        (one["strategy"], f"{IN_WORDS[one['task']]}, {one['minutes']:g} min"): f"{one['many']} of {one['of']}"
        for one in dry
    }
    return [
        "Searches in which the table had nothing more for a strategy before the time was over; what has such a search "
        "on either side is left out below:",
        crossed("strategy", cells),
    ]


def _tables(rows: Sequence[SearchRow]) -> list[str]:
    tasks = {row.task for row in rows}
    levels: dict[tuple[str, float], dict[str, float]] = {}
    for row in rows:
        levels.setdefault((row.strategy, row.minutes), {})[row.task] = row.psnr_db
    found = [
        "Mean PSNR in dB, over tasks:\n\n"
        + crossed(
            "strategy",
            {
                (name, f"{when:g} min"): f"{fmean(each.values()):.2f}"
                for (name, when), each in levels.items()
                if set(each) == tasks
            },
        )
    ]
    for other in (SEEDS, RANDOM):
        gains = {
            (row.strategy, f"{IN_WORDS[row.task]}, {row.minutes:g} min"): (
                f"{row.gain_db:+.2f} [{row.low_db:+.2f}, {row.high_db:+.2f}] "
                f"({row.worst_db:+.2f} … {row.best_db:+.2f})"
            )
            for row in rows
            if row.against == other and row.strategy != other and row.minutes in SHOWN
        }
        if gains:
            found.append(f"Gain in dB over “{other}”:\n\n" + crossed("strategy", gains))
    return found


def _facts(facts: Mapping[str, Any]) -> list[str]:
    parts = []
    if facts["fits"]:
        some = next(iter(facts["fits"].values()))
        cells = {}
        for name, of in facts["fits"].items():
            cells[name, "fits, median"] = "more" if of["median"] < 0 else f"{of['median']:g}"
            cells[name, "within 25"] = f"{100 * of['within_25']:.0f} %"
        parts += [
            f"### Fits until the best network is as good as the best of {some['random']:.0f} random ones",
            crossed("strategy", cells),
        ]
    if facts["peak"]:
        some, cells = next(iter(facts["peak"].values())), {}
        for name, of in facts["peak"].items():
            cells[name, "share of its time, median"] = (
                "not reached" if of["share"] < 0 else f"{of['share']:g}"
            )
            cells[name, "cases where it was reached"] = f"{100 * of['reached']:.0f} %"
        parts += [
            "### Time to the peak of DIP's default network, networks alone",
            "That network's peak is chosen with the clean picture in hand, and it works on one of the two workers; the "
            f"others fit each network to its end. {some['cases']:.0f} of {some['all']:.0f} cases: in the others it "
            "still rose when its recording ended.",
            crossed("strategy", cells),
        ]
    if any(facts["importances"].values()):
        cells = {
            (gene, name): f"{share:.2f}"
            for name, shares in facts["importances"].items()
            for gene, share in shares.items()
        }
        parts += [f"### Which genes matter ({facts['method']}, true PSNR in the end)", crossed("gene", cells)]
    return parts
