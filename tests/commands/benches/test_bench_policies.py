"""`bench policies` and `bench preselection`: what they refuse, and what they write from a table."""

import json
from pathlib import Path

import pytest

from dipsearch.bench.searches import preselection_run
from dipsearch.bench.searches.preselection_run import known_digests
from dipsearch.bench.tabular.comparisons import policy_comparison
from dipsearch.bench.tabular.recorded import table_cases
from dipsearch.bench.tabular.recorded.table_file import write_table
from dipsearch.bench.tabular.recorded.table_genomes import BEST_KNOWN, DIP_DEFAULT, FOUND_HERE
from dipsearch.commands.main import run
from dipsearch.library.preselection_file import read_preselection
from tests.bench.tabular.recorded.made_table import made_table


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


def test_a_network_that_was_found_on_the_table_is_known_by_its_name() -> None:
    table = made_table(60)  # it is among the mutants
    found = known_digests(table, "denoise")
    assert [*found][:2] == [FOUND_HERE, BEST_KNOWN] and DIP_DEFAULT not in found
    assert table.recorded(found[FOUND_HERE]).genome.kind == "mutant"
    assert FOUND_HERE not in known_digests(table, "inpaint")  # it is meant for noise alone


def test_pictures_that_are_not_at_hand_are_named_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, pictures in enumerate([("mine",), ("coffee", "mine", "yours")]):
        file = folder / f"own-{number}.npz"
        write_table(file, made_table(18, pictures=pictures), about={})
        assert run(["bench", "preselection", "--table", str(file), "--ship", "cases.json"]) == 2
        said = capsys.readouterr().err
        assert f"has fits to {', '.join(one for one in pictures if one != 'coffee')}, which" in said
        assert said.strip().count("\n") == 0
    assert not (folder / "cases.json").exists() and not (folder / "BENCHMARKS.md").exists()


def test_known_networks_of_a_table_are_evidence_for_the_pre_selection(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_cases, "SIDES", {"denoise": 40, "inpaint": 40, "sr": 96})
    # Pictures of other sizes are not kept for other tests.
    monkeypatch.setattr(preselection_run, "prepared", table_cases.prepared.__wrapped__)
    assert run(["bench", "preselection", "--ship", "cases.json"]) == 0
    written = json.loads((folder / "benchmarks" / "preselection.json").read_text())
    known = {task: list(known_digests(made_table(18), task)) for task in ("denoise", "inpaint", "sr")}
    rows = [(row["picture"], row["task"], row["network"]) for row in written["rows"]]
    assert rows == [
        (picture, task, name) for picture in ("coffee", "camera") for task in known for name in known[task]
    ]
    assert {(row["picture"], row["task"]) for row in written["rows"]} == {
        (picture, task) for picture in ("coffee", "camera") for task in ("denoise", "inpaint", "sr")
    }
    assert {row["noise"] > 0 for row in written["rows"] if row["task"] == "denoise"} == {True}
    fixed = next(one for one in written["regrets"] if (one["order"], one["task"]) == ("fixed", "all"))
    assert fixed["cases"] == 6 and fixed["mean"] >= 0
    assert len(read_preselection(folder / "cases.json")) == 6
    assert "<!-- begin preselection -->" in (folder / "BENCHMARKS.md").read_text()
