"""Text from elsewhere, made harmless to look at.

A name or a reason in a file may hold characters that move a terminal's cursor, change its title, or turn the
order of what follows. They are written out (``\\x1b``, ``\\u202e``); everything that can be seen stays as it is.
"""

from __future__ import annotations

import json
import re
from typing import Annotated

from pydantic import AfterValidator

_SPACES = "\u00a0\u2007\u2009\u202f"
_UNSEEN = re.compile(r"[^\x20-\x7e]")
_ESCAPED = re.compile(r"(?<!\\)((?:\\\\)*)\\u([0-9a-fA-F]{4})")


def visible(text: str, *, kept: str = "") -> str:
    """``text`` with every character written out that cannot be seen.

    Args:
        text: from anywhere.
        kept: characters that stay nevertheless, for example line ends.
    """
    return _UNSEEN.sub(lambda found: _seen(found[0], kept), text)


def one_line(text: str) -> str:
    """``text`` on a single line, with every character written out that cannot be seen."""
    return visible(" ".join(text.split()))


def visible_json(text: str) -> str:
    """JSON whose strings show what ``visible`` would make of them, wherever they are put on a page.

    Args:
        text: JSON; characters may stand in it as they are, or escaped.
    """
    written = _ESCAPED.sub(_seen_escape, text)
    return _UNSEEN.sub(lambda found: _seen(found[0], "\n").replace("\\", "\\\\"), written)


def escaped_json(text: str) -> str:
    """The same JSON, with an escape for every character that cannot be seen; a program reads what it read before."""
    return _UNSEEN.sub(
        lambda found: found[0] if _seen(found[0], "\n") == found[0] else _escape(found[0]), text
    )


Words = Annotated[str, AfterValidator(visible)]
"""Text of a file that is only shown."""


def _escape(letter: str) -> str:
    return json.dumps(letter)[1:-1]


def _seen(letter: str, kept: str) -> str:
    return letter if letter.isprintable() or letter in _SPACES or letter in kept else ascii(letter)[1:-1]


def _seen_escape(found: re.Match[str]) -> str:
    letter = chr(int(found[2], 16))
    # Halves of a pair stand for one character that can be seen, and line ends are what they are.
    if letter.isprintable() or letter in _SPACES or "\ud800" <= letter <= "\udfff":
        return found[0]
    return f"{found[1]}\\\\u{found[2]}"
