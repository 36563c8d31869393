"""The files of a search from Python: in the units and the type of the measurement, and read back to the bit."""

import numpy as np
import pytest
import tifffile
import torch
from skimage.color import rgb2gray
from skimage.data import coffee
from skimage.io import imread

import dipsearch as ds

CLEAN = rgb2gray(coffee())[80:128, 200:248]
NOISY = CLEAN + np.random.default_rng(0).normal(0, 0.1, CLEAN.shape)
GAPS = np.zeros(CLEAN.shape, dtype=bool)
GAPS[:5], GAPS[20:30, 20:30], GAPS[40, 7] = True, True, True

MEASURED = {
    "bytes": ((255 * NOISY).round().clip(0, 255).astype("uint8"), 25.5),
    "words": ((4095 * NOISY + 900).round().clip(0, 65535).astype("uint16"), 409.5),
    "signed": ((4095 * NOISY - 900).round().astype("int16"), 409.5),
    "gaps": (np.where(GAPS, np.nan, 600 * NOISY + 500), 60),
    "alike": (np.repeat(NOISY[..., None], 3, axis=2), 0.1),
    "alike, gaps": (np.repeat(np.where(GAPS, np.nan, 600 * NOISY + 500)[..., None], 3, axis=2), 60),
    "complex": (NOISY * np.exp(1j * CLEAN), 0.1),
    "half": (torch.from_numpy(NOISY)[None].half(), 0.1),
}


@pytest.fixture(scope="module", params=MEASURED)
def saved(request, tmp_path_factory):
    y, sigma = MEASURED[request.param]
    found = ds.search(ds.Problem(y, noise=ds.Gaussian(sigma)), budget=2, workers=1, device="cpu")
    return request.param, found, found.save(tmp_path_factory.mktemp("saved") / request.param)


def content(file):
    return tifffile.imread(file) if file.suffix == ".tiff" else imread(file)


def test_a_file_has_the_units_the_type_and_the_gaps_of_the_measurement(saved):
    name, found, folder = saved
    (file,) = folder.glob("best/restored.*")
    values, image = content(file), np.asarray(found.image)
    if name == "complex":
        image = np.stack([image.real, image.imag], axis=-1)
    if name in ("bytes", "words"):
        assert file.suffix == ".png" and values.dtype == image.dtype and np.array_equal(values, image)
    else:
        assert file.suffix == ".tiff" and values.dtype == np.float32
        # An image of whole numbers is rounded, and one of 16 bits has 11 of them.
        off = {"signed": 0.501, "half": 5e-4}.get(name, 1e-6 * np.nanmax(np.abs(image)))
        np.testing.assert_allclose(values, image.squeeze(), rtol=0, atol=off)
    (first,) = folder.glob("best/first.*")
    assert content(first).shape == values.shape and content(first).dtype == values.dtype
    assert np.nanmean(content(first), dtype=float) == pytest.approx(np.nanmean(values, dtype=float), rel=0.05)


def test_what_is_loaded_is_what_was_found_to_the_bit(saved):
    _, found, folder = saved
    again = ds.load(folder)
    assert type(again.image) is type(found.image) and again.image.dtype == found.image.dtype
    assert np.array_equal(again.image, found.image, equal_nan=not isinstance(found.image, torch.Tensor))
    assert all(torch.equal(one, other) for one, other in zip(again.restored, found.restored, strict=True))


def test_its_page_shows_it_in_the_range_that_was_worked_on(saved):
    name, found, folder = saved
    (picture,) = ds.load(folder).record.pictures
    shown = picture.read_restored(picture.restored)
    off = {"bytes": 1 / 255, "words": 1e-3}.get(name, 1e-5)
    measured = torch.from_numpy(~GAPS) if name == "gaps" else torch.ones(CLEAN.shape, dtype=torch.bool)
    torch.testing.assert_close(
        shown[..., measured], found.restored[0][..., measured], rtol=0, atol=off, check_dtype=False
    )
    assert bool(shown.isfinite().all()) and float(shown.aminmax().min) > -0.6
