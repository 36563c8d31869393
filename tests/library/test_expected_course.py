"""The course that searches took on recorded pictures: what ships, and what is written is read again."""

import itertools
from pathlib import Path

import pytest

from dipsearch.errors import FormatError
from dipsearch.library import expected_course as module
from dipsearch.library import preset
from dipsearch.library.expected_course import course_network, expected_course, write_courses


@pytest.mark.parametrize("task", ["denoise", "inpaint", "sr"])
def test_what_ships_rises_with_time(task: str) -> None:
    course = expected_course(task)
    iterations, gains = zip(*course, strict=True)
    assert len(course) > 20 and iterations[0] > 0
    assert all(one < other for one, other in itertools.pairwise(iterations))
    assert all(one <= other + 0.1 for one, other in itertools.pairwise(gains))
    assert preset(course_network()).needs_pilot


def test_a_task_that_was_not_recorded_has_none() -> None:
    assert expected_course("deblur") == ()


def test_what_is_written_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "courses.json"
    write_courses(
        path, {"sr": [(100.0, -1.25), (200.4, 0.5004)]}, source="a “table”", network="dipsearch_pilot_16"
    )
    monkeypatch.setattr(module, "FILE", path)
    for cached in (module._shipped, module.expected_course):
        cached.cache_clear()
    try:
        assert (
            expected_course("sr") == ((100, -1.25), (200, 0.5)) and course_network() == "dipsearch_pilot_16"
        )
        path.write_text(path.read_text().replace("-1.25", "NaN"))
        module._shipped.cache_clear()
        with pytest.raises(FormatError, match=r"courses\.json"):
            course_network()
    finally:
        for cached in (module._shipped, module.expected_course):
            cached.cache_clear()
