"""The answers in words: what is delivered, what networks added, and when that is little."""

from __future__ import annotations

from typing import Any

import pytest

from dipsearch.delivery.answer_words import (
    answers_of,
    bar_words,
    delivered_answer,
    delivered_words,
    gain_words,
    level_words,
    little_words,
    networks_helped,
)
from dipsearch.delivery.answers import IN_WORDS, QUICKLY
from dipsearch.delivery.card import card
from dipsearch.report import restored_rows

SHARES = {"first": 0.31, "polished": 0.69}


def result(
    estimates: dict[str, float | None],
    *,
    shares: dict[str, float] | None = None,
    indirect: bool = False,
    error: float = 0.02,
) -> dict[str, Any]:
    """A result with answers of these estimates, in dB; by default the last one is delivered."""
    given = shares or {list(estimates)[-1]: 1.0}
    answers = [
        {
            "name": name,
            "words": IN_WORDS[name],
            "estimate": estimate,
            "standard_error": 9.0,  # of the difference to the best one, which is no gain
            "error_beside_first": error,
            "share": given.get(name, 0.0),
            "psnr": None,
            "ssim": None,
            "seconds": 1.0,
        }
        for name, estimate in estimates.items()
    ]
    return {
        "task": "sr",
        "answers": answers,
        "pictures": [{"answers": answers}],
        "split": {"indirect": indirect},
    }


MIXED = result({"first": 31.2, "polished": 31.5, "combined": 31.6}, shares=SHARES)


def test_the_line_of_the_console() -> None:
    assert bar_words(MIXED) == (
        "similar patches alone: about 31 dB, estimated; what is delivered is estimated 0.40 ± 0.02 dB higher"
    )
    assert bar_words(result({"first": 31.2, "best": 30.9}, shares={"first": 1.0})) == (
        "similar patches alone, which is delivered: about 31 dB, estimated; "
        "the best with networks (the best network) is estimated 0.30 ± 0.02 dB lower"
    )
    assert (
        bar_words(result({"first": 31.2}))
        == "similar patches alone: about 31 dB, estimated; no network was fitted"
    )
    assert bar_words(result({"first": None})) == "similar patches alone; no network was fitted"
    assert bar_words(result({"first": 41.2, "polished": 41.9}, indirect=True)) == (
        "similar patches alone: about 41 dB of the small picture, estimated; "
        "what is delivered is estimated 0.70 ± 0.02 dB higher"
    )


def test_where_only_a_bound_is_known_that_is_said() -> None:
    found = result({"first": None})
    found["answers"][0]["at_least"] = 29.97
    assert level_words(found["answers"]) == "29.97 dB or more"
    said = "similar patches alone: 30 dB or more, estimated"
    assert bar_words(found) == f"{said}; no network was fitted"
    found = result({"first": None, "best": 31.0})
    found["answers"][0]["at_least"] = 29.97
    assert bar_words(found) == said


def test_where_the_truth_is_known_no_level_is_estimated() -> None:
    found = result({"first": 27.3, "best": 26.1}, shares={"first": 1.0}, error=1.3)
    for answer, psnr in zip(found["answers"], (29.02, 28.0), strict=True):
        answer["psnr"] = psnr
    assert bar_words(found) == (
        "similar patches alone, which is delivered: PSNR 29.02 dB; "
        "the best with networks (the best network) is estimated 1.2 ± 1.3 dB lower"
    )


def test_networks_are_worth_being_used_again_where_they_have_a_part_in_what_is_delivered() -> None:
    assert networks_helped(MIXED)
    assert not networks_helped(result({"first": 31.2, "best": 30.9}, shares={"first": 1.0}))
    assert not networks_helped({})


def test_a_result_without_a_first_answer_has_no_such_line() -> None:
    assert bar_words({}) == ""
    assert bar_words(result({"best": 30.9})) == ""


def test_of_a_mixture_the_parts_are_told_with_their_shares() -> None:
    (answers,) = answers_of(MIXED)
    assert delivered_answer(answers)["name"] == "combined"
    assert delivered_words(answers) == (
        "a mixture: 69 % similar patches guided by networks, 31 % similar patches alone"
    )
    (alone,) = answers_of(result({"first": 31.2, "best": 32.0}))
    assert (delivered_answer(alone)["name"], delivered_words(alone)) == ("best", "the best network")


@pytest.mark.parametrize(
    ("estimates", "gain"),
    [({"first": 31.2, "polished": 31.24}, "0.04"), ({"first": 31.2, "polished": 31.15}, "0.00")],
)
def test_networks_that_add_less_than_a_tenth_of_a_decibel_add_little(
    estimates: dict[str, float | None], gain: str
) -> None:
    assert little_words(result(estimates)) == (
        f"networks add little here: {gain} dB above similar patches alone, as estimated"
    )


@pytest.mark.parametrize(
    "found",
    [
        result({"first": 31.2, "polished": 31.31}),
        result({"first": 31.2}),
        result({"best": 31.2}),
        result({"first": None, "best": 31.2}),
        result({"first": 31.2, "polished": 31.2}, indirect=True),
        {"delivered": "stack"},
    ],
)
def test_nothing_is_said_where_they_add_more_were_not_tried_or_cannot_be_judged(
    found: dict[str, Any],
) -> None:
    assert little_words(found) == ""


