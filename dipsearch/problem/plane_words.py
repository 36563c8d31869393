"""Planes of a stack in few words: what is said of all of them is said once, with the range of its numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .formats.sources import is_sample, plane_of

NUMBER = re.compile(r"(?:(?<![\w.)])[-−])?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?")

MOST_RUNS = 4
"""Runs of planes that are named; where there are more, they are counted."""

Stack = tuple[str, tuple[str, ...]]
"""What a stack is called, and the names of its planes."""


def planes_together(names: Sequence[str], sources: Sequence[str]) -> list[Stack]:
    """The stacks of which there are several planes among some pictures, with the names of these in their order."""
    found: dict[Path, list[str]] = {}
    for name, source in zip(names, sources, strict=True):
        path, plane = (Path(), None) if is_sample(source) else plane_of(source)
        if plane is not None:
            found.setdefault(path, []).append(name)
    return [(path.stem, tuple(planes)) for path, planes in found.items() if len(planes) > 1]


def together(said: Sequence[tuple[str, str]], stacks: Sequence[Stack]) -> list[tuple[str, str]]:
    """Names and sentences, those on planes of a stack that differ in numbers alone as one.

    Args:
        said: the name of a picture and a sentence on it.
        stacks: of whose planes they are; other pictures keep their sentences.
    """
    stack_of = {name: stack for stack in stacks for name in stack[1]}
    groups: dict[tuple[object, str], list[tuple[str, str]]] = {}
    for name, sentence in said:
        stack = stack_of.get(name)
        alike = (name, sentence) if stack is None else (stack, NUMBER.sub("0", sentence))
        groups.setdefault(alike, []).append((name, sentence))
    found = []
    for lines in groups.values():
        stack, names = stack_of.get(lines[0][0]), dict.fromkeys(name for name, _ in lines)
        who = lines[0][0] if stack is None or len(names) == 1 else _planes(stack, list(names))
        found.append((who, _with_ranges([sentence for _, sentence in lines])))
    return found


def in_lines(said: Sequence[tuple[str, str]], stacks: Sequence[Stack], *, alone: bool) -> list[str]:
    """The same, each as a line that names its picture unless that is the only one."""
    return [sentence if alone else f"{name}: {sentence}" for name, sentence in together(said, stacks)]


def _with_ranges(sentences: Sequence[str]) -> str:
    """Sentences that differ in numbers alone as one, with the smallest and the largest of each."""
    if len(set(sentences)) == 1:
        return sentences[0]
    columns = zip(*(NUMBER.findall(sentence) for sentence in sentences), strict=True)
    parts = NUMBER.split(sentences[0])
    words = parts[0]
    for numbers, part in zip(columns, parts[1:], strict=True):
        words += _range(numbers, after=words) + part
    return words


def _range(numbers: Sequence[str], *, after: str) -> str:
    """The smallest and the largest; an asterisk, as a shell reads it, where they stand in a file's path."""
    if len(set(numbers)) > 1 and "/" in after.rpartition(" ")[2]:
        return "*"
    low, high = (
        choose(numbers, key=lambda one: float(one.replace(",", "").replace("−", "-")))
        for choose in (min, max)
    )
    if low == high:
        return low
    return f"between {low} and {high}" if after.endswith((" from ", " to ")) else f"{low} to {high}"


def _planes(stack: Stack, names: Sequence[str]) -> str:
    """``film, 400 planes``, or those of them that are meant: ``film-0000 to film-0007, film-0012``."""
    label, planes = stack
    if len(names) == len(planes):
        return f"{label}, {len(planes)} planes"
    runs: list[list[int]] = []
    for index in sorted(planes.index(name) for name in names):
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    if len(runs) > MOST_RUNS:
        return f"{label}, {len(names)} of {len(planes)} planes"
    return ", ".join(
        planes[run[0]] if len(run) == 1 else f"{planes[run[0]]} to {planes[run[-1]]}" for run in runs
    )
