"""The sentences beside the figures: why the winner was stopped, what a score means, and how far to trust it."""

from __future__ import annotations

from ..delivery.answer_words import left_as_it_was
from ..run import StudyRecord
from .curves import Stopping
from .tables import Agreement
from .wording import decibels, plural, signed

PSNR_WORDS = (
    "PSNR: closeness to the clean picture in decibels; 3 dB more is half the squared error. Without a clean picture it "
    "is estimated and may be decibels off."
)

_SCORES = {
    "guided": (
        "The score is the estimated error of the missing pixels, from measured ones that the network was not shown."
    ),
    "held-out": "The score is the error of measured values that the network was not shown.",
    "recorruption": (
        "The score judges a second, independent noisy copy of the measurement, less the noise in it. Its height "
        "depends on the noise level that was taken; the order of candidates does not."
    ),
    "thinning": (
        "The score judges a tenth of the counted photons, which the network was not fitted to, less their noise."
    ),
    "indirect": (
        "The score judges pixels of the small picture that were hidden from the network, which are easier than the "
        "large picture's. It does not see detail that the small picture lacks: there, "
        "three or more comparable candidates are compared with what they agree on."
    ),
    "measured": (
        "The score judges what a candidate would have been measured like, against values or noise that it was not "
        "fitted to. That is no PSNR of the picture, and may be far higher; the order of candidates is what counts. "
        "What cannot be measured it does not see."
    ),
}

_ALL_PIXELS = (
    "The truth, from the reference, counts all pixels, also those that the network saw, so the two lie apart; "
    "their shapes should agree."
)
_TRUTHS = {
    "guided": _ALL_PIXELS,
    "held-out": _ALL_PIXELS,
    "indirect": "It lies above the truth, from the reference.",
}
"""How a score stands to the PSNR against the reference, where there is one."""

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
        why = (
            f": {winner.ended}"
            if winner.ended
            else f", where its score was highest; it was given {winner.steps}{_until(record)}"
        )
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
    """What the score of this study is made from, and how it stands to the reference, where there is one."""
    kind = _kind_of_score(record)
    known = any(trial.psnr is not None for trial in record.trials)
    return " ".join(words for words in (_SCORES.get(kind), _TRUTHS.get(kind) if known else None) if words)


def number_rows(record: StudyRecord) -> tuple[tuple[str, str], ...]:
    """What the numbers in the table of candidates are, and why they differ from those of what is delivered."""
    known = any(trial.psnr is not None for trial in record.trials)
    return (("score", score_words(record)), *((("PSNR", quality_words(record)),) if known else ()))


def order_words(record: StudyRecord) -> str:
    """How the table of candidates is sorted, and what is meant by a candidate that rests, where one does."""
    words = "Best first, by the score, which is made without a reference."
    if any(trial.state == "resting" and trial.counts for trial in record.trials):
        words += (
            " A resting candidate's fit had not ended when others promised more or the time was over; it is compared, "
            "and delivered, as it stands."
        )
    return words


def _kind_of_score(record: StudyRecord) -> str:
    split = (record.result or {}).get("split")
    if split is None:
        return _EXPECTED[record.request.options.task]
    if split["guided"]:
        return "guided"
    if split["indirect"]:
        return "indirect" if record.request.options.task == "sr" else "measured"
    return str(split["kind"].removesuffix(" holes"))


def no_network_words(record: StudyRecord) -> str:
    """Why there is no network to show."""
    result = record.result
    if result is None:
        return "no candidate is complete yet"
    if left_as_it_was(result):
        return "No network was fitted: nothing was found to restore."
    if any(trial.state != "waiting" for trial in record.trials):
        return "No network was fitted to a usable point."
    if result.get("interrupted"):
        return "No network was fitted: the search was asked to finish before."
    return "No network was fitted: the budget left no time."


def _until(record: StudyRecord) -> str:
    """What kept a fit that had not ended from being gone on with."""
    result = record.result
    if result is None:
        return ""
    if result.get("interrupted"):
        return ", until the search was asked to finish"
    return ", until the search's time was up" if record.request.budget_seconds is not None else ""


def quality_words(record: StudyRecord) -> str:
    """What to know about the candidates' PSNR against the reference."""
    words = (
        "The search never saw the reference. Candidates count as they were scored, fitted to a part of what was "
        "measured; what is delivered is made with all of it."
    )
    if record.request.options.task == "inpaint":
        words += " In that, pixels that were observed without noise are put back."
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
