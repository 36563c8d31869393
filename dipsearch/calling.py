"""How dipsearch was called, so that what a sentence says to do can be copied as it stands."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_FROM_PYTHON = ContextVar("from_python", default=False)


@contextmanager
def from_python() -> Iterator[None]:
    """Let ``option`` speak of arguments of functions meanwhile."""
    token = _FROM_PYTHON.set(True)
    try:
        yield
    finally:
        _FROM_PYTHON.reset(token)


def option(name: str, value: str = "") -> str:
    """An option in a sentence: ``--budget 30s``, and ``budget="30s"`` where a function was called."""
    if _FROM_PYTHON.get():
        return f'{name}="{value}"' if value else name
    return f"--{name} {value}".rstrip()


def program() -> str:
    """``python cli.py`` in a checkout, ``dipsearch`` where it is installed."""
    called = Path(sys.argv[0] if sys.argv else "")
    if called.name == "cli.py":
        return "python cli.py"
    return "python -m dipsearch" if called.parts[-2:] == ("dipsearch", "__main__.py") else "dipsearch"
