"""How the steps of a fit are computed: by which engine, in which precision, with how much memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ..network import Network, OwnNetwork
from .precision import DEFAULT, Precision

EngineWord = Literal["auto", "eager", "cuda_graph"]


@dataclass(frozen=True)
class Compute:
    """The means of a fit, which change its numbers by rounding at most.

    Args:
        engine: what makes the steps: "auto" (the fastest one that the device has), "eager" or "cuda_graph".
        precision: of the convolutions: "tf32", "fp32" or "bf16". A processor computes in 32 bits, and in "bf16" only
            where it has AMX; devices other than it and CUDA always in 32 bits.
        lean: keep less for the backward pass and compute the full resolution twice: the same numbers from less memory.
    """

    engine: EngineWord = "auto"
    precision: Precision = DEFAULT
    lean: bool = False


USUAL = Compute()


def leaner(compute: Compute, network: Network) -> tuple[Compute, ...]:
    """What is tried where there is not enough memory: the lean way, for networks that have one."""
    return () if compute.lean or isinstance(network, OwnNetwork) else (replace(compute, lean=True),)
