"""Maps of doubt and error, and the rows of the stack."""

import numpy as np
import pytest

from dipsearch.report.members import member_rows, stack_spread
from dipsearch.report.uncertainty import error_map, full_scale, spread
from dipsearch.yaml_files import dump_yaml


def test_the_spread_is_the_weighted_standard_deviation() -> None:
    images = [np.full((3, 2, 2), value) for value in (0.2, 0.6)]
    assert spread(images, [3.0, 1.0]) == pytest.approx(np.full((2, 2), 0.4 * np.sqrt(0.75 * 0.25)))
    assert spread(images, [1.0, 0.0]) == pytest.approx(np.zeros((2, 2)))


def test_where_the_measurement_is_shown_there_is_no_doubt() -> None:
    images = [np.zeros((1, 1, 2)), np.ones((1, 1, 2))]
    assert spread(images, [0.5, 0.5], exact=np.array([[1.0, 0.0]])).tolist() == [[0.0, 0.5]]


def test_the_error_is_the_mean_over_the_channels() -> None:
    restored = np.array([[[0.5]], [[0.1]]])
    assert error_map(restored, np.array([[[0.2]], [[0.2]]])).tolist() == [[pytest.approx(0.2)]]


def test_a_scale_leaves_out_the_few_largest_values() -> None:
    values = np.full((100, 100), 0.02)
    values[0, 0] = 1.0
    assert full_scale(values) == pytest.approx(0.02)
    assert full_scale(np.zeros((2, 2))) == 0.01


def test_the_stack_is_listed_by_weight(make_study) -> None:
    record = make_study()
    stack = {"cat": [{"number": 0, "weight": 0.25}, {"number": 1, "weight": 0.75}]}
    path = record.folder / "best" / "stack.yaml"
    path.write_text(dump_yaml({"format": "dipsearch/stack/1", "pictures": stack}))
    assert [(row.number, row.weight, row.score) for row in member_rows(record, "cat")] == [
        (1, 0.75, 27.5),
        (0, 0.25, 25.0),
    ]
    assert stack_spread(record, record.pictures[0]) is None  # the members have left no outputs
    for number, value in ((0, 0.0), (1, 1.0)):
        place = record.folder / "trials" / f"{number:04d}"
        place.mkdir(parents=True, exist_ok=True)
        np.savez(place / "output.npz", x=np.full((1, 3, 24, 32), value, np.float32))
    doubt = stack_spread(record, record.pictures[0])
    assert doubt is not None
    missing = record.pictures[0].case.problem.observed[0, 0].numpy() == 0
    assert doubt[missing] == pytest.approx(np.sqrt(0.75 * 0.25))
    assert not doubt[~missing].any()


@pytest.mark.parametrize(
    "content", ["", "[1, 2]", "pictures: {cat: 5}", "pictures: {cat: [{number: x}]}", "\0"]
)
def test_a_damaged_stack_is_no_stack(make_study, content: str) -> None:
    record = make_study()
    (record.folder / "best" / "stack.yaml").write_text(content)
    assert member_rows(record, "cat") == ()
