"""Files from elsewhere: inside of their folder, plain, not too large, and JSON that is what it says."""

import os
from pathlib import Path

import pytest

from dipsearch.errors import FormatError
from dipsearch.json_files import parse_json, read_json
from dipsearch.plain_files import inside, inside_or_none, plain_bytes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "there.json").write_text('{"a": 1}')
    (tmp_path / "secret.json").write_text('{"a": 2}')
    return tmp_path / "study"


@pytest.mark.parametrize(
    "name", ["../secret.json", "a/../../secret.json", "/etc/passwd", "C:\\x", "..\\x", "link"]
)
def test_no_name_leads_out_of_its_folder(folder: Path, name: str) -> None:
    (folder / "link").symlink_to(folder.parent / "secret.json")
    with pytest.raises(FormatError, match="lies outside of"):
        inside(folder, name)
    assert inside_or_none(folder, name) is None


def test_a_link_to_the_folder_itself_and_one_within_it_are_followed(folder: Path) -> None:
    (folder / "within").symlink_to(folder / "there.json")
    (folder.parent / "other").symlink_to(folder)
    assert read_json(inside(folder.parent / "other", "within")) == {"a": 1}


def test_pipes_folders_and_what_is_too_large_are_not_read(folder: Path) -> None:
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
        with pytest.raises(FormatError, match="is not a file"):
            plain_bytes(folder / "pipe", most=9)
    with pytest.raises(FormatError, match="is not a file"):
        plain_bytes(folder, most=9)
    with pytest.raises(FormatError, match="larger than 3 bytes"):
        plain_bytes(folder / "there.json", most=3)
    with pytest.raises(FormatError, match="cannot read"):
        plain_bytes(folder / "nowhere", most=9)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 5000, b"9" * 30, b'"\\ud800"', b"[1] 2"], ids=repr
)
def test_json_that_would_stumble_later_is_refused_in_one_line(text: bytes) -> None:
    with pytest.raises(FormatError) as refused:
        parse_json(text, source="file.json")
    assert refused.value.given.startswith("file.json cannot be read (")
    assert "\n" not in str(refused.value) and refused.value.rule and refused.value.fix
