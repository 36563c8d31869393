"""What is said of the planes of a stack: once where they agree, and of which of them otherwise."""

from __future__ import annotations

import pytest

from dipsearch.problem import in_lines, planes_together, together
from dipsearch.report import restored_rows

NAMES = [f"film-{index:04d}" for index in range(400)]
SOURCES = [f"a/film.tif[{index}]" for index in range(400)]


def test_planes_that_agree_but_for_numbers_have_one_line() -> None:
    stacks = planes_together(NAMES, SOURCES)
    assert stacks == [("film", tuple(NAMES))]
    said = [(name, f"noise: sigma {18 + index % 7 / 2:.1f} of 255") for index, name in enumerate(NAMES)]
    assert together(said, stacks) == [("film, 400 planes", "noise: sigma 18.0 to 21.0 of 255")]


def test_those_that_differ_are_named() -> None:
    stacks = planes_together(NAMES[:9], SOURCES[:9])
    said = [
        (name, "hardly any noise" if index in (2, 3, 4, 7) else f"sigma {index + 1:,}")
        for index, name in enumerate(NAMES[:9])
    ]
    assert in_lines(said, stacks, alone=False) == [
        "film-0000 to film-0001, film-0005 to film-0006, film-0008: sigma 1 to 9",
        "film-0002 to film-0004, film-0007: hardly any noise",
    ]
    every_other = [(name, "odd") for name in NAMES[1:9:2]] + [(NAMES[0], "odd")]
    assert together(every_other, stacks)[0][0] == "film-0000 to film-0001, film-0003, film-0005, film-0007"
    stacks = planes_together(NAMES, SOURCES)
    (line,) = together([(name, "odd") for name in NAMES[::2]], stacks)
    assert line == ("film, 200 of 400 planes", "odd")


def test_other_pictures_keep_their_sentences() -> None:
    names, sources = ["cat", "dog", "film-0001"], ["cat.png", "dog.png", "film.tif[1]"]
    assert planes_together(names, sources) == []
    said = [("cat", "sigma 20"), ("dog", "sigma 21"), ("film-0001", "sigma 22")]
    assert in_lines(said, [], alone=False) == ["cat: sigma 20", "dog: sigma 21", "film-0001: sigma 22"]
    assert in_lines(said[:1], [], alone=True) == ["sigma 20"]


def test_a_restored_stack_has_one_row() -> None:
    rows = [
        {"name": name, "restored": "out/film.tif", "psnr": None, "score": None, "members": 0,
         "seconds": 8.0 + index / 10, "answers": [], "delivered": "first"}
        for index, name in enumerate(NAMES[:5])
    ]  # fmt: skip
    alone = {**rows[0], "name": "cat", "restored": "out/cat.png"}
    assert restored_rows([*rows, alone]) == (
        ("film, 5 planes", "out/film.tif, similar patches alone, 8.0 to 8.4 s"),
        ("cat", "out/cat.png, similar patches alone, 8.0 s"),
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "pixels are those of mask.2024.01.02.png",
        "first answer after 3 s: studies/v1.2.3/best/f-0.png",
        "1,2,3 or 1..2",
    ],
)
def test_a_sentence_on_one_picture_stays_as_it_is(sentence: str) -> None:
    assert together([("a", sentence)], []) == [("a", sentence)]
    assert together([("film-0000", sentence)], [("film", ("film-0000", "film-0001"))]) == [
        ("film-0000", sentence)
    ]


def test_ranges_know_signs_exponents_and_thousands() -> None:
    stacks = [("film", ("film-0", "film-1"))]

    def said(one: str, other: str) -> str:
        ((_, sentence),) = together([("film-0", one), ("film-1", other)], stacks)
        return sentence

    assert said("from -5 to 10", "from -7 to 10") == "from -7 to -5 to 10"
    assert said("sigma 1e-05", "sigma 3e-04") == "sigma 1e-05 to 3e-04"
    assert said("1,200 of 3-4", "900 of 3-4") == "900 to 1,200 of 3-4"
    assert said("of mask.2024.01.02.png", "of mask.2024.01.03.png").startswith("of mask.2024.01")


def test_ranges_after_from_and_to_and_in_paths_can_be_read() -> None:
    stacks = [("film", ("film-0", "film-1"))]
    said = [("film-0", "values from 0 to 1,413"), ("film-1", "values from 0 to 1,453")]
    assert together(said, stacks) == [("film, 2 planes", "values from 0 to between 1,413 and 1,453")]
    files = [(name, f"first answer: studies/{name}/first.tif") for name in ("film-0", "film-1")]
    assert together(files, stacks) == [("film, 2 planes", "first answer: studies/film-*/first.tif")]
