"""The rows of the measurements of patch methods: how good a setting is, and what a first answer costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
