"""The form of a measurement in its problem file: a line of JSON that says how the restored image is handed back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch
from numpy.typing import NDArray
from pydantic import Field

from ..json_files import parse_json
from ..problem import Form
from ..problem.form import PLAIN, Layout
from ..yaml_files import Strict, validate
from .array_files import array_of


def form_text(form: Form) -> str:
    """A form as JSON, without its gaps, which are an array of the problem file."""
    return json.dumps({name: value for name, value in asdict(form).items() if name != "gaps"})


class _Form(Strict):
    """How a restored image is handed back, as the file says it."""

    kind: Literal["tensor", "numpy"] = PLAIN.kind
    layout: Layout = PLAIN.layout
    dtype: str = Field(
        default=PLAIN.dtype, pattern=r"^(b?float|u?int|complex)[0-9]{1,3}$|^(bool|double|half)$"
    )
    device: str = Field(default=PLAIN.device, pattern=r"^(cpu|mps|(cuda|xpu)(:[0-9]{1,3})?)$")
    low: float = PLAIN.low
    high: float = PLAIN.high
    complex_values: bool = PLAIN.complex_values
    channels: int = Field(default=PLAIN.channels, ge=1, le=4096)


def form_of(values: Mapping[str, NDArray[Any]], path: Path) -> Form:
    """The form in the arrays of a problem file.

    Raises:
        FormatError: it is none.
    """
    content = parse_json(str(values["form"]).encode(), source=f"{path}: `form`")
    gaps = (
        torch.from_numpy(array_of(values, "gaps", path=path, axes=4, kinds="b")) if "gaps" in values else None
    )
    return Form(**validate(_Form, content, source=f"{path}: `form`").model_dump(), gaps=gaps)
