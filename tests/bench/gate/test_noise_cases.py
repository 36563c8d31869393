"""The benchmark of the gate: what is counted, what is written, what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dipsearch.bench.gate.gate_damages import part_only
from dipsearch.bench.gate.gate_kinds import KINDS
from dipsearch.bench.gate.gate_table import BRANCHES, GateRow, GateTable, gate_markdown
from dipsearch.bench.gate.noise_cases import _in_its_place, measure_gate
from dipsearch.commands.main import run
from dipsearch.errors import InputError
from dipsearch.problem import diagnose, read_image


def row(kind: int, branch: str) -> GateRow:
    right = branch in KINDS[kind].right
    return GateRow("a.png", 96, KINDS[kind].name, "25", branch, right, "noise: …", sigma_error=-0.02)


def test_every_right_branch_exists_and_every_kind_has_one() -> None:
    assert all(set(kind.right) <= set(BRANCHES) and kind.right for kind in KINDS)
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_a_share_counts_the_right_branches_of_a_kind_and_of_all() -> None:
    right, wrong = KINDS[0].right[0], "impulse"
    table = GateTable((row(0, right), row(0, wrong), row(0, right), row(9, "fallback")))
    assert table.share_right(KINDS[0].name) == pytest.approx(2 / 3)
    assert table.share_right() == pytest.approx(3 / 4)
    values = json.loads(json.dumps(table.to_dict()))
    assert [part["cases"] for part in values["kinds"]] == [3, 1]
    assert values["kinds"][0]["branches"] == {right: 2, wrong: 1} and len(values["wrong"]) == 1
    assert values["sigma_error"] == {"cases": 4, "median": 0.02, "share_95": 0.02}
    assert "| 67 % | 2.0 % / 2 % | · | · |" in gate_markdown(table, command="c", version="v")


def test_noise_has_to_be_said_to_be_where_it_is() -> None:
    clean = read_image("sample:cat@256").pixels
    in_part = part_only(clean, (25,), np.random.default_rng(0))
    assert in_part.noisy is not None
    found = diagnose(in_part.y)
    assert _in_its_place(in_part, found)
    assert not _in_its_place(in_part, replace(found, where=None))
    everywhere = replace(in_part, noisy=None)
    assert not _in_its_place(everywhere, found) and _in_its_place(everywhere, replace(found, where=None))


def test_one_picture_goes_through_every_damage_and_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    table = measure_gate(["sample:cat@256"], rounds=1, seed=3)
    assert [row.kind for row in table.rows] == [kind.name for kind in KINDS]
    assert table.share_right() >= 0.85
    monkeypatch.setattr("dipsearch.bench.gate.noise_cases.KINDS", KINDS[:6])
    assert measure_gate(["sample:cat@256"], rounds=1, seed=3).rows == table.rows[:6]


def test_the_command_writes_json_and_its_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dipsearch.bench.gate.noise_cases.KINDS", KINDS[:6])
    assert run(["bench", "gate", "sample:coins", "--rounds", "1", "--page", "B.md"]) == 0
    values = json.loads(Path("benchmarks/gate.json").read_text())
    assert values["cases"] == 6 and "sample:coins" in values["pictures"]
    assert values["command"] == "dipsearch bench gate sample:coins --rounds 1 --seed 0" and values["version"]
    assert "The gate: which noise a picture has" in Path("B.md").read_text()
    assert "6 cases" in capsys.readouterr().out


def test_a_picture_that_is_too_small_is_refused() -> None:
    with pytest.raises(InputError, match="at least 64"):
        measure_gate(["sample:cat@100"])
