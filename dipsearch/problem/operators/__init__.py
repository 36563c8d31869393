"""Operators: what lies between an image and its measurement, each with its exact adjoint."""

from .downsample import Downsample, lanczos2_kernel, lanczos2_matrix, reduced_size
from .identity import Identity
from .mask import Mask
from .operator import Invertible, Operator
from .registry import (
    Arrays,
    Storable,
    name_of,
    operator_from_arrays,
    operator_names,
    operator_to_arrays,
    register,
)

__all__ = [
    "Arrays",
    "Downsample",
    "Identity",
    "Invertible",
    "Mask",
    "Operator",
    "Storable",
    "lanczos2_kernel",
    "lanczos2_matrix",
    "name_of",
    "operator_from_arrays",
    "operator_names",
    "operator_to_arrays",
    "reduced_size",
    "register",
]
