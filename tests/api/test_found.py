"""A result without a search behind it: its image in the form of the measurement, comparison, words, what it has not."""

from __future__ import annotations

import base64
import math
import re
import sys
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from dipsearch import (
    Fourier,
    Gaussian,
    InputError,
    LinearOperator,
    Problem,
    Radon,
    StudyError,
    Trial,
    load,
    preset,
)
from dipsearch.api.found import Result, as_image
from dipsearch.api.kept import Kept

ANSWER = {
    "name": "first",
    "words": "similar patches alone, without a network",
    "estimate": 31.4,
    "standard_error": 0.0,
    "share": 1.0,
    "psnr": None,
    "ssim": None,
    "seconds": 1.0,
}


@pytest.fixture
def clean():
    return np.add.outer(np.linspace(0.1, 0.5, 24), np.linspace(0.0, 0.4, 32))


def result(*ys, noise=25):
    """What a restoration of these pictures that does nothing would hand back."""
    problems = tuple(Problem(y, noise=Gaussian(noise)) for y in ys)
    summary = {
        "answers": [ANSWER],
        "pictures": [{"answers": [ANSWER], "stack": None}] * len(ys),
        "seconds": 2.4,
    }
    return Result(problems, tuple(p.y for p in problems), summary, networks=(preset("dipsearch_nearest_16"),))


@pytest.mark.parametrize("shape", [(24, 32), (24, 32, 1), (24, 32, 3)])
def test_an_image_has_the_form_of_its_measurement(clean, shape):
    y = np.broadcast_to((clean * 255).reshape(24, 32, *[1] * (len(shape) - 2)), shape).astype(np.uint8)
    found = result(y)
    assert found.image.dtype == np.uint8 and np.array_equal(found.image, y)
    assert len(found.images) == 1


def test_of_several_images_none_is_the_image(clean):
    found = result((clean * 255).astype(np.uint8), torch.from_numpy(clean * 4000))
    with pytest.raises(InputError, match=r"there are 2 images; .*; take them from images"):
        _ = found.image
    one, other = found.images
    assert one.dtype == np.uint8 and isinstance(other, torch.Tensor) and other.dtype == torch.float64
    assert float((other - torch.from_numpy(clean * 4000)).abs().max()) < 1e-2
    assert repr(found).startswith("Result(2 images; ")


def test_its_words_say_what_it_is_and_how_good(clean):
    found = result((clean * 255).astype(np.uint8))
    assert repr(found) == "Result(32 × 24; similar patches alone, without a network; 31.4 dB estimated; 2 s)"
    assert found.delivered == "similar patches alone, without a network" and found.estimated_psnr == 31.4


def shown(page):
    """The pictures of a page, by their names."""
    found = re.findall(r'alt="([^"]*)" src="data:image/png;base64,([^"]*)"', page)
    return {name: np.asarray(Image.open(BytesIO(base64.b64decode(code)))) / 255 for name, code in found}


@pytest.mark.parametrize("shape", [(24, 32), (24, 32, 3), (24, 32, 5), (600, 9)])
def test_a_notebook_shows_measurement_and_image(shape):
    y = np.random.default_rng(0).random(shape)
    page = result(y * 255)._repr_html_()
    pictures = shown(page)
    assert set(pictures) == {"measured", "restored"} and "Result(" in page and len(page) < 400_000
    if shape[0] == 24:
        seen = y[..., 0] if shape[-1] == 5 else y
        assert all(np.corrcoef(one.ravel(), seen.ravel())[0, 1] > 0.99 for one in pictures.values())


def test_of_a_complex_image_the_magnitude_is_shown(clean):
    y = clean * np.exp(2j * np.add.outer(np.linspace(0, 3, 24), np.linspace(0, 3, 32)))
    pictures = shown(result(y, noise=0.02)._repr_html_())
    for one in pictures.values():
        assert np.allclose(one, clean / clean.max(), atol=0.05)


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_what_is_no_picture_is_shown_as_its_adjoint_makes_it_one(clean, shift):
    image = np.pad(clean, ((4, 4), (0, 0))) + shift
    radon = Radon(np.arange(0, 180, 3.0), (1, 1, 32, 32))
    y = radon.A(torch.from_numpy(image)[None, None].float())
    problem = Problem(y, radon, Gaussian(0.01))
    summary = {"answers": [ANSWER], "pictures": [{"answers": [ANSWER], "stack": None}], "seconds": 2.4}
    pictures = shown(Result((problem,), (problem.y.new_zeros(1, 1, 32, 32),), summary)._repr_html_())
    back = radon.A_adjoint(y)[0, 0].numpy()
    assert set(pictures) == {"A_adjoint(y)", "restored"}
    assert np.allclose(pictures["A_adjoint(y)"], (back - back.min()) / np.ptp(back), atol=0.01)


