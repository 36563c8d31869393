"""What a candidate leaves: its arrays have one meaning each, and those of earlier versions are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dipsearch.trials.trial_files import read_fits, trial_folder, write_npz


def test_errors_that_an_earlier_version_called_scores_are_read(tmp_path: Path) -> None:
    place = trial_folder(tmp_path, 3)
    place.mkdir(parents=True)
    errors = {"score": np.array([0.2, 0.1]), "score_1": np.array([0.4, 0.3])}
    write_npz(place / "fit.npz", {"step": np.array([10, 20]), "step_1": np.array([10, 20]), **errors})
    read = read_fits(tmp_path, 3)
    assert list(read) == ["step", "step_1", "validation_mse", "validation_mse_1"]
    assert np.array_equal(read["validation_mse"], errors["score"])
    assert np.array_equal(read["validation_mse_1"], errors["score_1"])
