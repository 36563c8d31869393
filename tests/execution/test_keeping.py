"""When a fit is written to its files."""

from __future__ import annotations

import pytest

from dipsearch.execution.keeping import SHARE, Keeping
from dipsearch.execution.task import Advanced


def an_advance(*, kept: bool, made: int = 10, writing: float = 0.0) -> Advanced:
    return Advanced(made, made, 1.0, 0.0, (), writing=writing, kept=kept)


def test_writing_takes_its_share_at_the_most() -> None:
    keeping = Keeping()
    assert keeping.due(0.0)
    keeping.took(an_advance(kept=True, writing=0.3), at=10.0)
    assert not keeping.due(10.0 + 0.3 / SHARE - 0.1)
    assert keeping.due(10.0 + 0.3 / SHARE + 0.1)


def test_a_busy_moment_does_not_make_it_rarer_for_good() -> None:
    keeping = Keeping()
    keeping.took(an_advance(kept=True, writing=0.3), at=0.0)
    keeping.took(an_advance(kept=True, writing=0.01), at=20.0)
    keeping.took(an_advance(kept=True, writing=2.0), at=21.0)
    assert keeping.cost == pytest.approx(0.01) and keeping.due(21.5)


def test_it_is_kept_until_something_was_made_that_the_files_lack() -> None:
    keeping = Keeping()
    keeping.took(an_advance(kept=False, made=10), at=1.0)
    assert not keeping.kept
    keeping.took(an_advance(kept=True, made=10), at=2.0)
    keeping.took(an_advance(kept=False, made=0), at=3.0)
    assert keeping.kept
