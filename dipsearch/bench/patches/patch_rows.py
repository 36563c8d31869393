"""The rows of the measurements of patch methods: how good a setting is, and what it costs; and their tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ..cases.rival_damages import DAMAGES_OF_RIVALS, USUAL
from ..shared.sections import NOTHING, markdown_table
from .patch_variants import STANDARD, VARIANTS

COMMAND = "bench patches"


@dataclass(frozen=True)
class PatchRow:
    """One answer of similar patches.

    Args:
        variant: of the settings, by name.
        task, damage, picture: what was restored.
        pixels: of the restored picture.
        psnr: in dB over all pixels and channels; ``None`` where it is infinite.
        cpu_s: processor time.
        wall_s: on the clock.
        machine: that it ran on.
        version: of the program.
        measurement: the digest of what was measured, and with which settings.
    """

    variant: str
    task: str
    damage: str
    picture: str
    pixels: int
    psnr: float | None
    cpu_s: float
    wall_s: float
    machine: str
    version: str
    measurement: str

    @property
    def group(self) -> tuple[object, ...]:
        """How good a setting is does not depend on the machine."""
        return self.variant, self.task, self.picture


LEGEND = (
    "One number changed at a time. PSNR in dB, mean over the pictures; the difference to the default settings is of "
    "the pictures that have both, and in brackets stand the smallest and the largest of them. CPU: processor seconds "
    "per megapixel, one thread."
)


def patches_markdown(rows: Sequence[PatchRow], *, command: str, date: str) -> str:
    """The section: a heading, and a table of settings for each task.

    Args:
        command, date: that wrote it.
    """
    parts = ["## Similar patches: settings and cost", f"`{command}`, {date}."]
    if rows:
        parts.append(LEGEND)
    for task in _known_first({row.task for row in rows}, list(USUAL)):
        own = [row for row in rows if row.task == task]
        pictures = list(dict.fromkeys(row.picture for row in own))
        title = (
            DAMAGES_OF_RIVALS[own[0].damage].title if own[0].damage in DAMAGES_OF_RIVALS else own[0].damage
        )
        parts += [f"### {task}: {title}", f"{', '.join(pictures)}.", settings_table(own)]
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


def _per_megapixel(rows: Sequence[PatchRow]) -> str:
    return f"{1e6 * sum(row.cpu_s for row in rows) / sum(row.pixels for row in rows):.1f}"


def _known_first(names: set[str], order: Sequence[str]) -> list[str]:
    """Names in a given order, and behind them those that it lacks: rows of an older version."""
    return [*(name for name in dict.fromkeys(order) if name in names), *sorted(names - set(order))]
