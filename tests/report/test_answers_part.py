"""The answers on the page and the console: the first one, the networks', and which was delivered."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from dipsearch.delivery.answers import IN_WORDS, UNCHANGED
from dipsearch.problem import read_image, write_image
from dipsearch.report import result_rows
from dipsearch.report.answers_part import answer_tables
from dipsearch.report.headline import headline
from dipsearch.report.page import render
from dipsearch.report.pictures import pictures_of
from dipsearch.report.studies import Watched

NUMBERS = {
    "first": (27.2, 0.31, 0.25, 27.0, 0.80, 3.2),
    "best": (26.9, 0.40, 0.0, 26.7, 0.79, 100.0),
    "polished": (27.6, 0.05, 0.75, 27.5, 0.84, 110.0),
    "combined": (27.62, 0.0, 0.0, 27.9, 0.85, 115.0),
}


def answers(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The entry of ``result.json``; keywords change an answer, by its name."""
    keys = ("estimate", "standard_error", "share", "psnr", "ssim", "seconds")
    rows = []
    for name, values in NUMBERS.items():
        row = {"name": name, "words": IN_WORDS[name], **dict(zip(keys, values, strict=True))}
        row |= {
            "error_beside_first": 0.31 if name == "combined" else None,
            "at_least": None,
            "flattered": False,
        }
        rows.append(row | changes.get(name, {}))
    return rows


@pytest.fixture
def answered(result: dict[str, Any]) -> dict[str, Any]:
    """A result: similar patches, networks, and a mixture of both delivered."""
    bar = {"psnr": 27.0, "seconds": 3.2, "score": 27.2, "standard_error": 0.31}
    return {
        **result,
        "delivered": "combined",
        "answers": answers(),
        "baselines": {"similar patches": bar},
        "pictures": [{"name": "cat", "restored": "best/restored.png", "answers": answers()}],
    }


def alone(result: dict[str, Any]) -> dict[str, Any]:
    """The same where no network was fitted."""
    only = [answers(first={"share": 1.0, "standard_error": 0.0})[0]]
    picture = {"name": "cat", "restored": "best/restored.png", "answers": only}
    nothing = {"best": None, "stack": None, "trials": {"complete": 0, "pruned": 0, "failed": 0}}
    return {
        **result,
        **nothing,
        "delivered": "first",
        "delivered_psnr": 27.0,
        "answers": only,
        "pictures": [picture],
    }


def test_a_row_for_every_answer_with_its_share_and_how_far_it_is_behind(make_study, answered) -> None:
    ((name, rows),) = answer_tables(make_study(result=answered))
    assert name == "cat"
    assert [row.words for row in rows] == [IN_WORDS[name] for name in NUMBERS]
    assert [row.share for row in rows] == [0.25, 0.0, 0.75, 0.0]
    assert [row.delivered for row in rows] == [False, False, False, True]
    assert [row.behind_words for row in rows] == ["0.42 ± 0.31 dB", "0.72 ± 0.40 dB", "0.02 ± 0.05 dB", "–"]
    assert (rows[0].psnr, rows[0].seconds) == (27.0, 3.2)


def test_an_answer_without_an_estimate_or_a_reference_has_gaps(make_study, answered) -> None:
    nothing = {"estimate": None, "standard_error": None, "psnr": None, "ssim": None}
    rows = [answers(first=nothing | {"share": 1.0})[0]]
    entry = {"name": "cat", "restored": "best/restored.png", "answers": rows}
    record = make_study(result={**alone(answered), "answers": rows, "pictures": [entry]})
    ((_, (row,)),) = answer_tables(record)
    assert (row.estimate, row.behind, row.behind_words, row.delivered) == (None, None, "–", True)
    assert 'id="answers"' in render(record)


def test_the_page_shows_the_table_and_says_it_in_one_line(make_study, answered) -> None:
    html = render(make_study(result=answered))
    section = html[html.index('id="answers"') : html.index('id="stop"')]
    for words in (*IN_WORDS.values(), "0.42 ± 0.31 dB", "27.20 dB", "75.0 %", "1 min 50 s", "SSIM"):
        if words not in (IN_WORDS["ensemble"], IN_WORDS[UNCHANGED]):
            assert words in section, words
    assert section.count(">delivered<") == 1
    assert "what is delivered is estimated 0.42 ± 0.31 dB higher" in html
    assert 'href="#answers"' in html


def test_without_a_reference_there_is_no_column_for_it(make_study, answered) -> None:
    blind = [row | {"psnr": None, "ssim": None} for row in answers()]
    entry = {"name": "cat", "restored": "best/restored.png", "answers": blind}
    unknown = {"reference": False, "delivered_psnr": None, "delivered_ssim": None}
    record = make_study(result={**answered, **unknown, "answers": blind, "pictures": [entry]})
    html = render(record)
    assert "SSIM" not in html[html.index('id="answers"') : html.index('id="stop"')]
    fact = headline(record).facts[0]
    assert (fact.value, fact.label) == ("27.62 dB", "estimated PSNR")


