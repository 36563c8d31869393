"""The patches: what groups of similar patches say of a picture, in seconds and without a network.

They answer first, they are the bar that networks have to clear, and with what networks made as their pilot they
improve it (``polished``). ``answer`` looks at the operator and the noise; below it are block matching (``groups``),
two ways to a first estimate (``collaborative``, ``bayes``), the Wiener filter of groups (``bayes``) and, where
something was not measured, the alternation of that filter with the measurement (``alternation``).
"""

from .answer import Progress as Progress
from .answer import answer as answer
from .answer import assumed_sigma as assumed_sigma
from .answer import met as met
from .answer import polished as polished
from .inversion import least_variation as least_variation
from .part import fitted_part as fitted_part
from .settings import DEFAULT as DEFAULT
from .settings import HURRIED as HURRIED
from .settings import QUICK as QUICK
from .settings import SHORTENED as SHORTENED
from .settings import PatchSettings as PatchSettings
from .settings import settings_for as settings_for
from .start import first_guess as first_guess
