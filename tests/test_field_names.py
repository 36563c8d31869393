"""Names of fields in files."""

from __future__ import annotations

from dipsearch.field_names import renamed, reversed_names


def test_a_field_has_another_name_in_the_same_place_and_gets_its_own_back() -> None:
    names = {"estimated_psnr": "score"}
    there = renamed({"step": 5, "estimated_psnr": 27.5, "ended": "it rose"}, names)
    assert list(there.items()) == [("step", 5), ("score", 27.5), ("ended", "it rose")]
    assert renamed(there, reversed_names(names)) == {"step": 5, "estimated_psnr": 27.5, "ended": "it rose"}
