"""`bench promises`: what it refuses, what it measures, and that it goes on where it was interrupted."""

import json
from pathlib import Path

import pytest

from dipsearch.bench.promises import promise_run
from dipsearch.bench.promises.promise_rows import Promise, PromiseRow
from dipsearch.commands.main import run


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Promise]:
    """What was asked of the searches, of which none is real: those of 5 s are late, the busy ones deliver nothing."""
    promises: list[Promise] = []

    def measured(promise: Promise, *, workers: int, seed: int) -> PromiseRow:
        promises.append(promise)
        return PromiseRow(
            promise.task,
            promise.size,
            promise.busy,
            promise.budget_s,
            workers=workers,
            seed=seed,
            seconds=promise.budget_s + 3.5,
            delivered=not promise.busy,
            kept=promise.budget_s > 5,
            looks=12,
            psnr=None if promise.busy else 28.125,
            version="dipsearch 9",
            date="2026-01-02" if promise.budget_s > 5 else "2026-01-03",
            note="there is no result.json" if promise.busy else "",
        )

    monkeypatch.setattr(promise_run, "measured", measured)
    monkeypatch.chdir(tmp_path)
    return promises


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tasks", "sr"], "--tasks 'sr' is not known"),
        (["--sizes", "128,big"], "--sizes is '128,big'"),
        (["--sizes", "8"], "--sizes is '8'"),
        (["--budgets", "5"], "--budgets '5' is not a duration"),
        (["--budgets", "0s"], "--budgets '0s' is 0 seconds"),
        (["--busy", "perhaps"], "--busy 'perhaps' is not known"),
        (["--workers", "0"], "equal to 1, and 0 was given"),
        (["--recorded-only"], "there is no benchmarks/promises.json"),
        (["--out", "damaged"], "damaged/promises.json holds no rows of bench promises"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    asked: list[Promise], arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("damaged").mkdir()
    Path("damaged", "promises.json").write_text('{"rows": [')
    assert run(["bench", "promises", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said and said.strip().count("\n") == 0
    assert not asked and not Path("BENCHMARKS.md").exists()


def test_all_searches_are_made_short_budgets_first(asked: list[Promise]) -> None:
    assert run(["bench", "promises"]) == 0
    assert len(asked) == len(set(asked)) == 2 * 2 * 2 * 4
    assert [promise.budget_s for promise in asked] == [5.0] * 8 + [15.0] * 8 + [60.0] * 8 + [240.0] * 8
    assert asked[0] == Promise("denoise", 128, False, 5.0)


def test_rows_and_page_are_written_and_nothing_is_made_twice(
    asked: list[Promise], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("BENCHMARKS.md").write_text("# Mine\n\nkept\n")
    command = ["bench", "promises", "--tasks", "inpaint", "--sizes", "128", "--budgets", "4m,5s"]
    assert run(command) == 0
    values = json.loads(Path("benchmarks", "promises.json").read_text())
    assert values["rows"][0] == {
        "task": "inpaint", "size": 128, "busy": False, "budget_s": 5.0, "workers": 2, "seed": 0, "seconds": 8.5,
        "delivered": True, "kept": False, "looks": 12, "psnr": 28.125, "version": "dipsearch 9",
        "date": "2026-01-03", "note": "",
    }  # fmt: skip
    page = Path("BENCHMARKS.md").read_text(encoding="utf-8")
    assert "kept" in page and "<!-- begin promises -->" in page
    assert "Of 4 searches 2 delivered a picture, and 2 kept their time." in page
    assert "| search | 5 s | 4 min |" in page
    assert "| inpaint 128², quiet | 8.5 **late** | 243.5 |" in page
    assert "| inpaint 128², busy | 8.5 **late** **nothing** | 243.5 **nothing** |" in page
    assert "- inpaint 128², busy, 4 min: there is no result.json" in page
    assert capsys.readouterr().out.count("\n") == 4 + 1
    assert run(command) == 0
    assert len(asked) == 4 and capsys.readouterr().out.count("\n") == 1
    assert run([*command[:-1], "15s", "--busy", "yes"]) == 0
    assert asked[-1] == Promise("inpaint", 128, True, 15.0) and len(asked) == 5
    page = Path("BENCHMARKS.md").read_text(encoding="utf-8")
    assert "; measured 2026-01-03 (5 s), 2026-01-02 (15 s, 4 min). " in page


def test_other_processes_and_shorter_budgets_are_other_rows(asked: list[Promise]) -> None:
    command = ["bench", "promises", "--tasks", "inpaint", "--sizes", "128", "--busy", "no"]
    assert run([*command, "--budgets", "1.5s,2s"]) == 0
    page = Path("BENCHMARKS.md").read_text(encoding="utf-8")
    assert (
        "| search | 1.5 s | 2 s |" in page and "| inpaint 128², quiet | 5.0 **late** | 5.5 **late** |" in page
    )
    assert run([*command, "--budgets", "2s", "--workers", "1"]) == 0 and len(asked) == 3
    page = Path("BENCHMARKS.md").read_text(encoding="utf-8")
    assert "| inpaint 128², quiet, processes: 1, seed 0 | – | 5.5 **late** |" in page


def test_the_page_is_made_from_the_rows_alone(asked: list[Promise]) -> None:
    assert run(["bench", "promises", "--budgets", "5s", "--page", "first.md"]) == 0
    assert run(["bench", "promises", "--recorded-only", "--page", "second.md"]) == 0
    first, second = (
        [line for line in Path(name).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        for name in ("first.md", "second.md")
    )
    dates = [
        Path(name).read_text(encoding="utf-8").split("\n\n")[3].partition(". ")[0]
        for name in ("first.md", "second.md")
    ]
    assert dates[0] == dates[1] and "--recorded-only" not in dates[1]
    assert first == second and len(first) == 3 * (2 + 8) and len(asked) == 8


def test_a_budget_is_kept_within_a_tenth_and_the_shortest_within_eight_seconds() -> None:
    limits = [Promise("denoise", 128, False, seconds).limit for seconds in (5.0, 15.0, 240.0)]
    assert limits == pytest.approx([8.0, 16.5, 264.0])
