"""The answers in words: what was delivered, and what networks added to similar patches, for people.

Everything here is read from the ``answers`` of ``result.json``, so that the console, the card and the page say the
same. Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..calling import option
from ..problem.gate.unit import Unit, unit_of
from ..trials.objective import in_decibels
from .answers import COMBINED, QUICKLY, UNCHANGED
from .shares import FIRST

LITTLE = 0.1
"""Gains of fewer decibels than this cannot be seen."""

Row = Mapping[str, Any]
"""An answer: ``name``, ``words``, ``estimate``, ``share``, …"""


def answers_of(result: Mapping[str, Any]) -> list[Sequence[Row]]:
    """The answers to each picture, where there are any."""
    pictures = result.get("pictures") or [result]
    return [answers for picture in pictures if (answers := picture.get("answers"))]


def unit_in(result: Mapping[str, Any]) -> Unit:
    """The unit of differences in the first picture of a result: that of its file."""
    first = (result.get("pictures") or [{}])[0].get("range") or {}
    return unit_of((float(first.get("black", 0)), float(first.get("white", 255))))


def delivered_answer(answers: Sequence[Row]) -> Row:
    """The one that is delivered; where several have a share of it, that is the mixture."""
    parts = [answer for answer in answers if answer["share"] > 0]
    if len(parts) == 1:
        return parts[0]
    return next(answer for answer in answers if answer["name"] == COMBINED)


def delivered_words(answers: Sequence[Row]) -> str:
    """What is delivered; the parts of a mixture with their shares, the largest first."""
    parts = sorted((a for a in answers if a["share"] > 0), key=lambda answer: -answer["share"])
    if len(parts) == 1:
        return str(parts[0]["words"])
    percents = _percents([float(a["share"]) for a in parts])
    return "a mixture: " + ", ".join(f"{n} % {_as_a_part(a)}" for n, a in zip(percents, parts, strict=True))


def _percents(shares: Sequence[float]) -> list[int]:
    """Whole per cent that sum to 100 as the shares sum to 1: what is cut off goes to those that lose most by it."""
    exact = [100 * share / sum(shares) for share in shares]
    whole = [math.floor(one) for one in exact]
    by_loss = sorted(range(len(exact)), key=lambda index: whole[index] - exact[index])
    for index in by_loss[: 100 - sum(whole)]:
        whole[index] += 1
    return whole


def made_quickly(answers: Sequence[Row]) -> bool:
    """Whether a quick method made the first answer, for which similar patches had no time."""
    return any(answer["name"] == FIRST and answer["words"] == QUICKLY for answer in answers)


def _as_a_part(answer: Row) -> str:
    """What one says beside others: that it is without a network says nothing of the whole."""
    return str(answer["words"]).removesuffix(", without a network")


def left_as_it_was(result: Mapping[str, Any]) -> bool:
    """Whether nothing was found to restore in any of the pictures."""
    pictures = answers_of(result)
    return bool(pictures) and all(delivered_answer(answers)["name"] == UNCHANGED for answers in pictures)


def first_estimate(result: Mapping[str, Any]) -> float | None:
    """The estimated PSNR in dB of similar patches alone, the mean over the pictures; ``None``: it is not known."""
    return _mean([_estimate(answers, FIRST) for answers in answers_of(result)])


def delivered_estimate(result: Mapping[str, Any]) -> float | None:
    """The estimated PSNR in dB of what is delivered, the mean over the pictures; ``None``: it is not known."""
    return _mean([delivered_answer(answers)["estimate"] for answers in answers_of(result)])


def level_words(rows: Sequence[Row], *, digits: int = 2) -> str:
    """The estimated PSNR of answers, one to each picture, in the mean: ``31.20 dB``; ``30.00 dB or more`` where there
    is but a lower bound of one of them; empty where nothing is known."""
    known = [row.get("at_least") if row["estimate"] is None else row["estimate"] for row in rows]
    level = _mean(known)
    if level is None or all(row["estimate"] is not None for row in rows):
        return "" if level is None else in_decibels(level, digits=digits)
    return f"{level:.{digits}f} dB or more"


def networks_helped(result: Mapping[str, Any]) -> bool:
    """Whether networks have a part in what is delivered of any picture, so that they are worth being used again."""
    delivered = (delivered_answer(answers)["name"] for answers in answers_of(result))
    return any(name not in (FIRST, UNCHANGED) for name in delivered)


def bar_words(result: Mapping[str, Any]) -> str:
    """What similar patches reach alone, and what networks make of it: PSNR where it is known, else as estimated.

    A level that is estimated may be decibels off, and is said without decimals; differences are sure.

    Returns:
        A sentence, with the means where there are several pictures; empty where there was no first answer.
    """
    pictures = answers_of(result)
    if not pictures or any(answers[0]["name"] != FIRST for answers in pictures):
        return ""
    alone = _mean([answers[0]["estimate"] for answers in pictures])
    best = [_best_network(answers) for answers in pictures]
    networks = _mean([None if one is None else one["estimate"] for one in best])
    said = "a quick method alone" if all(map(made_quickly, pictures)) else "similar patches alone"
    true = _mean([answers[0].get("psnr") for answers in pictures])
    on_average = " on average" if len(pictures) > 1 else ""
    first = all(delivered_answer(answers)["name"] == FIRST for answers in pictures)
    if first and all(map(_has_networks, pictures)):
        said += ", which is delivered"
    if true is not None:
        said += f": PSNR {true:.2f} dB{on_average}"
    elif level := level_words([answers[0] for answers in pictures], digits=0):
        measured = "the small picture" if result.get("task") == "sr" else "what was measured"
        of = f" of {measured}" if _indirect(result) else ""
        said += f": {'' if alone is None else 'about '}{level}{of}{on_average}, estimated"
    if not all(map(_has_networks, pictures)):
        return f"{said}; no network was fitted"
    if alone is None or networks is None:
        return said
    if first:
        return f"{said}; {_made_by(best)} is estimated {_gain_pair(networks - alone, _row_error(best))}"
    delivered = [delivered_answer(answers) for answers in pictures]
    reached = _mean([one["estimate"] for one in delivered])
    if reached is None:
        return said
    flattered = ", which flatters it a little, " if any(map(_flattered, delivered)) else ""
    why = "for its shares were fitted to the values that judge it" if flattered else ""
    gained = _gain_pair(reached - alone, _error(pictures))
    return f"{said}; what is delivered is estimated {gained}{flattered}{why}"


def little_words(result: Mapping[str, Any]) -> str:
    """Says it where networks were fitted and improved the estimate by less than ``LITTLE``; empty otherwise.

    Nothing is said where the estimate is too rough for that, either: ``gain_words`` says so. An indirect estimate does
    not see the detail that is sought, so nothing follows from it.
    """
    pictures = answers_of(result)
    if not pictures or _indirect(result) or not all(map(_has_networks, pictures)):
        return ""
    alone = _mean([_estimate(answers, FIRST) for answers in pictures])
    reached = _mean([delivered_answer(answers)["estimate"] for answers in pictures])
    if alone is None or reached is None or reached - alone >= LITTLE:
        return ""
    if _untold(reached - alone, _error(pictures)):
        return ""
    gain = max(0.0, reached - alone)
    return f"networks add little here: {gain:.2f} dB above similar patches alone, as estimated"


def gain_words(result: Mapping[str, Any]) -> str:
    """What networks brought over similar patches alone, for people who want one sentence.

    In decibels of PSNR where a reference was there, else as estimated; where an estimate says nothing of the detail
    that is sought (enlarging), no number is given. Empty for a result that has no first answer.
    """
    pictures = answers_of(result)
    if not pictures or any(answers[0]["name"] != FIRST for answers in pictures):
        return ""
    if not all(map(_has_networks, pictures)):
        if any(map(made_quickly, pictures)):
            return f"none: there was no time even for similar patches; a larger {option('budget')} leaves time for both"
        return f"none: similar patches answered alone; a larger {option('budget')} leaves time for networks"
    delivered = [delivered_answer(answers) for answers in pictures]
    if all(one["name"] == FIRST for one in delivered):
        return "none that were tried are better than similar patches alone, which is what is delivered"
    for name, known in (("psnr", ""), ("estimate", ", as estimated")):
        alone = _mean([answers[0].get(name) for answers in pictures])
        reached = _mean([one.get(name) for one in delivered])
        if alone is not None and reached is not None and not (known and _indirect(result)):
            gain, error = reached - alone, _error(pictures) if known else None
            if error is not None and _untold(gain, error):
                return f"whether they add anything cannot be told ({_pair(gain, error)} dB{known})"
            if round(gain, 2) < 0:
                return f"they cost {-gain:.2f} dB here, against similar patches alone{known}"
            if gain < LITTLE:
                return f"they add little here: {gain:+.2f} dB to similar patches alone{known}"
            return f"they add {gain:.1f} dB to what similar patches reach alone{known}"
    return "they have a part in what is delivered"


SURE = 2.0
"""Standard errors that a gain has to be above zero to be one."""


def _untold(gain: float, error: float | None) -> bool:
    """Whether a gain may be none, and may be more than little."""
    return error is not None and gain < SURE * error and gain + SURE * error >= LITTLE


def _error(pictures: Sequence[Sequence[Row]]) -> float | None:
    """The standard error of the mean gain of what is delivered over the first answer, in dB; ``None``: not known."""
    return _row_error([delivered_answer(answers) for answers in pictures])


def _row_error(rows: Sequence[Row | None]) -> float | None:
    """The standard error of the mean difference of answers, one to each picture, to the first ones."""
    key = "error_beside_first"
    errors = [float(row[key]) for row in rows if row and row.get(key) is not None]
    if not errors or len(errors) < len(rows):
        return None
    return math.sqrt(sum(error**2 for error in errors)) / len(errors)


def _flattered(row: Row) -> bool:
    """Whether the values that judge an answer have had a part in it."""
    return bool(row.get("flattered"))


def _made_by(rows: Sequence[Row | None]) -> str:
    """What networks had the best part in, where that is the same for all pictures."""
    words = {str(row["words"]) for row in rows if row}
    return f"the best with networks ({words.pop()})" if len(words) == 1 else "the best with networks"


def _gain_pair(gain: float, error: float | None) -> str:
    """``0.4 dB higher``; with the standard error where it is known."""
    size = f"{abs(gain):.2f}" if error is None else _pair(abs(gain), error)
    return f"{size} dB {'higher' if gain >= 0 else 'lower'}"


def _pair(gain: float, error: float) -> str:
    digits = 1 if max(abs(gain), error) >= 1 else 2
    return f"{gain:.{digits}f} ± {error:.{digits}f}"


def _indirect(result: Mapping[str, Any]) -> bool:
    return bool((result.get("split") or {}).get("indirect"))


def _estimate(answers: Sequence[Row], name: str) -> float | None:
    return next((answer["estimate"] for answer in answers if answer["name"] == name), None)


def _has_networks(answers: Sequence[Row]) -> bool:
    return any(answer["name"] not in (FIRST, UNCHANGED) for answer in answers)


def _best_network(answers: Sequence[Row]) -> Row | None:
    """What networks had a part in that has the highest estimate."""
    able = [a for a in answers if a["name"] != FIRST and a["estimate"] is not None]
    return max(able, key=lambda answer: float(answer["estimate"]), default=None)


def _mean(values: Sequence[float | None]) -> float | None:
    """``None`` unless all are known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
