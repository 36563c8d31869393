"""Sections of a Markdown page that commands own: each writes its own anew and leaves the others alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...files import write_text

NOTHING = "–"
"""In a cell: it is not known."""

HEADER = "# Benchmarks\n\nEach section is written by the command that it names; other text is kept.\n"


def write_section(path: str | Path, name: str, text: str) -> None:
    """Replace the section `name` of a page by `text`, or add it at the end; a missing page is made."""
    path = Path(path)
    page = path.read_text(encoding="utf-8") if path.exists() else HEADER
    first, last = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{first}\n{text.strip()}\n{last}"
    if first in page and last in page:
        before, rest = page.split(first, 1)
        page = before + section + rest.split(last, 1)[1]
    else:
        page = f"{page.rstrip()}\n\n{section}\n"
    write_text(path, page)


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of texts."""
    head, *lines = (f"| {' | '.join(cells)} |" for cells in (headings, *rows))
    return "\n".join([head, "|---" * len(headings) + "|", *lines])


def or_dash(value: float | None, form: str = ".2f") -> str:
    """A figure for a cell or a line; a dash where it is not known."""
    return NOTHING if value is None else f"{value:{form}}"


def crossed(title: str, cells: Mapping[tuple[str, str], str]) -> str:
    """A Markdown table of texts by row and column, both in the order in which they come; gaps are dashes.

    Args:
        title: of the column that names the rows.
    """
    rows, columns = (list(dict.fromkeys(key[axis] for key in cells)) for axis in (0, 1))
    lines = ([row, *(cells.get((row, column), NOTHING) for column in columns)] for row in rows)
    return markdown_table([title, *columns], lines)
