"""Each kind of noise opens its own branch, and what the gate says can be read and stored."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2ycbcr, ycbcr2rgb

from dipsearch.problem import Identity, Problem, add_noise, diagnose, make_split, read_image
from dipsearch.problem.gate.blockiness import find_grid
from dipsearch.problem.gate.blocks import HIGH, MIDDLE, autocorrelation, floor, read_blocks, spectrum
from dipsearch.problem.gate.counts import find_comb
from dipsearch.problem.gate.impulses import find_impulses
from dipsearch.problem.gate.noise_classifier import given_photons, given_sigma


def photo(name="rocket", size=96):
    x = torch.nn.functional.avg_pool2d(read_image(f"sample:{name}").pixels, 2)
    top, left = (x.shape[-2] - size) // 2, (x.shape[-1] - size) // 2
    return eight_bits(x[..., top : top + size, left : left + size])


def eight_bits(x):
    return torch.round(x.clamp(0, 1) * 255) / 255


def blurred(x, *, sigma, spread, seed=0):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=x.shape), (0, 0, spread, spread))
    return x + torch.from_numpy(noise / noise.std() * sigma / 255).float()


def jpeg(x, quality):
    pixels = (eight_bits(x)[0] * 255).round().byte().permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    back = np.asarray(Image.open(buffer), dtype=np.float32) / 255
    return torch.from_numpy(back).permute(2, 0, 1)[None].contiguous()


def noisy(kind, level, name="rocket", seed=0):
    return add_noise(photo(name), kind, level=level, seed=seed).y


DAMAGES = {
    "white": (lambda: noisy("gaussian", 25), "recorruption (white)", "gaussian"),
    "white and rounded": (
        lambda: eight_bits(noisy("gaussian", 15, "cat")),
        "recorruption (white)",
        "gaussian",
    ),
    "blurred": (lambda: blurred(photo(), sigma=25, spread=0.6), "recorruption (covariance)", "correlated"),
    "counts": (lambda: noisy("poisson", 30), "thinning", "poisson"),
    "rounded counts": (lambda: eight_bits(noisy("poisson", 100, "cat")), "thinning", "poisson"),
    "JPEG": (lambda: jpeg(photo(), 40), "unchanged", "none"),
    "JPEG of noise": (lambda: jpeg(noisy("gaussian", 25), 40), "fallback", "gaussian"),
    "impulses": (lambda: noisy("impulse", 30), "impulse", "impulse"),
    "nothing": (lambda: photo(), "unchanged", "none"),
    "speckle": (lambda: noisy("speckle", 30, "coins"), "held-out", "unknown"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_noise_has_its_branch_and_a_split(damage):
    make, branch, kind = DAMAGES[damage]
    y = make()
    found = diagnose(y)
    assert found.branch == branch and found.noise.kind == kind and found.noise.source == "estimated"
    assert found.sentence.startswith("noise: ") and all("\n" not in line for line in found.lines())
    assert json.loads(json.dumps(found.to_dict()))["branch"] == branch
    problem = Problem(y, Identity(), found.noise, tuple(y.shape), observed=torch.ones(1, 1, *y.shape[-2:]))
    split = make_split(problem, seed=0)
    expected = {"recorruption (white)": "recorruption", "recorruption (covariance)": "recorruption"}
    if branch != "fallback":
        assert split.kind == expected.get(branch, "thinning" if branch == "thinning" else "held-out")


def test_the_estimates_of_the_chosen_branch_are_right():
    assert diagnose(noisy("gaussian", 25)).noise.sigma * 255 == pytest.approx(25, rel=0.05)
    assert diagnose(noisy("poisson", 30)).noise.gain == pytest.approx(1 / 30, rel=1e-3)
    found = diagnose(blurred(photo(), sigma=25, spread=0.6)).noise
    assert found.sigma * 255 == pytest.approx(25, rel=0.1)
    # exp(−d²/4s²) for a Gaussian blur of spread s, a little less on a grid of pixels
    assert found.correlation[4][5] == pytest.approx(0.43, abs=0.08)
    assert found.correlation[4][4] == 1 and abs(found.correlation[4][8]) < 0.05


@pytest.mark.parametrize("sigma", [10, 25])
def test_beside_strong_noise_no_part_with_more_is_looked_for(sigma, monkeypatch):
    def looked_for(y):
        raise AssertionError("it takes longer than all that was measured, and changes nothing")

    monkeypatch.setattr("dipsearch.problem.gate.noise_classifier.find_noisy_part", looked_for)
    found = diagnose(eight_bits(noisy("gaussian", sigma)))
    assert found.branch == "recorruption (white)" and found.where is None


@pytest.mark.parametrize("name", ["cat", "coins", "camera"])
@pytest.mark.parametrize("sigma", [10, 25])
def test_texture_is_not_taken_for_correlated_noise(name, sigma):
    assert diagnose(noisy("gaussian", sigma, name)).branch == "recorruption (white)"


def test_quiet_blocks_tell_the_strength_whatever_stands_in_the_others():
    flat = torch.full((1, 1, 96, 96), 0.5)
    flat[..., ::4, 20:] = 0.1  # stripes over most of the picture
    blocks = read_blocks(add_noise(flat, "gaussian", level=5, seed=0).y)
    assert floor(blocks, MIDDLE) * 255 == pytest.approx(5, rel=0.1)
    assert floor(blocks, HIGH) * 255 == pytest.approx(5, rel=0.1)


def test_the_spectrum_of_white_noise_is_flat_and_its_autocorrelation_a_point():
    y = torch.full((1, 3, 96, 96), 0.5) + 0.1 * torch.randn(
        1, 3, 96, 96, generator=torch.Generator().manual_seed(0)
    )
    power = spectrum(read_blocks(y))
    assert power.mean() == pytest.approx(0.01, rel=0.05) and np.allclose(power, 0.01, rtol=0.5)
    table = autocorrelation(power)
    table[4, 4] = 0
    assert np.abs(table).max() < 0.06


def test_variance_grows_with_brightness_for_counts_and_not_for_gaussian_noise():
    ramp = torch.linspace(0.2, 0.7, 96).expand(1, 3, 96, 96)
    counts = diagnose(add_noise(ramp, "poisson", level=40, seed=0).y).evidence.line
    assert counts.grows and 1 / counts.gain == pytest.approx(40, rel=0.1)
    assert counts.slope == pytest.approx(1 / 40, rel=0.2)
    assert not diagnose(add_noise(ramp, "gaussian", level=25, seed=0).y).evidence.line.grows


@pytest.mark.parametrize("quality", [10, 40, 70])
def test_the_grid_of_a_jpeg_is_found_where_it_is(quality):
    grid = find_grid(jpeg(photo("cat"), quality)[..., 3:, 5:])
    assert grid.found and (grid.top, grid.left) == (5, 3)
    assert not find_grid(photo("cat")).found


def test_combs_are_found_with_their_spacing_and_only_where_there_are_any():
    y = noisy("poisson", 30, "cat")
    assert find_comb(y, rough=22, sure=True).photons == 30
    assert find_comb(eight_bits(noisy("poisson", 100, "cat")), rough=80, sure=True).photons == pytest.approx(
        100, abs=0.3
    )
    assert not find_comb(eight_bits(noisy("gaussian", 25)), rough=20, sure=True).found
    assert not find_comb(noisy("gaussian", 25), rough=20, sure=True).found


@pytest.mark.parametrize("share", [10, 30, 50])
def test_impulses_are_counted(share):
    found = find_impulses(noisy("impulse", share))
    assert found.found and 200 * found.share == pytest.approx(share, rel=0.1)


def test_cut_noise_and_print_are_no_impulses():
    assert not find_impulses(noisy("gaussian", 50)).found
    page = torch.ones(1, 1, 64, 64)
    page[..., 8:56, 10:13] = page[..., 20:23, 4:60] = page[..., 40:42, 4:60] = 0
    grey = torch.nn.functional.avg_pool2d(page, 3, 1, 1)  # soft edges, as a scan has
    assert not find_impulses(torch.where((page == 0) | (grey == 1), page, grey)).found


def test_a_given_sigma_is_kept_and_contradicted():
    y = noisy("gaussian", 25)
    assert given_sigma(y, 25 / 255).warning == "" and given_sigma(y, 25 / 255).noise.source == "given"
    assert "but two estimates are" in given_sigma(y, 60 / 255).warning
    assert (
        "correlated between neighbouring" in given_sigma(blurred(photo(), sigma=25, spread=0.6), 0.06).warning
    )


def test_given_photons_are_kept_and_contradicted():
    y = noisy("poisson", 30)
    assert given_photons(y, 30).warning == ""
    other = given_photons(y, 60)
    assert other.noise.gain == pytest.approx(1 / 60) and "the values say 30" in other.warning


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_picture_of_one_colour_has_no_noise(level):
    found = diagnose(torch.full((1, 3, 16, 16), level))
    assert found.branch == "noise-free" and found.evidence.high == 0
    assert json.dumps(found.to_dict())


def test_the_smallest_picture_has_a_branch():
    y = add_noise(torch.full((1, 1, 8, 8), 0.5), "gaussian", level=25, seed=0).y
    assert diagnose(y).branch in ("recorruption (white)", "held-out")


def written(size, *, ink=0):
    page = Image.new("L", (96, 96), 255)
    for top in range(0, 96, size + 3):
        ImageDraw.Draw(page).text((1, top), "The quick brown fox jumps", fill=ink, font_size=size)
    return torch.from_numpy(np.asarray(page, dtype=np.float32) / 255)[None, None]


@pytest.mark.parametrize(("size", "ink"), [(10, 0), (20, 40)])
def test_dark_text_on_white_is_no_impulses(size, ink):
    found = find_impulses(written(size, ink=ink))
    assert found.share > 0.02 and not found.found


def test_where_a_photo_was_rounded_to_few_values_the_sigma_of_that_is_said():
    few = torch.round(photo() * 15) / 15
    found = diagnose(few)
    assert found.leaves_alone and "--sigma 4.9 takes out the errors of rounding" in found.sentence
    assert "--sigma denoises it anyway" in diagnose(photo()).sentence


def colour_blobs(x, *, brightness, colours, spread, seed=0):
    rng = np.random.default_rng(seed)
    values = rgb2ycbcr(x[0].permute(1, 2, 0).double().numpy())
    values[..., 0] += brightness * rng.normal(size=values.shape[:2])
    for channel in (1, 2):
        blobs = gaussian_filter(rng.normal(size=values.shape[:2]), spread)
        values[..., channel] += colours * blobs / blobs.std()
    return eight_bits(torch.from_numpy(ycbcr2rgb(values)).permute(2, 0, 1)[None].float())


@pytest.mark.parametrize(("brightness", "colours", "spread"), [(5, 12, 1.5), (8, 15, 1.0), (0, 10, 2.5)])
@pytest.mark.parametrize("name", ["rocket", "cat"])
def test_coarse_noise_of_colours_is_warned_of(name, brightness, colours, spread):
    x = photo(name)
    found = diagnose(colour_blobs(x, brightness=brightness, colours=colours, spread=spread))
    assert "the colours have coarse noise of about" in found.warning and found.warning in found.lines()
    assert all("coarse noise" not in diagnose(y).warning for y in (x, blurred(x, sigma=25, spread=0.01)))
    grey = x.mean(1, keepdim=True).expand_as(x).contiguous()
    assert "coarse noise" not in diagnose(grey).warning
