"""Slowness is what other programs take, and nothing that a disk, a suspended machine or a debugger holds up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from dipsearch.execution import slowness
from dipsearch.execution.slowness import Share, share


@pytest.fixture
def scheduled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the system says of this thread."""
    file = tmp_path / "schedstat"
    monkeypatch.setattr(slowness, "SCHEDULED", file)
    return file


def test_who_waits_for_a_processor_half_of_the_time_takes_twice_as_long(scheduled: Path) -> None:
    scheduled.write_text("1000000000 500000000 7\n")
    since = share()
    assert since == Share(1.0, 0.5)
    scheduled.write_text("3000000000 2500000000 9\n")
    assert since.slowness() == pytest.approx(2.0)


def test_who_has_done_nothing_is_as_fast_as_anybody(scheduled: Path) -> None:
    scheduled.write_text("1000000000 500000000 7\n")
    assert share().slowness() == 1.0


def test_where_the_system_does_not_say_all_is_waiting_that_is_not_work(
    scheduled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=lambda: 10.0, process_time=lambda: 4.0)
    monkeypatch.setattr(slowness, "time", clock)
    assert not scheduled.exists() and share() == Share(4.0, 6.0)
    assert Share(2.0, 5.0).slowness() == pytest.approx(1.5)
    assert Share(2.0, 7.0).slowness() == 1.0  # several threads have worked at a time
