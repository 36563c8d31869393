"""Parts of one's own that a search was given from Python: they travel to the workers in memory, never through a file.

A study's folder may come from a stranger, so nothing that could run as code is ever read from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import cloudpickle
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from torch import Tensor

from ..errors import InputError, first_line
from ..fitting import Average, StoppingRule, Waiting
from ..network import Propose
from ..problem import Operator, register
from ..problem.operators import operator_names

Metric = Callable[[Tensor, Tensor, Tensor], float]
"""From what is compared (1, C, h, w), the scoring part of the measurement, and 1 where that counts, to a number that is
larger for better restorations."""


@dataclass(frozen=True, eq=False)
class OwnParts:
    """What takes the place of dipsearch's own parts.

    Args:
        operators: by the picture's name, of those whose operator is not registered.
        registered: by their names, the classes of registered operators that dipsearch does not come with. A worker
            does not run the script that registered them.
        propose: from a trial to a network, instead of a search space.
        sampler, pruner: Optuna's.
        metric: what candidates are ranked by, instead of the split's estimate of the error.
        rule: when each fit ends and what it delivers, instead of the minimum of the split's score.
        average: of the outputs of each fit, instead of the exponential one of its genome.
    """

    operators: Mapping[str, Operator] = field(default_factory=dict)
    registered: Mapping[str, type] = field(default_factory=dict)
    propose: Propose | None = None
    sampler: BaseSampler | None = None
    pruner: BasePruner | None = None
    metric: Metric | None = None
    rule: StoppingRule[Waiting] | None = None
    average: Average[Any] | None = None

    def packed(self) -> bytes:
        """All of it, for another process of the same search.

        Raises:
            InputError: something in it cannot be sent to another process.
        """
        try:
            return cast(bytes, cloudpickle.dumps(self))
        except Exception as error:  # pickling foreign objects may raise anything
            raise InputError(
                f"a part of one's own cannot be sent to a worker: {first_line(error)}",
                "workers are processes of their own, and get copies",
                "leave out open files, locks and generators from it",
            ) from error


NOTHING = OwnParts()


def unpacked(packed: bytes | None) -> OwnParts:
    """What ``packed`` made, in another process."""
    own = NOTHING if packed is None else cast(OwnParts, cloudpickle.loads(packed))
    for name, cls in own.registered.items():
        if name not in operator_names():
            register(name)(cls)
    return own


_OPERATORS: dict[Path, Mapping[str, Operator]] = {}


@contextmanager
def operators_of(folder: Path, own: OwnParts) -> Iterator[None]:
    """Let problem files of this study's folder be read with these operators, in this process."""
    key = folder.resolve()
    _OPERATORS[key] = own.operators
    try:
        yield
    finally:
        _OPERATORS.pop(key, None)


def own_operator(folder: Path, name: str) -> Operator | None:
    """The operator of a picture of a study that is being worked on; ``None``: it has none of its own."""
    return _OPERATORS.get(folder.resolve(), {}).get(name)
