"""Evidence for the pre-selection: the table's fits of known networks, and the features of what they were fitted to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..library.measurement_features import features_of
from ..patches import answer
from .preselection_rows import PreselectionRow
from .tabular import Table
from .tabular.known_strategies import known_choices
from .tabular.strategy import Offer
from .tabular.table_cases import TablePicture, prepared
from .tabular.table_parts import TableCase


def known_names(table: Table) -> list[str]:
    """The known networks of a table in their fixed order, but not the default one of Deep Image Prior."""
    return [table.recorded(digest).name for digest, _ in known_choices(Offer(table, "", 0))]


def evidence_rows(table: Table, pictures: Sequence[TablePicture]) -> Iterator[PreselectionRow]:
    """A row for every known network on every case.

    Args:
        table: of recorded fits.
        pictures: where those of its cases come from; others are passed over.

    Raises:
        DipsearchError: a picture cannot be read.
    """
    known = {one.name: one for one in pictures}
    for case in table.cases:
        if case.picture in known:
            yield from _rows(case, known[case.picture], table)


def _rows(case: TableCase, picture: TablePicture, table: Table) -> Iterator[PreselectionRow]:
    measured = prepared(picture, case.task)
    features = features_of(measured.problem, answer(measured.problem)).to_dict()
    for name in known_names(table):
        fit = case.fits[table.recorded(name).digest, 0]
        if fit.steps:
            yield PreselectionRow(
                case.picture,
                case.task,
                name,
                round(float(fit.psnr[-1]), 3),
                int(fit.step[-1]),
                table.checksum[:12],
                **features,
            )
