"""One candidate: fit a generator to a measurement, stop by itself, and combine what several fits found."""

from .average import Average as Average
from .engine import EagerEngine as EagerEngine
from .engine import Engine as Engine
from .engine import EngineWord as EngineWord
from .engine import make_engine as make_engine
from .ensemble import Stack as Stack
from .ensemble import combine as combine
from .ensemble import put_back as put_back
from .ensemble import stack as stack
from .ensemble import stack_weights as stack_weights
from .loop import Curves as Curves
from .loop import Fit as Fit
from .loop import fit as fit
from .memory import give_back_memory as give_back_memory
from .memory import out_of_memory as out_of_memory
from .precision import Precision as Precision
from .step import Step as Step
from .step import Weights as Weights
from .stopping import Check as Check
from .stopping import Decision as Decision
from .stopping import Ended as Ended
from .stopping import LastIterate as LastIterate
from .stopping import LossMatched as LossMatched
from .stopping import StoppingRule as StoppingRule
from .stopping import ValidationMinimum as ValidationMinimum
