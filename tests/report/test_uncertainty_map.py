"""Maps of doubt and error, and the rows of the stack."""

from dataclasses import replace

import numpy as np
import pytest

from dipsearch.library import StackMember, write_stack
from dipsearch.problem.picture_range import PictureRange
from dipsearch.report.members import member_rows, uncertainty_map
from dipsearch.report.page import render
from dipsearch.report.pictures import error_map, pictures_of


def test_the_error_is_the_mean_over_the_channels() -> None:
    restored = np.array([[[0.5]], [[0.1]]])
    assert error_map(restored, np.array([[[0.2]], [[0.2]]])).tolist() == [[pytest.approx(0.2)]]


def test_the_stack_is_listed_by_weight(make_study, genome_of) -> None:
    record = make_study()
    members = [StackMember(0, 0.25, genome_of(8)), StackMember(1, 0.75, genome_of(16))]
    write_stack(record.folder / "best" / "stack.yaml", {"cat": members})
    assert [(row.number, row.weight, row.estimated_psnr) for row in member_rows(record, "cat")] == [
        (1, 0.75, 27.5),
        (0, 0.25, 25.0),
    ]


def test_the_map_of_the_search_is_shown(make_study, result) -> None:
    entry = {"name": "cat", "restored": "best/restored.png", "uncertainty": {"file": "best/uncertainty.npz"}}
    record = make_study(result={**result, "pictures": [entry]})
    assert uncertainty_map(record, record.pictures[0]) is None  # the file is not there
    np.savez(record.folder / "best" / "uncertainty.npz", deviation=np.full((24, 32), 0.05, np.float32))
    found = uncertainty_map(record, record.pictures[0])
    assert found == pytest.approx(np.full((24, 32), 0.05))
    (case,) = pictures_of(record)
    (layer,) = [picture for picture in case.pictures if picture.title == "uncertainty"]
    assert layer.full == pytest.approx(0.05, abs=0.011)
    assert layer.caption.startswith("estimated standard deviation of the error, mean ")


def test_a_study_that_says_nothing_of_it_has_no_map(make_study) -> None:
    record = make_study()
    assert uncertainty_map(record, record.pictures[0]) is None
    assert "uncertainty" not in {picture.title for picture in pictures_of(record)[0].pictures}


@pytest.mark.parametrize(
    "content", ["", "[1, 2]", "pictures: {cat: 5}", "pictures: {cat: [{number: x}]}", "\0"]
)
def test_a_damaged_stack_is_no_stack(make_study, content: str) -> None:
    record = make_study()
    (record.folder / "best" / "stack.yaml").write_text(content)
    assert member_rows(record, "cat") == ()


def test_means_of_maps_are_those_of_the_pixels_that_were_restored(make_study, result) -> None:
    entry = {"name": "cat", "restored": "best/restored.png", "uncertainty": {"file": "best/uncertainty.npz"}}
    record = make_study(result={**result, "pictures": [entry]})
    missing = record.pictures[0].case.problem.observed[0, 0].numpy() == 0
    assert 0.4 < missing.mean() < 0.6
    np.savez(
        record.folder / "best" / "uncertainty.npz", deviation=np.where(missing, 0.04, 0).astype(np.float32)
    )
    captions = {one.title: one.caption for one in pictures_of(record)[0].pictures}
    assert captions["uncertainty"].endswith("mean 10.2 of 255 over the restored pixels")


def test_maps_of_a_picture_of_twelve_bits_are_in_the_units_of_its_file(make_study, result) -> None:
    entry = {"name": "cat", "restored": "best/restored.png", "uncertainty": {"file": "best/uncertainty.npz"}}
    record = make_study(result={**result, "pictures": [entry]})
    (picture,) = record.pictures
    span = PictureRange(high=4095 / 65535, unit=65535.0, own=True)
    deep = replace(record, pictures=(replace(picture, case=replace(picture.case, range=span)),))
    np.savez(record.folder / "best" / "uncertainty.npz", deviation=np.full((24, 32), 0.04, np.float32))
    (layer,) = [one for one in pictures_of(deep)[0].pictures if one.title == "uncertainty"]
    assert "mean 163.8 in the file's units" in layer.caption
    assert layer.white == "163.8 in the file's units"
    assert "colour scale from 0 to 163.8 in the file&#39;s units" in render(deep)
