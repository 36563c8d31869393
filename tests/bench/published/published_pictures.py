"""Tiny pictures in the place of the literature's, and a search that answers at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from dipsearch.bench.cases.rival_case import RivalCase
from dipsearch.bench.rivals.own_search import SearchOutcome
from dipsearch.errors import ResourceError
from dipsearch.problem import write_image

RESULT = {
    "version": "9",
    "delivered": "combined",
    "delivered_psnr": 31.0,
    "delivered_ssim": 0.9,
    "delivered_psnr_luma": 32.0,
    "gpu_busy_share": 0.9,
    "answers": [
        {"name": "first", "psnr": 30.0, "ssim": 0.8, "psnr_luma": 30.5, "seconds": 2.5},
        {"name": "ensemble", "psnr": 29.0, "ssim": 0.8, "psnr_luma": 29.5, "seconds": 50.0},
    ],
}


def write_pictures(data: Path, *names: str, height: int = 40, width: int = 48, channels: int = 3) -> None:
    """Write smooth pictures, as ``set5/bird``."""
    rows, columns = torch.meshgrid(torch.linspace(0, 3, height), torch.linspace(0, 2, width), indexing="ij")
    planes = torch.stack([rows.sin(), columns.cos().abs(), (rows + columns).sin().abs()])
    for name in names:
        write_image(data / f"{name}.png", planes[None, :channels] * 0.7 + 0.1)


class Search:
    """In the place of a search: ends at the so manyth look."""

    def __init__(self, name: str, looks: int, events: list[str], *, fails: bool = False) -> None:
        self.name, self.looks, self.fails, self.events = name, looks, fails, events
        events.append(f"begin {name}")

    def outcome(self) -> SearchOutcome | None:
        self.looks -= 1
        if self.looks > 0:
            return None
        if self.fails:
            raise ResourceError(f"the search of {self.name} failed: no memory")
        return SearchOutcome(RESULT, None, 60.5)

    def close(self) -> None:
        self.events.append(f"close {self.name}")


class Searches:
    """Begins such searches, and remembers what was asked: looks until their ends by picture."""

    def __init__(self, *, failing: Sequence[str] = (), **looks: int) -> None:
        self.events: list[str] = []
        self.cases: list[RivalCase] = []
        self._failing, self._looks = failing, looks

    def __call__(self, case: RivalCase) -> Search:
        self.cases.append(case)
        looks = self._looks.get(case.picture, 1)
        return Search(case.picture, looks, self.events, fails=case.picture in self._failing)
