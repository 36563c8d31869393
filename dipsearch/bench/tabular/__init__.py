"""The tabular benchmark: recorded fits of many genomes, and strategies of a search replayed on them in seconds.

`Table.read` reads what ``bench table`` recorded; a `Strategy` is an idea of who is fitted next, and ``replay_search``
tries it.
"""

from .known_strategies import InOrder as InOrder
from .known_strategies import known_choices as known_choices
from .optunahub_problem import TableProblem as TableProblem
from .optunahub_problem import as_optunahub as as_optunahub
from .pruning import Pruning as Pruning
from .replay_delivery import Delivered as Delivered
from .replay_delivery import delivered_at as delivered_at
from .sampler_strategies import Sampled as Sampled
from .sampler_strategies import sampled as sampled
from .sampler_strategies import with_sampler as with_sampler
from .search_comparison import STRATEGIES as STRATEGIES
from .search_comparison import replayed_searches as replayed_searches
from .search_comparison import search_rows as search_rows
from .search_replay import replay_search as replay_search
from .strategy import Choice as Choice
from .strategy import Maker as Maker
from .strategy import Offer as Offer
from .strategy import Strategy as Strategy
from .strategy import Tried as Tried
from .table import Table as Table
from .table import cases_of as cases_of
from .table_parts import Moment as Moment
from .table_parts import Recorded as Recorded
from .table_parts import TableCase as TableCase
from .table_parts import TableFit as TableFit