def test_the_console_says_it_in_words_of_a_photographer(answered) -> None:
    rows = dict(result_rows(answered))
    assert rows["restored"] == (
        "cat.png: missing pixels filled in by a mixture: 75 % similar patches guided by networks, "
        "25 % similar patches alone"
    )
    assert rows["first answer"] == (
        "similar patches alone: PSNR 27.00 dB; what is delivered is estimated 0.42 ± 0.31 dB higher"
    )


def test_without_a_network_everything_is_said_and_shown_still(make_study, answered) -> None:
    found = alone(answered)
    rows = dict(result_rows(found))
    assert rows["restored"].endswith("filled in by similar patches alone, without a network")
    assert rows["first answer"] == "similar patches alone: PSNR 27.00 dB; no network was fitted"
    assert rows["best candidate"] == "none: no candidate was finished"
    record = make_study(result=found, trials=())
    said = headline(record)
    assert said.sentence.startswith(
        "Missing pixels of cat.png filled in by similar patches alone, without a network (0 candidates tried)."
    )
    assert [(fact.value, fact.label) for fact in said.facts] == [
        ("27.00 dB", "PSNR"),
        ("1 min 58 s", "for everything"),
    ]
    html = render(record)
    assert 'id="answers"' in html and html.count("No network was fitted: the budget left no time.") == 1
    assert "no candidate has" not in html and 'href="#candidates"' not in html


def test_several_pictures_have_a_table_each_and_one_line_for_their_mean(make_study, answered) -> None:
    better = answers(combined={"estimate": 29.62}, first={"estimate": 28.2})
    pictures = [
        *answered["pictures"],
        {"name": "dog", "restored": "best/dog/restored.png", "answers": better},
    ]
    found = {**answered, "image": ["cat.png", "dog.png"], "pictures": pictures}
    rows = dict(result_rows(found))
    assert rows["first answer"] == (
        "similar patches alone: PSNR 27.00 dB on average; "
        "what is delivered is estimated 0.92 ± 0.22 dB higher"
    )
    tables = answer_tables(make_study(result=found))
    assert [name for name, _ in tables] == ["cat", "dog"]
    other = [*answered["pictures"], {"name": "dog", "restored": "x", "answers": alone(answered)["answers"]}]
    assert dict(result_rows({**found, "pictures": other}))["restored"] == (
        "2 pictures: missing pixels filled in by whatever suits each best"
    )


def test_the_first_answer_stands_beside_the_other_pictures(make_study, tmp_path) -> None:
    record, file = make_study(), tmp_path / "first.png"
    write_image(file, torch.full((1, 3, 24, 32), 0.5))
    shown = replace(record, pictures=(replace(record.pictures[0], first=file),))
    layers = {layer.title: layer for layer in pictures_of(shown)[0].pictures}
    assert list(layers) == ["measured", "restored", "similar patches", "reference", "error"]
    assert layers["similar patches"].uri is not None
    file.write_bytes(b"")
    layers = {layer.title: layer for layer in pictures_of(shown)[0].pictures}
    assert layers["similar patches"].uri is None and "first.png" in layers["similar patches"].caption


def test_a_running_study_shows_its_first_answer_as_soon_as_it_is_written(studies) -> None:
    folder = studies / "running"
    watched = Watched(folder)
    before = watched.read()
    assert before.pictures[0].first is None
    write_image(folder / "best" / "first.png", torch.full((1, 3, 24, 32), 0.5))
    after = watched.read()
    assert after is not before
    (case,) = pictures_of(after)
    assert "similar patches" in [layer.title for layer in case.pictures if layer.uri]
    assert read_image(after.pictures[0].first).pixels.shape == (1, 3, 24, 32)


def test_before_the_first_candidate_the_headline_tells_of_the_first_answer(studies) -> None:
    folder = studies / "empty"
    write_image(folder / "best" / "first.png", torch.full((1, 3, 24, 32), 0.5))
    said = headline(Watched(folder).read())
    assert said.sentence == "Similar patches have answered; this study has not started a candidate yet."


def test_a_finished_study_is_read_back_with_its_answers(studies, answered) -> None:
    folder = studies / "done"
    (folder / "result.json").write_text(json.dumps(answered))
    ((name, rows),) = answer_tables(Watched(folder).read())
    assert (name, len(rows)) == ("cat", 4)


def test_of_a_mixture_it_is_said_where_its_shares_come_from(make_study, answered: dict[str, Any]) -> None:
    said = "The shares begin from usual ones"
    record = make_study(result=answered)
    assert said in render(record)
    assert said not in render(replace(record, result=alone(answered)))
