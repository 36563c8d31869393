"""`bench policies` and `bench preselection`: what they refuse, and what they write from a table."""

import json
from pathlib import Path

import pytest

from dipsearch.bench import preselection_run
from dipsearch.bench.tabular import policy_comparison, table_cases
from dipsearch.bench.tabular.table_file import write_table
from dipsearch.commands.main import run
from dipsearch.library.preselection_file import read_preselection
from tests.bench.made_table import made_table


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a table of a tuning picture and a test picture."""
    (tmp_path / "benchmarks").mkdir()
    write_table(tmp_path / "benchmarks" / "table.npz", made_table(18), about={"command": "made"})
    monkeypatch.setattr(policy_comparison, "USUAL_MINUTES", 0.8)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["policies", "--orders", "0"], "equal to 1, and 0 was given"),
        (["policies", "--workers", "0"], "equal to 1, and 0 was given"),
        (["policies", "--table", "nowhere/table.npz"], "there is no nowhere/table.npz"),
        (["policies", "--table", "damaged.npz"], "there is no damaged.json"),
        (["preselection", "--table", "damaged.npz"], "there is no damaged.json"),
        (["preselection", "nowhere"], "nowhere"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    folder: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "damaged.npz").write_bytes(b"something else")
    assert run(["bench", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.strip().count("\n") == 0
    assert not (folder / "BENCHMARKS.md").exists()


def test_every_policy_is_compared_at_every_length(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "policies", "--orders", "1", "--workers", "2"]) == 0
    rows = json.loads((folder / "benchmarks" / "policies.json").read_text())["rows"]
    assert {(row["strategy"], row["set"], row["time"]) for row in rows} == {
        (strategy, name, time)
        for strategy in policy_comparison.POLICIES
        for name in ("tuning", "test")
        for time in policy_comparison.TIMES
    }
    assert all(row["gain_over_whole"] == 0 for row in rows if row["strategy"] == policy_comparison.WHOLE)
    assert max(row["looks"] for row in rows if row["time"] == 0.5) <= 2  # of 24 s, in the processes, too
    page = (folder / "BENCHMARKS.md").read_text()
    assert "<!-- begin policies -->" in page and "### Test pictures, 4× (3 cases, 1 orders each)" in page
    assert "written: benchmarks/policies.json" in capsys.readouterr().out


def test_known_networks_of_a_table_are_evidence_for_the_pre_selection(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_cases, "SIDES", {"denoise": 40, "inpaint": 40, "sr": 96})
    # Pictures of other sizes are not kept for other tests.
    monkeypatch.setattr(preselection_run, "prepared", table_cases.prepared.__wrapped__)
    assert run(["bench", "preselection", "--ship", "cases.json"]) == 0
    written = json.loads((folder / "benchmarks" / "preselection.json").read_text())
    known = [one for one in made_table(18).genomes if one.genome.kind == "known"]
    assert len(written["rows"]) == 6 * (len(known) - 1)  # all but the default one of Deep Image Prior
    assert {(row["picture"], row["task"]) for row in written["rows"]} == {
        (picture, task) for picture in ("coffee", "camera") for task in ("denoise", "inpaint", "sr")
    }
    assert {row["noise"] > 0 for row in written["rows"] if row["task"] == "denoise"} == {True}
    fixed = next(one for one in written["regrets"] if (one["order"], one["task"]) == ("fixed", "all"))
    assert fixed["cases"] == 6 and fixed["mean"] >= 0
    assert len(read_preselection(folder / "cases.json")) == 6
    assert "<!-- begin preselection -->" in (folder / "BENCHMARKS.md").read_text()
