"""The rows of the comparison with rivals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
