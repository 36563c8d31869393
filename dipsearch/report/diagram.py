"""A genome as a drawing: one row per scale, full resolution on top, widths proportional to channels.

Plain SVG text without a library. Colours come from the page's style sheet through class names, so the drawing
follows light and dark.
"""

from __future__ import annotations

from html import escape

from ..network import Genome, Scale

_WIDTH, _ROW, _TOP, _BLOCK = 760, 58, 46, 26
_DOWN, _SKIP, _UP = 170, 380, 590  # the middles of the three columns
_WIDEST = 200


def diagram(genome: Genome) -> str:
    """Draw ``genome`` as an ``<svg>`` element that can stand in an HTML page."""
    height = _TOP + _ROW * genome.depth + 40
    most = max(max(scale.channels_down, scale.channels_up, scale.channels_skip) for scale in genome.scales)
    rows = [_row(index, scale, most) for index, scale in enumerate(genome.scales)]
    turns = [_between(index, genome) for index in range(genome.depth - 1)]
    title = f"Skip network with {genome.depth} scales, genome {genome.digest}"
    return (
        f'<svg class="network" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{_arrow_head()}{_heading(genome)}{''.join(turns)}{''.join(rows)}"
        f"{_bottom(genome, height)}</svg>"
    )


def _row(index: int, scale: Scale, most: int) -> str:
    middle = _TOP + _ROW * index + _BLOCK // 2
    down = _block(_DOWN, middle, scale.channels_down, most, kernel=scale.kernel_down, kind="down")
    up = _block(_UP, middle, scale.channels_up, most, kernel=scale.kernel_up, kind="up")
    parts = [down, up, _text(8, middle + 4, f"1/{2**index}" if index else "1", kind="scale")]
    if scale.channels_skip:
        left, right = _DOWN + _reach(scale.channels_down, most), _UP - _reach(scale.channels_up, most)
        parts.append(_line(left, middle, right, middle, kind="skip"))
        parts.append(_block(_SKIP, middle, scale.channels_skip, most, kernel=scale.kernel_skip, kind="skip"))
    return "".join(parts)


def _between(index: int, genome: Genome) -> str:
    top = _TOP + _ROW * index + _BLOCK
    return _line(_DOWN, top, _DOWN, top + _ROW - _BLOCK - 3) + _line(_UP, top + _ROW - _BLOCK, _UP, top + 3)


def _bottom(genome: Genome, height: int) -> str:
    last = _TOP + _ROW * (genome.depth - 1) + _BLOCK
    turn = f'<path class="flow" d="M{_DOWN} {last} V{last + 14} H{_UP} V{last + 3}" marker-end="url(#tip)"/>'
    words = (
        f"down by {genome.downsampling}, up by {genome.upsampling}; {genome.norm} norm, {genome.activation}"
    )
    return turn + _text(_SKIP, height - 8, words.replace("_", " "), kind="note")


def _heading(genome: Genome) -> str:
    channels = f", {genome.input_channels} channels" if genome.input_channels is not None else ""
    kind = "uniform" if genome.needs_pilot else genome.input_kind
    pilot = ", and a pilot" if genome.needs_pilot else ""
    return (
        _text(_DOWN, 16, f"z: {kind}{channels}{pilot}", kind="end")
        + _text(_UP, 16, f"x ({genome.output} output)" if genome.output != "none" else "x", kind="end")
        + _line(_DOWN, 22, _DOWN, _TOP - 3)
        + _line(_UP, _TOP, _UP, 25)
    )


def _block(centre: int, middle: int, channels: int, most: int, *, kernel: int | None, kind: str) -> str:
    half = _reach(channels, most)
    label = f"{channels} · {kernel}×{kernel}"
    # A wide block carries its label inside; a narrow one beside it, above the line of the skip.
    x, y, place = (centre, middle + 4, "inside") if half > 45 else (centre + half + 5, middle - 5, "beside")
    return (
        f'<rect class="{kind}" x="{centre - half:g}" y="{middle - _BLOCK / 2:g}" width="{2 * half:g}" '
        f'height="{_BLOCK}" rx="4"/>' + _text(x, y, label, kind=place)
    )


def _reach(channels: int, most: int) -> float:
    """Half the width of a block, never less than can be seen."""
    return max(2.0, round(_WIDEST * channels / most / 2, 1))


def _text(x: float, y: float, words: str, *, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, *, kind: str = "flow") -> str:
    return f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" marker-end="url(#tip)"/>'


def _arrow_head() -> str:
    return (
        '<defs><marker id="tip" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" markerHeight="6" '
        'orient="auto"><path class="tip" d="M0 0 L6 3 L0 6 z"/></marker></defs>'
    )
