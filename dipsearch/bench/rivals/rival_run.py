"""The run of the comparison: every picture with every damage through every method, one row after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ...errors import first_line
from ...problem import psnr
from ...trials.true_quality import finite
from ..cases.rival_case import RivalCase, make_case
from ..cases.rival_damages import RivalDamage
from ..shared.row_file import RowFile
from ..shared.sections import or_dash
from .dip_default import IN_BF16, dip_oracle, precision_mark
from .own_search import Searcher, search_rows, search_title
from .rival_limits import Limits
from .rival_rows import RivalRow, Side
from .rivals import ORACLE, OURS, RIVALS, Rival, kind_of
from .timed_rival import FAILURES, TimedImage, restored, timed

ORACLE_TITLE = "DIP, authors' network, stopped by the truth (oracle)"


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Args:
        sources: clean pictures.
        damages: that are done to them.
        methods: names of rivals, of the oracle, and of ours.
        budgets: of our searches, in seconds.
        limits: of rivals that iterate; its seed is that of the damage, too.
        search: runs one of ours.
    """

    sources: Sequence[str]
    damages: Sequence[RivalDamage]
    methods: Sequence[str]
    budgets: Sequence[int]
    limits: Limits
    search: Searcher


def compare(wanted: Comparison, file: RowFile[RivalRow], *, say: Callable[[str], None]) -> None:
    """Measure what ``file`` does not hold yet; it is written after every row.

    Args:
        say: sees a line for every row, and for what could not be measured.

    Raises:
        InputError: a picture cannot be read, or a damage does not fit it.
    """
    rivals = []
    for name in wanted.methods:
        if name in RIVALS:
            if missing := RIVALS[name].missing():
                say(missing)
            else:
                rivals.append(RIVALS[name])
    for source in wanted.sources:
        for damage in wanted.damages:
            with TemporaryDirectory(prefix="dipsearch-rivals-") as folder:
                case = make_case(source, damage, seed=wanted.limits.seed, folder=Path(folder))
                _Turn(case, wanted, file, say).run(rivals)


@dataclass(frozen=True)
class _Turn:
    """One case, through all methods."""

    case: RivalCase
    wanted: Comparison
    file: RowFile[RivalRow]
    say: Callable[[str], None]

    def run(self, rivals: Sequence[Rival]) -> None:
        for name, title in (("dip", RIVALS["dip"].title), (ORACLE, ORACLE_TITLE)):
            if name in self.wanted.methods:
                self._say_of_another_precision(title)
        possible = [rival for rival in rivals if self._lacks(rival.title) and _may_suit(rival, self.case)]
        for rival in possible:
            if kind_of(self.case.problem) in rival.kinds:
                self._take(rival.title, lambda rival=rival: [self._rival_row(rival)])  # type: ignore[misc]
        if ORACLE in self.wanted.methods and self._lacks(ORACLE_TITLE):
            self._take(ORACLE_TITLE, lambda: [self._oracle_row()])
        if OURS in self.wanted.methods:
            for seconds in sorted(self.wanted.budgets):
                title = f"dipsearch {search_title(seconds)}"
                if self._lacks(title):
                    self._take(title, lambda seconds=seconds: self._own_rows(seconds))  # type: ignore[misc]

    def _lacks(self, title: str) -> bool:
        return not self.file.has(self._place(title), measurement=self.case.digest)

    def _say_of_another_precision(self, title: str) -> None:
        """A row that is there is kept, whatever made it: but then people know."""
        made = next((row.version for row in self.file.rows if row.group == self._place(title)), None)
        if made is not None and made.endswith(IN_BF16) != bool(self._precision):
            where = f"{self.case.picture:16} {self.case.damage.name:9}"
            self.say(f"{where} {title}: kept as it was made, by {made}; remove the row to have it made again")

    def _place(self, title: str) -> tuple[str, str, str, int]:
        return self.case.picture, self.case.damage.name, title, self.case.seed

    @property
    def _precision(self) -> str:
        limits = self.wanted.limits
        return precision_mark(limits.compute.precision, limits.device)

    def _take(self, title: str, make: Callable[[], list[RivalRow]]) -> None:
        """Make rows and keep them; a method that fails leaves a line, and the others their chance."""
        where = f"{self.case.picture:16} {self.case.damage.name:9}"
        _ = self.case.problem  # a measurement that cannot be used is nobody's failure, and ends the run
        try:
            rows = make()
        except FAILURES as error:
            self.say(f"{where} {title}: not measured: {first_line(error)}")
            return
        self.file.add(rows)
        for row in rows:
            self.say(f"{where} {row.method:44} {or_dash(row.psnr)} dB  {or_dash(row.cpu_s)} CPU s")

    def _rival_row(self, rival: Rival) -> RivalRow:
        made = restored(rival, self.case, self.wanted.limits)
        return self._row(rival.title, made, version=self._version(rival), side="rival")

    def _oracle_row(self) -> RivalRow:
        clean, limits = self.case.clean, self.wanted.limits
        made = timed(
            lambda: dip_oracle(self.case.problem, limits, true_psnr=lambda image: psnr(image, clean))
        )
        return self._row(ORACLE_TITLE, made, version=self._version(RIVALS["dip"]), side="oracle")

    def _version(self, rival: Rival) -> str:
        return rival.version() + (self._precision if rival.name == "dip" else "")

    def _own_rows(self, seconds: int) -> list[RivalRow]:
        outcome = self.wanted.search(self.case, seconds, self.case.seed)
        first = seconds == max(self.wanted.budgets)  # which had time for it
        return search_rows(self.case, outcome, seconds=seconds, first=first)

    def _row(self, title: str, made: TimedImage, *, version: str, side: Side) -> RivalRow:
        return RivalRow(
            picture=self.case.picture,
            task=self.case.damage.task,
            damage=self.case.damage.name,
            method=title,
            psnr=made.psnr(self.case),
            ssim=made.ssim(self.case),
            cpu_s=finite(made.cpu_s),
            version=version,
            wall_s=finite(made.wall_s),
            seed=self.case.seed,
            side=side,
            measurement=self.case.digest,
        )


def _may_suit(rival: Rival, case: RivalCase) -> bool:
    """Whether reading the measurement can make it a problem for this rival."""
    task = case.damage.task
    return task in rival.kinds or (task == "denoise" and "impulses" in rival.kinds)
