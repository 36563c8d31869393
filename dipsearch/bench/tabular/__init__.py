"""The tabular benchmark: recorded fits of many genomes, and strategies of a search replayed on them in seconds.

`Table.read` reads what ``bench table`` recorded; a `Strategy` is an idea of who is fitted next, and ``replay_search``
tries it.
"""

from .known_strategies import InOrder, known_choices
from .optunahub_problem import TableProblem, as_optunahub
from .pruning import Pruning
from .sampler_strategies import Sampled, sampled, with_sampler
from .search_comparison import STRATEGIES, replayed_searches, search_rows
from .search_replay import Delivered, delivered_at, replay_search
from .strategy import Choice, Maker, Offer, Strategy, Tried
from .table import Table, cases_of
from .table_parts import Moment, Recorded, TableCase, TableFit

__all__ = [
    "STRATEGIES",
    "Choice",
    "Delivered",
    "InOrder",
    "Maker",
    "Moment",
    "Offer",
    "Pruning",
    "Recorded",
    "Sampled",
    "Strategy",
    "Table",
    "TableCase",
    "TableFit",
    "TableProblem",
    "Tried",
    "as_optunahub",
    "cases_of",
    "delivered_at",
    "known_choices",
    "replay_search",
    "replayed_searches",
    "sampled",
    "search_rows",
    "with_sampler",
]
