"""Text that could move a cursor or turn a line around is written out, and stays what it is for programs."""

import json

import pytest

from dipsearch.visible import escaped_json, one_line, visible, visible_json

EVIL = "a\x1b[31m \u202eb \x9b \x07"
SEEN = r"a\x1b[31m \u202eb \x9b \x07"


def test_only_what_cannot_be_seen_is_written_out() -> None:
    assert visible(EVIL) == SEEN
    for text in ("é · × –", "שלום", "写真", "1\u00a0000", "🙂"):
        assert visible(text) == text
    assert visible("a\nb") == r"a\nb"
    assert visible("a\nb", kept="\n") == "a\nb"
    assert one_line("a\n\tb\x00") == r"a b\x00"


@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_for_a_page_holds_what_can_be_seen(ascii_only: bool) -> None:
    text = json.dumps({"a": [EVIL, "c\\u202ed", "🙂", "x\ny"]}, ensure_ascii=ascii_only)
    found = json.loads(visible_json(text))["a"]
    assert found[0].replace(r"\u00", r"\x") == SEEN
    assert all(letter.isprintable() for letter in found[0])
    assert found[1:3] == ["c\\u202ed", "🙂"]


def test_json_for_a_program_is_the_same_to_it() -> None:
    text = json.dumps({"a": EVIL}, ensure_ascii=False)
    assert json.loads(escaped_json(text)) == {"a": EVIL}
    assert visible(escaped_json(text)) == escaped_json(text)
