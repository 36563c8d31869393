"""The run of the literature's table: all searches first, for they pay for the device, then the rivals, one by one.

Every row is kept when it is there, so that a run can be ended at any time and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ...errors import DipsearchError, first_line
from ...problem import psnr_luma
from ...trials.true_quality import finite
from ..cases.rival_case import RivalCase, make_case
from ..rivals.own_search import SearchOutcome, own_answers, program
from ..rivals.rival_limits import Limits
from ..rivals.rivals import RIVALS, Rival
from ..rivals.timed_rival import FAILURES, restored
from ..shared.row_file import RowFile
from ..shared.sections import or_dash
from .parallel_searches import Begin, side_by_side
from .published_rows import OURS, SEARCH, PublishedRow
from .published_tasks import PublishedPicture

BM3D, SIMPLEST = "bm3d", "simplest"
METHODS = (*OURS, BM3D, SIMPLEST)
"""All names that can be chosen."""


@dataclass(frozen=True)
class PublishedRun:
    """What is measured.

    Args:
        pictures: in their tasks.
        methods: names; any of ours stands for all of ours, which come from one search.
        seconds: the budget of each search.
        at_once: searches that run at the same time.
        seed: of the damage and of every method.
        device: the chip that searches run on, by name.
        processor: that rivals run on, by name.
        begin: begins a search.
    """

    pictures: Sequence[PublishedPicture]
    methods: Collection[str]
    seconds: int
    at_once: int
    seed: int
    device: str
    processor: str
    begin: Begin

    def searches(self, file: RowFile[PublishedRow]) -> list[PublishedPicture]:
        """The pictures that a search of ours has not been recorded for, whatever was measured then."""
        if not any(name in OURS for name in self.methods):
            return []
        there = {row.group for row in file.rows}
        return [picture for picture in self.pictures if self.group(picture, SEARCH) not in there]

    def group(self, picture: PublishedPicture, maker: str) -> tuple[object, ...]:
        """The group of what a maker makes of a picture."""
        budget = self.seconds if maker == SEARCH else None
        return picture.task.name, picture.set, picture.name, maker, budget, self.seed


def measure_published(
    wanted: PublishedRun, file: RowFile[PublishedRow], *, say: Callable[[str], None]
) -> None:
    """Measure what ``file`` does not hold yet; it is written after every search and every rival.

    Args:
        say: sees a line for every row, and for what could not be measured.

    Raises:
        InputError: a picture cannot be read, or a task does not fit it.
        KeyboardInterrupt: somebody asked for the end; no search is left running.
    """
    if any(name in OURS for name in wanted.methods):

        def took(job: _Job, found: SearchOutcome | DipsearchError) -> None:
            job.folder.cleanup()
            if isinstance(found, DipsearchError):
                say(f"{_where(job.picture)} not measured: {first_line(found)}")
                return
            rows = _search_rows(wanted, job, found)
            file.add(rows)
            for row in rows:
                say(line_of(row))

        side_by_side(
            _jobs(wanted, file),
            at_once=wanted.at_once,
            begin=lambda job: wanted.begin(job.case),
            took=took,
        )
    _measure_rivals(wanted, file, say)


@dataclass(frozen=True, eq=False)
class _Job:
    """A search to be made, with the folder of its files."""

    picture: PublishedPicture
    case: RivalCase
    folder: TemporaryDirectory[str]


def _jobs(wanted: PublishedRun, file: RowFile[PublishedRow]) -> Iterator[_Job]:
    for picture in wanted.pictures:
        folder = TemporaryDirectory(prefix="dipsearch-published-")
        case = _case(picture, wanted.seed, Path(folder.name))
        if file.has(wanted.group(picture, SEARCH), measurement=case.digest):
            folder.cleanup()
        else:
            yield _Job(picture, case, folder)


def _case(picture: PublishedPicture, seed: int, folder: Path) -> RivalCase:
    return make_case(str(picture.file), picture.task.damage, seed=seed, folder=folder)


def _search_rows(wanted: PublishedRun, job: _Job, outcome: SearchOutcome) -> list[PublishedRow]:
    methods = {answer: method for method, answer in OURS.items()}
    return [
        PublishedRow(
            task=job.picture.task.name,
            set=job.picture.set,
            picture=job.picture.name,
            method=methods[answer.name],
            psnr=answer.psnr,
            psnr_y=answer.psnr_luma if job.picture.task.luma else None,
            seconds=answer.wall_s,
            device=wanted.device,
            budget=wanted.seconds,
            at_once=wanted.at_once,
            gpu_busy_share=finite(outcome.result.get("gpu_busy_share")),
            seed=wanted.seed,
            version=program(outcome),
            note=answer.source if answer.source != answer.name else "",
            measurement=job.case.digest,
        )
        for answer in own_answers(outcome)
    ]


def _measure_rivals(wanted: PublishedRun, file: RowFile[PublishedRow], say: Callable[[str], None]) -> None:
    missing = set[str]()
    for picture in wanted.pictures:
        for rival in _rivals(picture, wanted.methods):
            if words := rival.missing():
                if rival.name not in missing:
                    say(words)
                missing.add(rival.name)
                continue
            with TemporaryDirectory(prefix="dipsearch-published-") as name:
                case = _case(picture, wanted.seed, Path(name))
                if file.has(wanted.group(picture, rival.name), measurement=case.digest):
                    continue
                try:
                    row = _rival_row(wanted, picture, rival, case)
                except FAILURES as error:
                    say(f"{_where(picture)} {rival.title}: not measured: {first_line(error)}")
                    continue
            file.add([row])
            say(line_of(row))


def _rivals(picture: PublishedPicture, methods: Collection[str]) -> list[Rival]:
    task = picture.task
    names = [BM3D] if BM3D in methods and task.damage.task in RIVALS[BM3D].kinds else []
    names += [task.simplest] if SIMPLEST in methods else []
    return [RIVALS[name] for name in names]


def _rival_row(
    wanted: PublishedRun, picture: PublishedPicture, rival: Rival, case: RivalCase
) -> PublishedRow:
    made = restored(rival, case, Limits(seed=wanted.seed))
    return PublishedRow(
        task=picture.task.name,
        set=picture.set,
        picture=picture.name,
        method=rival.name,
        psnr=made.psnr(case),
        psnr_y=finite(psnr_luma(made.image, case.clean)) if picture.task.luma else None,
        seconds=finite(made.wall_s),
        device=wanted.processor,
        budget=None,
        at_once=1,
        gpu_busy_share=None,
        seed=wanted.seed,
        version=rival.version(),
        note="",
        measurement=case.digest,
    )


def line_of(row: PublishedRow) -> str:
    """A row for people."""
    luma = "" if row.psnr_y is None else f", Y {row.psnr_y:.2f}"
    seconds = "" if row.seconds is None else f"  {row.seconds:.1f} s"
    return f"{row.task:8} {row.set:12} {row.picture:12} {row.method:10} {or_dash(row.psnr)} dB{luma}{seconds}"


def _where(picture: PublishedPicture) -> str:
    return f"{picture.task.name:8} {picture.set:12} {picture.name:12}"
