"""Streams that cannot hold every character: a log file or a console whose encoding lacks ``×``, ``²`` or ``σ``.

Nobody's search ends for that: what such an encoding lacks is written in letters that each of them has.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable

LETTERS = "dipsearch_letters"
"""The name under which Python knows how to write what an encoding lacks."""

_PLAIN = {
    "×": "x", "²": "^2", "³": "^3", "½": "1/2", "−": "-", "–": "-", "—": "-", "─": "-", "…": "...", "·": ".", "±": "+-",
    "≤": "<=", "≥": ">=", "→": "->", "√": "sqrt", "σ": "sigma", "τ": "tau", "λ": "lambda", "µ": "u", "°": " degrees",
    "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip


def write_letters_for_what_is_lacking(streams: Iterable[object]) -> None:
    """Let streams write other letters for characters that their encodings lack; those in UTF-8 lack none."""
    codecs.register_error(LETTERS, _letters)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper) and not codecs.lookup(stream.encoding).name.startswith("utf"):
            stream.reconfigure(errors=LETTERS)


def _letters(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(one, "?") for one in lacking), error.end
