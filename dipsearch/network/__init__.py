"""What may restore the picture: genomes, the spaces they are drawn from, and the generators they build.

A `Genome` is a frozen value; `build` makes the untrained `Generator` from it and `make_input` its input.
A `SearchSpace` says which genomes a search may try, and `cost` what a genome asks of the machine, without
building it there.
"""

from .cost import Calibration as Calibration
from .cost import calibrate as calibrate
from .cost import cost as cost
from .generator import Generator as Generator
from .generator import build as build
from .genome import Genome as Genome
from .genome import Scale as Scale
from .inputs import make_input as make_input
from .own_network import Network as Network
from .own_network import OwnNetwork as OwnNetwork
from .own_network import Propose as Propose
from .own_network import as_network as as_network
from .space import SearchSpace as SearchSpace
from .space import load_space as load_space
from .space import space_file as space_file
