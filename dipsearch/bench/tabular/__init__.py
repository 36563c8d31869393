"""The tabular benchmark: recorded fits of many genomes, and strategies of a search replayed on them in seconds.

`Table.read` reads what ``bench table`` recorded; a `Strategy` is an idea of who is fitted next, and ``replay_search``
tries it.
"""

from .optunahub_problem import TableProblem as TableProblem
from .optunahub_problem import as_optunahub as as_optunahub
from .pruning import Pruning as Pruning
from .replay_delivery import Delivered as Delivered
from .replay_delivery import delivered_at as delivered_at
from .sampler_strategies import with_sampler as with_sampler
from .search_comparison import STRATEGIES as STRATEGIES
from .search_comparison import replayed_searches as replayed_searches
from .search_comparison import search_rows as search_rows
from .search_replay import replay_search as replay_search
from .table import Table as Table
