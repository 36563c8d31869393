"""The rows of the measurements of patch methods: how good a setting is, and what a first answer costs.

Their tables stand behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from ..cases.rival_damages import DAMAGES_OF_RIVALS, USUAL
from ..shared.sections import NOTHING, markdown_table, or_dash
from .patch_variants import STANDARD, VARIANTS

What = Literal["settings", "speed"]

COMMAND = "bench patches"


@dataclass(frozen=True)
class PatchRow:
    """One answer of similar patches.

    Args:
        what: was measured: a setting's effect, or the cost.
        variant: of the settings, by name.
        task, damage, picture: what was restored.
        pixels: of the restored picture.
        threads: that worked on tiles.
        psnr: in dB over all pixels and channels; ``None`` where the cost alone was measured.
        cpu_s: processor time.
        wall_s: on the clock.
        peak_mb: of memory above what the process had before, in 10⁶ bytes; ``None`` where it was not measured.
        machine: that it ran on.
        version: of the program.
        measurement: the digest of what was measured, and with which settings.
    """

    what: What
    variant: str
    task: str
    damage: str
    picture: str
    pixels: int
    threads: int
    psnr: float | None
    cpu_s: float
    wall_s: float
    peak_mb: float | None
    machine: str
    version: str
    measurement: str

    @property
    def group(self) -> tuple[object, ...]:
        """How good a setting is does not depend on the machine; what it costs does."""
        if self.what == "settings":
            return self.what, self.variant, self.task, self.picture
        return self.what, self.task, self.picture, self.threads, self.machine


SETTINGS_LEGEND = (
    "One number changed at a time. PSNR in dB, mean over the pictures; the difference to the default settings is of "
    "the pictures that have both, and in brackets stand the smallest and the largest of them. CPU: processor seconds "
    "per megapixel, one thread."
)

SPEED_LEGEND = (
    "Each first answer in a process of its own: processor seconds per megapixel of the restored picture, seconds on "
    "the clock, and the peak of the memory above what the process had before."
)


def patches_markdown(rows: Sequence[PatchRow], *, command: str, date: str) -> str:
    """The section: a heading, a table of settings for each task, a table of costs for each machine.

    Args:
        command, date: that wrote it.
    """
    parts = ["## Similar patches: settings and cost", f"`{command}`, {date}."]
    settings = [row for row in rows if row.what == "settings"]
    if settings:
        parts.append(SETTINGS_LEGEND)
    for task in _known_first({row.task for row in settings}, list(USUAL)):
        own = [row for row in settings if row.task == task]
        pictures = list(dict.fromkeys(row.picture for row in own))
        title = (
            DAMAGES_OF_RIVALS[own[0].damage].title if own[0].damage in DAMAGES_OF_RIVALS else own[0].damage
        )
        parts += [f"### {task}: {title}", f"{', '.join(pictures)}.", settings_table(own)]
    speed = [row for row in rows if row.what == "speed"]
    if speed:
        parts += ["### What a first answer costs", SPEED_LEGEND]
    for machine in dict.fromkeys(row.machine for row in speed):
        parts += [f"{machine}:", speed_table([row for row in speed if row.machine == machine])]
    if rows:
        machines = ", ".join(sorted({row.machine for row in rows}))
        parts.append(f"Versions: {', '.join(sorted({row.version for row in rows}))}, on {machines}.")
    else:
        parts.append("Nothing was measured yet.")
    return "\n\n".join(parts)


def settings_table(rows: Sequence[PatchRow]) -> str:
    """A line for each variant of one task, the default first."""
    names = _known_first({row.variant for row in rows}, [variant.name for variant in VARIANTS])
    default = {row.picture: row.psnr for row in rows if row.variant == STANDARD and row.psnr is not None}
    lines = []
    for name in names:
        own = [row for row in rows if row.variant == name]
        known = [row.psnr for row in own if row.psnr is not None]
        apart = [
            row.psnr - default[row.picture]
            for row in own
            if row.psnr is not None and row.picture in default and name != STANDARD
        ]
        level = f"{fmean(known):.2f}" if known else NOTHING
        gain = f"{fmean(apart):+.2f} ({min(apart):+.2f} to {max(apart):+.2f})" if apart else NOTHING
        lines.append([name, level, gain, _per_megapixel(own), str(len(own))])
    return markdown_table(("settings", "PSNR", "against the default", "CPU s/megapixel", "pictures"), lines)


def speed_table(rows: Sequence[PatchRow]) -> str:
    """A line for each picture, number of threads and task, small pictures first."""
    head = ("picture", "task", "settings", "threads", "CPU s/megapixel", "CPU s", "seconds", "peak MB")
    tasks = _known_first({row.task for row in rows}, list(USUAL))
    lines = [
        (
            *(row.picture, row.task, row.variant, str(row.threads), _per_megapixel([row])),
            *(f"{row.cpu_s:.1f}", f"{row.wall_s:.1f}", or_dash(row.peak_mb, ".0f")),
        )
        for row in sorted(rows, key=lambda row: (row.pixels, row.threads, tasks.index(row.task)))
    ]
    return markdown_table(head, lines)


def _per_megapixel(rows: Sequence[PatchRow]) -> str:
    return f"{1e6 * sum(row.cpu_s for row in rows) / sum(row.pixels for row in rows):.1f}"


def _known_first(names: set[str], order: Sequence[str]) -> list[str]:
    """Names in a given order, and behind them those that it lacks: rows of an older version."""
    return [*(name for name in dict.fromkeys(order) if name in names), *sorted(names - set(order))]
