"""The course of fits: decibels, the mark of the stop, and what the stop cost."""

import numpy as np
import pytest

from dipsearch.report import stopping
from dipsearch.report.curves import curve_rows


def test_a_curve_is_in_decibels_and_its_stop_is_marked(make_study) -> None:
    (row,) = curve_rows(make_study())  # candidate 0 has left no file
    assert (row.number, row.stop, len(row.step)) == (1, 600, 65)
    assert row.at_stop == pytest.approx(27.5)
    assert row.estimated_psnr[0] == pytest.approx(20 + 7.5 / 60)
    assert row.estimated_psnr[-1] < 27.5


def test_an_estimate_that_is_not_positive_is_a_gap(make_study) -> None:
    record = make_study()
    path = record.folder / "trials" / "0001" / "fit.npz"
    arrays = dict(np.load(path))
    arrays["validation_mse"] = np.where(arrays["step"] == 50, -1e-4, arrays["validation_mse"])
    np.savez(path, **arrays)
    (row,) = curve_rows(record)
    assert row.estimated_psnr[4] is None
    assert row.estimated_psnr[5] is not None


def test_long_curves_are_thinned(make_study) -> None:
    record = make_study()
    steps = np.arange(1, 5001)
    np.savez(
        record.folder / "trials" / "0001" / "fit.npz",
        step=steps,
        loss=1 / steps,
        validation_mse=1 / steps,
        seconds=steps,
        chosen=np.array(4000),
        chosen_loss=np.array(0.1),
    )
    (row,) = curve_rows(record)
    assert len(row.step) <= 300
    assert row.at_stop == pytest.approx(10 * np.log10(4000), abs=1e-3)


def test_what_the_stop_cost(make_study) -> None:
    record = make_study()
    reference = record.pictures[0].reference
    peak = -10 * np.log10(float((reference**2).mean()))  # the outputs on the way were black
    cost = stopping(record, curve_rows(record))
    assert cost is not None
    assert cost.candidates == 1
    assert cost.mean == cost.worst == pytest.approx(max(0.0, peak - 27.0), abs=1e-3)


def test_without_files_there_are_no_curves(make_study) -> None:
    record = make_study(with_files=False)
    assert curve_rows(record) == ()
    assert stopping(record, curve_rows(record)) is None


def test_a_stop_before_the_first_output_that_was_kept_is_not_taken_for_that(make_study) -> None:
    record = make_study()
    place, reference = record.folder / "trials" / "0001", record.pictures[0].reference.numpy()
    np.savez(place / "trajectory.npz", step=np.array([50, 100]), x=np.repeat(reference, 2, axis=0) * 0.99)
    arrays = dict(np.load(place / "fit.npz"))
    np.savez(place / "fit.npz", **{**arrays, "chosen": np.array(10)})
    assert stopping(record, curve_rows(record)) is None  # nothing is known of iteration 10
    np.savez(place / "output.npz", x=reference * 0.9)
    (row,) = curve_rows(record)
    assert row.course is not None and row.course.step == (10, 50, 100)
    cost = stopping(record, (row,))
    assert cost is not None and cost.worst == pytest.approx(20.0, abs=0.01)  # ten times the error
