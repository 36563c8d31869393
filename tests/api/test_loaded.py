"""Studies of the command line that are loaded from Python: the whole picture, with the gaps that its file has."""

import json

import numpy as np
import pytest
import tifffile
from skimage.color import rgb2gray
from skimage.data import coffee

import dipsearch as ds
from dipsearch.commands.main import run as program

CLEAN = 1000 * rgb2gray(coffee())[80:128, 200:248] + 200


def gaps(border: int) -> np.ndarray:
    found = np.zeros(CLEAN.shape, dtype=bool)
    found[:, :border], found[20:28, 30:38] = True, True
    return found


@pytest.fixture(params=[0, 12], ids=["inside", "at the border, too"])
def study(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noisy = CLEAN + np.random.default_rng(0).normal(0, 100, CLEAN.shape)
    y = np.where(gaps(request.param), np.nan, noisy).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", y)
    assert (
        program(["search", "a.tif", "--task", "denoise", "--budget", "2s", "--workers", "1", "--name", "a"])
        == 0
    )
    return tmp_path / "studies" / "a", y


def test_what_was_not_measured_of_a_file_is_no_number_in_its_image(study):
    folder, y = study
    found = ds.load(folder)
    image, file = found.image[0, 0].numpy(), tifffile.imread(folder / "best" / "restored.tif")
    assert np.array_equal(np.isnan(image), np.isnan(y))
    np.testing.assert_allclose(image, file, rtol=1e-6)
    (problem,) = found.problems
    assert problem.image_shape == tuple(problem.y.shape) == tuple(found.restored[0].shape)
    assert np.array_equal(problem.observed[0, 0].numpy() == 1, ~np.isnan(y))
    assert problem.operator.A(found.restored[0]).shape == problem.y.shape
    np.testing.assert_allclose(problem.form.back(problem.y)[0, 0].numpy(), y, rtol=1e-5, atol=0.01)
    assert found.compare(CLEAN[None, None])["psnr"] > 25


def test_it_is_none_where_the_file_is_gone(study, tmp_path):
    folder, y = study
    (tmp_path / "a.tif").unlink()
    found = ds.load(folder)
    assert np.array_equal(np.isnan(found.image[0, 0].numpy()), np.isnan(y))
    assert bool(found.restored[0].isfinite().all())


def test_a_study_whose_results_are_of_other_pictures_is_refused(study):
    folder, _ = study
    result = json.loads((folder / "result.json").read_text())
    result["pictures"][0]["name"] = "another"
    (folder / "result.json").write_text(json.dumps(result))
    with pytest.raises(ds.StudyError, match=r"has none of its restored pictures.*put them back"):
        ds.load(folder)
