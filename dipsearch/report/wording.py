"""Numbers as people read them: durations, decibels, counts, bytes. The console and the page share these."""

from __future__ import annotations

NOTHING = "–"

COUNTING = ("complete", "resting")
"""States of candidates that are ranked, and may be in what is delivered."""

RESTING = "resting: had its first look, others promised more"
"""What is said of a candidate that may be gone on with."""


def duration(seconds: float | None) -> str:
    """``75.2`` -> ``1 min 15 s``; below ten seconds one decimal; ``None`` -> a dash."""
    if seconds is None:
        return NOTHING
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"


def decibels(value: float | None) -> str:
    """``27.104`` -> ``27.10 dB``; ``None`` -> a dash."""
    return NOTHING if value is None else f"{value:.2f} dB"


def signed(value: float | None, *, digits: int = 2, unit: str = "") -> str:
    """``-0.304`` -> ``−0.30`` with a true minus sign, ``0.304`` -> ``+0.30``; ``None`` -> a dash."""
    if value is None:
        return NOTHING
    words = f"{value:+.{digits}f}"
    zero = not words.strip("+-0.")
    return (words[1:] if zero else words.replace("-", "\u2212")) + (f" {unit}" if unit else "")


def large(value: float | None, *, unit: str = "") -> str:
    """``2217831`` -> ``2.22 M``, with ``unit`` after the prefix; below a thousand as it is."""
    if value is None:
        return NOTHING
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:g} {unit}".rstrip()


def plural(count: int, noun: str) -> str:
    """``1 candidate``, ``2 candidates``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def clause(*parts: str | None) -> str:
    """The parts that are there, joined by commas."""
    return ", ".join(part for part in parts if part)
