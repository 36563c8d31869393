"""A study as rows: the numbers that the page, the console and programs share."""

from dataclasses import replace

import pytest

from dipsearch.library import presets_for
from dipsearch.report import candidate_cells, candidate_rows, state_words
from dipsearch.report.figures import score_against_seconds
from dipsearch.report.tables import FinalistRow, agreement, counts, finalist_rows, history_rows


def test_candidates_are_ranked_by_score_and_the_others_follow(make_study) -> None:
    rows = candidate_rows(make_study())
    assert [(row.rank, row.number, row.state) for row in rows] == [
        (1, 1, "complete"),
        (2, 0, "complete"),
        (None, 2, "pruned"),
        (None, 4, "running"),
        (None, 3, "failed"),
    ]


def test_a_row_says_where_a_candidate_came_from_and_why_it_ended(make_study) -> None:
    best, published, pruned, _, failed = candidate_rows(make_study())
    assert (best.origin, best.known, best.remark, best.at) == ("crossover of 0", False, "it rose", 51.0)
    assert (published.origin, published.known) == (presets_for("inpaint")[0][0], True)
    assert (pruned.origin, pruned.remark) == ("mutation of 0 and 1", "it was 3 dB behind")
    assert failed.remark == "<script>alert(1)</script>"  # text; whoever writes HTML escapes it
    assert best.shape == "16·32/16·64/16 skip 0·4·0 nearest"


def test_the_chosen_candidate_is_marked_where_it_is_not_the_best_by_the_score(make_study) -> None:
    record = make_study()
    assert [row.number for row in candidate_rows(record) if row.chosen] == [1]
    result = record.result | {"best": record.result["best"] | {"number": 0}}
    rows = candidate_rows(replace(record, result=result))
    assert [row.number for row in rows if row.chosen] == [0]
    rings = {trace.name: trace.x[0] for trace in score_against_seconds(rows).data if trace.marker.size == 19}
    assert rings == {"best by the score": rows[0].seconds, "chosen": rows[1].seconds}


def test_the_history_keeps_the_best_so_far(make_study) -> None:
    assert [(row.number, row.at, row.best) for row in history_rows(make_study())] == [
        (0, 30.0, 25.0),
        (1, 51.0, 27.5),
    ]


def test_states_are_counted(make_study) -> None:
    assert counts(make_study()) == {
        "complete": 2,
        "resting": 0,
        "pruned": 1,
        "running": 1,
        "waiting": 0,
        "failed": 1,
    }


def test_states_in_words(make_study) -> None:
    assert state_words(make_study()) == "2 complete, 1 pruned, 1 running, 1 failed"


def test_an_empty_study_has_empty_tables(make_study) -> None:
    record = make_study(trials=(), result=None)
    assert candidate_rows(record) == ()
    assert history_rows(record) == ()
    assert agreement(record) is None
    assert state_words(record) == "no candidate yet"


def test_an_ended_study_without_candidates_says_that_none_was_begun(make_study) -> None:
    assert state_words(make_study(trials=())) == "no candidate was begun"


def test_what_a_study_that_has_delivered_never_began_is_not_counted(make_study) -> None:
    record = make_study()
    waiting = replace(record.trials[0], number=99, state="waiting")
    some = replace(record, trials=(*record.trials, waiting))
    assert state_words(some) == state_words(record)
    assert state_words(replace(some, result=None)).count("1 waiting") == 1


def test_agreement_is_kendalls_tau(make_study) -> None:
    from dataclasses import replace

    record = make_study()
    template = record.trials[0]
    pairs = [(25.0, 24.0), (26.0, 26.0), (27.0, 25.0), (28.0, 27.0)]
    many = tuple(replace(template, number=n, estimated_psnr=s, psnr=p) for n, (s, p) in enumerate(pairs))
    found = agreement(replace(record, trials=many))
    assert found is not None
    assert found.kendall == pytest.approx(4 / 6)  # five pairs agree, one does not
    assert found.candidates == 4
    assert agreement(record) is None  # two candidates say nothing


def test_cells_are_text_and_columns_without_content_are_left_out(make_study) -> None:
    record = make_study()
    headings, cells = candidate_cells(candidate_rows(record))
    assert headings == (
        "rank",
        "candidate",
        "score",
        "PSNR",
        "stop",
        "time",
        "state",
        "network",
        "origin",
        "remark",
    )
    assert cells[0][:7] == ("1", "1", "27.50 dB", "27.00 dB", "600", "50 s", "complete")
    assert cells[4][2] == "–"
    from dataclasses import replace

    blind = replace(record, trials=tuple(replace(e, psnr=None) for e in record.trials))
    assert "PSNR" not in candidate_cells(candidate_rows(blind))[0]


def test_finalists_are_read_from_the_result(make_study, result) -> None:
    entries = [
        {"number": 1, "score": 27.4, "standard_error": 0.0, "split": "second"},
        {"number": 0, "score": 27.1, "standard_error": None, "split": "second"},
        {"number": 2, "score": None},
    ]
    record = make_study(result={**result, "finalists": entries})
    assert finalist_rows(record) == (
        FinalistRow(1, 27.4, 0.0, "second"),
        FinalistRow(0, 27.1, None, "second"),
    )
    assert finalist_rows(replace(record, result=None)) == ()


def test_no_candidate_has_a_level_above_one_that_cannot_be_told(make_study) -> None:
    study = make_study()
    finalist = {"number": 0, "score": 25.1, "at_least": 23.5}
    record = replace(study, result=study.result | {"finalists": [finalist]})
    assert [row.level for row in candidate_rows(record)[:3]] == ["23.50 dB or more"] * 2 + ["20.00 dB"]
    headings, cells = candidate_cells(candidate_rows(record))
    assert cells[0][headings.index("score")] == "23.50 dB or more"
    sure = replace(study, result=study.result | {"finalists": [finalist | {"at_least": None}]})
    assert candidate_rows(sure)[0].level == "27.50 dB"


def test_a_single_candidate_is_drawn_once_on_an_axis_of_readable_width(make_study) -> None:
    (row, *_) = candidate_rows(make_study())
    drawn = score_against_seconds([row], [FinalistRow(row.number, 27.50004, None, "first")])
    assert not [trace.name for trace in drawn.data if "finalists" in trace.name]
    assert drawn.layout.yaxis.range == (27.25, 27.75)


def test_finalists_judged_by_the_search_s_own_score_are_drawn_at_it(make_study) -> None:
    rows = candidate_rows(make_study())[:2]
    again = [FinalistRow(1, 27.50004, None, "first"), FinalistRow(0, 25.00004, 0.1, "first")]
    (drawn,) = (trace for trace in score_against_seconds(rows, again).data if "finalists" in trace.name)
    assert list(drawn.y) == [27.5, 25.0]
