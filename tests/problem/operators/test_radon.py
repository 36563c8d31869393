"""Line integrals are the ones of scikit-image, with an exact adjoint."""

import math

import numpy as np
import pytest
import torch
from skimage.data import shepp_logan_phantom
from skimage.transform import iradon, radon, resize

from dipsearch.errors import InputError
from dipsearch.problem.operators import Radon
from dipsearch.problem.operators.radon import ray_weights

ANGLES = np.array([0.0, 12.5, 45, 60, 90, 118, 135, 179, 200, -30])


def phantom(size):
    """Smooth, and 0 outside of the circle."""
    rows, columns = np.mgrid[:size, :size] - size // 2
    blobs = [(0, 0, 0.2, 0.6), (0.15, -0.2, 0.08, 0.4), (-0.2, 0.1, 0.06, 0.8)]
    return sum(
        strength
        * np.exp(-((rows - size * y) ** 2 + (columns - size * x) ** 2) / (2 * (size * wide / 1.5) ** 2))
        for y, x, wide, strength in blobs
    ) * (np.hypot(rows, columns) < 0.45 * size)


@pytest.mark.parametrize("size", [(16, 16), (17, 17), (12, 19), (21, 10)])
def test_radon_conforms(conforms, size):
    assert conforms(Radon(ANGLES, (1, 3, *size)), (1, 3, *size))
    assert conforms(Radon(ANGLES, (1, 1, *size), detectors=8), (1, 1, *size))


@pytest.mark.parametrize("size", [48, 49])
def test_measurements_are_scikit_images_but_for_their_scale(size):
    x = phantom(size)
    expected = radon(x, theta=ANGLES, circle=True).T / size
    found = Radon(ANGLES, (1, 1, size, size), detectors=size).A(torch.from_numpy(x)[None, None])[0, 0].numpy()
    assert np.linalg.norm(found - expected) < 0.01 * np.linalg.norm(expected)


def test_the_default_sees_every_pixel_from_everywhere():
    operator = Radon(np.arange(0, 360, 7.0), (1, 1, 9, 14))
    for corner in ((0, 0), (0, 13), (8, 0), (8, 13)):
        x = torch.zeros(1, 1, 9, 14)
        x[0, 0, corner[0], corner[1]] = 1
        # The sum over detectors is the width of a pixel, as far as interpolation lets it.
        sums = operator.A(x)[0, 0].sum(1) * 14
        assert float(sums.min()) > 0.7 and float(sums.mean()) == pytest.approx(1, abs=0.05)


def test_a_ray_along_ones_measures_the_length_of_its_way():
    operator = Radon([0, 90, 45], (1, 1, 20, 40))
    y = operator.A(torch.ones(1, 1, 20, 40))[0, 0, :, operator.detectors // 2]
    assert y[:2].tolist() == pytest.approx([0.5, 1])  # down a column, along a row
    assert float(y[2]) == pytest.approx(0.5 * math.sqrt(2), rel=0.05)


@pytest.mark.parametrize("window", ["ramp", "hann"])
@pytest.mark.parametrize("size", [64, 65])
def test_filtered_back_projection_is_scikit_images(window, size):
    angles = np.arange(0, 180, 3.0)
    x = resize(shepp_logan_phantom(), (size, size), anti_aliasing=True)
    operator = Radon(angles, (1, 1, size, size), detectors=size)
    y = operator.A(torch.from_numpy(x)[None, None])
    expected = iradon(
        y[0, 0].numpy().T * size,
        theta=angles,
        filter_name=window,
        circle=True,
    )
    inside = np.hypot(*(np.mgrid[:size, :size] - size // 2)) < 0.48 * size
    found = operator.fbp(y, window=window)[0, 0].numpy()
    assert np.linalg.norm((found - expected)[inside]) < 0.01 * np.linalg.norm(expected[inside])


def test_filtered_back_projection_finds_a_smooth_image_that_is_not_square():
    x = torch.from_numpy(phantom(48)[6:42])[None, None].float()
    operator = Radon(np.arange(0, 180, 1.5), tuple(x.shape))
    assert float((operator.fbp(operator.A(x)) - x).norm() / x.norm()) < 0.02


def test_the_matrix_keeps_the_rules_of_its_kind():
    weights = ray_weights(ANGLES, 12, 15, 20)
    assert weights.has_sorted_indices and weights.has_canonical_format and float(weights.data.min()) > 0
    assert weights.indices.dtype == weights.indptr.dtype == np.int32 and weights.data.dtype == np.float32
    torch.sparse_csr_tensor(
        *(torch.from_numpy(part) for part in (weights.indptr, weights.indices, weights.data)),
        size=weights.shape,
        check_invariants=True,
    )


def test_bad_input_is_refused_in_a_sentence():
    for angles in ([], [[0.0, 1.0]], [float("nan")]):
        with pytest.raises(InputError, match="the angles"):
            Radon(angles, (1, 1, 8, 8))
    for shape, detectors in (((8, 8), None), ((1, 1, 0, 8), None), ((1, 1, 8, 8), 0)):
        with pytest.raises(InputError, match="the image has the shape"):
            Radon([0], shape, detectors=detectors)
    with pytest.raises(InputError, match="100000 × 100000 pixels from 2 angles are too many"):
        Radon([0, 1], (1, 1, 100000, 100000))
    operator = Radon([0, 1], (1, 1, 8, 8))
    with pytest.raises(InputError, match="the image has the shape"):
        operator.A(torch.ones(1, 1, 8, 9))
    with pytest.raises(InputError, match="the measurement has the shape"):
        operator.A_adjoint(torch.ones(1, 1, 2, 8))
    with pytest.raises(InputError, match="the window is 'box'"):
        operator.fbp(operator.A(torch.ones(1, 1, 8, 8)), window="box")
