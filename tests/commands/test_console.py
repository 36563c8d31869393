"""What a person sees: lines where there is no terminal, a display where there is one, nothing when asked."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from dipsearch.commands import console, full_words
from dipsearch.commands.full_words import FullWords
from dipsearch.commands.plain_words import PlainWords
from dipsearch.planning.plan import ENDLESS
from dipsearch.problem import TaskOptions
from dipsearch.report.in_brief import brief_rows
from dipsearch.run import Outcome, Request, Snapshot, Trial
from dipsearch.run.outcome import WorkerState
from dipsearch.trials.request import write_request

BEST = Trial(
    number=7,
    state="complete",
    estimated_psnr=27.314,
    step=900,
    seconds=61.0,
    operator="crossover",
    parents=(3, 5),
)


class Lines:
    """A plan, as far as the console looks at it."""

    lines = (("picture", "128×128, 3 channels"), ("workers", "2 on cpu [red]"))
    deliver_until = 118.0
    networks = True


def snapshot(
    *,
    phase: str = "searching",
    best: Trial | None = BEST,
    failed: int = 0,
    resting: int = 0,
    seconds: float = 94.2,
    bar: float | None = None,
    better: bool | None = None,
    why: str = "",
) -> Snapshot:
    return Snapshot(
        phase=phase,
        seconds=seconds,
        seconds_left=146.0,
        workers=(
            WorkerState(0, "candidate 8", "0123456789ab", 310, 3000, 25.5, 12.34, why),
            WorkerState(1),
        ),
        complete=4,
        pruned=3,
        failed=failed,
        best=best,
        resting=resting,
        bar=bar,
        better=better,
    )


def outcome(folder: Path) -> Outcome:
    result = {
        "task": "inpaint",
        "image": "cat.png",
        "delivered": "best",
        "answers": [{"name": "best", "words": "the best network", "estimate": 27.3, "share": 1.0}],
        "best": {"digest": "abc", "score": 27.3, "step": 900, "ended": "it rose"},
        "seconds": 117.6,
        "reference": False,
    }
    asked = Request(("cat.png",), TaskOptions("inpaint"), "cat", budget_seconds=120.0)
    write_request(folder / "study.yaml", asked)
    return Outcome(folder, result, interrupted=False)


def test_without_a_terminal_there_is_a_line_for_each_candidate(capsys: pytest.CaptureFixture[str]) -> None:
    with console.listening(FullWords()) as callback:
        callback.planned(Lines())  # type: ignore[arg-type]
        callback.note("50.1 % of the pixels are missing")
        callback.progress(snapshot(best=None))
        callback.progress(snapshot())
        callback.evaluated(BEST)
        callback.progress(snapshot(phase="delivering"))
    assert capsys.readouterr().out.splitlines() == [
        "picture:  128×128, 3 channels",
        "workers:  2 on cpu [red]",
        "50.1 % of the pixels are missing",
        "   94.2 s  searching; 4 complete, 3 pruned; 2 min 26 s left",
        "   94.2 s  candidate 7: 27.31 dB at iteration 900, 1 min 1 s (crossover of 3 and 5)",
        "   94.2 s  delivering; 4 complete, 3 pruned; best so far 27.31 dB (candidate 7); 2 min 26 s left",
    ]


def test_long_lines_are_not_wrapped_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with console.listening(FullWords()) as callback:
        callback.note("x" * 500)
    assert capsys.readouterr().out == "x" * 500 + "\n"


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (
            Trial(number=2, state="pruned", reason="it was 3 dB behind"),
            "candidate 2: given up, it was 3 dB behind",
        ),
        (
            Trial(number=3, state="failed", seconds=2.0),
            "candidate 3: failed, no reason was recorded, 2.0 s",
        ),
        (
            Trial(number=4, state="complete", estimated_psnr=20.0, step=5, operator="random"),
            "candidate 4: 20.00 dB at iteration 5 (random)",
        ),
    ],
)
def test_the_fate_of_a_candidate(trial: Trial, words: str) -> None:
    assert full_words.ended(trial) == words


def test_failures_are_counted_only_when_there_are_any() -> None:
    assert "failed" not in full_words.overall(snapshot())
    assert "4 complete, 3 pruned, 2 failed" in full_words.overall(snapshot(failed=2))


def test_who_rests_is_counted() -> None:
    assert "resting" not in full_words.overall(snapshot())
    assert full_words.overall(snapshot(resting=5)).startswith(
        "searching; 4 complete, 5 resting, 3 pruned; best"
    )


def test_a_log_tells_now_and_then_who_is_advanced(capsys: pytest.CaptureFixture[str]) -> None:
    with console.listening(FullWords()) as callback:
        for seconds in (94.2, 100.0, 124.1, 124.3, 140.0, 154.3):
            callback.progress(snapshot(resting=2, best=None, seconds=seconds))
    assert capsys.readouterr().out.splitlines() == [
        "   94.2 s  searching; 4 complete, 2 resting, 3 pruned; 2 min 26 s left",
        *(
            f"  {seconds:.1f} s  searching; 4 complete, 2 resting, 3 pruned; 2 min 26 s left; "
            "worker 0: candidate 8 at iteration 310; worker 1: waiting"
            for seconds in (124.3, 154.3)
        ),
    ]


def test_it_is_said_why_who_is_advanced(capsys: pytest.CaptureFixture[str]) -> None:
    gone_on, look = snapshot(resting=2, why="it improves fastest"), snapshot(resting=2, why="first look")
    assert full_words.at_work(gone_on).startswith(
        "worker 0: candidate 8 at iteration 310, because it improves fastest; "
    )
    assert full_words.at_work(look).startswith("worker 0: candidate 8 at iteration 310, first look; ")
    screen = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    screen.print(full_words.display(gone_on))
    assert "candidate 8, 0123456789ab, because it improves fastest" in screen.file.getvalue()  # type: ignore[attr-defined]
    assert PlainWords().state(gone_on) == (
        "trying networks, 9 tried so far (2 may be gone on with), network 8 goes on because it improves fastest, "
        "2 min 26 s left"
    )
    assert "goes on" not in PlainWords().state(look)
    assert "goes on" not in PlainWords().state(replace(gone_on, phase="delivering"))


def test_a_long_search_does_not_fill_its_log(capsys: pytest.CaptureFixture[str]) -> None:
    with console.listening(FullWords()) as callback:
        for seconds in range(0, 36_000, 20):
            callback.progress(replace(snapshot(seconds=seconds), seconds_left=36_000.0 - seconds))
    assert len(capsys.readouterr().out.splitlines()) == 50


def test_a_log_goes_on_where_the_time_of_another_picture_begins(capsys: pytest.CaptureFixture[str]) -> None:
    with console.listening(FullWords()) as callback:
        for seconds in (0.5, 500.0, 0.5, 20.0, 40.0):
            callback.progress(snapshot(phase="sampling", seconds=seconds))
    printed = [line.split(" s ")[0].strip() for line in capsys.readouterr().out.splitlines()]
    assert printed == ["0.5", "500.0", "0.5", "40.0"]


def test_the_workers_of_a_cluster_do_not_fill_a_line() -> None:
    many = replace(snapshot(), workers=tuple(WorkerState(n, f"polishing {n}") for n in range(100)))
    assert full_words.at_work(many).endswith("worker 7: polishing 7; and 92 other workers")


def test_in_a_terminal_every_worker_has_a_row() -> None:
    screen = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    screen.print(full_words.display(snapshot()))
    lines = [line.split() for line in screen.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert lines[0] == ["worker", "fits", "iteration", "score", "speed"]
    assert lines[1] == [
        "0",
        "candidate",
        "8,",
        "0123456789ab",
        "310",
        "/",
        "3000",
        "25.50",
        "dB",
        "12.3",
        "it/s",
    ]
    assert lines[2] == ["1", "waiting", "–", "–", "–"]


def test_a_display_is_redrawn_every_second_and_when_a_phase_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, clock = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None), [10.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: clock[0])
    live = console.LiveConsole(screen, FullWords())

    def shown(**state: object) -> bool:
        before = screen.file.getvalue()  # type: ignore[attr-defined]
        live.progress(replace(snapshot(), **state))  # type: ignore[arg-type]
        return bool(screen.file.getvalue() != before)  # type: ignore[attr-defined]

    assert shown(seconds=1.0) and not shown(seconds=1.5)
    assert shown(phase="delivering") and not shown(phase="delivering", seconds=2.0)
    clock[0] += 1.0
    assert shown(phase="delivering", seconds=3.0)
    live.close()


def test_the_terminal_is_given_back_when_the_search_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True)
    monkeypatch.setattr(console, "plain_console", lambda: screen)
    with pytest.raises(RuntimeError), console.listening(FullWords()) as callback:
        callback.progress(snapshot())
        raise RuntimeError
    assert screen._live_stack == []


def test_silence_with_notes_on_standard_error_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    for options, expected in (
        ({"json": True}, "dipsearch: careful\n"),
        ({"quiet": True}, ""),
        ({"json": True, "quiet": True}, ""),
    ):
        with console.listening(FullWords(), **options) as callback:
            callback.planned(Lines())  # type: ignore[arg-type]
            callback.note("careful")
            callback.progress(snapshot())
            callback.evaluated(BEST)
        assert capsys.readouterr() == ("", expected)


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_json({"psnr": None, "image": "größe.png"})
    assert json.loads(capsys.readouterr().out) == {"psnr": None, "image": "größe.png"}


def test_the_summary_says_where_everything_lies(tmp_path: Path) -> None:
    (tmp_path / "best").mkdir()
    for name in ("best/restored.png", "best/architecture.yaml", "best/stack.yaml", "report.html"):
        (tmp_path / name).touch()
    rows = FullWords().outcome(outcome(tmp_path))
    assert rows[0] == ("restored", "cat.png: missing pixels filled in by the best network")
    assert rows[-4:] == (
        ("look at", str(tmp_path / "best/restored.png")),
        ("", str(tmp_path / "best/architecture.yaml")),
        ("", str(tmp_path / "report.html")),
        ("use it again", f"dipsearch restore {tmp_path} IMAGE --task inpaint"),
    )


def test_a_table_on_a_pipe_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(("name", "n"), [("x" * 300, "1"), ("y", "22")], flush_right={"n"})
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "x" * 300 + "   1"
    assert lines[2].split() == ["y", "22"]


@pytest.mark.parametrize(
    ("step", "most", "words"), [(310, 3000, "310 / 3000"), (4500, ENDLESS, "4500"), (0, 0, "–")]
)
def test_a_limit_of_iterations_is_shown_where_there_is_one(step: int, most: int, words: str) -> None:
    assert full_words.iteration(WorkerState(0, "candidate 8", step=step, max_steps=most)) == words


def test_a_first_time_user_reads_of_no_candidate(capsys: pytest.CaptureFixture[str]) -> None:
    with console.listening(PlainWords()) as callback:
        callback.planned(Lines())  # type: ignore[arg-type]
        callback.note("noise found: sigma 24.8 grey levels")
        callback.detail("judged by 2457 values")
        callback.progress(snapshot(phase="similar patches", best=None))
        callback.progress(snapshot(bar=27.0, resting=2))
        callback.progress(snapshot(bar=27.5, seconds=130.0))
        callback.evaluated(BEST)
        callback.evaluated(Trial(number=3, state="failed", reason="out of memory"))
    assert capsys.readouterr().out.splitlines() == [
        "picture:  128×128, 3 channels",
        "time:     ready within 1 min 58 s; Ctrl-C delivers what there is",
        "noise found: sigma 24.8 grey levels",
        "   94.2 s  making a first answer from similar patches, 2 min 26 s left",
        "   94.2 s  trying networks, 9 tried so far (2 may be gone on with), "
        "the best is 0.3 dB better than the first answer, 2 min 26 s left",
        "  130.0 s  trying networks, 7 tried so far, none is better than the first answer yet, 2 min 26 s left",
        "  130.0 s  a network failed: out of memory",
    ]


def test_where_an_error_is_too_small_to_be_told_no_gain_is_measured() -> None:
    words = PlainWords()
    found = snapshot(bar=17.5, better=True)
    assert "the best is better than the first answer" in words.state(found)
    assert "dB" not in words.state(found) and "dB" not in full_words.overall(found)
    assert "none is better than the first answer yet" in words.state(snapshot(bar=17.5, better=False))


def test_details_are_for_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    for words, expected in ((FullWords(), "judged by 2457 values\n"), (PlainWords(), "")):
        with console.listening(words) as callback:
            callback.detail("judged by 2457 values")
        assert capsys.readouterr().out == expected


def test_the_brief_outcome_names_picture_and_page(tmp_path: Path) -> None:
    (tmp_path / "best").mkdir()
    for name in ("best/restored.png", "best/architecture.yaml", "best/stack.yaml", "report.html"):
        (tmp_path / name).touch()
    rows = PlainWords().outcome(outcome(tmp_path))
    assert rows == (
        ("restored", "cat.png: missing pixels filled in by the best network"),
        ("time", "1 min 58 s"),
        ("look at", str(tmp_path / "best/restored.png")),
        ("", str(tmp_path / "report.html")),
        ("use it again", f"dipsearch restore {tmp_path} IMAGE --task inpaint"),
    )


def test_what_was_said_is_not_said_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = PlainWords()
    made = outcome(tmp_path)
    made.result["warnings"] = ["half of the pixels are missing", "CUDA used TF32"]
    with console.listening(words) as callback:
        callback.note("half of the pixels are missing")
    assert [row for row in words.outcome(made) if row[0] == "note"] == [("note", "CUDA used TF32")]
    assert [row[0] for row in FullWords().outcome(made)].count("note") == 2


def test_a_warning_is_told_once_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    words = PlainWords()
    console.LineConsole(console.plain_console(), words).warn("this is a simulation")
    said = capsys.readouterr()
    assert said.out == "this is a simulation\n" and said.err == "dipsearch: warning: this is a simulation\n"
    rows = brief_rows(
        {"warnings": ["this is a simulation"], "image": "a.png", "task": "sr"}, told=words._told
    )
    assert "note" not in dict(rows)


def test_without_an_ensemble_nothing_is_said_of_using_it_again(tmp_path: Path) -> None:
    (tmp_path / "best").mkdir()
    (tmp_path / "best/architecture.yaml").touch()
    assert "use it again" not in dict(PlainWords().outcome(outcome(tmp_path)))


def test_networks_that_did_not_help_are_not_offered_for_other_pictures(tmp_path: Path) -> None:
    (tmp_path / "best").mkdir()
    (tmp_path / "best/stack.yaml").touch()
    made = outcome(tmp_path)
    assert "use it again" in dict(PlainWords().outcome(made))
    answers = [
        {"name": "first", "words": "similar patches", "estimate": 27.3, "share": 1.0},
        {"name": "best", "words": "the best network", "estimate": 26.0, "share": 0.0},
    ]
    made.result["answers"] = answers
    for words in (PlainWords(), FullWords()):
        assert "use it again" not in dict(words.outcome(made))
