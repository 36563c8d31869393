"""How this program was called, so that a command in a sentence can be copied as it stands."""

from __future__ import annotations

import sys
from pathlib import Path


def program() -> str:
    """``python cli.py`` in a checkout, ``dipsearch`` where it is installed."""
    called = Path(sys.argv[0] if sys.argv else "")
    if called.name == "cli.py":
        return "python cli.py"
    return "python -m dipsearch" if called.parts[-2:] == ("dipsearch", "__main__.py") else "dipsearch"
