"""`bench table` and `bench replay-search`: what they refuse, and what a replay writes."""

import json
from pathlib import Path

import pytest

from dipsearch.bench.tabular.comparisons import facts
from dipsearch.bench.tabular.comparisons.search_comparison import LASTING, STRATEGIES
from dipsearch.bench.tabular.recorded.table_file import write_table
from dipsearch.commands.main import run
from tests.bench.tabular.recorded.made_table import made_table


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a small table, others that lack something, and a folder without pictures."""
    (tmp_path / "benchmarks").mkdir()
    write_table(tmp_path / "benchmarks" / "table.npz", made_table(24), about={"command": "a command"})
    write_table(tmp_path / "tuning.npz", made_table(18, pictures=("coffee",)), about={})
    (tmp_path / "damaged.npz").write_bytes(b"something else")
    (tmp_path / "damaged.json").write_text((tmp_path / "benchmarks" / "table.json").read_text())
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["table", "--genomes", "0"], "equal to 1, and 0 was given"),
        (["table", "--workers", "-1"], "equal to 0, and -1 was given"),
        (["table", "--hours", "0"], "--hours is 0"),
        (["table", "empty"], "empty holds 0 pictures"),
        (["table", "--workers", "0"], "holds no genome with fits to all 6 pictures and 3 tasks"),
        (["replay-search", "--seeds", "1"], "equal to 2, and 1 was given"),
        (["replay-search", "--minutes", "soon"], "--minutes is 'soon'"),
        (["replay-search", "--long", "0"], "--long is '0'; it is numbers above 0"),
        (["replay-search", "--set", "tset"], "did you mean --set test?"),
        (["replay-search", "--table", "nowhere.npz"], "there is no nowhere.npz"),
        (["replay-search", "--table", "damaged.npz"], "damaged.npz is damaged"),
        (
            ["replay-search", "--table", "tuning.npz"],
            "has no test pictures; it has coffee; give --set tuning",
        ),
    ],
)
def test_nonsense_is_refused_in_one_line(
    folder: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said and said.strip().count("\n") == 0
    assert not (folder / "BENCHMARKS.md").exists()


def test_all_strategies_are_compared(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, less in (("SEARCHES", 1), ("RACES", 1)):
        monkeypatch.setattr(facts, name, less)
    assert run(["bench", "replay-search", "--seeds", "2", "--minutes", "2,4"]) == 0
    content = json.loads((folder / "benchmarks" / "search.json").read_text())
    assert {row["strategy"] for row in content["rows"]} == {*STRATEGIES}
    assert {row["set"] for row in content["rows"]} == {"test"}
    assert {(row["source"], row["seeds"], row["minutes"]) for row in content["rows"]} == {
        ("table", 2, 2.0),
        ("table", 2, 4.0),
    }
    about = content["table"]["test"]
    assert about["table"]["command"] == "a command"
    assert {one["minutes"] for one in about["dry"]} <= {2.0, 4.0}
    assert {*about["fits"]} == {*facts.COUNTED} and {*about["importances"]} >= {"jitter"}
    page = (folder / "BENCHMARKS.md").read_text()
    assert "<!-- begin search -->" in page and "best known network, other seeds" in page
    assert "written: benchmarks/search.json" in capsys.readouterr().out
    arguments = ["replay-search", "--seeds", "2", "--minutes", "1", "--long", "3", "--set", "tuning"]
    assert run(["bench", *arguments]) == 0
    content = json.loads((folder / "benchmarks" / "search.json").read_text())
    assert {*content["table"]} == {"test", "tuning"} and content["table"]["test"] == about
    both = content["rows"]
    rows = {(row["set"], row["minutes"]) for row in both}
    assert rows == {("test", 2), ("test", 4), ("tuning", 1), ("tuning", 3)}
    assert {row["strategy"] for row in both if row["minutes"] == 3} <= {*LASTING}
    both_sets = (folder / "BENCHMARKS.md").read_text()
    assert "### Tuning pictures, mixed" in both_sets and "### Tuning pictures, the networks'" not in both_sets
    tables = page[page.index("### Test pictures, the networks'") : page.index("### Which genes matter")]
    assert tables.strip() in both_sets  # as they were
