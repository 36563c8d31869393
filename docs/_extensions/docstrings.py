"""Docstrings and signatures that read on a page as they are meant in the code."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

BEFORE_NAPOLEON = 400
"""Of Sphinx's listeners the one with the lower number comes first, and napoleon's has 500."""


def keep_first_sentence(
    app: Sphinx, what: str, name: str, entry: Any, options: Any, lines: list[str]
) -> None:
    """Napoleon takes what stands before a colon in the first line of a property for its type; it is a sentence."""
    if what in ("attribute", "property"):
        lines[:0] = ["..", ""]  # an empty comment, which has no colon


def plain_signature(
    app: Sphinx, what: str, name: str, entry: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Defaults that are made anew each time, or are whole tables of values, become three dots; private fields go."""
    if signature is not None:
        signature = re.sub(r"<factory>|\((?:\w+\([^()]*\),? ?)+\)", "...", signature)
        signature = re.sub(r", _\w+: [^,()]*(?=[,)])", "", signature)
    return signature, returns


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to autodoc."""
    app.connect("autodoc-process-docstring", keep_first_sentence, priority=BEFORE_NAPOLEON)
    app.connect("autodoc-process-signature", plain_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
