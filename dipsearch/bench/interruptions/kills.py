"""Kills: all processes of a search end at once, at any moment, and the study is gone on with.

Kills come in chains: a search is begun and killed, gone on with and killed again, and at last gone on with to its end.
After every kill all files are read; after the run that follows, the books are compared with those of the kill. Signals
that ask a search to finish, and kills of its workers, are sent to searches that go on to their end.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from ..shared.processes import workers
from ..shared.search_process import SearchProcess, started, wait_for
from ..shared.study_books import Books, faults_between, read_books
from ..shared.study_files import leftovers, unreadable
from .interrupted_search import (
    NAME,
    RESUME,
    InterruptedSearch,
    faults_of_delivery,
    faults_of_end,
    row,
    study_of,
)
from .interruption_rows import InterruptionRow, Kind

LONGEST = 5
"""How many kills a study suffers at the most."""

AIMS = ("at work", "late", "writing")
TRIES = 4
WRITING = 3.0
"""Seconds to wait for a file that is being written."""


@dataclass(frozen=True)
class Shot:
    """A kill.

    Args:
        number: of the kill.
        aim: what it aims at: work, the last third of the budget (with the delivery), or a file that is being written.
        moment: seconds after the start of the process.
    """

    number: int
    aim: str
    moment: float


@dataclass(frozen=True)
class Hit:
    """What lay there right after a kill.

    Args:
        shot: the kill.
        moment: when it came, in seconds.
        books: of the study.
        faults: files that could not be read, or why nothing was killed.
        remark: what there is to say.
    """

    shot: Shot
    moment: float
    books: Books
    faults: list[str]
    remark: str


def shot(search: InterruptedSearch, number: int) -> Shot:
    """The kill of this number: aims take turns, moments are drawn."""
    aim, random = AIMS[number % len(AIMS)], search.random("kill", number)
    first, last = (0.65, 1.0) if aim == "late" else (0.02, 0.95)
    return Shot(number, aim, random.uniform(first * search.budget, last * search.budget))


def chain_of_kills(search: InterruptedSearch, numbers: Sequence[int]) -> list[InterruptionRow]:
    """Kill one study so many times, go on with it each time, and at last let it come to its end."""
    with TemporaryDirectory(prefix="dipsearch-kills-") as folder:
        place, rows = Path(folder), list[InterruptionRow]()
        begin, earlier = search.arguments(place, numbers[0] // LONGEST), None
        for number in numbers:
            hit, seconds = _kill(shot(search, number), begin, place)
            if earlier is not None:
                rows.append(_judged(earlier, hit.books, seconds, []))
            earlier = hit
        assert earlier is not None
        with started(_next(begin, place), folder=place) as process:
            ended = process.ending(search.patience)
        after = read_books(study_of(place), name=NAME)
        faults = faults_of_end(ended, study_of(place)) + ([ended.last_line] if ended.code else [])
        rows.append(_judged(earlier, after, ended.seconds, [f"then: {fault}" for fault in faults]))
        return rows


def _kill(wanted: Shot, begin: Sequence[str], place: Path) -> tuple[Hit, float]:
    """Run the study until the kill, and look at what is left; also the seconds of that run.

    A run that ends before is repeated with an earlier kill.
    """
    study, moment, said = study_of(place), wanted.moment, ""
    for _ in range(TRIES):
        with started(_next(begin, place), folder=place) as process:
            ended = process.wait(moment)
            if ended is None:
                return _fire(process, wanted, study), process.seconds
        said = ended.last_line
        if ended.code:
            break
        moment /= 2
    assert ended is not None
    fault = f"it ended before it was killed: {said}"
    return Hit(wanted, moment, read_books(study, name=NAME), [fault], wanted.aim), ended.seconds


def _fire(process: SearchProcess, wanted: Shot, study: Path) -> Hit:
    if wanted.aim == "writing":
        wait_for(lambda: leftovers(study), seconds=WRITING, every=0.001)
    moment = process.seconds
    process.kill()
    books = read_books(study, name=NAME)
    begun = f"{len(books.finished)} finished, {len(books.under_way)} under way"
    left = leftovers(study)
    remark = f"{wanted.aim}, {begun}" + (f", {left} temporary files left" if left else "")
    return Hit(wanted, moment, books, unreadable(study), remark)


def _next(begin: Sequence[str], place: Path) -> Sequence[str]:
    """Go on with a study, or begin it, where no request was written yet."""
    return RESUME if (study_of(place) / "study.yaml").is_file() else begin


def _judged(hit: Hit, after: Books, seconds: float, faults: Sequence[str]) -> InterruptionRow:
    return row(
        "kill",
        hit.shot.number,
        moment=hit.moment,
        seconds=seconds,
        faults=[*hit.faults, *faults_between(hit.books, after), *faults],
        lost=hit.books.lost,
        at_stake=len(hit.books.finished) + len(hit.books.under_way),
        remark=hit.remark,
    )


SIGNALS: Mapping[Kind, signal.Signals] = MappingProxyType(
    {"term": signal.SIGTERM, "int": signal.SIGINT, "hup": signal.SIGHUP}
)
ANSWER = "stop at once"
"""What the program says in every answer to a signal. Where the picture was written before, none is needed."""

EARLIEST = 3.0
"""Seconds that the program may take to be there at all."""


def signal_sent(search: InterruptedSearch, kind: Kind, number: int) -> InterruptionRow:
    """Send a search a signal while it works: odd ones to all of its processes, as a terminal does, else to it alone."""
    random, everyone = search.random(kind, number), bool(number % 2)
    moment = random.uniform(EARLIEST, max(0.9 * search.budget, EARLIEST))
    with TemporaryDirectory(prefix="dipsearch-signals-") as folder:
        place = Path(folder)
        with started(search.arguments(place, number), folder=place) as process:
            early, written = process.wait(moment), not faults_of_delivery(study_of(place))
            sent = process.seconds
            process.send(SIGNALS[kind], everyone=everyone)
            wait_for(lambda: ANSWER in process.said() or not process.running, seconds=search.patience)
            heard = ANSWER in process.said()
            answer = f"a word after {process.seconds - sent:.1f} s" if heard else "no word"
            ended = process.ending(search.patience)
        faults = faults_of_end(ended, study_of(place))
        if early is not None:
            faults.append("it ended before it was sent a signal")
        elif not heard and not written:
            faults.append("nothing said that it was heard")
        if ended.code not in (0, None):
            faults.append(f"it ended with exit code {ended.code}")
        remark = f"to {'all' if everyone else 'it alone'}, {answer}, exit code {ended.code}"
        return row(kind, number, moment=sent, seconds=ended.seconds - sent, faults=faults, remark=remark)


SPACING = 3.0
"""Seconds between two kills, on average."""

APPEARS = 30.0
"""Seconds within which there is a worker to kill."""


def workers_killed(search: InterruptedSearch, numbers: Sequence[int]) -> list[InterruptionRow]:
    """Kill so many workers of one search, whose budget has room for that."""
    budget = search.budget + SPACING * len(numbers)
    with TemporaryDirectory(prefix="dipsearch-workers-") as folder:
        place = Path(folder)
        with started(search.arguments(place, numbers[0], budget=budget), folder=place) as process:
            moments = [_kill_one(search, process, number) for number in numbers]
            ended = process.ending(search.patience + 2 * budget)
        faults = faults_of_end(ended, study_of(place)) + ([ended.last_line] if ended.code else [])
    return [
        row(
            "worker",
            number,
            moment=ended.seconds if moment is None else moment,
            seconds=ended.seconds,
            faults=faults if moment is not None else [*faults, "there was no worker to kill"],
            remark=f"{len(numbers)} in a search of {budget:g} s",
        )
        for number, moment in zip(numbers, moments, strict=True)
    ]


def _kill_one(search: InterruptedSearch, process: SearchProcess, number: int) -> float | None:
    """Kill one of the workers after a while; when it was done, or ``None`` where there was none."""
    random = search.random("worker", number)
    process.wait(random.uniform(0.2 * SPACING, 1.8 * SPACING))
    wait_for(lambda: workers(process.pid) or not process.running, seconds=APPEARS)
    there = workers(process.pid)
    if not there:
        return None
    with suppress(ProcessLookupError):
        os.kill(random.choice(sorted(there)), signal.SIGKILL)
    return process.seconds