def test_of_complex_samples_the_zero_filled_magnitude_is_shown(clean):
    fourier = Fourier(np.ones((24, 32)), complex_image=True)
    y = fourier.A(torch.from_numpy(np.stack([clean * np.cos(clean), clean * np.sin(clean)]))[None].float())
    problem = Problem(y, fourier, Gaussian(0.01))
    summary = {"answers": [ANSWER], "pictures": [{"answers": [ANSWER], "stack": None}], "seconds": 2.4}
    pictures = shown(Result((problem,), (problem.y,), summary)._repr_html_())
    assert np.corrcoef(pictures["A_adjoint(y)"].ravel(), clean.ravel())[0, 1] > 0.99


def test_a_restoration_has_networks_and_no_study(clean, tmp_path):
    found = result((clean * 255).astype(np.uint8))
    assert found.trials == () and found.best is None and found.ensemble == ()  # similar patches were enough
    assert found.genomes() == [preset("dipsearch_nearest_16")]
    for missing in (
        lambda: found.record,
        lambda: found.architecture,
        lambda: found.report(tmp_path / "page.html"),
        lambda: found.save(tmp_path / "study"),
    ):
        with pytest.raises(
            StudyError, match=r"this is a restoration; .* its networks are in trials_dataframe"
        ):
            missing()
    assert not list(tmp_path.iterdir())


def test_what_a_restoration_fitted_are_its_candidates(clean):
    genome, other = preset("dipsearch_nearest_16"), preset("dipsearch_nearest_32")
    found = result(clean, noise=0.1)
    found.fitted = (
        Trial(0, "complete", genome, genome.digest, estimated_psnr=24.5, step=90, seconds=2.0),
        Trial(1, "failed", other, other.digest, reason="no memory"),
        Trial(2, "complete", other, other.digest, estimated_psnr=25.5, step=80, seconds=3.0),
    )
    assert found.best.genome == other and [trial.number for trial in found.trials] == [0, 1, 2]
    assert "2 networks fitted" in repr(found)
    summary = {"members": [0, 2], "weights": [0.25, 0.75]}
    answers = [ANSWER | {"share": 0.0}, ANSWER | {"name": "ensemble"}]
    found.summary |= {"answers": answers, "pictures": [{"answers": answers, "stack": summary}]}
    assert found.ensemble == ((genome, 0.25), (other, 0.75))


@pytest.mark.parametrize(
    ("delivered", "members", "averaged"),
    [
        ("ensemble", [0, 2], True),
        ("polished", [0, 2], True),
        ("polished", [0], False),
        ("best", [0, 2], False),
        ("first", [0, 2], False),
    ],
)
def test_the_ensemble_is_of_the_networks_that_were_averaged_for_the_image(
    clean, delivered, members, averaged
):
    found = result(clean, noise=0.1)
    stack = {"members": members, "weights": [0.25] * len(members)}
    answers = [ANSWER | {"share": float(delivered == "first")}, ANSWER | {"name": delivered}]
    found.summary |= {"answers": answers, "pictures": [{"answers": answers, "stack": stack}]}
    own = found.fitted = tuple(Trial(number, "complete", params={"width": 2 + number}) for number in range(3))
    assert found.ensemble == (((own[0], 0.25), (own[2], 0.25)) if averaged else ())


# -- comparison ----------------------------------------------------------------------------------------------


def test_a_comparison_is_in_the_form_of_the_image(clean):
    y = clean * 4000
    found = result(y + 40.0, noise=100)
    span = found.problems[0].form.high - found.problems[0].form.low
    expected = -20 * math.log10(40 / span)
    for same in (y, y.astype(np.float32), torch.from_numpy(y), y.tolist()):
        assert found.compare(same)["psnr"] == pytest.approx(expected, abs=0.01)
    assert found.compare(y)["ssim"] > 0.99


def test_a_complex_image_is_compared_in_both_parts(clean):
    y = (clean + 1j * clean).astype(np.complex64)
    found = result(y, noise=0.1)
    span = found.problems[0].form.high - found.problems[0].form.low
    assert found.compare(y + 0.1j)["psnr"] == pytest.approx(-10 * math.log10(0.1**2 / 2 / span**2), abs=0.01)


