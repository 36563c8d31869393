"""The run of the comparison on operators: crops of clean pictures, measured, and restored by every method."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ...errors import DipsearchError, first_line
from ...fitting.precision import DEFAULT, Precision
from ...patches import answer
from ..cases.half_size_crops import write_crop
from ..rivals.dip_default import IN_BF16, precision_mark
from ..shared.row_file import RowFile
from .operator_cases import Instrument, OperatorCase, make_case
from .operator_classical import Method
from .operator_fits import FitJob, Fitter
from .operator_rows import (
    ALONE,
    DELIVERED,
    DIP,
    FIRST,
    NETWORK,
    SCORE,
    OperatorRow,
    group_of,
    image_row,
    score_row,
)
from .operator_search import Searcher

WHAT = ("classical", "first", "search", "networks", "dip")
"""The kinds of methods."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Measuring:
    """What is wanted.

    Args:
        sources: clean pictures, each crop with a name of its own.
        side: of the crops, in pixels.
        instruments: that measure them.
        what: kinds of methods.
        networks: names of contestants.
        seconds: the budget of each search.
        steps: iterations of a recorded fit, at the most.
        dip_steps: iterations of the default network of Deep Image Prior.
        seed: of the noise, the mask and every method.
        recordings: the folder where recordings are kept.
        search: runs one of ours.
        fit: makes the rows of single networks.
        precision: of the convolutions of the default network of Deep Image Prior.
    """

    sources: Sequence[str]
    side: int
    instruments: Sequence[Instrument]
    what: Collection[str]
    networks: Sequence[str]
    seconds: int
    steps: int
    dip_steps: int
    seed: int
    recordings: Path
    search: Searcher
    fit: Fitter
    precision: Precision = DEFAULT


def measure(wanted: Measuring, file: RowFile[OperatorRow], *, say: Say) -> None:
    """Measure what ``file`` does not hold yet; it is written after every row.

    Args:
        say: sees a line for every row, and for what could not be measured.

    Raises:
        InputError: a picture cannot be read, or is too small.
    """
    for source in wanted.sources:
        with TemporaryDirectory(prefix="dipsearch-operators-") as folder:
            crop = write_crop(source, side=wanted.side, folder=Path(folder))
            for instrument in wanted.instruments:
                _take_case(make_case(crop, instrument, seed=wanted.seed), wanted, file, say)


def _take_case(case: OperatorCase, wanted: Measuring, file: RowFile[OperatorRow], say: Say) -> None:
    if "classical" in wanted.what:
        for name, method in case.instrument.classical.items():
            _take_method(case, name, method, file, say)
    if "first" in wanted.what:
        _take_method(case, FIRST, answer, file, say)
    if "search" in wanted.what:
        _take_search(case, wanted, file, say)
    methods = [(DIP, wanted.dip_steps)] if "dip" in wanted.what else []
    if "networks" in wanted.what:
        methods += [(f"{NETWORK}{name}", wanted.steps) for name in wanted.networks]
    _take_fits(case, methods, wanted, file, say)
    if "networks" in wanted.what:
        _take_score(case, wanted.steps, file, say)


def _take_method(case: OperatorCase, name: str, method: Method, file: RowFile[OperatorRow], say: Say) -> None:
    if file.has(group_of(case, name, limit=None), measurement=case.digest):
        return
    started = time.monotonic()
    try:
        image = method(case.problem)
    except DipsearchError as error:
        say(f"{_where(case)} {name}: not measured: {first_line(error)}")
        return
    _add(image_row(case, name, image, seconds=time.monotonic() - started), file, say)


def _take_search(case: OperatorCase, wanted: Measuring, file: RowFile[OperatorRow], say: Say) -> None:
    limit = wanted.seconds
    if file.has(group_of(case, DELIVERED, limit=limit), measurement=case.digest):
        return
    started = time.monotonic()
    try:
        found = wanted.search(case.problem, limit, case.seed)
    except DipsearchError as error:
        say(f"{_where(case)} {DELIVERED}: not measured: {first_line(error)}")
        return
    seconds = time.monotonic() - started
    for name, restored in ((ALONE, found.networks), (DELIVERED, found.delivered)):
        # What is delivered comes last: where it is there, the other one is, too.
        if restored is not None:
            row = image_row(
                case, name, restored.image, seconds=seconds, limit=limit, estimate=restored.estimate
            )
            _add(row, file, say)


def _take_fits(
    case: OperatorCase,
    methods: Sequence[tuple[str, int]],
    wanted: Measuring,
    file: RowFile[OperatorRow],
    say: Say,
) -> None:
    here = (case.instrument.name, case.picture, case.seed)
    for row in file.rows if DIP in dict(methods) else ():
        same = (row.case, row.method) == (here, DIP)
        if same and row.version.endswith(IN_BF16) != bool(precision_mark(wanted.precision)):
            say(
                f"{_where(case)} {DIP}: kept as it was made, by {row.version}; remove the row to have it made again"
            )
    jobs = [
        FitJob(case.crop, case.instrument.name, case.seed, method, steps, wanted.recordings, wanted.precision)
        for method, steps in methods
        if not file.has(group_of(case, method, limit=steps), measurement=case.digest)
    ]
    if not jobs:
        return
    try:
        for row in wanted.fit(jobs):
            _add(row, file, say)
    except DipsearchError as error:
        say(f"{_where(case)} fits: not measured: {first_line(error)}")


def _take_score(case: OperatorCase, limit: int, file: RowFile[OperatorRow], say: Say) -> None:
    """Made from the rows of the networks each time: there may be more of them than before."""
    row = score_row(case, file.rows, limit=limit)
    if row is not None and row not in file.rows:
        _add(row, file, say)


def _add(row: OperatorRow, file: RowFile[OperatorRow], say: Say) -> None:
    file.add([row])
    words = f"{_number(row.psnr)} dB"
    if row.method == SCORE:
        words = f"τ {_number(row.kendall_tau)}, its network {words}"
    if row.stop_loss_db is not None:
        words += f", {row.stop_loss_db:.2f} below the peak"
    say(f"{row.picture:20} {row.operator:13} {row.method:22} {words}")


def _number(value: float | None) -> str:
    return "–" if value is None else format(value, ".2f")


def _where(case: OperatorCase) -> str:
    return f"{case.picture:20} {case.instrument.name:13}"
