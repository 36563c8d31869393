"""Words of the command line: what is taken, what is refused, and what the refusal says."""

import os
from pathlib import Path

import pytest

from dipsearch import request_words
from dipsearch.commands import parsing
from dipsearch.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90),
        ("10m", 600),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1h2m3s", 3723),
        (" 10M ", 600),
    ],
)
def test_a_duration_is_a_number_of_seconds(text: str, expected: float) -> None:
    assert parsing.seconds(text) == expected


@pytest.mark.parametrize(
    "text", ["abc", "-5m", "0", "0s", "", "10", "m", "5 m", "1m1h", "1e3s", "infs", "nanm"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(InputError, match=r"--budget .* --budget 10m"):
        parsing.seconds(text)


@pytest.mark.parametrize("name", ["demo", "demo-20260101-120000", "a b", "größe", "x.y+z_1", "_a", "n" * 100])
def test_names_that_are_folders_everywhere(name: str) -> None:
    assert parsing.study_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        ".hidden",
        "-x",
        " x",
        "x ",
        "x.",
        "a\nb",
        "a\x1b[31m",
        "n" * 101,
        "a:b",
        "*",
    ],
)
def test_names_that_could_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="--name"):
        parsing.study_name(name)


def test_the_words_are_those_of_the_rooms() -> None:
    from typing import get_args

    from dipsearch.problem import Task

    assert get_args(Task) == (*parsing.TASKS, "invert")  # the last from Python only


def test_a_misspelt_word_gets_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"--task 'inpant' .* did you mean --task inpaint\?"):
        parsing.one_of("inpant", parsing.TASKS, option="--task")
    with pytest.raises(InputError, match=r"did you mean --sampler genetic\?"):
        parsing.one_of("genetics", request_words.SAMPLERS, option="--sampler")
    with pytest.raises(InputError, match="one of denoise, inpaint, sr"):
        parsing.one_of("zzz", parsing.TASKS, option="--task")


@pytest.mark.parametrize("word", ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "mps"])
def test_devices(word: str) -> None:
    assert parsing.device_word(word) == word


@pytest.mark.parametrize("word", ["gpu", "cuda:", "cuda:x", "CPU", ""])
def test_other_devices_are_refused(word: str) -> None:
    with pytest.raises(InputError, match="--device"):
        parsing.device_word(word)


def test_a_picture_size() -> None:
    assert parsing.picture_size("640x480") == (640, 480)
    for text in ("640", "0x10", "10x-1", "axb"):
        with pytest.raises(InputError, match="--size"):
            parsing.picture_size(text)


def test_a_password_is_not_repeated() -> None:
    assert parsing.storage_url("postgresql+psycopg://me@host/db") == "postgresql+psycopg://me@host/db"
    with pytest.raises(InputError) as caught:
        parsing.storage_url("me:secret@host/db")
    assert "secret" not in str(caught.value)


def test_a_folder_stands_for_its_pictures(tmp_path: Path) -> None:
    for name in ("b.png", "a.TIF", "a_mask.png", "notes.txt", ".hidden.png", "clean.png"):
        (tmp_path / name).touch()
    found = parsing.expand_sources(
        [str(tmp_path), "sample:cat"], leave_out=(str(tmp_path / "clean.png"), None)
    )
    assert found == (str(tmp_path / "a.TIF"), str(tmp_path / "b.png"), "sample:cat")


def test_sources_that_cannot_be_used(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.touch()
    with pytest.raises(InputError, match="does not exist"):
        parsing.expand_sources([str(tmp_path / "b.png")])
    with pytest.raises(InputError, match="given twice"):
        parsing.expand_sources([str(picture), str(tmp_path)])
    with pytest.raises(InputError, match="no picture was given"):
        parsing.expand_sources([])
    picture.unlink()
    with pytest.raises(InputError, match="holds no picture"):
        parsing.expand_sources([str(tmp_path)])


def test_a_nameless_study_is_called_after_its_picture() -> None:
    assert parsing.suggested_name(["x/my cat.png"], "denoise") == "my-cat-denoise"
    assert parsing.suggested_name(["sample:astronaut"], "sr") == "astronaut-sr"
    assert parsing.suggested_name(["set5/a.png", "set5/b.png"], "sr") == "set5-sr"
    assert parsing.suggested_name(["x/....png"], "sr") == "picture-sr"
    assert parsing.study_name(parsing.suggested_name(["x/" + "é" * 200 + ".png"], "sr"))


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    for expected in ("cat", "cat-2", "cat-3"):
        assert parsing.free("cat", root=tmp_path) == expected
        (tmp_path / expected).mkdir()


def test_a_folder_in_a_folder_is_no_picture_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "dir.png").mkdir()
    (tmp_path / "dir.png" / "b.png").touch()
    (tmp_path / "a.png").touch()
    assert parsing.expand_sources([str(tmp_path)]) == (str(tmp_path / "a.png"),)


def test_no_name_is_not_the_folder_that_one_stands_in() -> None:
    with pytest.raises(InputError, match="the name of a picture is empty"):
        parsing.expand_sources([""])
    with pytest.raises(InputError, match="is a pipe or a device"):
        parsing.expand_sources([os.devnull])


def test_a_study_is_found_by_folder_and_by_name(tmp_path: Path) -> None:
    study = tmp_path / "cat-denoise"
    study.mkdir()
    (study / "study.yaml").touch()
    assert parsing.study_folder(str(study), root=tmp_path) == study
    assert parsing.study_folder("cat-denoise", root=tmp_path) == study
    with pytest.raises(InputError, match="did you mean cat-denoise"):
        parsing.study_folder("cat-denoize", root=tmp_path)
    assert parsing.architecture_or_study("cat-denoise", root=tmp_path) == str(study)
    assert parsing.architecture_or_study("dip_2018_inpaint", root=tmp_path) == "dip_2018_inpaint"
