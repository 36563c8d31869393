"""Signals: whoever asks a search to end gets a picture, and hears at once that it was heard."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from ..shared.search_process import started, wait_for
from .interrupted_search import InterruptedSearch, faults_of_end, row, study_of
from .interruption_rows import InterruptionRow, Kind

SIGNALS: Mapping[Kind, signal.Signals] = MappingProxyType(
    {"term": signal.SIGTERM, "int": signal.SIGINT, "hup": signal.SIGHUP}
)
EARLIEST = 3.0
"""Seconds that the program may take to be there at all."""


def signal_sent(search: InterruptedSearch, kind: Kind, number: int) -> InterruptionRow:
    """Send a search a signal while it works: odd ones to all of its processes, as a terminal does, else to it alone."""
    random, everyone = search.random(kind, number), bool(number % 2)
    moment = random.uniform(EARLIEST, max(0.9 * search.budget, EARLIEST))
    with TemporaryDirectory(prefix="dipsearch-signals-") as folder:
        place = Path(folder)
        with started(search.arguments(place, number), folder=place) as process:
            early = process.wait(moment)
            sent, before = process.seconds, process.said()
            process.send(SIGNALS[kind], everyone=everyone)
            wait_for(lambda: process.said() > before or not process.running, seconds=search.patience)
            answer = f"a word after {process.seconds - sent:.1f} s" if process.said() > before else "no word"
            ended = process.ending(search.patience)
        faults = faults_of_end(ended, study_of(place))
        if early is not None:
            faults.append("it ended before it was sent a signal")
        remark = f"to {'all' if everyone else 'it alone'}, {answer}, exit code {ended.code}"
        return row(kind, number, moment=sent, seconds=ended.seconds - sent, faults=faults, remark=remark)
