"""Every number that steers a result says why it is what it is."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytest.importorskip("sphinx")
_spec = importlib.util.spec_from_file_location("constants", ROOT / "docs" / "_extensions" / "constants.py")
assert _spec is not None and _spec.loader is not None
extension = importlib.util.module_from_spec(_spec)
sys.modules["constants"] = extension
_spec.loader.exec_module(extension)


def test_each_has_a_reason() -> None:
    found = list(extension.constants(ROOT / "dipsearch"))
    assert len(found) > 150
    bare = [f"{one.file}:{one.line}: {one.text}" for one in found if len(one.reason.split()) < 2]
    assert bare == []


def test_a_reason_stands_behind_beside_or_above_and_may_be_that_of_a_group(tmp_path: Path) -> None:
    (tmp_path / "problem").mkdir()
    (tmp_path / "problem" / "some.py").write_text(
        '"""A file."""\n\nA = 1\nB = 2\n"""Of both."""\n\nC = 3  # of its own\nD = 0.5\n\n'
        "# From above.\nE = (1, 2)\n\nF = len((1, 2))\nG = 4\n\nH = G + 1\nI = 0.5 * G\nJ = 2  # of J alone\n\n"
        'K = {G: 0.25}\n"""Of a table."""\n'
    )
    found = [(one.text, one.reason) for one in extension.constants(tmp_path)]
    assert found == [
        ("A = 1\nB = 2", "Of both."),
        ("C = 3", "of its own"),
        ("D = 0.5", ""),
        ("E = (1, 2)", "From above."),
        ("G = 4", ""),
        ("I = 0.5 * G", ""),
        ("J = 2", "of J alone"),
        ("K = {G: 0.25}", "Of a table."),
    ]
