"""`bench races`: what it refuses, what it writes, and what a race changes on a made table."""

import json
from pathlib import Path

import pytest

from dipsearch.bench.tabular.comparisons.races import LEVELS, LOOKS, race_rows
from dipsearch.bench.tabular.recorded.table_file import write_table
from dipsearch.commands.main import run
from tests.bench.tabular.recorded.made_table import made_table


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--orders", "1"], "equal to 2, and 1 was given"),
        (["--table", "nowhere.npz"], "there is no nowhere.npz"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(["bench", "races", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said and said.strip().count("\n") == 0
    assert not Path("BENCHMARKS.md").exists()


def test_rows_and_page_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("benchmarks").mkdir()
    write_table(Path("benchmarks", "table.npz"), made_table(24), about={"command": "a command"})
    assert run(["bench", "races", "--orders", "2"]) == 0
    rows = json.loads(Path("benchmarks", "races.json").read_text())["rows"]
    assert [row["set"] for row in rows[:: len(LEVELS) * len(LOOKS)]] == ["tuning", "test", "all"]
    page = Path("BENCHMARKS.md").read_text(encoding="utf-8")
    assert "| pictures and time | p < 0.05 | p < 0.1 | p < 0.2 |" in page and "all, 6 cases, 16 looks" in page


def test_races_look_at_more_candidates_in_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dipsearch.bench.tabular.comparisons.races.LOOKS", LOOKS[-1:])
    pictures = ("coffee", "camera", "astronaut")
    rows = [row for row in race_rows(made_table(24, pictures=pictures), orders=2) if row.set == "all"]
    assert {row.pictures for row in rows} == {9}
    for row in rows:
        assert row.candidates >= row.without
    strict, _, loose = (row for row in rows if row.looks == max(LOOKS))
    assert loose.candidates >= strict.candidates > strict.without
    # What a network reaches follows from its genes alone, so that whoever looks at more finds better ones.
    assert loose.gain_db >= 0
