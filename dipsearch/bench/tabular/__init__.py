"""The tabular benchmark: recorded fits of many genomes, and strategies of a search replayed on them in seconds.

`Table.read` reads what ``bench table`` recorded; a `Strategy` is an idea of who is fitted next, and ``replay_search``
tries it.
"""

from .comparisons.search_comparison import STRATEGIES as STRATEGIES
from .comparisons.search_comparison import replayed_searches as replayed_searches
from .comparisons.search_comparison import search_rows as search_rows
from .recorded.table import Table as Table
from .strategies.optunahub_problem import TableProblem as TableProblem
from .strategies.optunahub_problem import as_optunahub as as_optunahub
from .strategies.pruning import Pruning as Pruning
from .strategies.replay_delivery import Delivered as Delivered
from .strategies.replay_delivery import delivered_at as delivered_at
from .strategies.sampler_strategies import with_sampler as with_sampler
from .strategies.search_replay import replay_search as replay_search
