"""What is called from Python: problems of arrays and any operator in, restored images out.

A search here is the one of the command line, in a folder of its own that nobody has to know: nothing is written unless
it is asked for.
"""

from .fitted import Fitted, fit
from .found import Result
from .loaded import load
from .restored import restore
from .searched import search

__all__ = ["Fitted", "Result", "fit", "load", "restore", "search"]
