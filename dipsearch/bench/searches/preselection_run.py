"""Evidence for the pre-selection: the table's fits of known networks, and the features of what they were fitted to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...errors import InputError
from ...library import presets_for, starters_for
from ...library.measurement_features import features_of
from ...patches import answer
from ...run.known_networks import with_pilots
from ..tabular import Table
from ..tabular.recorded.table_cases import TablePicture, prepared
from ..tabular.recorded.table_parts import TableCase
from .preselection_rows import PreselectionRow


def known_digests(table: Table, task: str) -> dict[str, str]:
    """Digests by name of the known networks of a task that a table has, in the order in which a search tries them.

    Who is known is asked of the library, not of the table: one that was found on it is among its mutants. Those without
    a pilot are left out, as in a search.
    """
    there = {one.digest for one in table.genomes}
    starters, _ = with_pilots((starters_for(task), presets_for(task)), keep=(), unseen=False)
    return {name: genome.digest for name, genome in starters if genome.digest in there}


def evidence_rows(table: Table, pictures: Sequence[TablePicture]) -> Iterator[PreselectionRow]:
    """A row for every known network on every case.

    Args:
        table: of recorded fits.
        pictures: where those of its cases come from.

    Raises:
        InputError: the table has a picture that is not among them.
        DipsearchError: a picture cannot be read.
    """
    known = {one.name: one for one in pictures}
    lacking = dict.fromkeys(case.picture for case in table.cases if case.picture not in known)
    if lacking or not table.cases:
        raise InputError(
            f"the table has fits to {', '.join(lacking) or 'nothing'}, which is not at hand",
            f"features are computed from pictures, and there are {', '.join(known)}",
            "give the folder of clean pictures that bench table was given",
        )
    for case in table.cases:
        yield from _rows(case, known[case.picture], table)


def _rows(case: TableCase, picture: TablePicture, table: Table) -> Iterator[PreselectionRow]:
    measured = prepared(picture, case.task)
    features = features_of(measured.problem, answer(measured.problem)).to_dict()
    for name, digest in known_digests(table, case.task).items():
        fit = case.fits[digest, 0]
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
