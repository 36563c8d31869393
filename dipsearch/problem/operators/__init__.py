"""Operators: what lies between an image and its measurement, each with its exact adjoint."""

from .adjoint_check import check_adjoint
from .blur import Blur
from .downsample import Downsample, reduced_size
from .fourier import Fourier, cartesian_mask, centred
from .identity import Identity
from .inverse import least_squares, pseudo_inverse
from .jpeg import JpegSet
from .kernels import gaussian_kernel, motion_kernel, read_kernel
from .linear_operator import LinearOperator, as_operator
from .mask import Mask
from .operator import Invertible, Operator
from .product import Product
from .radon import Radon
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
    "Blur",
    "Downsample",
    "Fourier",
    "Identity",
    "Invertible",
    "JpegSet",
    "LinearOperator",
    "Mask",
    "Operator",
    "Product",
    "Radon",
    "Storable",
    "as_operator",
    "cartesian_mask",
    "centred",
    "check_adjoint",
    "gaussian_kernel",
    "least_squares",
    "motion_kernel",
    "name_of",
    "operator_from_arrays",
    "operator_names",
    "operator_to_arrays",
    "pseudo_inverse",
    "read_kernel",
    "reduced_size",
    "register",
]
