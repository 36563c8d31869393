"""Kernels for NVIDIA GPUs, in Triton, written once for all networks: what stands between two convolutions in one pass.

The convolutions are cuDNN's. Between them PyTorch passes seven times over memory forward and ten times back, and makes
several times as many launches; these make two passes each way. Sizes, borders and activations are arguments, so that
what was compiled for one candidate serves the others; the compiler's results stay on disk. Where Triton is missing or
has no compiler, `fused.usable` says so and the networks use PyTorch's operations.
"""

from .joined import joined
from .prepared import Scaling, prepared

__all__ = ["Scaling", "joined", "prepared"]
