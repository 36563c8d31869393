"""Numbers as people read them."""

import pytest

from dipsearch.report import wording


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (75.2, "1 min 15 s"),
        (3600, "1 h"),
        (5430, "1 h 30 min"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert wording.duration(seconds) == words


def test_large_numbers() -> None:
    assert wording.large(2_217_831) == "2.22 M"
    assert wording.large(1_500, unit="B") == "1.5 kB"
    assert wording.large(12) == "12"
    assert wording.large(12, unit="B") == "12 B"
    assert wording.large(None) == "–"


def test_signs() -> None:
    assert (wording.signed(0.304), wording.signed(-0.304, unit="dB")) == ("+0.30", "\u22120.30 dB")
    assert (wording.signed(-0.001), wording.signed(-120.0, digits=0)) == ("0.00", "\u2212120")
    assert wording.signed(None) == "\u2013"


def test_decibels_and_plurals_and_clauses() -> None:
    assert wording.decibels(27.105) == "27.11 dB" or wording.decibels(27.105) == "27.10 dB"
    assert wording.decibels(None) == "–"
    assert (wording.plural(1, "fit"), wording.plural(2, "fit")) == ("1 fit", "2 fits")
    assert wording.clause("a", None, "", "b") == "a, b"
