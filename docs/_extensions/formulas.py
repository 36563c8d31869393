"""Formulas as drawings that lie in the page: they look the same in every browser, and need no script and no font."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import tostring

import ziamath
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

SIZE = 16
"""Pixels of the text that a formula is drawn for; all lengths are written in units of it."""

ziamath.config.svg2 = False  # else glyphs are shared by names, which two formulas of a page would both define


def visit_math(translator: Any, node: nodes.math) -> None:
    """A formula in a line."""
    translator.body.append(_drawn(node, inline=True))
    raise nodes.SkipNode


def visit_math_block(translator: Any, node: nodes.math_block) -> None:
    """A formula by itself."""
    drawn = _drawn(node, inline=False)
    translator.body.append(
        f'<div style="text-align: center; overflow-x: auto; margin: 1em 0">{drawn}</div>\n'
    )
    raise nodes.SkipNode


def _drawn(node: nodes.Element, *, inline: bool) -> str:
    source = " ".join(node.astext().split())
    try:
        made = ziamath.Latex(source, size=SIZE, color="currentColor", inline=inline)
    except Exception as error:  # whatever the parser stumbles over, it is the formula
        return _refused(node, f"{source}: {error!r}")
    if unknown := re.search(r"\\\w+", made.mathmlstr()):
        return _refused(node, f"{source}: {unknown[0]} is not known")
    drawing = made.svgxml()
    for side in ("width", "height"):
        drawing.set(side, f"{float(drawing.get(side)) / SIZE:.3f}em")
    drawing.set("style", f"vertical-align: {made.getyofst() / SIZE:.3f}em")
    drawing.set("role", "img")
    drawing.set("aria-label", source)
    return tostring(drawing, encoding="unicode")


def _refused(node: nodes.Element, why: str) -> str:
    logging.getLogger(__name__).warning("a formula cannot be drawn: %s", why, location=node)
    return ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Make "drawn" a way of showing formulas."""
    app.add_html_math_renderer(
        "drawn", inline_renderers=(visit_math, None), block_renderers=(visit_math_block, None)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
