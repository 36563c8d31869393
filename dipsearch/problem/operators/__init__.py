"""Operators: what lies between an image and its measurement, each with its exact adjoint."""

from .adjoint_check import check_adjoint as check_adjoint
from .blur import Blur as Blur
from .downsample import Downsample as Downsample
from .fourier import Fourier as Fourier
from .fourier import cartesian_mask as cartesian_mask
from .identity import Identity as Identity
from .inverse import least_squares as least_squares
from .inverse import pseudo_inverse as pseudo_inverse
from .jpeg import JpegSet as JpegSet
from .kernels import described_kernel as described_kernel
from .kernels import gaussian_kernel as gaussian_kernel
from .kernels import motion_kernel as motion_kernel
from .kernels import read_kernel as read_kernel
from .linear_operator import LinearOperator as LinearOperator
from .linear_operator import as_operator as as_operator
from .mask import Mask as Mask
from .operator import Operator as Operator
from .product import Product as Product
from .product import factors_of as factors_of
from .radon import Radon as Radon
from .registry import name_of as name_of
from .registry import operator_from_arrays as operator_from_arrays
from .registry import operator_names as operator_names
from .registry import operator_to_arrays as operator_to_arrays
from .registry import register as register
