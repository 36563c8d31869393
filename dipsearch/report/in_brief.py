"""A ``result.json`` in a few sentences, for people who have never heard of a candidate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..delivery.answer_words import answers_of, gain_words
from .outcome_part import mean_words, restored_words, time_words
from .wording import clause, decibels


def brief_rows(result: Mapping[str, Any], *, told: Collection[str] = ()) -> tuple[tuple[str, str], ...]:
    """Label and sentence: what was done, how good it is, what networks brought, how long it took, what to know.

    Args:
        result: of ``result.json``.
        told: notes that were said already, and are not repeated.
    """
    rows = (
        ("restored", restored_words(result)),
        ("quality", _quality(result)),
        ("networks", gain_words(result)),
        ("time", time_words(result)),
        *(("note", str(warning)) for warning in _worth_knowing(result) if warning not in told),
    )
    return tuple((label, sentence) for label, sentence in rows if sentence)


def _quality(result: Mapping[str, Any]) -> str:
    """Against the reference, where there is one."""
    if not result.get("reference"):
        return ""
    ssim = result.get("delivered_ssim")
    return clause(
        f"PSNR {decibels(result.get('delivered_psnr'))}{mean_words(result)}",
        f"SSIM {ssim:.3f}" if ssim is not None else None,
        "against the reference"
        if not result.get("simulated")
        else "against the picture before it was damaged",
    )


def _worth_knowing(result: Mapping[str, Any]) -> Sequence[str]:
    """Notes, but not what the row on networks says already."""
    said = "networks add little here" if answers_of(result) else None
    return [note for note in result.get("warnings") or () if said is None or not str(note).startswith(said)]