def test_the_card_says_the_same() -> None:
    rest = {
        "task": "denoise", "image": "cat.png", "seconds": 20.0, "workers": 2, "device": "cpu", "finalists": [],
        "uncertainty": None, "trials": {"complete": 0, "pruned": 0, "failed": 0}, "space": "skip",
        "sampler": "genetic", "seed": 0, "version": "1", "warnings": [], "best": None,
    }  # fmt: skip
    text = card(MIXED | rest, None)
    assert "Delivered is a mixture: 69 % similar patches guided by networks, 31 %" in text
    assert "Similar patches alone: about 31 dB, estimated; what is delivered is estimated 0.40 ± 0.02" in text
    assert "| similar patches alone, without a network | 31 % | 31.20 dB | -0.40 ± 9.00 dB | – |" in text
    assert "| a mixture of several answers |  | 31.60 dB |  | – |" in text


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (MIXED, "they add 0.4 dB to what similar patches reach alone, as estimated"),
        (
            result({"first": 31.2, "polished": 31.24}),
            "they add little here: +0.04 dB to similar patches alone, as estimated",
        ),
        (
            result({"first": 31.2, "best": 30.9}, shares={"first": 1.0}),
            "none that were tried are better than similar patches alone, which is what is delivered",
        ),
        (
            result({"first": 31.2}),
            "none: similar patches answered alone; a larger --budget leaves time for networks",
        ),
        (result({"first": 31.2, "polished": 31.9}, indirect=True), "they have a part in what is delivered"),
        ({}, ""),
    ],
)
def test_what_networks_brought_in_one_sentence(found: dict[str, Any], words: str) -> None:
    assert gain_words(found) == words


def test_with_a_reference_the_gain_is_the_true_one() -> None:
    found = result({"first": 31.2, "polished": 31.9})
    for answer, psnr in zip(found["answers"], (30.0, 30.5), strict=True):
        answer["psnr"] = psnr
    assert gain_words(found) == "they add 0.5 dB to what similar patches reach alone"


def test_a_quick_method_is_called_so() -> None:
    found = result({"first": None})
    found["answers"][0]["words"] = QUICKLY
    assert bar_words(found) == "a quick method alone; no network was fitted"
    assert gain_words(found) == (
        "none: there was no time even for similar patches; a larger --budget leaves time for both"
    )
    (row,) = restored_rows(
        [
            {
                **found,
                "name": "cat",
                "restored": "cat.png",
                "psnr": None,
                "members": 0,
                "seconds": 1,
                "score": None,
            }
        ]
    )
    assert row == ("cat", "cat.png, a quick method, 1.0 s")


@pytest.mark.parametrize(
    ("reached", "error", "words"),
    [
        (32.8, 1.55, "whether they add anything cannot be told (1.6 ± 1.6 dB, as estimated)"),
        (31.25, 0.2, "whether they add anything cannot be told (0.05 ± 0.20 dB, as estimated)"),
        (31.6, 0.19, "they add 0.4 dB to what similar patches reach alone, as estimated"),
        (31.22, 0.03, "they add little here: +0.02 dB to similar patches alone, as estimated"),
    ],
)
def test_a_gain_below_two_standard_errors_is_none(reached: float, error: float, words: str) -> None:
    found = result({"first": 31.2, "polished": reached}, error=error)
    assert gain_words(found) == words
    assert bool(little_words(found)) == ("little" in words)


def test_what_is_known_of_the_truth_needs_no_standard_error() -> None:
    found = result({"first": 31.2, "polished": 31.9}, error=3.0)
    for answer, psnr in zip(found["answers"], (30.0, 30.5), strict=True):
        answer["psnr"] = psnr
    assert gain_words(found) == "they add 0.5 dB to what similar patches reach alone"
    two = result({"first": 31.2, "polished": 31.7}, error=0.3)
    assert gain_words({**two, "pictures": two["pictures"] * 2}).startswith("they add 0.5 dB")


def test_networks_whose_estimate_is_but_a_bound_were_fitted() -> None:
    found = result(
        {"first": None, "ensemble": None, "combined": None}, shares={"first": 0.4, "ensemble": 0.6}
    )
    for answer in found["answers"]:
        answer["at_least"] = 30.0
    assert "no network" not in bar_words(found)
    assert not gain_words(found).startswith("none")


def test_where_shares_were_fitted_to_what_judges_them_it_is_said() -> None:
    found = result({"first": 31.2, "polished": 31.5, "combined": 31.6}, shares=SHARES)
    found["answers"][-1]["flattered"] = True
    assert bar_words(found).endswith(
        "0.40 ± 0.02 dB higher, which flatters it a little, for its shares were fitted to the values that judge it"
    )


def test_the_shares_of_a_mixture_sum_to_a_hundred() -> None:
    from dipsearch.delivery.answer_words import _percents

    assert _percents([0.5176, 0.4665, 0.0159]) == [52, 47, 1]
    assert _percents([1 / 3, 1 / 3, 1 / 3]) == [34, 33, 33]
