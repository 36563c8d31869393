"""The sentences beside the figures: why the winner was stopped, what a score means, and how far to trust it."""

from __future__ import annotations

from ..run import StudyRecord
from .curves import Stopping
from .tables import Agreement
from .wording import decibels, plural, signed

_SCORES = {
    "guided": (
        "The score estimates the error where nothing was measured, from measured values that were hidden from the "
        "network and a quick restoration that says how unlike the two are. The truth counts all pixels, also those "
        "that it saw, so the two lie apart; their shapes should agree."
    ),
    "held-out": (
        "The score judges measured values that were hidden from the network. The truth counts all pixels, also those "
        "that it saw, so the two lie apart; their shapes should agree."
    ),
    "recorruption": (
        "The score judges a second, independent noisy copy of the measurement, less the noise in it. Its height "
        "depends on the noise level that was taken; the order of candidates does not."
    ),
    "thinning": (
        "The score judges a tenth of the counted photons, which the network was not fitted to, less their noise."
    ),
    "indirect": (
        "The score judges pixels of the small picture that were hidden from the network. They are easier than the "
        "large picture's, so it lies above the truth. It does not see detail that the small picture lacks: there, "
        "three or more comparable candidates are compared with what they agree on."
    ),
    "measured": (
        "The score judges what a candidate would have been measured like, against values or noise that it was not "
        "fitted to. That is no PSNR of the picture, and may be far higher; the order of candidates is what counts. "
        "What cannot be measured it does not see."
    ),
}

_EXPECTED = {
    "inpaint": "guided",
    "denoise": "recorruption",
    "sr": "indirect",
    "deblur": "measured",
    "invert": "measured",
}
"""What scores as a rule, while a search has not yet said it."""


def stop_words(record: StudyRecord, loss: Stopping | None) -> str:
    """Why the winner was stopped, what the curves show, and what stopping cost."""
    parts = []
    winner = record.winner()
    if winner is not None and winner.step is not None and (winner.ended or winner.steps):
        why = f": {winner.ended}" if winner.ended else f" of the {winner.steps} that it was given"
        parts.append(f"Candidate {winner.number}, which won, delivers iteration {winner.step}{why}.")
    if loss is None:
        parts.append("A line is the score, a circle the stop.")
    else:
        parts.append("A line is the score, a circle the stop, a dotted line the truth, a triangle its peak.")
        parts.append(
            f"Compared with the reference, stopping cost {decibels(loss.mean)} on average and "
            f"{decibels(loss.worst)} at most, over {plural(loss.candidates, 'candidate')}."
        )
    return " ".join(parts)


def score_words(record: StudyRecord) -> str:
    """What the score of this study is made from."""
    split = (record.result or {}).get("split")
    if split is None:
        return _SCORES[_EXPECTED[record.request.options.task]]
    if split["guided"]:
        return _SCORES["guided"]
    if split["indirect"]:
        return _SCORES["indirect" if record.request.options.task == "sr" else "measured"]
    return _SCORES.get(split["kind"].removesuffix(" holes"), "")


def quality_words(record: StudyRecord) -> str:
    """What to know about the candidates' PSNR against the reference."""
    words = "The search never saw the reference."
    if record.request.options.task == "inpaint":
        words += (
            " Candidates count as they were fitted; in what is delivered, pixels that were observed "
            "without noise are put back."
        )
    return words


def agreement_words(found: Agreement | None) -> str:
    """How far the score ranks as the reference does; empty where that is not known."""
    if found is None:
        return ""
    tau = signed(found.kendall).removeprefix("+")
    return (
        f"Kendall's τ is {tau} over {plural(found.candidates, 'candidate')}: 1 is the same "
        "order, 0 is chance. The search never saw the reference."
    )