def test_channels_stand_where_the_measurement_has_them(clean):
    y = np.stack([clean, clean + 0.1, clean + 0.2], -1)
    shape = (1, 3, *clean.shape)
    problem = result(y, noise=0.1).problems[0]
    assert torch.allclose(as_image(y, problem, shape=shape)[0, 2], torch.tensor(y[..., 2]).float())
    other = np.ascontiguousarray(y.astype(">f4"))
    assert torch.equal(as_image(other, problem, shape=shape), as_image(y.astype("f4"), problem, shape=shape))
    moved = torch.from_numpy(y).permute(2, 0, 1)
    problem = result(moved, noise=0.1).problems[0]
    assert torch.allclose(as_image(moved, problem, shape=shape)[0], moved.float())


def test_a_picture_of_which_fewer_channels_were_worked_on_is_compared_whole(clean):
    found = result(clean + 0.1, noise=0.1)
    three = replace(found, restored=(found.restored[0].expand(1, 3, -1, -1),))
    colours = np.stack([clean] * 3, -1)
    assert three.compare(colours)["psnr"] == pytest.approx(found.compare(clean)["psnr"])


@pytest.mark.parametrize(
    "other",
    [
        lambda x: x[1:],
        lambda x: x.T,  # as many values
        lambda x: x.ravel(),
        lambda x: np.stack([x, x, x], -1),
        lambda x: np.where(x > 0.5, np.nan, x),
        lambda x: "clean.png",
        lambda x: None,
    ],
)
def test_a_reference_that_is_none_of_this_image_is_refused(clean, other):
    with pytest.raises(InputError, match=r"the reference "):
        result(clean, noise=0.1).compare(other(clean))


@pytest.mark.parametrize(("scale", "other"), [(1.0, 255.0), (255.0, 1.0)])
def test_a_reference_in_other_units_is_refused(clean, scale, other):
    found = result(clean * scale, noise=0.1 * scale)
    assert found.compare(clean * scale)["psnr"] > 40
    with pytest.raises(
        InputError, match=r"the values of the reference are from .*give the reference in the units"
    ):
        found.compare(clean * other)


def test_of_several_images_each_has_its_reference(clean):
    found = result(clean, clean[::-1], noise=0.1)
    with pytest.raises(InputError, match=r"there are 2 images; .*; give compare_all a list of references"):
        found.compare(clean)
    with pytest.raises(InputError, match=r"the references are 1; it is a list with one for each of 2 images"):
        found.compare_all([clean])
    one, other = found.compare_all([clean, clean])
    assert one["psnr"] > 60 > 40 > other["psnr"]


# -- folders -------------------------------------------------------------------------------------------------


def test_a_temporary_folder_goes_away_with_the_last_that_holds_it(clean):
    kept = Kept()
    found = result(clean, noise=0.1)
    found._kept, folder = kept, kept.name
    (again := result(clean, noise=0.1))._kept = kept
    from pathlib import Path

    del kept, found
    assert Path(folder).is_dir()
    del again
    assert not Path(folder).exists()


@pytest.mark.parametrize("name", ["nothing", "empty", "file"])
def test_what_is_no_study_cannot_be_loaded(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"holds no study.yaml"):
        load(tmp_path / name)


def test_an_own_operator_has_to_be_given_again(clean, tmp_path):
    with pytest.raises(InputError, match=r"holds no study.yaml"):
        load(tmp_path, Problem(clean, LinearOperator(lambda x: x, lambda y: y), Gaussian(0.1)))


def fitted(clean):
    """The result of a restoration that fitted two networks, one of which failed."""
    found, genome = result(clean, noise=0.1), preset("dipsearch_nearest_16")
    found.fitted = (
        Trial(0, "complete", genome, genome.digest, estimated_psnr=24.5, step=90, seconds=2.0),
        Trial(1, "failed", reason="no memory", params={"width": 3}),
    )
    return found


def test_without_pandas_the_candidates_are_a_list(clean, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert result(clean, noise=0.1).trials_dataframe() == []
    first, second = fitted(clean).trials_dataframe()
    assert first["params_learning_rate"] == preset("dipsearch_nearest_16").learning_rate
    assert second["params_width"] == 3 and second["value"] is None and second["reason"] == "no memory"


def test_with_pandas_its_data_frame_is_made_of_the_same_rows(clean, monkeypatch):
    class DataFrame:
        def __init__(self, rows):
            self.rows = rows

    found = fitted(clean)
    monkeypatch.setitem(sys.modules, "pandas", None)
    rows = found.trials_dataframe()
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=DataFrame))
    table = found.trials_dataframe()
    assert type(table) is DataFrame and table.rows == rows and len(rows) == 2


def test_pandas_itself_takes_the_rows(clean):
    pandas = pytest.importorskip("pandas")
    table = fitted(clean).trials_dataframe()
    assert isinstance(table, pandas.DataFrame) and list(table["number"]) == [0, 1]
    assert table["params_width"].iloc[1] == 3 and pandas.isna(table["params_width"].iloc[0])
