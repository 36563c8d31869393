"""What may restore the picture: genomes, the spaces they are drawn from, and the generators they build.

A `Genome` is a frozen value; `build` makes the untrained `Generator` from it and `make_input` its input.
A `SearchSpace` says which genomes a search may try, and `cost` what a genome asks of the machine, without
building it there.
"""

from .generator import Generator, build
from .genome import Genome, Scale
from .inputs import make_input

__all__ = ["Generator", "Genome", "Scale", "build", "make_input"]
