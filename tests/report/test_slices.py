"""The slices of a study: what each candidate got and why, who works when, and what a damaged log costs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dipsearch.report import candidate_cells, candidate_rows, state_words
from dipsearch.report.comparison import progress
from dipsearch.report.curves import curve_rows
from dipsearch.report.descent_figures import family_tree, timeline
from dipsearch.report.dossier import dossiers
from dipsearch.report.figures import score_against_seconds
from dipsearch.report.headline import headline
from dipsearch.report.lineage import edges, nodes
from dipsearch.report.style import STATE_COLOURS
from dipsearch.report.tables import counts, history_rows
from dipsearch.report.timeline import MANY, MOST, newest, shares_of, slices_of, spans
from dipsearch.run import StudyRecord
from dipsearch.run.slice_log import LOG, SliceRow, append_slice
from dipsearch.trials.trial import Trial

LINE = {
    "candidate": 0,
    "worker": 0,
    "began": 100.0,
    "ended": 105.0,
    "before": 0,
    "after": 200,
    "score": 24.5,
    "why": "first look",
}
"""The first slice as it stands in the log, whose names are those of the format."""


def row(candidate: int, worker: int, began: float, ended: float, before: int, after: int, **more) -> SliceRow:
    return SliceRow(
        candidate, worker, began, ended, before, after, **{"estimated_psnr": 24.0, "why": "first look"} | more
    )


SLICES = (
    row(0, 0, 100.0, 105.0, 0, 200, estimated_psnr=24.5),
    row(1, 1, 101.0, 108.0, 0, 200, estimated_psnr=26.0, why="a new one promises more"),
    row(0, 0, 105.0, 109.8, 200, 260, estimated_psnr=25.0, why="it improves fastest"),
    row(4, 0, 110.0, 112.0, 0, 30, estimated_psnr=None),
    row(1, 1, 110.0, 120.0, 200, 640, estimated_psnr=27.5, why="it improves fastest"),
)


def write(folder: Path, rows: tuple[SliceRow, ...] | list[SliceRow] = SLICES) -> None:
    for one in rows:
        append_slice(folder, one)


@pytest.fixture
def sliced(make_study) -> StudyRecord:
    """A study under way: candidate 1 rests, 0 is complete, 2 and 3 were given up without a slice, 4 has begun."""
    record = make_study(result=None)
    trials = tuple(
        replace(
            e, worker=None, **({"state": "resting", "ended": None, "psnr": None} if e.number == 1 else {})
        )
        for e in record.trials
    )
    write(record.folder)
    return replace(record, trials=trials)


def texts(figure) -> list[str]:
    return [words for trace in figure.data for words in trace.text]


def test_every_slice_is_a_bar_that_says_how_far_and_why(sliced) -> None:
    figure = timeline(spans(sliced))
    words = "candidate 0, iterations 200 to 260, because it improves fastest, 25.00 dB afterwards, 4.8 s"
    assert words in texts(figure)
    assert "candidate 4, iterations 0 to 30, first look, 2.0 s" in texts(figure)
    bars = {trace.name: trace for trace in figure.data}
    assert bars["resting"].marker.color == STATE_COLOURS["resting"]
    assert list(bars["resting"].y) == ["worker 1", "worker 1"]
    assert (list(bars["resting"].base), list(bars["resting"].x)) == ([1.0, 10.0], [7.0, 10.0])
    assert len(set(STATE_COLOURS.values())) == len(STATE_COLOURS) - 1  # only pruned and waiting are both grey


def test_fits_without_slices_keep_their_whole_spans(sliced) -> None:
    found = spans(sliced)
    assert [(span.number, span.start, span.end) for span in found if not span.slices] == [
        (2, 31.0, 39.0),
        (3, 40.0, 41.0),
    ]
    assert [span.number for span in found] == [0, 1, 0, 1, 4, 2, 3]


def test_thousands_of_slices_become_few_bars(make_study) -> None:
    record = make_study(result=None)
    many = [row(n // 10 % 2, 0, 100.0 + n, 101.0 + n, 10 * n, 10 * n + 10) for n in range(2 * MANY)]
    write(record.folder, many)
    found = spans(replace(record, trials=record.trials[:2]))
    assert len(found) == 2 * MANY / 10
    assert (found[0].before, found[0].after, found[0].slices, found[0].end) == (0, 100, 10, 10.0)
    assert "iterations 0 to 100, 10 slices, first look" in texts(timeline(found))[0]


def test_a_pause_is_no_work(make_study) -> None:
    record = make_study(result=None)
    many = [row(0, 0, 100.0 + n, 101.0 + n, n, n + 1) for n in range(MANY)]
    write(record.folder, [*many, row(0, 0, 90_000.0, 90_001.0, MANY, MANY + 1)])
    assert [span.slices for span in spans(replace(record, trials=record.trials[:1]))] == [MANY, 1]


def test_what_is_shorter_than_a_pixel_is_told_together(make_study) -> None:
    record = make_study(result=None)
    write(record.folder, [row(n % 7, n % 2, 100.0 + n, 101.9 + n, 0, 1) for n in range(3 * MOST)])
    found = spans(replace(record, trials=()))
    assert MOST / 2 < len(found) <= MOST + 2
    assert found[0].others == 3
    assert "and 3 other candidates meanwhile" in texts(timeline(found))[0]


def test_what_a_candidate_got_stands_in_the_table(sliced) -> None:
    rows = candidate_rows(sliced)
    assert [(one.rank, one.number, one.state) for one in rows[:3]] == [
        (1, 1, "resting"),
        (2, 0, "complete"),
        (None, 2, "pruned"),
    ]
    headings, cells = candidate_cells(rows)
    told = [dict(zip(headings, line, strict=True)) for line in cells]
    assert told[0]["advanced"] == "2 slices, 640 iterations, the last one: it improves fastest"
    assert told[0]["remark"] == "resting: had its first look, others promised more"
    assert told[3]["advanced"] == "1 slice, 30 iterations, the last one: first look"
    assert rows[0].at == 20.0
    assert ("advanced", told[0]["advanced"]) in dossiers(sliced, rows)[0].facts


def test_without_a_log_there_is_no_such_column(make_study) -> None:
    assert "advanced" not in candidate_cells(candidate_rows(make_study()))[0]


def test_the_history_follows_the_slices(sliced) -> None:
    assert [(one.number, one.at, one.estimated_psnr, one.best) for one in history_rows(sliced)] == [
        (0, 5.0, 24.5, 24.5),
        (1, 8.0, 26.0, 26.0),
        (0, pytest.approx(9.8), 25.0, 26.0),
        (1, 20.0, 27.5, 27.5),
    ]
    assert progress(sliced).estimated_psnr == (24.5, 26.0, 26.0, 27.5)


def test_who_rests_counts_like_who_is_complete(sliced) -> None:
    assert counts(sliced)["resting"] == 1
    assert state_words(sliced) == "1 complete, 1 resting, 1 pruned, 1 running, 1 failed"
    said = headline(sliced)
    assert [(fact.value, fact.label, fact.remark) for fact in said.facts[:2]] == [
        ("27.50 dB", "best so far", "candidate 1"),
        ("2", "compared", "1 of them rests, 1 given up early"),
    ]
    (curve,) = curve_rows(sliced)
    assert (curve.number, curve.counts) == (1, True)
    cost = {trace.name: trace for trace in score_against_seconds(candidate_rows(sliced)).data}
    assert list(cost["resting"].customdata) == [1]
    assert cost["resting"].marker.color == STATE_COLOURS["resting"]
    tree = {trace.name for trace in family_tree(nodes(sliced), edges(sliced)).data}
    assert {"complete", "resting", "pruned"} <= tree


def test_a_study_of_nothing_but_resting_candidates_is_under_way(sliced) -> None:
    only = replace(sliced, trials=tuple(e for e in sliced.trials if e.number in (1, 3)))
    said = headline(only)
    assert "found so far" in said.sentence
    assert said.state == "running, or stopped without delivering"


def test_writing_files_advances_nobody(sliced) -> None:
    before = shares_of(sliced), newest(sliced, since=0.0), history_rows(sliced)
    write(
        sliced.folder, [row(1, 1, 121.0, 121.5, 640, 640, estimated_psnr=27.5, why="its files are written")]
    )
    assert (shares_of(sliced), newest(sliced, since=0.0), history_rows(sliced)) == before
    assert len(spans(sliced)) == len(SLICES) + 3  # it took its time all the same


def test_the_newest_slice_of_every_worker(sliced) -> None:
    assert [(one.worker, one.candidate) for one in newest(sliced, since=0.0)] == [(0, 4), (1, 1)]
    assert [one.worker for one in newest(sliced, since=115.0)] == [1]
    assert shares_of(sliced)[0].slices == 2


def test_a_line_of_the_log_has_the_names_of_its_format(sliced) -> None:
    assert (sliced.folder / LOG).read_text().splitlines()[0] == json.dumps(LINE)
    assert slices_of(sliced)[0] == SLICES[0]


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x00garbage",
        b"[" * 100_000,
        b"{}",
        b"7",
        json.dumps(LINE | {"began": "yesterday"}).encode(),
        json.dumps(LINE | {"after": None}).encode(),
        json.dumps(LINE | {"ended": 1.0}).encode(),
        json.dumps(LINE | {"score": float("nan")}).encode(),
        json.dumps(LINE | {"candidate": -3}).encode(),
        json.dumps(LINE | {"why": ["a"]}).encode(),
        json.dumps(LINE).encode()[:40],
    ],
)
def test_a_damaged_line_costs_only_itself(sliced, line: bytes) -> None:
    with (sliced.folder / LOG).open("ab") as log:
        log.write(line + b"\n")
    assert len(slices_of(sliced)) == len(SLICES)
    assert len(spans(sliced)) == len(SLICES) + 2


def test_a_log_that_is_no_file_is_none(make_study) -> None:
    record = make_study()
    (record.folder / LOG).mkdir()
    assert not slices_of(record)
    assert [span.slices for span in spans(record)] == [0] * 5


def test_slices_of_candidates_that_cannot_be_read_are_still_there(sliced) -> None:
    found = spans(replace(sliced, trials=()))
    assert {span.state for span in found} == {"running"}


def test_a_winner_whose_time_was_over_says_what_it_was_given(sliced) -> None:
    from dipsearch.report.explanations import stop_words

    def over(e: Trial) -> Trial:
        return replace(e, steps=640) if e.number == 1 else e

    words = stop_words(replace(sliced, trials=tuple(map(over, sliced.trials))), None)
    assert words.startswith(
        "Candidate 1, which won, delivers iteration 600, where its score was highest; it was given 640."
    )
