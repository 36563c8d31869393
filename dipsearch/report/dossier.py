"""What is known about each candidate, packed for the page: shown when somebody clicks on it.

Thousands of drawings are much alike, so they are compressed together; the page unpacks them at the first
click.
"""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import asdict, dataclass

from ..run import StudyRecord
from ..visible import visible_json
from .anatomy import gene_rows
from .diagram import diagram
from .lineage import change_words, changes
from .tables import CandidateRow
from .wording import NOTHING, decibels, duration


@dataclass(frozen=True)
class Dossier:
    """One candidate for people.

    Args:
        number: the candidate's.
        title: its network in a few words.
        facts: labels and what they stand for.
        genes: the genes that hold for the whole network: labels and values.
        changes: what differs from the first parent, in words.
        parents: numbers.
        drawing: the network as SVG; empty while the candidate has no genome.
    """

    number: int
    title: str
    facts: tuple[tuple[str, str], ...]
    genes: tuple[tuple[str, str], ...]
    changes: tuple[str, ...]
    parents: tuple[int, ...]
    drawing: str


def dossiers(record: StudyRecord, rows: tuple[CandidateRow, ...]) -> tuple[Dossier, ...]:
    """A dossier for every row, in the order of the rows.

    Args:
        record: the study.
        rows: its candidates.
    """
    trials = {e.number: e for e in record.trials}
    found = []
    for row in rows:
        e = trials[row.number]
        parent = trials.get(e.parents[0]) if e.parents else None
        differing = changes(parent.genome, e.genome) if parent else ()
        found.append(
            Dossier(
                number=row.number,
                title=row.shape or "not proposed yet",
                facts=_facts(row),
                genes=gene_rows(e.genome) if e.genome else (),
                changes=change_words(differing),
                parents=e.parents,
                drawing=diagram(e.genome) if e.genome else "",
            )
        )
    return tuple(found)


def packed(found: tuple[Dossier, ...]) -> str:
    """Dossiers as compressed JSON in base 64; the same dossiers give the same text."""
    text = json.dumps([asdict(dossier) for dossier in found], ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(visible_json(text).encode(), compresslevel=6, mtime=0)).decode()


def _facts(row: CandidateRow) -> tuple[tuple[str, str], ...]:
    facts = (
        ("state", row.state),
        ("rank", str(row.rank or "")),
        ("estimated PSNR", row.level),
        ("PSNR against the reference", decibels(row.psnr)),
        ("stopped at iteration", str(row.step) if row.step is not None else ""),
        ("time of the fit", duration(row.seconds)),
        ("advanced", row.share.words if row.share else ""),
        ("came from", row.origin),
        ("remark", row.remark),
        ("genome", row.digest),
    )
    return tuple((label, value) for label, value in facts if value not in ("", NOTHING))
