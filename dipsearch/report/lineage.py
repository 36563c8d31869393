"""Where candidates come from: who was bred from whom, and which genes changed on the way.

Rows for the family tree and for the story of the winner. An edge leads from a parent to its child; what
changed is read from the two genomes, so that the values can be shown beside the names.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from ..network import Genome
from ..run import StudyRecord, Trial
from .wording import NOTHING

Value = int | float | str | bool | None


@dataclass(frozen=True)
class Change:
    """One gene that differs: ``None`` where the parent, or the child, does not have it."""

    gene: str
    before: Value
    after: Value

    @property
    def words(self) -> str:
        """``learning rate: 0.01 → 0.02``."""
        return f"{self.gene.replace('_', ' ')}: {gene_words(self.before)} → {gene_words(self.after)}"


@dataclass(frozen=True)
class Edge:
    """A parent and its child, by their numbers, and the genes in which the child differs from this parent."""

    parent: int
    child: int
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Node:
    """A candidate in the family tree.

    Args:
        number: the candidate's.
        state: complete, pruned, …
        estimated_psnr: estimated PSNR in dB.
        operator: how it came to be.
        generation: 0 without parents, else one more than its youngest parent's.
        chosen: whether the winner descends from it, or is it.
    """

    number: int
    state: str
    estimated_psnr: float | None
    operator: str
    generation: int
    chosen: bool


def edges(record: StudyRecord, *, among: Container[int] | None = None) -> tuple[Edge, ...]:
    """All parents and children of a study, by the child's number.

    Args:
        record: the study.
        among: only the edges between these candidates, by their numbers; ``None``: between all.
    """
    genomes = {e.number: e.genome for e in record.trials}
    return tuple(
        Edge(parent, child.number, changes(genomes.get(parent), child.genome))
        for child in sorted(record.trials, key=lambda e: e.number)
        for parent in child.parents
        if among is None or (parent in among and child.number in among)
    )


def nodes(record: StudyRecord) -> tuple[Node, ...]:
    """All candidates as nodes of the family tree, by number."""
    generation: dict[int, int] = {}
    line = ancestry(record)
    rows = []
    for e in sorted(record.trials, key=lambda e: e.number):
        # A parent was finished before its child was proposed, so it has the smaller number.
        generation[e.number] = 1 + max((generation.get(parent, 0) for parent in e.parents), default=-1)
        rows.append(
            Node(
                e.number, e.state, e.estimated_psnr, e.operator or "", generation[e.number], e.number in line
            )
        )
    return tuple(rows)


def ancestry(record: StudyRecord) -> frozenset[int]:
    """The winner and everything it descends from, by number; empty while nothing is complete."""
    winner = record.winner()
    parents = {e.number: e.parents for e in record.trials}
    found: set[int] = set()
    waiting = [] if winner is None else [winner.number]
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting.extend(parents.get(number, ()))
    return frozenset(found)


def descent(record: StudyRecord) -> tuple[tuple[Trial, tuple[Change, ...]], ...]:
    """The winner's line through first parents, oldest first: each candidate, and what it changed."""
    by_number = {e.number: e for e in record.trials}
    line: list[tuple[Trial, tuple[Change, ...]]] = []
    current = record.winner()
    while current is not None and all(current is not e for e, _ in line):
        parent = by_number.get(current.parents[0]) if current.parents else None
        line.append((current, changes(parent.genome, current.genome) if parent else ()))
        current = parent
    return tuple(reversed(line))


def changes(before: Genome | None, after: Genome | None) -> tuple[Change, ...]:
    """The genes in which two genomes differ, by name."""
    if before is None or after is None:
        return ()
    old, new = before.to_flat(), after.to_flat()
    return tuple(
        Change(name, old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def change_words(found: Sequence[Change]) -> tuple[str, ...]:
    """Changes for people: the same change on neighbouring scales once, the depth first.

    Left out is what follows from another change: genes of scales that came or went with the depth, and kernels
    of skips that came or went.
    """
    depths = [change for change in found if change.gene == "depth"]
    told = [change for change in found if change.gene != "depth" and not _follows(change, bool(depths))]
    groups: dict[tuple[str, Value, Value, int], list[int]] = {}
    for change in sorted(told, key=lambda change: _scale(change.gene)):
        stem, scale = _scale(change.gene)
        group = next(
            (
                key
                for key, scales in groups.items()
                if key[:3] == (stem, change.before, change.after) and scales[-1] == scale - 1 >= 0
            ),
            (stem, change.before, change.after, scale),
        )
        groups.setdefault(group, []).append(scale)
    words = [change.words for change in depths]
    for (stem, before, after, _), scales in groups.items():
        place = "" if scales[0] < 0 else f"_{scales[0]}" + (f"–{scales[-1]}" if len(scales) > 1 else "")
        words.append(Change(stem + place, before, after).words)
    return tuple(words)


def _scale(gene: str) -> tuple[str, int]:
    """``kernel_up_2`` -> ``("kernel_up", 2)``; a gene of the whole network has scale -1."""
    stem, _, end = gene.rpartition("_")
    return (stem, int(end)) if end.isdigit() else (gene, -1)


def _follows(change: Change, deeper: bool) -> bool:
    came_or_went = None in (change.before, change.after)
    stem, scale = _scale(change.gene)
    return came_or_went and scale >= 0 and (deeper or stem == "kernel_skip")


def gene_words(value: Value) -> str:
    """A gene's value as people read it."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace("_", " ")
