"""Durations in words, such as ``90s``, ``4m`` and ``1h30m``."""

from __future__ import annotations

import re

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


def seconds_in(words: str) -> float | None:
    """The seconds of hours, minutes and seconds with their units; ``None``: it is no duration."""
    match = _DURATION.fullmatch(words.strip())
    if match is None or not any(match.groups()):
        return None
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + rest
