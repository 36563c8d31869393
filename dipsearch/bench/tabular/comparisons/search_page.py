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
from .fits_needed import FEW, TOLERANCE
from .search_comparison import DELIVERS, RANDOM, SEEDS

SHOWN = (4.0, 12.0)
"""Minutes of the gains; the levels are shown at all times."""

WHAT: Mapping[Delivers, str] = {
    "networks": "the networks' ensemble alone",
    "polished": "mixed with the first answer and polished",
}


def comparison_markdown(
    rows: Sequence[SearchRow], *, about: Mapping[str, Mapping[str, Any]], coverage: Mapping[str, Any]
) -> str:
    """The section: a heading, a legend and the tables, those of the test pictures in full.

    Args:
        rows: those of the table, of one set or of both.
        about: by set, as ``search.json`` has it: ``command``, ``date``, ``fits``, ``peak``, ``importances``, ``method``
            and ``dry``.
        coverage: of the table.
    """
    pictures = ", ".join(f"{name} ({of['kind']}, {of['set']})" for name, of in coverage["pictures"].items())
    commands = "; ".join(
        f"{name} pictures: `{of['command']}`, {of['date']}, {_seeds(rows, name)} searches of each strategy"
        for name, of in about.items()
    )
    parts = [
        "## Search strategies on recorded fits",
        f"{commands[:1].upper()}{commands[1:]}. The table has {coverage['fits']} fits of {coverage['genomes']} "
        f"genomes to {pictures}. "
        "Searches are replayed on two workers; a minute is that of a search of 128 × 128 pixels, in which a step of "
        f"`{BEST_KNOWN}` takes {1000 * STEP_SECONDS:.0f} ms. That network is called the best known one here for all "
        "tasks, as it was when the table was recorded; searches of noise begin with another one since. Which fit goes "
        "on is decided as in a search with a budget; shorter times are looked at on the way of the longest. "
        "Searches take the pictures of a set in turns. A gain is the mean over pictures of the means "
        "over their searches, and its 95 % interval what other seeds would change on these pictures; in brackets the "
        "pictures where it is lowest and highest, which say what other pictures would change. What samplers ask for is "
        "replaced by the nearest recorded genome. Polished ensembles are approximated by the mean of polished members.",
    ]
    for delivers in DELIVERS:
        there = [row for row in rows if (row.set, row.delivers) == ("test", delivers)]
        if there:
            parts += [f"### Test pictures, {WHAT[delivers]}", *_tables(there)]
    if "test" in about:
        parts += [*_dry(about["test"]["dry"]), *_fits(about["test"]["fits"]), *_peak(about["test"]["peak"])]
    tuning = [row for row in rows if (row.set, row.delivers) == ("tuning", "polished")]
    if tuning:
        parts += [
            f"### Tuning pictures, {WHAT['polished']}",
            "On these constants were chosen, so that they say less of what a search brings; the networks alone are in "
            "`benchmarks/search.json`.",
            *_gains(tuning),
        ]
    return "\n\n".join([*parts, *_importances(about)])


def _seeds(rows: Sequence[SearchRow], name: str) -> int:
    return min(row.seeds for row in rows if row.set == name)


def _dry(dry: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the table had nothing more for a strategy before the time was over."""
    if not dry:
        return []
    cells = {
        (one["strategy"], f"{IN_WORDS[one['task']]}, {one['minutes']:g} min"): f"{one['many']} of {one['of']}"
        for one in dry
    }
    return [
        "### Where the table had nothing more",
        "Searches in which the table had nothing more for a strategy before the time was over; what has such a search "
        "on either side is left out above:",
        crossed("strategy", cells),
    ]


def _tables(rows: Sequence[SearchRow]) -> list[str]:
    tasks = {row.task for row in rows}
    levels: dict[tuple[str, float], dict[str, float]] = {}
    for row in rows:
        levels.setdefault((row.strategy, row.minutes), {})[row.task] = row.psnr_db
    return [
        "Mean PSNR in dB, over tasks:\n\n"
        + crossed(
            "strategy",
            {
                (name, f"{when:g} min"): f"{fmean(each.values()):.2f}"
                for (name, when), each in levels.items()
                if set(each) == tasks
            },
        ),
        *_gains(rows),
    ]


def _gains(rows: Sequence[SearchRow]) -> list[str]:
    found = []
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


def _fits(fits: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    if not fits:
        return []
    some = next(of for by_task in fits.values() for of in by_task.values())
    cells = {
        (name, IN_WORDS[task]): (
            f"{100 * of['within']:.0f} % ({100 * of['strictly']:.0f} %; {100 * of['chosen']:.0f} %), "
            + ("more" if of["median"] < 0 else f"{of['median']:g}")
        )
        for name, by_task in fits.items()
        for task, of in by_task.items()
    }
    return [
        f"### The best network of {FEW} fits against the best of {some['random']:.0f} random ones",
        f"The share of {some['searches']:.0f} searches in which the best of the first {FEW} networks in true PSNR is "
        f"no more than {TOLERANCE:g} dB behind the best of the random ones, all at their own stops; in brackets the "
        "share in which it is not behind at all, and that in which the network with the best estimate, the one that a "
        "search knows of, is no more behind than that. Then the median of the fits until the first of these. "
        "Every fit goes to its end. “random” draws from the same random networks, and is what chance does.",
        crossed("strategy", cells),
    ]


def _peak(peak: Mapping[str, Mapping[str, Any]]) -> list[str]:
    if not peak:
        return []
    some, cells = next(iter(peak.values())), {}
    for name, of in peak.items():
        cells[name, "median"] = _share(of["share"])
        for case, share in of["shares"].items():
            picture, task = case.split(", ")
            cells[name, f"{picture}, {IN_WORDS[task]}"] = _share(share)
    return [
        "### Time to the peak of DIP's default network, networks alone",
        "As a share of that network's own time, whose peak is chosen with the clean picture in hand, and which works "
        "on one of the two workers; the others fit each network to its end, and those with a pilot have the time of "
        f"the first answer added. {some['cases']} of {some['all']} cases: in the others it still rose when its "
        "recording ended.",
        crossed("strategy", cells),
    ]


def _share(share: float) -> str:
    return "not reached" if share < 0 else f"{share:.2f}"


def _importances(about: Mapping[str, Mapping[str, Any]]) -> list[str]:
    cells: dict[tuple[str, str], str] = {
        (gene, name): f"{share:.2f}"
        for name in SETS
        if name in about
        for gene, share in about[name]["importances"].items()
    }
    if not cells:
        return []
    method = next(iter(about.values()))["method"]
    return [f"### Which genes matter ({method}, true PSNR in the end)", crossed("gene", cells)]
