"""The rows of the comparison of answers: every answer that one search had, and what it delivered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...delivery.answer_words import delivered_answer
from ...trials.true_quality import finite
from ..cases.rival_case import RivalCase
from ..rivals.own_search import SearchOutcome, listed_answers

DELIVERED, BM3D = "delivered", "bm3d"
"""The names of what a search delivered, and of the one row that no search made."""

COMMAND = "bench answers"


@dataclass(frozen=True)
class AnswerRow:
    """One answer to one measurement.

    Args:
        picture, task, damage: what was measured.
        seconds: the budget of the search; ``None`` for what needs none.
        answer: first, best, ensemble, polished, combined, delivered, or bm3d.
        estimate: of its PSNR, without the clean picture, in dB; ``None`` where nothing was judged.
        share: that it has in what was delivered; ``None`` for what is no part of it.
        psnr: in dB over all pixels and channels; ``None`` where it is infinite or unknown.
        ssim: ``None`` where it is not known.
        wall_s: on the clock, from the start until it was there; of ``delivered`` the whole search.
        seed: of the damage and of the search.
        workers: processes of the search; ``None`` where there was none.
        version: of the program.
        measurement: the digest of what was measured.
    """

    picture: str
    task: str
    damage: str
    seconds: int | None
    answer: str
    estimate: float | None
    share: float | None
    psnr: float | None
    ssim: float | None
    wall_s: float | None
    seed: int
    workers: int | None
    version: str
    measurement: str

    @property
    def group(self) -> tuple[object, ...]:
        """The rows of one search are written, and made again, together."""
        return self.picture, self.damage, self.seconds, self.seed, self.workers


def rows_of_search(case: RivalCase, outcome: SearchOutcome, *, seconds: int, workers: int) -> list[AnswerRow]:
    """A row for every answer of a search, simplest first, and one for what it delivered."""
    result, answers = outcome.result, listed_answers(outcome.result)
    version = f"dipsearch {result.get('version', '')}".strip()
    delivered: Mapping[str, Any] = {
        "name": DELIVERED,
        "estimate": delivered_answer(answers)["estimate"] if answers else None,
        "psnr": result.get("delivered_psnr"),
        "ssim": result.get("delivered_ssim"),
        "seconds": outcome.wall_s,
    }
    return [
        AnswerRow(
            picture=case.picture,
            task=case.damage.task,
            damage=case.damage.name,
            seconds=seconds,
            answer=str(answer["name"]),
            estimate=finite(answer["estimate"]),
            share=finite(answer.get("share")),
            psnr=finite(answer["psnr"]),
            ssim=finite(answer["ssim"]),
            wall_s=finite(answer["seconds"]),
            seed=case.seed,
            workers=workers,
            version=version,
            measurement=case.digest,
        )
        for answer in (*answers, delivered)
    ]
