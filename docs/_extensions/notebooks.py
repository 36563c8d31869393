"""Notebooks as pages: their text and code as they are, and what the last run of each cell has left.

Nothing is run when pages are built. A notebook becomes Markdown, which the parser of all other pages reads.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from html import escape
from typing import Any

from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx

FENCE = "~~~~~~"
"""Longer than any that a cell contains."""

PICTURES = "image/png", "image/jpeg"

COLUMNS = 84
"""Of what a cell printed, which would else be as wide as its longest line."""


class NotebookParser(MystParser):
    """Reads a notebook as the Markdown that it amounts to."""

    supported = ("notebook",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        super().parse("\n\n".join(as_markdown(json.loads(inputstring))), document)


def as_markdown(notebook: dict[str, Any]) -> Iterator[str]:
    """The parts of a page."""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield source
        elif cell["cell_type"] == "code":
            yield _fenced("python", source)
            for output in cell["outputs"]:
                yield from _shown(output)


def _shown(output: dict[str, Any]) -> Iterator[str]:
    """A picture where there is one, else text; what went to standard error is not shown."""
    if output["output_type"] == "stream":
        if output["name"] == "stdout":
            yield _fenced("text", _wrapped("".join(output["text"])))
        return
    data = output.get("data", {})
    said = "".join(data.get("text/plain", ""))
    for kind in PICTURES:
        if kind in data:
            code = "".join(data[kind]).replace("\n", "")
            yield f'<img alt="{escape(said)}" src="data:{kind};base64,{code}">'
            return
    if said:
        yield _fenced("text", _wrapped(said))


def _wrapped(text: str) -> str:
    lines = (textwrap.wrap(line, COLUMNS, drop_whitespace=False) or [""] for line in text.splitlines())
    return "\n".join(part.rstrip() for line in lines for part in line)


def _fenced(language: str, text: str) -> str:
    return f"{FENCE}{language}\n{text.rstrip()}\n{FENCE}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Make notebooks a kind of source."""
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
