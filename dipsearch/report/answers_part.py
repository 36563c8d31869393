"""The answers to a picture as rows: what could have been delivered, and what each is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..delivery.answer_words import delivered_answer, level_words
from ..run import StudyRecord
from .wording import NOTHING, decibels


@dataclass(frozen=True)
class AnswerRow:
    """One answer; what is not known is ``None``.

    Args:
        words: what it is.
        share: of what is delivered, in [0, 1].
        estimate: PSNR in dB, without a reference.
        level: the same in words, or its lower bound where only that is known.
        behind: how much more the best one is estimated at, in dB; 0 for that.
        standard_error: of that difference, in dB.
        psnr: against the reference, in dB.
        ssim: likewise.
        seconds: since the start, when it was there.
        delivered: whether it is what is delivered.
    """

    words: str
    share: float
    estimate: float | None
    level: str
    behind: float | None
    standard_error: float | None
    psnr: float | None
    ssim: float | None
    seconds: float | None
    delivered: bool

    @property
    def behind_words(self) -> str:
        """``0.31 ± 0.12 dB``; a dash for the best one."""
        if not self.behind:
            return NOTHING
        if self.standard_error is None:
            return decibels(self.behind)
        return f"{self.behind:.2f} ± {self.standard_error:.2f} dB"


def answer_tables(record: StudyRecord) -> tuple[tuple[str, tuple[AnswerRow, ...]], ...]:
    """The answers to each picture by its name, in the order of ``result.json``: simplest first."""
    pictures = (record.result or {}).get("pictures") or ()
    return tuple((str(picture.get("name")), rows) for picture in pictures if (rows := _rows(picture)))


def _rows(picture: Mapping[str, Any]) -> tuple[AnswerRow, ...]:
    answers = picture.get("answers") or ()
    if not answers:
        return ()
    delivered = delivered_answer(answers)["name"]
    best = max((a["estimate"] for a in answers if a["estimate"] is not None), default=None)
    return tuple(
        AnswerRow(
            words=str(answer["words"]),
            share=float(answer["share"]),
            estimate=answer["estimate"],
            level=level_words([answer]) or NOTHING,
            behind=None if best is None or answer["estimate"] is None else best - answer["estimate"],
            standard_error=answer["standard_error"],
            psnr=answer["psnr"],
            ssim=answer["ssim"],
            seconds=answer["seconds"],
            delivered=answer["name"] == delivered,
        )
        for answer in answers
    )
