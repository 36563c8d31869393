"""What replays tell besides gains: fits that are needed, the time to a known level, and which genes matter."""

from __future__ import annotations

from typing import Any

from .gene_importance import gene_importances, importance_method
from .search_comparison import PILOT, SEEDS, STRATEGIES, Searches, fits_to_best_of_random
from .table import Table, cases_of
from .table_cases import SETS, SetName
from .time_to_peak import time_to_peak

RACED = ("best known network, once", SEEDS, "known networks", PILOT)
"""Strategies whose time to the peak of Deep Image Prior's default network is measured."""

RACES = 3
"""Searches on each case: of these strategies little depends on chance."""


def facts_of(table: Table, searches: Searches, *, set: SetName) -> dict[str, Any]:
    """``fits`` and ``peak`` on the pictures of a set, ``importances`` by set, and the ``method`` of these."""
    raced = {name: STRATEGIES[name] for name in RACED}
    return {
        "fits": fits_to_best_of_random(searches, table),
        "peak": time_to_peak(table, raced, cases_of(table, set=set), seeds=RACES),
        "importances": {name: gene_importances(table, cases_of(table, set=name)) for name in SETS},
        "method": importance_method(),
    }
