"""The page of the numbers that steer results: each with its reason, taken from the code where it stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOMS = (
    *("problem", "patches", "network", "fitting", "trials", "library"),
    *("planning", "proposal", "execution", "delivery", "run"),
)
"""In the order in which a picture passes through them; what only shows or measures steers nothing."""

CODES = ("problem/formats", "problem/operators/jpeg.py", "problem/operators/jpeg_file.py", "network/kernels")
"""Numbers that others have agreed upon: tags of files, and what kernels call their choices."""


@dataclass(frozen=True)
class Constant:
    """A number, or several that belong together, at the top of a file.

    Args:
        file: relative to the package.
        line: where it stands.
        text: the assignments as they are written.
        reason: what the code says of it; empty where it says nothing.
    """

    file: str
    line: int
    text: str
    reason: str

    @property
    def room(self) -> str:
        """The folder of the package."""
        return self.file.partition("/")[0]


def constants(package: Path) -> Iterator[Constant]:
    """All of a package's rooms, in the order of the rooms and of the files."""
    for room in ROOMS:
        for path in sorted((package / room).rglob("*.py")):
            file = path.relative_to(package).as_posix()
            if not file.startswith(CODES):
                yield from _of_file(file, path.read_text(encoding="utf-8"))


def _of_file(file: str, source: str) -> Iterator[Constant]:
    lines, body, group = source.split("\n"), ast.parse(source).body, list[ast.stmt]()
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not _is_number(node):
            group.clear()
            continue
        if group and node.lineno > (group[-1].end_lineno or 0) + 1:
            group.clear()
        group.append(node)
        text = "\n".join(_text(lines, one) for one in group)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            yield Constant(file, group[0].lineno, text, " ".join(str(after.value.value).split()))
            group.clear()
            continue
        own, above = lines[(node.end_lineno or 1) - 1].partition("  # ")[2], lines[group[0].lineno - 2]
        reason = above[2:] if above.startswith("# ") and not above.startswith("# --") else ""
        grouped = _is_number(after) and after is not None and after.lineno == (node.end_lineno or 0) + 1
        if own:
            for one in group[:-1]:  # a reason beside a number is that of no other
                yield Constant(file, one.lineno, _text(lines, one), "")
            yield Constant(file, node.lineno, _text(lines, node).removesuffix(f"  # {own}"), own)
            group.clear()
        elif not grouped:  # what follows at once may have the reason for both
            yield Constant(file, group[0].lineno, text, reason)
            group.clear()


def _is_number(node: ast.stmt | None) -> bool:
    """Whether a statement gives a name to a number, or to several, written as such."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    inside = list(ast.walk(node.value))
    keys = [key for one in inside if isinstance(one, ast.Dict) for key in one.keys]
    kinds = {type(one.value) for one in inside if isinstance(one, ast.Constant)}
    if any(isinstance(one, ast.Call | ast.Lambda) for one in inside):
        return False
    if any(isinstance(one, ast.Name) and one not in keys for one in inside):
        # Of what is put together from something else, limits and factors are a choice; one more or less is none.
        return float in kinds or any(isinstance(one, ast.Compare) for one in inside)
    return bool(kinds & {int, float})


def _text(lines: list[str], node: ast.stmt) -> str:
    return "\n".join(lines[node.lineno - 1 : node.end_lineno])


class ConstantsDirective(SphinxDirective):
    """All of them, room by room."""

    def run(self) -> list[nodes.Node]:
        """Make the lists."""
        package = Path(self.env.srcdir).parent / "dipsearch"
        made: list[nodes.Node] = []
        for room, some in groupby(constants(package), key=lambda one: one.room):
            section = nodes.section(ids=[f"constants-{room}"], names=[room])
            section += nodes.title(text=room)
            entries = nodes.definition_list()
            for one in some:
                self.env.note_dependency(str(package / one.file))
                term = nodes.term("", "", nodes.literal(text=one.text), nodes.Text(f"  {one.file}"))
                entries += nodes.definition_list_item(
                    "", term, nodes.definition("", nodes.paragraph(text=one.reason))
                )
            section += entries
            made.append(section)
        return made


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("constants", ConstantsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
