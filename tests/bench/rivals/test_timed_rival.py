"""A rival at work: its image is cut to the range, its modules come before the clock, its failure fits in a line."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from dipsearch.bench.cases.rival_case import make_case
from dipsearch.bench.cases.rival_damages import DAMAGES_OF_RIVALS
from dipsearch.bench.rivals import timed_rival
from dipsearch.bench.rivals.rival_limits import Limits
from dipsearch.bench.rivals.rivals import Rival
from dipsearch.bench.rivals.timed_rival import restored
from dipsearch.errors import first_line
from dipsearch.problem import write_image


def test_modules_are_imported_before_the_clock_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    ticks = iter(range(10))
    monkeypatch.setattr(timed_rival, "import_module", events.append)
    clock = SimpleNamespace(
        monotonic=lambda: events.append("tick") or float(next(ticks)), process_time=time.process_time
    )
    monkeypatch.setattr(timed_rival, "time", clock)  # other threads of this process have the real one
    write_image(tmp_path / "one.png", torch.full((1, 3, 32, 32), 0.6))
    case = make_case(
        str(tmp_path / "one.png"), DAMAGES_OF_RIVALS["sigma25"], seed=0, folder=tmp_path / "files"
    )
    rival = Rival(
        "white", "white", ("denoise",), lambda problem, limits: torch.full((1, 3, 32, 32), 1.5), ("a", "b")
    )
    made = restored(rival, case, Limits())
    assert events == ["a", "b", "tick", "tick"] and made.wall_s == 1.0 and made.cpu_s >= 0
    assert float(made.image.max()) == 1.0
    assert made.psnr(case) == pytest.approx(7.9588, abs=1e-3) and made.ssim(case) is not None


def test_a_reason_is_one_line() -> None:
    assert first_line(ValueError("no\nyes")) == "no" and first_line(KeyError()) == "KeyError"
