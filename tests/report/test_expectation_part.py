"""What is expected of a search, in the seconds and dB of a study."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dipsearch.library import preset
from dipsearch.library.expected_course import course_network, expected_course
from dipsearch.report.page import render
from dipsearch.report.search_gain_part import expectation
from dipsearch.report.timeline import spans
from dipsearch.run import StudyRecord

from .test_answers_part import answers

MakeStudy = Callable[..., StudyRecord]


def with_the_network(record: StudyRecord, *, seconds: float) -> StudyRecord:
    """The first candidate is the one whose iterations are counted, and made 100 of them."""
    genome = preset(course_network())
    first = replace(record.trials[0], genome=genome, digest=genome.digest, steps=100, seconds=seconds)
    return replace(record, trials=(first, *record.trials[1:]))


def test_iterations_become_seconds_and_gains_levels(make_study: MakeStudy, result: dict[str, Any]) -> None:
    record = with_the_network(make_study(result=result | {"workers": 2}), seconds=1e-4)
    found = expectation(record, bar=25.0)
    course = expected_course(record.request.options.task)
    begun = min(span.start for span in spans(record))
    assert len(found) == len(course)
    assert found[3] == pytest.approx((begun + course[3][0] * 1e-6 / 2, 25.0 + course[3][1]))


def test_it_ends_with_the_search(make_study: MakeStudy, result: dict[str, Any]) -> None:
    record = with_the_network(make_study(result=result | {"workers": 1}), seconds=1.0)
    until = max(span.end for span in spans(record))
    found = expectation(record, bar=25.0)
    assert all(at <= until for at, _ in found)
    assert len(found) < len(expected_course(record.request.options.task))


@pytest.mark.parametrize("workers", [None, 0, "two", 2])
def test_where_the_network_or_the_workers_are_not_known_there_is_none(
    make_study: MakeStudy, result: dict[str, Any], workers: object
) -> None:
    record = make_study(result=result | {"workers": workers})
    if workers != 2:
        record = with_the_network(record, seconds=1e-4)
    assert expectation(record, bar=25.0) == []


def test_the_page_draws_it(make_study: MakeStudy, result: dict[str, Any]) -> None:
    known = result | {"workers": 1, "answers": answers()}
    record = make_study(result=known)
    assert "expected of such searches" in render(with_the_network(record, seconds=1e-4))
    assert "expected of such searches" not in render(record)
