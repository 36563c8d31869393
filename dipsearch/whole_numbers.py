"""Whole numbers in files: none of dipsearch's formats needs more than 64 bits.

Python computes with as many digits as there are, and stumbles later: over turning them into text, or into floats.
"""

from __future__ import annotations

LARGEST = 2**63 - 1


def whole_number(text: str) -> int:
    """``text`` as a whole number.

    Raises:
        ValueError: it needs more than 64 bits.
    """
    value = int(text) if len(text) <= 20 else LARGEST + 1
    if not -LARGEST <= value <= LARGEST:
        raise ValueError(f"the whole number {text[:12]}… of {len(text)} digits is too large")
    return value
