"""Names of fields in files: a format keeps those that it began with, whatever the code calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def renamed(fields: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The same fields in the same order, those in ``names`` under the names that these give."""
    return {names.get(name, name): value for name, value in fields.items()}


def reversed_names(names: Mapping[str, str]) -> dict[str, str]:
    """The way back."""
    return {there: here for here, there in names.items()}
