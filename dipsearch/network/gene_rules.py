"""What values each gene may take: the rules that `Genome` checks and `SearchSpace` declares its ranges
against.

A gene is known by its name ("upsampling", "channels_down"). `check_gene` returns the value as a genome
keeps it, or says in one line what is allowed.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, Literal, get_args

import numpy as np

from dipsearch.errors import InputError
from dipsearch.yaml_files import shorten, suggestion

Scalar = int | float | str | bool
Upsampling = Literal["nearest", "bilinear", "bicubic", "pixel_shuffle", "transposed"]
Downsampling = Literal["stride", "average", "max", "lanczos2"]
Activation = Literal["leaky_relu", "relu", "elu", "silu", "gelu"]
Norm = Literal["batch", "instance", "group", "none"]
Padding = Literal["reflect", "zero", "replicate"]
Output = Literal["sigmoid", "none"]
InputKind = Literal["uniform", "gaussian", "meshgrid", "fourier", "pilot"]
Loss = Literal["mse", "l1"]

MAX_DEPTH = 7
MAX_CHANNELS = 1024
KERNELS = (1, 3, 5, 7)
"""What a file may ask for; all published networks stay below."""

WORDS: dict[str, tuple[str, ...]] = {
    "upsampling": get_args(Upsampling),
    "downsampling": get_args(Downsampling),
    "activation": get_args(Activation),
    "norm": get_args(Norm),
    "padding": get_args(Padding),
    "output": get_args(Output),
    "input_kind": get_args(InputKind),
    "loss": get_args(Loss),
}


def is_whole(name: str) -> bool:
    """Whether the gene `name` is a whole number."""
    return name in ("depth", "input_channels") or name.startswith(("channels_", "kernel_"))


def check_gene(name: str, value: object) -> Any:
    """Return `value` as the gene `name` keeps it: plain, also where NumPy's was given; real ones as float.

    Raises:
        InputError: the value is not allowed for this gene.
    """
    if name in WORDS:
        if not isinstance(value, str) or value not in WORDS[name]:
            near = suggestion(str(value), WORDS[name])
            raise _refused(
                name, value, f"it is one of {', '.join(WORDS[name])}", near or "choose one of these"
            )
        return str(value)
    if name == "up_1x1":
        if not isinstance(value, bool | np.bool_):
            raise _refused(name, value, "it is true or false", "write true or false")
        return bool(value)
    if is_whole(name):
        return _check_integer(name, value)
    return _check_real(name, value)


def _check_integer(name: str, value: object) -> int:
    if isinstance(value, Integral) and not isinstance(value, bool):
        value = int(value)
        if name.startswith("kernel_"):
            if value in KERNELS:
                return value
        else:
            low = 0 if name == "channels_skip" else 1
            high = MAX_DEPTH if name == "depth" else MAX_CHANNELS
            if low <= value <= high:
                return value
    if name.startswith("kernel_"):
        raise _refused(name, value, "a kernel size is 1, 3, 5 or 7", "choose one of these")
    if name == "depth":
        raise _refused(name, value, f"there are 1 to {MAX_DEPTH} scales", "change the number of scales")
    low = 0 if name == "channels_skip" else 1
    raise _refused(name, value, f"it is a whole number from {low} to {MAX_CHANNELS}", "choose such a number")


_REAL_RULES: dict[str, str] = {
    "input_scale": "it is a positive number",
    "pilot_scale": "it is a positive number",
    "jitter": "it is a number from 0 to 1",
    "learning_rate": "it is a number above 0, at most 1",
    "averaging": "it is a number from 0 to below 1",
}


def _check_real(name: str, value: object) -> float:
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        value = float(value)
        allowed = {
            "input_scale": value > 0,
            "pilot_scale": value > 0,
            "jitter": 0 <= value <= 1,
            "learning_rate": 0 < value <= 1,
            "averaging": 0 <= value < 1,
        }
        if allowed[name]:
            return value
    raise _refused(name, value, _REAL_RULES[name], "change the value")


def _refused(name: str, value: object, rule: str, fix: str) -> InputError:
    given = f"the gene `{name}` is missing" if value is None else f"the gene `{name}` is {shorten(value)}"
    return InputError(given, rule, fix)
