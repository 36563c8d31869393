"""The run of the comparison of answers: crops of clean pictures, damaged, one search for each, all its answers kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ...errors import DipsearchError, first_line
from ...trials.true_quality import finite
from ..cases.half_size_crops import write_crop
from ..cases.rival_case import RivalCase, make_case
from ..cases.rival_damages import RivalDamage
from ..rivals.own_search import Searcher
from ..rivals.rival_limits import Limits
from ..rivals.rivals import RIVALS, kind_of
from ..rivals.timed_rival import FAILURES, restored
from ..shared.row_file import RowFile
from ..shared.sections import or_dash
from .answer_rows import BM3D, AnswerRow, rows_of_search


@dataclass(frozen=True)
class Questions:
    """What is asked.

    Args:
        sources: clean pictures, each crop with a name of its own.
        side: of the crops, in pixels.
        damages: that are done to them.
        seconds: the budget of each search.
        seed: of the damage and of the search.
        workers: processes of each search.
        search: runs one of ours.
        known: digests of the measurements of which BM3D's result is recorded elsewhere.
    """

    sources: Sequence[str]
    side: int
    damages: Sequence[RivalDamage]
    seconds: int
    seed: int
    workers: int
    search: Searcher
    known: Collection[str] = ()


def ask(wanted: Questions, file: RowFile[AnswerRow], *, say: Callable[[str], None]) -> None:
    """Measure what ``file`` does not hold yet; it is written after every search.

    Args:
        say: sees a line for every search, and for what could not be measured.

    Raises:
        InputError: a picture cannot be read, or a damage does not fit it.
    """
    for source in wanted.sources:
        with TemporaryDirectory(prefix="dipsearch-answers-") as folder:
            crop = write_crop(source, side=wanted.side, folder=Path(folder))
            for damage in wanted.damages:
                room = Path(folder) / damage.name
                room.mkdir()
                case = make_case(crop, damage, seed=wanted.seed, folder=room)
                _take_search(case, wanted, file, say)
                _take_bm3d(case, wanted, file, say)


def _take_search(
    case: RivalCase, wanted: Questions, file: RowFile[AnswerRow], say: Callable[[str], None]
) -> None:
    if file.has(
        (case.picture, case.damage.name, wanted.seconds, case.seed, wanted.workers), measurement=case.digest
    ):
        return
    _ = case.problem  # a measurement that cannot be used is no failure of the search, and ends the run
    try:
        outcome = wanted.search(case, wanted.seconds, case.seed)
    except DipsearchError as error:
        say(f"{_where(case)} not measured: {first_line(error)}")
        return
    rows = rows_of_search(case, outcome, seconds=wanted.seconds, workers=wanted.workers)
    file.add(rows)
    *parts, last = (f"{row.answer} {or_dash(row.psnr)}" for row in rows)
    say(f"{_where(case)} {last} dB  ({', '.join(parts)})")


def _take_bm3d(
    case: RivalCase, wanted: Questions, file: RowFile[AnswerRow], say: Callable[[str], None]
) -> None:
    rival = RIVALS[BM3D]
    if case.damage.task not in rival.kinds or case.digest in wanted.known or rival.missing():
        return
    if file.has((case.picture, case.damage.name, None, case.seed, None), measurement=case.digest):
        return
    if kind_of(case.problem) not in rival.kinds:
        return
    try:
        made = restored(rival, case, Limits(seed=case.seed))
    except FAILURES as error:
        say(f"{_where(case)} {BM3D}: not measured: {first_line(error)}")
        return
    row = AnswerRow(
        picture=case.picture,
        task=case.damage.task,
        damage=case.damage.name,
        seconds=None,
        answer=BM3D,
        estimate=None,
        share=None,
        psnr=made.psnr(case),
        ssim=made.ssim(case),
        wall_s=finite(made.wall_s),
        seed=case.seed,
        workers=None,
        version=rival.version(),
        measurement=case.digest,
    )
    file.add([row])
    say(f"{_where(case)} {BM3D} {or_dash(row.psnr)} dB")


def _where(case: RivalCase) -> str:
    return f"{case.picture:20} {case.damage.name:9}"
