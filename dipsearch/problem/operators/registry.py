"""The registry of operators: under which name an operator is written to a file, with plain arrays, and read again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from ...errors import FormatError, InputError
from .operator import Operator

Arrays = Mapping[str, NDArray[Any]]

KEY = "operator"
"""What the arrays of an operator are called in a file: this for its name, and behind a dot each of its own."""

GIVEN = "given"
"""The name of an operator that is not registered: a file says that there was one, and not which."""

PRODUCT = "product"
"""The name of an operator that consists of others."""


class Storable(Operator, Protocol):
    """An operator that can be written to a file and read again."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All that makes it, as plain arrays."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The operator that ``to_arrays`` described."""
        ...


_BY_NAME: dict[str, type[Storable]] = {}
_NAMES: dict[type, str] = {}

_Class = TypeVar("_Class")


def register(name: str) -> Callable[[type[_Class]], type[_Class]]:
    """Register a class of operators, which has ``to_arrays`` and ``from_arrays``, under a name for files.

    Raises:
        InputError: the name belongs to another class already, or the class lacks one of the two.
    """

    def decorate(cls: type[_Class]) -> type[_Class]:
        before = _BY_NAME.get(name)
        if name == GIVEN or (before is not None and before.__qualname__ != cls.__qualname__):
            raise InputError(
                f"the name '{name}' of an operator is taken",
                "names are unique",
                "register it under another one",
            )
        if not (hasattr(cls, "to_arrays") and hasattr(cls, "from_arrays")):
            raise InputError(
                f"{cls.__name__} lacks to_arrays or from_arrays",
                "an operator in a file is its name and plain arrays",
                "give it both methods",
            )
        _BY_NAME[name], _NAMES[cls] = cast(type[Storable], cls), name
        return cls

    return decorate


def operator_names() -> tuple[str, ...]:
    """All registered names, in alphabetical order."""
    return tuple(sorted(_BY_NAME))


def is_registered(operator: object) -> bool:
    """Whether the class of an operator is registered, whatever its factors are."""
    return type(operator) in _NAMES


def name_of(operator: Operator) -> str:
    """Under which name an operator is registered; "given" where it is not, or a factor of it is not."""
    name = _NAMES.get(type(operator), GIVEN)
    factors = cast(Any, operator).operators if name == PRODUCT else ()
    return GIVEN if any(name_of(factor) == GIVEN for factor in factors) else name


def operator_to_arrays(operator: Operator, *, key: str = KEY) -> dict[str, NDArray[Any]]:
    """An operator as arrays for a file; of one that is not registered only that there was one."""
    name = name_of(operator)
    own = {} if name == GIVEN else cast(Storable, operator).to_arrays()
    return {key: np.array(name)} | {f"{key}.{part}": value for part, value in own.items()}


def operator_from_arrays(arrays: Arrays, *, key: str = KEY, given: Operator | None = None) -> Operator:
    """The operator that ``operator_to_arrays`` wrote.

    Args:
        arrays: of a file; those that are not the operator's are not looked at.
        key: what its arrays are called.
        given: the operator itself, where it is not registered.

    Raises:
        FormatError: the arrays are no operator, or one that is not registered and was not given.
    """
    if key not in arrays:
        raise FormatError("the file has no operator", f"its array `{key}` names one", "write it again")
    name = str(arrays[key])
    if name == GIVEN:
        if given is None:
            raise FormatError(
                "the operator of this measurement is one's own",
                "a file holds only registered operators",
                "give the operator again, or register its class with dipsearch.register",
            )
        return given
    if name not in _BY_NAME:
        raise FormatError(
            f"the operator is '{name}'",
            f"known are {', '.join(operator_names())}",
            "import the module that registers it, or update dipsearch",
        )
    start = f"{key}."
    own = {part.removeprefix(start): value for part, value in arrays.items() if part.startswith(start)}
    try:
        return _BY_NAME[name].from_arrays(own)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise FormatError(
            f"the operator '{name}' is incomplete ({error})",
            "it has all arrays it was written with",
            "write it again",
        ) from error
