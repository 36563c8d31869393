"""The set of a JPEG file holds the picture that it was made from, and leads nearer to it."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.data import astronaut
from skimage.transform import resize

from dipsearch.errors import InputError
from dipsearch.patches import answer
from dipsearch.problem import Problem, read_image
from dipsearch.problem.operators import JpegSet

KINDS = {"grey": 0, "4:4:4": 0, "4:2:0": 2}


def picture(kind, size=(48, 64)):
    """A soft picture with room to the ends of the range, where a decoder would cut."""
    whole = gaussian_filter(resize(astronaut()[20:220, 120:320], size, anti_aliasing=True), (0.7, 0.7, 0))
    values = np.rint((0.2 + 0.6 * whole) * 255).astype(np.uint8)
    return values[..., 1] if kind == "grey" else values


def tensor(values):
    planes = values[None] if values.ndim == 2 else np.moveaxis(values, 2, 0)
    return torch.from_numpy(planes.astype(np.float64) / 255)[None]


def written(tmp_path, kind, *, size=(48, 64), quality=30, **options):
    values, path = picture(kind, size), tmp_path / "picture.jpg"
    Image.fromarray(values).save(path, quality=quality, subsampling=KINDS[kind], **options)
    return path, tensor(values), read_image(path).pixels.double()


def rms(x):
    """In grey levels."""
    return float(x.square().mean().sqrt()) * 255


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("quality", [10, 30, 75])
def test_the_original_is_almost_in_the_set(tmp_path, kind, progressive, quality):
    path, original, decoded = written(tmp_path, kind, quality=quality, progressive=progressive)
    moved = rms(JpegSet.of_file(path).project(original) - original)
    assert moved < 0.05 * rms(decoded - original) and moved < 0.1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(48, 64), (43, 61), (40, 56)])
def test_projecting_twice_is_projecting_once(tmp_path, kind, size):
    path, _, decoded = written(tmp_path, kind, size=size)
    consistent = JpegSet.of_file(path)
    once = consistent.project(
        decoded + 0.1 * torch.randn(decoded.shape, generator=torch.Generator().manual_seed(0))
    )
    again = consistent.project(once) - once
    whole = again[..., : size[0] // 16 * 16, : size[1] // 16 * 16]
    assert rms(whole) < 1e-3 and rms(again) < 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_decoded_picture_is_its_own_projection(tmp_path, kind):
    path, original, decoded = written(tmp_path, kind)
    moved = JpegSet.of_file(path).project(decoded) - decoded
    # With halved chroma the decoder blurs Cb and Cr, which takes them out of the set; luma stays.
    luma = (
        (moved * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1) if moved.shape[1] == 3 else moved
    )
    assert rms(luma) < 1e-3
    assert rms(moved) < (0.1 * rms(decoded - original) if kind == "4:2:0" else 1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_blurred_picture_moves_nearer_to_the_original(tmp_path, kind):
    path, original, decoded = written(tmp_path, kind)
    blurred = torch.from_numpy(gaussian_filter(decoded.numpy(), (0, 0, 1.2, 1.2)))
    projected = JpegSet.of_file(path).project(blurred)
    assert rms(projected - original) < 0.8 * rms(blurred - original)


def test_narrow_intervals_lie_around_what_was_decoded(tmp_path):
    path, _, decoded = written(tmp_path, "grey")
    far = 100 * torch.randn(decoded.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    distances = [
        rms(JpegSet.of_file(path).project(far, narrow=narrow) - decoded) for narrow in (1, 0.5, 0.001)
    ]
    assert distances[1] == pytest.approx(distances[0] / 2, rel=0.05) and distances[2] < 0.5


@pytest.mark.parametrize("kind", ["grey", "4:2:0"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_projected_upright(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path, _, decoded = written(tmp_path, kind, exif=exif)
    consistent = JpegSet.of_file(path)
    assert consistent.image_shape == tuple(decoded.shape)
    assert rms(consistent.project(decoded) - decoded) < (1e-3 if kind == "grey" else 1)


def test_the_result_is_like_the_picture_in_precision_and_differentiable(tmp_path):
    path, original, _ = written(tmp_path, "4:4:4")
    consistent = JpegSet.of_file(path).to("cpu")
    x = original.float().requires_grad_()
    projected = consistent.project(x)
    projected.sum().backward()
    assert projected.dtype == torch.float32 and bool(torch.isfinite(x.grad).all())
    assert rms(projected.detach() - consistent.project(original)) < 1e-3


def test_bad_input_is_refused_in_a_sentence(tmp_path):
    path, original, _ = written(tmp_path, "grey")
    consistent = JpegSet.of_file(path)
    with pytest.raises(InputError, match="the picture has the shape"):
        consistent.project(original[..., 1:])
    with pytest.raises(InputError, match="narrow is 0"):
        consistent.project(original, narrow=0)
    with pytest.raises(InputError, match="there is no file"):
        JpegSet.of_file(tmp_path / "none.jpg")
    Image.fromarray(picture("grey")).save(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(path.read_bytes()[:400])
    for name in ("a.png", "b.jpg"):
        with pytest.raises(InputError, match="cannot be read as JPEG"):
            JpegSet.of_file(tmp_path / name)
    Image.fromarray(picture("4:4:4")).save(tmp_path / "c.jpg", subsampling=1)
    Image.fromarray(picture("4:4:4")).convert("CMYK").save(tmp_path / "d.jpg")
    for name in ("c.jpg", "d.jpg"):
        with pytest.raises(InputError, match="grey and YCbCr are read"):
            JpegSet.of_file(tmp_path / name)


# -- the file as a measurement -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quality", [10, 30, 75])
def test_sigma_is_about_what_rounding_took(tmp_path, kind, quality):
    path, original, decoded = written(tmp_path, kind, size=(96, 128), quality=quality)
    assert 0.7 < rms(decoded - original) / (255 * JpegSet.of_file(path).sigma) < 1.5


def test_a_file_of_one_value_has_lost_nothing_that_is_known(tmp_path):
    Image.fromarray(np.full((32, 32), 128, np.uint8)).save(tmp_path / "grey.jpg", quality=10)
    assert JpegSet.of_file(tmp_path / "grey.jpg").sigma == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_restored_file_is_nearer_to_the_original_and_one_that_it_could_be_of(tmp_path, kind):
    path, original, _ = written(tmp_path, kind, size=(96, 128), quality=15)
    jpeg, y = JpegSet.of_file(path), read_image(path).pixels
    problem = Problem(y, noise=jpeg.noise, data_range=(0, 1))
    assert problem.noise.sigma == pytest.approx(1.5 * jpeg.sigma)
    smooth = answer(problem)
    image = jpeg.project(smooth)
    gain = 20 * np.log10(rms(y - original) / rms(image - original))
    assert gain > 0.7 and rms(image - original) < rms(smooth - original)
    assert rms(jpeg.project(image) - image) < 1e-2 < rms(jpeg.project(smooth) - smooth)
