"""Where candidates come from: who was bred from whom, and which genes changed on the way.

Rows for the family tree and for the story of the winner. An edge leads from a parent to its child; what
changed is read from the two genomes, so that the values can be shown beside the names.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..network import Genome
from ..search import Evaluation, StudyRecord
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
        score: estimated PSNR in dB.
        operator: how it came to be.
        generation: 0 without parents, else one more than its youngest parent's.
        chosen: whether the winner descends from it, or is it.
    """

    number: int
    state: str
    score: float | None
    operator: str
    generation: int
    chosen: bool


def edges(record: StudyRecord) -> tuple[Edge, ...]:
    """All parents and children of a study, by the child's number."""
    genomes = {e.number: e.genome for e in record.evaluations}
    return tuple(
        Edge(parent, child.number, changes(genomes.get(parent), child.genome))
        for child in sorted(record.evaluations, key=lambda e: e.number)
        for parent in child.parents
    )


def nodes(record: StudyRecord) -> tuple[Node, ...]:
    """All candidates as nodes of the family tree, by number."""
    generation: dict[int, int] = {}
    line = ancestry(record)
    rows = []
    for e in sorted(record.evaluations, key=lambda e: e.number):
        # A parent was finished before its child was proposed, so it has the smaller number.
        generation[e.number] = 1 + max((generation.get(parent, 0) for parent in e.parents), default=-1)
        rows.append(
            Node(e.number, e.state, e.score, e.operator or "", generation[e.number], e.number in line)
        )
    return tuple(rows)


def ancestry(record: StudyRecord) -> frozenset[int]:
    """The winner and everything it descends from, by number; empty while nothing is complete."""
    best = record.ranked()[:1]
    parents = {e.number: e.parents for e in record.evaluations}
    found: set[int] = set()
    waiting = [e.number for e in best]
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting.extend(parents.get(number, ()))
    return frozenset(found)


def descent(record: StudyRecord) -> tuple[tuple[Evaluation, tuple[Change, ...]], ...]:
    """The winner's line through first parents, oldest first: each candidate, and what it changed."""
    by_number = {e.number: e for e in record.evaluations}
    line: list[tuple[Evaluation, tuple[Change, ...]]] = []
    current = record.ranked()[0] if record.ranked() else None
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


def gene_words(value: Value) -> str:
    """A gene's value as people read it."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace("_", " ")
