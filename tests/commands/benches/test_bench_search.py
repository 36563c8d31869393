"""`bench search`: what it refuses, what it measures, and the page from its rows."""

import json
from pathlib import Path

import pytest

from dipsearch.bench.searches import real_search_run
from dipsearch.bench.searches.real_search_rows import RealSearchRow
from dipsearch.bench.searches.real_search_run import RealSearches
from dipsearch.commands.main import run
from dipsearch.errors import ResourceError


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was searched by whom; none of it is real: the sampler gains 0.5 dB, and page with random genomes fails."""
    turns: list[str] = []

    def searched(turn: real_search_run._Turn, wanted: RealSearches) -> RealSearchRow:
        turns.append(f"{turn.source} {turn.damage.task} {turn.strategy.title}")
        if "random" in turn.strategy.title:
            raise ResourceError("the search failed: no memory")
        with real_search_run._case(turn) as (case, _):
            return RealSearchRow(
                picture=case.picture,
                task=turn.damage.task,
                strategy=turn.strategy.title,
                network=turn.strategy.network(turn.damage.task),
                seed=turn.seed,
                minutes=turn.minutes,
                workers=wanted.workers,
                at_once=wanted.at_once,
                networks=7,
                looks=6,
                seconds=60 * turn.minutes,
                delivered_db=30.0 + 0.5 * ("pilot" in turn.strategy.title),
                alone_db=None,
                first_db=29.0,
                version="dipsearch 9",
                measurement=case.digest,
            )

    monkeypatch.setattr(real_search_run, "searched", searched)
    monkeypatch.chdir(tmp_path)
    return turns


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tasks", "bleach"], "there is no task 'bleach'"),
        (["--strategies", "seeds,luck"], "there is no strategy 'luck'"),
        (["--budgets", "4"], "--budgets '4' is not a duration"),
        (["--seeds", "one"], "--seeds is 'one'"),
        (["--seeds", "-1"], "--seeds is '-1'"),
        (["--workers", "0"], "equal to 1, and 0 was given"),
        (["--at-once", "0"], "equal to 1, and 0 was given"),
        (["sample:nobody"], "there is no sample picture 'nobody'"),
        (["--recorded-only"], "there is no benchmarks/searches.json"),
        (["--out", "damaged"], "damaged/searches.json holds no rows of bench search"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    asked: list[str], arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("damaged").mkdir()
    Path("damaged", "searches.json").write_text('{"rows": [')
    assert run(["bench", "search", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said and said.strip().count("\n") == 0
    assert not asked and not Path("BENCHMARKS.md").exists()


def test_rows_summary_and_page_are_written_and_nothing_is_made_twice(
    asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bench", "search", "--tasks", "denoise", "--strategies", "seeds,pilot,random"]
    assert run(command) == 0
    assert len(asked) == 6 * 3 and asked[0].startswith("sample:astronaut@96 denoise best known")
    said = capsys.readouterr().out
    assert said.count("not measured: the search failed: no memory") == 6 and said.count("30.50 dB") == 6
    rows = json.loads(Path("benchmarks", "searches.json").read_text())["rows"]
    assert len(rows) == 12 and rows[0]["minutes"] == 4.0
    summary = json.loads(Path("benchmarks", "search.json").read_text())
    assert set(summary["real"]["test"]) == {"command", "date", "versions"}
    assert [(row["source"], row["delivers"], row["gain_db"], row["pictures"]) for row in summary["rows"]] == [
        ("real", "polished", 0.5, 6)
    ] * 2
    page = Path("BENCHMARKS.md").read_text(encoding="utf-8")
    assert "| known, then with a pilot | +0.50 | +0.50 |" in page
    assert "| best known network, other seeds | 6 | 7.0 | 29.00 | – | 30.00 |" in page
    assert run(command) == 0
    assert len(asked) == 6 * 4  # those that failed once more
    assert run(["bench", "search", "--recorded-only", "--page", "second.md"]) == 0
    again = json.loads(Path("benchmarks", "search.json").read_text())["real"]["test"]
    assert again["command"] == summary["real"]["test"]["command"]
    lines = [
        [one for one in text.splitlines() if one[:1] == "|"] for text in (page, Path("second.md").read_text())
    ]
    assert lines[0] == lines[1] and lines[0]
