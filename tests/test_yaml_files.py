"""YAML in and out: harmless, by the plain words of YAML 1.2, and equal after the journey."""

from pathlib import Path
from typing import Any

import pytest

from dipsearch.errors import FormatError
from dipsearch.shipped import shipped
from dipsearch.yaml_files import MAX_BYTES, dump_yaml, parse_yaml, read_yaml

VALUES: list[Any] = [
    "1e5", "0123", "1.5", "123456789012", "12e456789012", "true", "off", "yes", "null", "~", "", "2020-01-01",
    "1:30", ".inf", "0x10", "1_000", "-", ".5", "+1", "1e-3", "a: b", "none", "é · ×",
    1, 1.0, 1e-7, 1e22, 1 / 30, True, None, [1, 2], [{"a": 1}], {"b": {"c": [None, "x"]}},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_every_plain_value_reads_back_equal_and_of_its_kind(value: Any) -> None:
    for content in ({"key": value}, {"key": [value, value]}, {"key": {"inner": value}}):
        back = parse_yaml(dump_yaml(content), source="text")
        assert back == content and repr(back) == repr(content)


def test_plain_words_are_those_of_yaml_1_2() -> None:
    text = "a: 1e-3\nb: off\nc: 010\nd: 2026-01-31\ne: true\nf: ~\ng: -7\nh: 1:30\n"
    assert parse_yaml(text, source="text") == {
        "a": 0.001, "b": "off", "c": "010", "d": "2026-01-31", "e": True, "f": None, "g": -7, "h": "1:30",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2", "line 2: the key `a` appears twice"),
        ("b: {a: 1, a: 2}", "the key `a` appears twice"),
        ("a: !!python/object:x {}", "tags"),
        ("a: !own 1", "tags"),
        ("a: &x 1\nb: *x", "anchors"),
        ("a: " + "[" * 25 + "]" * 25, "20 levels"),
        ("a: 1\n---\nb: 2", "document"),
        ("a:\n\tb: 1", "line 2"),
        ("1: 2", "the key 1 is not a word"),
        ("? [a]\n: 1", "is not a word"),
        ("[1]", "not a mapping"),
        ("", "is empty"),
        ("\x00", "valid YAML"),
    ],
    ids=lambda text: repr(text)[:20],
)
def test_what_is_refused_is_named_in_one_line(text: str, words: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_yaml(text, source="file.yaml")
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.given.startswith("file.yaml") and caught.value.rule and caught.value.fix


def test_size_is_looked_at_before_anything_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("[" * (MAX_BYTES + 1))
    with pytest.raises(FormatError, match="larger than 1,000,000 bytes"):
        read_yaml(path)


def test_long_mappings_get_a_line_per_key() -> None:
    text = dump_yaml({"short": {"a": 1, "b": 2}, "long": {"words": "one two three " * 8, "b": 2}})
    assert "short: {a: 1, b: 2}\n" in text and "\n  b: 2\n" in text


@pytest.mark.parametrize("file", sorted(shipped("search_spaces").glob("*.yaml")), ids=lambda file: file.stem)
def test_where_libyaml_is_lacking_the_same_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = read_yaml(file)
    monkeypatch.setattr("yaml.__with_libyaml__", False)
    assert repr(read_yaml(file)) == repr(usual)
