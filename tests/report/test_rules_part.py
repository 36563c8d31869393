"""What other stopping rules would have done: read from the fits, in decibels, and summed up."""

from dataclasses import replace

import pytest

from dipsearch.report import curve_rows
from dipsearch.report.curve_figures import curves
from dipsearch.report.curves import Course, Mark
from dipsearch.report.dossier import dossiers
from dipsearch.report.rules_part import monitor_rows
from dipsearch.report.tables import candidate_rows

WATCHED = {"ES-WMV": 300, "ES-EMV": 0}


@pytest.fixture
def record(make_study, curve_writer):
    """A study in which two rules watched candidate 1."""
    made = make_study()
    curve_writer(made.folder, 1, watched=WATCHED)
    return made


@pytest.fixture
def row(record):
    """The curve of that candidate, which was stopped at 600."""
    (found,) = curve_rows(record)
    return found


def test_what_a_rule_would_have_delivered_is_read_from_the_fit(row) -> None:
    first, second = row.marks
    assert (first.rule, first.step, second) == ("ES-WMV", 300, Mark("ES-EMV", None))
    assert first.score == pytest.approx(20 + 7.5 / 2)
    assert first.psnr == pytest.approx(row.course.psnr[0])  # the outputs on the way were black


def test_a_fit_that_nobody_watched_has_no_marks(make_study) -> None:
    (plain,) = curve_rows(make_study())
    assert plain.marks == ()
    assert monitor_rows([plain]) == ()
    assert not [trace for trace in curves([plain]).data if "would stop" in (trace.name or "")]


def test_rules_are_compared_with_the_stop_on_the_same_outputs(row) -> None:
    course = Course((100, 600), (20.0, 30.0))
    fits = [
        replace(row, number=1, course=course, marks=(Mark("ES-WMV", 300, 23.0, course.at(300)),)),
        replace(row, number=2, course=course, marks=(Mark("ES-WMV", 500, 26.0, course.at(500)),)),
        replace(row, number=3, course=course, marks=(Mark("ES-WMV", None),)),
        replace(row, number=4, course=course, marks=(Mark("ES-WMV", 100),), complete=False),
    ]
    (found,) = monitor_rows(fits)
    assert (found.rule, found.watched, found.found, found.later) == ("ES-WMV", 3, 2, -200)
    assert (found.gain, found.worst) == (pytest.approx(-4.0), pytest.approx(-6.0))


def test_without_a_reference_only_iterations_are_compared(row) -> None:
    (first, second) = monitor_rows([replace(row, course=None, marks=(Mark("a", 300, 23.0), Mark("b", None)))])
    assert (first.later, first.gain, first.worst) == (-300, None, None)
    assert (second.found, second.later) == (0, None)


def test_their_marks_wait_in_the_legend(row) -> None:
    (trace,) = [trace for trace in curves([row]).data if trace.meta == {"shown": "rules"}]
    assert (trace.name, trace.visible, trace.x, trace.customdata) == (
        *("ES-WMV would stop", "legendonly"),
        *((300,), (1,)),
    )
    assert trace.y == pytest.approx((23.75,))


def test_a_dossier_tells_what_they_would_have_done(record, row) -> None:
    (first, *_) = dossiers(record, candidate_rows(record), courses=[row])
    assert ("ES-WMV would stop", "at iteration 300, 23.75 dB") in first.facts
    assert ("ES-EMV would stop", "not at all") in first.facts
