"""The rows of the comparison with rivals, and their tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Literal

from ..cases.rival_damages import DAMAGES_OF_RIVALS
from ..shared.sections import NOTHING, markdown_table, or_dash

COMMAND = "bench rivals"

Side = Literal["ours", "rival", "oracle"]


@dataclass(frozen=True)
class RivalRow:
    """What one method made of one measurement.

    Args:
        picture, task, damage, method: which cell of which table.
        psnr: in dB over all pixels and channels; ``None`` where it is infinite or no number.
        ssim: ``None`` where it is not known.
        cpu_s: processor time of all its processes; ``None`` where it was not measured by itself.
        version: of the program.
        wall_s: on the clock.
        seed: of the damage and of the method.
        side: whose method it is; an oracle has seen the clean picture.
        measurement: the digest of what was measured.
    """

    picture: str
    task: str
    damage: str
    method: str
    psnr: float | None
    ssim: float | None
    cpu_s: float | None
    version: str
    wall_s: float | None
    seed: int
    side: Side
    measurement: str

    @property
    def group(self) -> tuple[str, str, str, int]:
        """A row stands for itself."""
        return self.picture, self.damage, self.method, self.seed


LEGEND = (
    "PSNR in dB over all pixels and channels, higher is better. In bold: the strongest rival of each column, and what "
    "of ours is better than it. CPU: mean processor seconds of all processes; in brackets seconds on the clock, where "
    "no processor time belongs to that row alone. Fitted to a part: the rest of the measurement is hidden from that "
    "fit and says when to stop; ours go on with all of it afterwards, and the oracle is fitted to all of it. An oracle "
    "has seen the clean picture and is no rival. Noise levels are estimated, by the same estimate for every method. "
    "Where several seeds were measured a value is their median, and in brackets stands the largest less the smallest."
)


def rivals_markdown(rows: Sequence[RivalRow], *, command: str, date: str) -> str:
    """The section: a heading, the legend, and a table for each damage that has rows.

    Args:
        command, date: that wrote it.
    """
    order = list(DAMAGES_OF_RIVALS)
    damages = sorted(
        dict.fromkeys((row.task, row.damage) for row in rows),
        key=lambda key: order.index(key[1]) if key[1] in order else len(order),
    )
    parts = ["## Rivals on the same measurements", f"`{command}`, {date}. {LEGEND}"]
    for task, damage in damages:
        title = DAMAGES_OF_RIVALS[damage].title if damage in DAMAGES_OF_RIVALS else damage
        parts += [f"### {task}: {title}", damage_table([row for row in rows if row.damage == damage])]
    versions = sorted({row.version for row in rows})
    parts += [f"Versions: {', '.join(versions)}."] if versions else ["Nothing was measured yet."]
    return "\n\n".join(parts)


def summary_table(rows: Sequence[RivalRow]) -> str:
    """A row for each measurement: ours, and the strongest of all rivals by name; the best of a row in bold.

    Of ours, what was measured everywhere. Where several seeds were measured a value is their median.
    """
    measured = list(dict.fromkeys((row.picture, row.task, row.damage) for row in rows))
    made: dict[str, set[tuple[str, str, str]]] = {}
    for row in rows:
        if row.side == "ours" and row.psnr is not None:
            made.setdefault(row.method, set()).add((row.picture, row.task, row.damage))
    ours = [method for method, cells in made.items() if len(cells) == len(measured)]
    lines = []
    for picture, task, damage in measured:
        here = [row for row in rows if (row.picture, row.task, row.damage) == (picture, task, damage)]
        found = [_median([row.psnr for row in here if row.method == method]) for method in ours]
        rivals = {
            method: median
            for method in dict.fromkeys(row.method for row in here if row.side == "rival")
            if (median := _median([row.psnr for row in here if row.method == method])) is not None
        }
        rival = max(rivals, key=lambda method: rivals[method], default=None)
        strongest = None if rival is None else rivals[rival]
        best = max((value for value in (*found, strongest) if value is not None), default=None)
        cells = [_best(value, best) for value in found]
        last = NOTHING if rival is None else f"{rival} {_best(strongest, best)}"
        title = DAMAGES_OF_RIVALS[damage].title if damage in DAMAGES_OF_RIVALS else damage
        lines.append([picture, title, *cells, last])
    return markdown_table(["picture", "damage", *ours, "strongest rival"], lines)


def _best(value: float | None, best: float | None) -> str:
    return f"**{value:.2f}**" if value is not None and value == best else or_dash(value)


def damage_table(rows: Sequence[RivalRow]) -> str:
    """The table of one damage: ours in the order of their making, rivals by their mean, oracles last."""
    pictures = list(dict.fromkeys(row.picture for row in rows))
    methods = list(dict.fromkeys((row.side, row.method) for row in rows))
    values = {method: _values(rows, method, pictures) for method in methods}
    bars = [_strongest(values, column) for column in range(len(pictures) + 1)]
    lines = []
    for method in sorted(methods, key=lambda method: _rank(method, values[method])):
        own = [row for row in rows if (row.side, row.method) == method]
        spreads = [*(_spread([row for row in own if row.picture == picture]) for picture in pictures), ""]
        cells = [
            _cell(value, bar, side=method[0]) + spread
            for value, bar, spread in zip(values[method], bars, spreads, strict=True)
        ]
        lines.append([method[1], *cells, _ssim(own, pictures), _seconds(own)])
    return markdown_table(["method", *pictures, "mean", "SSIM", "CPU"], lines)


def _values(
    rows: Sequence[RivalRow], method: tuple[Side, str], pictures: Sequence[str]
) -> list[float | None]:
    """PSNR by picture, the median over seeds, and the mean where every picture has one."""
    found = [
        _median([row.psnr for row in rows if (row.side, row.method) == method and row.picture == picture])
        for picture in pictures
    ]
    return [*found, None if None in found else _mean(found)]


def _strongest(values: dict[tuple[Side, str], list[float | None]], column: int) -> float | None:
    rivals = [own[column] for (side, _), own in values.items() if side == "rival"]
    return max((value for value in rivals if value is not None), default=None)


def _rank(method: tuple[Side, str], values: Sequence[float | None]) -> tuple[int, float]:
    if method[0] != "rival":
        return (0 if method[0] == "ours" else 2), 0.0
    mean = values[-1] if values[-1] is not None else _mean(values)
    return 1, -(mean or 0.0)


def _cell(value: float | None, bar: float | None, *, side: Side) -> str:
    if value is None:
        return NOTHING
    text = f"{value:.2f}"
    bold = bar is not None and (value == bar if side == "rival" else side == "ours" and value > bar)
    return f"**{text}**" if bold else text


def _ssim(rows: Sequence[RivalRow], pictures: Sequence[str]) -> str:
    mean = _mean([row.ssim for row in rows])
    whole = {row.picture for row in rows if row.ssim is not None} == set(pictures)
    return NOTHING if mean is None or not whole else f"{mean:.3f}"


def _seconds(rows: Sequence[RivalRow]) -> str:
    cpu, wall = _mean([row.cpu_s for row in rows]), _mean([row.wall_s for row in rows])
    if cpu is not None:
        return rounded(cpu)
    return NOTHING if wall is None else f"({rounded(wall)})"


def rounded(seconds: float) -> str:
    """Seconds with as many digits as one can use."""
    return f"{seconds:.2f}" if seconds < 1 else f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"


def _spread(rows: Sequence[RivalRow]) -> str:
    """How far the seeds of one method on one measurement lie apart; empty where there is one, or where they agree."""
    known = [row.psnr for row in rows if row.psnr is not None]
    apart = max(known) - min(known) if len(known) > 1 else 0.0
    return f" ({apart:.2f})" if apart >= 0.005 else ""


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
