"""Durations in words, such as ``90s``, ``4m`` and ``1h30m``."""

from __future__ import annotations

import math
import re

LONGEST = 1e9
"""Seconds, 30 years: the longest duration that a request may ask for, in a file and at the command line."""

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


def rounded_up(seconds: float) -> float:
    """Seconds rounded up to what one would write: tens up to 90, whole minutes above."""
    unit = 10 if seconds <= 90 else 60
    return float(unit * math.ceil(seconds / unit))


def about(seconds: float) -> str:
    """A duration rounded up, to be written after ``--budget``: ``40s``, ``3m``."""
    whole = rounded_up(seconds)
    return f"{whole:.0f}s" if whole <= 90 else f"{whole / 60:.0f}m"


def seconds_in(words: str) -> float | None:
    """The seconds of hours, minutes and seconds with their units; ``None``: it is no duration."""
    match = _DURATION.fullmatch(words.strip())
    if match is None or not any(match.groups()):
        return None
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + rest
