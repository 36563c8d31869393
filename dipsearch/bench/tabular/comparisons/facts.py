"""What replays tell besides gains: fits that are needed, the time to a known level, and which genes matter."""

from __future__ import annotations

from typing import Any

from ..recorded.table import Table, cases_of
from ..recorded.table_cases import SETS, SetName
from ..strategies.search_replay import WHOLE
from .gene_importance import gene_importances, importance_method
from .search_comparison import (
    ONCE,
    PILOT,
    SEEDS,
    STRATEGIES,
    fits_to_best_of_random,
    replayed_searches,
)
from .time_to_peak import time_to_peak

RACED = (ONCE, SEEDS, "known networks", PILOT)
"""Strategies whose time to the peak of Deep Image Prior's default network is measured."""

RACES = 3
"""Searches on each case: of these strategies little depends on chance."""


COUNTED, LONG = 6, 12.0
"""Searches of each strategy and task whose fits are counted, two of each picture, and their minutes."""


def facts_of(table: Table, *, set: SetName) -> dict[str, Any]:
    """``fits`` and ``peak`` on the pictures of a set, ``importances`` by set, and the ``method`` of these.

    Here every fit goes to its end: what counts is who is proposed.
    """
    searches = replayed_searches(table, seeds=COUNTED, minutes=(LONG,), sets=[set], policy=WHOLE)
    raced = {name: STRATEGIES[name] for name in RACED}
    return {
        "fits": fits_to_best_of_random(searches, table),
        "peak": time_to_peak(table, raced, cases_of(table, set=set), seeds=RACES),
        "importances": {name: gene_importances(table, cases_of(table, set=name)) for name in SETS},
        "method": importance_method(),
    }
