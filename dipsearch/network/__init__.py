"""What may restore the picture: genomes, the spaces they are drawn from, and the generators they build.

A `Genome` is a frozen value; `build` makes the untrained `Generator` from it and `make_input` its input.
A `SearchSpace` says which genomes a search may try, and `cost` what a genome asks of the machine, without
building it there.
"""

from .cost import Calibration, Cost, calibrate, cost
from .gene import Gene
from .generator import Generator, build
from .genome import Genome, Scale
from .inputs import make_input
from .own_network import Network, OwnNetwork, Propose, as_network
from .space import SearchSpace, describe, load_space, space_file

__all__ = [
    "Calibration",
    "Cost",
    "Gene",
    "Generator",
    "Genome",
    "Network",
    "OwnNetwork",
    "Propose",
    "Scale",
    "SearchSpace",
    "as_network",
    "build",
    "calibrate",
    "cost",
    "describe",
    "load_space",
    "make_input",
    "space_file",
]
