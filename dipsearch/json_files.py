"""JSON from strangers: one safe way in.

The size is looked at before anything is parsed. Whole numbers have at most 64 bits, text can be written as UTF-8,
and nesting that is deeper than Python's own limit is refused, like everything that is no JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import FormatError
from .plain_files import plain_bytes
from .whole_numbers import whole_number

MAX_BYTES = 2**26


def read_json(path: str | Path) -> Any:
    """Read what a JSON file holds.

    Raises:
        FormatError: the file is missing, larger than ``MAX_BYTES``, or not such JSON.
    """
    return parse_json(plain_bytes(path, most=MAX_BYTES), source=str(path))


def parse_json(text: bytes, *, source: str) -> Any:
    """Parse JSON; ``source`` names it in errors.

    Raises:
        FormatError: it is not such JSON.
    """
    try:
        content = json.loads(text.decode("utf-8"), parse_int=whole_number)
        if b"\\u" in text:  # which can write half of a character
            json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"{source} cannot be read ({_reason(error)})",
            "it has to be valid JSON, in UTF-8",
            "restore the file from a copy",
        ) from error
    return content


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "it is not text in UTF-8"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
