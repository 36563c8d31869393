"""`bench interruptions`: what it refuses, what it counts, and that it goes on where it was interrupted."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from dipsearch.bench.interruptions import interruption_run
from dipsearch.bench.interruptions.interrupted_search import InterruptedSearch
from dipsearch.bench.interruptions.interruption_rows import InterruptionRow, Kind
from dipsearch.commands.main import run

Made = list[tuple[Kind, list[int]]]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """The interruptions of each search, none of them real; every fourth of a kind goes wrong."""
    batches: Made = []

    def interrupted(search: InterruptedSearch, kind: Kind, numbers: Sequence[int]) -> list[InterruptionRow]:
        batches.append((kind, list(numbers)))
        return [
            InterruptionRow(
                kind,
                number,
                1.5,
                number % 4 != 3,
                10 * number if kind == "kill" else None,
                2.0 + number,
                "candidate 7 is gone" if number % 4 == 3 else "",
                "dipsearch 9",
                number % 3 if kind == "kill" else None,
            )
            for number in numbers
        ]

    monkeypatch.setattr(interruption_run, "interrupted", interrupted)
    monkeypatch.chdir(tmp_path)
    return batches


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kinds", "kill,fire"], "--kinds 'fire' is not known"),
        (["--number", "0"], "equal to 1, and 0 was given"),
        (["--seconds", "2"], "equal to 5, and 2 was given"),
        (["--size", "8"], "equal to 16, and 8 was given"),
        (["--workers", "0"], "equal to 1, and 0 was given"),
        (["--recorded-only"], "there is no benchmarks/interruptions.json"),
        (["--out", "damaged"], "damaged/interruptions.json holds no rows of bench interruptions"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    made: Made, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("damaged").mkdir()
    Path("damaged", "interruptions.json").write_text('{"rows": [{"kind": "flood"}]}')
    assert run(["bench", "interruptions", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said and said.strip().count("\n") == 0
    assert not made and not Path("BENCHMARKS.md").exists()


def test_a_hundred_kills_come_in_chains_and_all_workers_die_in_one_search(made: Made) -> None:
    assert run(["bench", "interruptions"]) == 0
    counts = {kind: sum(len(numbers) for k, numbers in made if k == kind) for kind, _ in made}
    assert counts == {"kill": 100, "term": 20, "int": 20, "hup": 20, "worker": 20, "ten": 3, "beside": 3}
    assert [len(numbers) for kind, numbers in made if kind == "kill"] == [5] * 20
    assert [len(numbers) for kind, numbers in made if kind == "worker"] == [20]


def test_rows_and_page_are_written_and_nothing_is_made_twice(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bench", "interruptions", "--kinds", "kill,term", "--number"]
    assert run([*command, "4"]) == 0
    values = json.loads(Path("benchmarks", "interruptions.json").read_text())
    assert values["rows"][3] == {
        "kind": "kill", "number": 3, "moment_s": 1.5, "ok": False, "lost_steps": 30, "seconds": 5.0,
        "note": "candidate 7 is gone", "version": "dipsearch 9", "at_stake": 0,
        "setting": "20 s, 48², processes: 2, seed 0",
    }  # fmt: skip
    page = Path("BENCHMARKS.md").read_text(encoding="utf-8")
    assert "<!-- begin interruptions -->" in page
    assert "| kill -9 of all processes, then `--resume` | 4 | 3 | 2 | 2 | 15 | 30 | 3.5 | 5.0 |" in page
    assert "| SIGTERM | 4 | 3 | – | – | – | – | 3.5 | 5.0 |" in page
    assert "- kill 3: candidate 7 is gone" in page and "SIGHUP" not in page
    assert capsys.readouterr().out.count("\n") == 8 + 1
    assert run([*command, "4"]) == 0
    assert len(made) == 1 + 4 and capsys.readouterr().out.count("\n") == 1
    assert run([*command, "6"]) == 0
    assert made[5:] == [("kill", [4]), ("kill", [5]), ("term", [4]), ("term", [5])]
    assert run(["bench", "interruptions", "--kinds", "term", "--number", "1", "--workers", "1"]) == 0
    assert made[9:] == [("term", [0])]  # of another setting


def test_the_page_is_made_from_the_rows_alone_and_lists_the_first_failures(made: Made) -> None:
    assert run(["bench", "interruptions", "--kinds", "kill", "--number", "40", "--page", "first.md"]) == 0
    before = len(made)
    assert run(["bench", "interruptions", "--recorded-only", "--page", "second.md"]) == 0
    first, second = (
        Path(name).read_text(encoding="utf-8").split("\n\n")[4:] for name in ("first.md", "second.md")
    )
    assert first == second and len(made) == before
    assert "- kill 31: candidate 7 is gone\n- and 2 more" in "\n\n".join(first)
