"""What the gate sees of pictures as people have them: surrounds, channels, photons, parts, texture and JPEG."""

import numpy as np
import pytest
import torch

from dipsearch.bench.gate import gate_damages as damages
from dipsearch.bench.gate.noise_cases import _asked, _half
from dipsearch.problem import Identity, Problem, diagnose, make_split, read_image
from dipsearch.problem.gate.blocks import BESIDE_MIDDLE, read_blocks
from dipsearch.problem.gate.channel_noise import channel_noise
from dipsearch.problem.gate.counts import find_comb
from dipsearch.problem.gate.noisy_part import find_noisy_part
from dipsearch.problem.gate.plain import plain_pixels, plain_values


def photo(name="camera", size=128):
    x = _half(f"sample:{name}")
    top, left = (x.shape[-2] - size) // 2, (x.shape[-1] - size) // 2
    return x[..., top : top + size, left : left + size]


def draw(seed=0):
    return np.random.default_rng(seed)


def test_noise_leaves_no_plain_area_and_a_surround_is_one_to_the_pixel():
    y = damages.screenshot(photo(), (25,), draw()).y
    plain = plain_pixels(y)
    assert plain[:3].all() and plain[-8:].all() and plain[12:16, :20].all()
    assert not plain[16:120, 21:107].any()
    assert not plain_values(damages.white_in_8_bits(photo(), (5,), draw()).y).any()


@pytest.mark.parametrize("make", [damages.screenshot, damages.letterboxed])
def test_a_surround_changes_nothing_about_the_noise_and_stays_out_of_what_is_worked_on(make):
    y = make(photo(), (25,), draw()).y
    found = diagnose(y)
    assert found.branch == "recorruption (white)"
    assert found.noise.sigma * 255 == pytest.approx(25, rel=0.07)
    assert not found.where[plain_pixels(y)].any() and found.where.mean() > 0.4


def test_noise_in_a_part_is_found_where_it_is():
    x = photo("rocket", 160)
    y = damages.eight_bits(x)
    y[..., 40:130, 30:140] = damages.white_in_8_bits(x, (25,), draw()).y[..., 40:130, 30:140]
    part = find_noisy_part(y)
    assert part is not None
    edges = np.array([part.top, part.left, part.bottom, part.right])
    assert np.abs(edges - (40, 30, 130, 140)).max() <= 4
    found = diagnose(y)
    assert found.branch == "recorruption (white)" and found.where.mean() == pytest.approx(0.387, abs=0.05)
    assert "of the picture" in found.sentence


def test_channels_have_their_own_strengths_where_they_differ_and_only_then():
    made = damages.by_channel(photo("astronaut"), (5, 10, 25), draw())
    noise = diagnose(made.y).noise
    assert [noise.sigma_of(n) * 255 for n in range(3)] == pytest.approx([5, 10, 25], rel=0.15)
    assert diagnose(damages.white_in_8_bits(photo("astronaut"), (25,), draw()).y).noise.channels is None


def test_channels_that_share_their_noise_are_seen_to():
    grey = damages.white_in_8_bits(photo(), (25,), draw()).y
    shared = channel_noise(grey.expand(-1, 3, -1, -1), np.zeros((3, 128, 128), dtype=bool), sigma=25 / 255)
    assert shared.shared and shared.correlation[0][1] == pytest.approx(1)
    noise = diagnose(grey.expand(-1, 3, -1, -1).contiguous()).noise
    assert noise.channels[0][1] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("photons", [20, 60, 120, 137, 200])
def test_counts_behind_8_bits_are_found_and_not_their_mirror_image(photons):
    y = damages.simulated("poisson")(photo(), (photons,), draw()).y
    comb = find_comb(y, rough=photons / 1.3, sure=True)
    assert comb.found and comb.photons == pytest.approx(photons, abs=0.3)


@pytest.mark.parametrize("level", [20, 60, 130, 200, 250, 300])
def test_our_own_counts_are_always_accepted(level):
    y = damages.simulated("poisson")(photo(), (level,), draw(level)).y
    noise = diagnose(y).noise
    assert noise.kind == "poisson" and noise.gain == pytest.approx(1 / level, rel=0.35)  # texture adds to it
    split = make_split(
        Problem(y, Identity(), noise, tuple(y.shape), observed=torch.ones(1, 1, 128, 128)), seed=0
    )
    assert split.kind == ("thinning" if level < 240 else "held-out")


def test_counts_that_do_not_begin_at_zero_have_an_offset():
    counts = torch.from_numpy(draw().poisson(20 * photo().numpy())).float()
    y = (0.1 + counts / 40).float()
    found = diagnose(y)
    assert found.branch == "thinning"
    assert found.noise.gain == pytest.approx(1 / 40, rel=1e-3)
    assert found.noise.offset == pytest.approx(0.1, abs=2e-3)
    split = make_split(
        Problem(y, Identity(), found.noise, tuple(y.shape), observed=torch.ones(1, 1, 128, 128)), seed=0
    )
    assert split.kind == "thinning"
    mean = float(y.mean())
    assert float(split.fit_target.mean()) == pytest.approx(mean, rel=0.01)
    assert float(split.score_target.mean()) == pytest.approx(mean, rel=0.02)


def test_photons_with_an_offset_and_noise_of_reading_have_their_line():
    made = damages.photons(photo(size=192), (60, 10, 300, 2), draw())
    top = float(made.y.max())
    found = diagnose((made.y / top).contiguous())
    assert found.branch == "held-out (photons)" and found.noise.kind == "poisson"
    assert found.noise.gain * top == pytest.approx(10, rel=0.15)
    zero = (found.noise.offset - found.noise.read_sigma**2 / found.noise.gain) * top
    assert zero == pytest.approx(made.zero, abs=0.06 * float(made.y.max() - made.y.min()))


@pytest.mark.parametrize("name", ["brick", "gravel"])
@pytest.mark.parametrize("scale", [1, 2])
def test_clean_textures_are_no_noise(name, scale):
    from dipsearch.problem import read_image

    x = read_image(f"sample:{name}").pixels[..., 100:356, 100:356]
    x = torch.nn.functional.avg_pool2d(x, scale)
    found = diagnose(damages.eight_bits(x))
    assert found.leaves_alone and found.noise.kind == "none"


@pytest.mark.parametrize("quality", [50, 92])
def test_a_clean_jpeg_is_left_alone(quality):
    made = damages.stored_as_jpeg(photo("astronaut"), (quality,), draw())
    assert diagnose(made.y, jpeg=True).branch == "unchanged"


def test_a_picture_of_few_levels_is_noise_free_and_only_then_called_so():
    x = torch.zeros(1, 1, 64, 64)
    x[..., 20:40, 10:50] = 0.5
    assert diagnose(x).branch == "noise-free"
    assert diagnose(damages.eight_bits(photo("brick"))).branch in ("unchanged", "noise-free")


def test_nothing_to_restore_ends_at_once_and_returns_the_picture(tmp_path, capsys):
    from PIL import Image

    from dipsearch.commands.main import run

    pixels = (damages.eight_bits(photo("astronaut", 64))[0].permute(1, 2, 0).numpy() * 255).round()
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "clean.jpg", quality=92)
    before = np.asarray(Image.open(tmp_path / "clean.jpg"))
    command = ["restore", "dipsearch_nearest_48", str(tmp_path / "clean.jpg"), "--task", "denoise"]
    assert run([*command, "--out", str(tmp_path / "out")]) == 0
    assert (np.asarray(Image.open(tmp_path / "out" / "clean.png")) == before).all()
    assert "unchanged" in capsys.readouterr().out


def test_equal_channels_are_restored_as_one_and_constant_ones_stay():
    from dipsearch.problem import distinct_channels

    grey = damages.white_in_8_bits(photo(), (25,), draw()).y
    same = distinct_channels(grey.expand(-1, 3, -1, -1).contiguous(), constant=True)
    assert same.into(grey.expand(-1, 3, -1, -1)).shape[1] == 1 and same.back(grey, None).shape[1] == 3
    green = torch.cat([torch.zeros_like(grey), grey, torch.zeros_like(grey)], 1)
    chosen = distinct_channels(green, constant=True)
    assert torch.equal(chosen.into(green), grey) and torch.equal(chosen.back(grey, green), green)
    assert distinct_channels(green, constant=False).into(green).shape[1] == 2
    assert distinct_channels(torch.zeros(1, 3, 8, 8), constant=True) is None


def test_counts_beyond_white_on_the_grid_of_8_bits_are_no_8_bits():
    counts = torch.from_numpy(draw().poisson(51 * photo().numpy() * 1.2)).float()
    y = counts / 51  # a tooth is five grey levels, and some values lie above 1
    assert float(y.max()) > 1
    assert diagnose(y).noise.gain == pytest.approx(1 / 51, rel=1e-3)


@pytest.mark.parametrize("name", ["coffee", "camera", "chelsea"])
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_speckle_is_told_from_photons_with_its_share(name, share):
    x = photo(name, 144)
    y = (x * (1 + torch.from_numpy(draw().normal(0, share, x.shape)).float())).clamp(0, 1)
    found = diagnose(damages.eight_bits(y))
    assert (found.branch, found.noise.kind) == ("held-out", "unknown")
    assert found.noise.share == pytest.approx(share, rel=0.08)
    assert f"{found.noise.share:.0%} of it, as speckle does" in found.sentence
    assert f"speckle of {found.noise.share:.0%} of the value" in found.details()


@pytest.mark.parametrize("photons", [20, 200])
def test_photons_with_noise_of_reading_are_no_speckle(photons):
    x = photo("coffee", 192)
    counted = torch.from_numpy(draw().poisson(x.numpy() * photons)).float() / photons
    y = counted + 0.05 + 0.02 * torch.from_numpy(draw(1).standard_normal(x.shape)).float()
    found = diagnose((y / 1.3).clamp(0, 1))
    assert found.noise.kind == "poisson" and found.noise.share is None


def test_fine_coefficients_have_the_noise_of_where_they_look():
    """Of spots on a dark ground the middle of a block says more than its border."""
    scene = _spots(draw(5))
    power, expected = np.zeros(4), np.zeros(4)
    for seed in range(12):
        y = torch.from_numpy(draw(seed).poisson(40 * scene) / 100).float()[None, None]
        blocks = read_blocks(y)
        # By the brightness of the whole block, in four bins of those that a spot lies in.
        edges = np.quantile(blocks.mean, [0.5, 0.65, 0.8, 0.95])
        place = np.searchsorted(edges, blocks.mean) - 1
        for index in range(4):
            power[index] += blocks.power[place == index][:, BESIDE_MIDDLE].mean()
            expected[index] += blocks.mean[place == index].mean() / 100
    assert power / expected == pytest.approx(np.ones(4), abs=0.03)


def test_ridges_with_a_period_are_no_correlated_noise():
    spread = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
    band = np.exp(-(((spread - 0.25) / 0.09) ** 2) / 2)
    for seed in range(3):
        ridges = np.fft.ifft2(np.fft.fft2(draw(seed).normal(size=(128, 128))) * band).real
        x = torch.from_numpy(0.5 + 0.45 * np.tanh(1.5 * ridges / ridges.std())).float()[None, None]
        assert diagnose(damages.eight_bits(x)).branch == "unchanged"
    assert (
        diagnose(damages.blurred(photo("coffee"), (25, 0.8), draw()).y).branch == "recorruption (covariance)"
    )


def test_steps_of_whole_numbers_are_counts_only_where_the_noise_says_so_for_sure():
    y = torch.from_numpy(draw().poisson(60 * photo().numpy()) / 475).float()
    assert find_comb(y, rough=500, sure=True).photons == pytest.approx(475, rel=0.01)
    assert not find_comb(y, rough=500, sure=False).found
    x = photo("chelsea")
    white = x + float(x.median() / 475) ** 0.5 * torch.from_numpy(draw().normal(size=x.shape)).float()
    assert diagnose((white * 475).round() / 475).branch == "recorruption (white)"


def _spots(of):
    rows, columns = np.mgrid[:128, :128]
    scene = np.full((128, 128), 0.05)
    for y, x, bright in of.uniform((0, 0, 0.2), (128, 128, 1), size=(120, 3)):
        scene += bright * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 3)
    return scene


def test_levels_that_never_occur_are_no_counts_without_the_noise_of_counts():
    y = (photo("astronaut") * 255).round().int() // 16 * 17 / 255
    assert diagnose(y).branch != "thinning"


def test_dither_of_few_levels_is_no_counts():
    bayer = torch.tensor([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16
    y = torch.floor(photo("astronaut") * 4 + bayer.tile(32, 32)) / 4
    assert diagnose(damages.eight_bits(y)).branch != "thinning"


def _modules():
    return torch.from_numpy(np.kron(draw().integers(0, 2, (48, 48)), np.ones((2, 2))))


@pytest.mark.parametrize(
    "make",
    [
        _modules,
        lambda: torch.from_numpy(np.indices((96, 96)).sum(0) // 4 % 2),
        lambda: (photo("camera", 96)[0, 0] > torch.from_numpy(draw().random((96, 96)))).double(),
    ],
)
def test_pictures_of_two_values_are_left_alone_and_told_why(make):
    found = diagnose(make()[None, None].float())
    assert found.leaves_alone and "2 values only" in found.sentence and "--sigma" in found.sentence


def test_rounding_to_few_levels_is_no_noise_and_noise_on_them_is():
    x = photo("camera")
    assert diagnose((x * 15).floor() / 15).leaves_alone
    noisy = damages.white_in_8_bits(x, (25,), draw()).y
    assert not diagnose((noisy * 15).floor() / 15).leaves_alone


def test_the_edges_of_a_silhouette_under_jpeg_are_no_noise():
    rows, columns = np.mgrid[:96, :96]
    far, turn = np.hypot(rows - 90, columns - 90), np.arctan2(rows - 90, columns - 90)
    clean = torch.from_numpy(np.where(far < 50 + 6 * np.sin(7 * turn), 0.0, 1.0)).float()[None, None]
    found = [diagnose(damages.jpeg(clean, quality), jpeg=True) for quality in (75, 90)]
    assert all(one.leaves_alone for one in found)


@pytest.mark.parametrize(("sigmas", "name"), [((0, 0, 50), "coffee"), ((25, 0, 0), "astronaut")])
def test_noise_of_one_channel_is_found_beside_clean_ones(sigmas, name):
    x = photo(name)
    strengths = torch.tensor(sigmas).view(1, 3, 1, 1) / 255
    found = diagnose(
        damages.eight_bits(x + strengths * torch.from_numpy(draw().normal(size=x.shape)).float())
    )
    assert found.branch == "recorruption (white)" and "by channel" in found.sentence
    at = sigmas.index(max(sigmas))
    assert found.noise.sigma_of(at) * 255 == pytest.approx(max(sigmas), rel=0.15)
    assert max(found.noise.sigma_of(one) for one in range(3) if one != at) * 255 < 4


def test_a_second_part_with_noise_is_not_said_to_have_hardly_any():
    x = photo("rocket", 160)
    noisy = damages.white_in_8_bits(x, (25,), draw()).y
    y = damages.eight_bits(x)
    y[..., :64, :64] = noisy[..., :64, :64]
    assert "the rest has hardly any" in diagnose(y).sentence
    y[..., 96:, 96:] = noisy[..., 96:, 96:]
    found = diagnose(y)
    assert found.where is not None and "another part has noise, too" in found.sentence


@pytest.mark.parametrize("camera", [(150, 5, 100, 1), (400, 5, 100, 1), (800, 5, 100, 2)])
def test_photons_beside_large_dark_places_are_everywhere(camera):
    """There is hardly any noise in the dark, and it is neither in a part nor none."""
    dark = ((_half("sample:rocket")[..., :213, :256] - 0.35) / 0.5).clamp(0, 1)
    found, chosen = _asked(damages.photons(dark, camera, draw()))
    _, gain, offset, read = camera
    assert found.branch == "held-out (photons)" and found.where is None
    assert found.noise.gain * chosen.span == pytest.approx(gain, rel=0.2)  # texture adds to it
    zero = found.noise.offset - found.noise.read_sigma**2 / found.noise.gain
    assert chosen.low * chosen.unit + zero * chosen.span == pytest.approx(offset - gain * read**2, abs=gain)
    assert f"± {chosen.words().number(found.evidence.photons.zero_error)}" in found.sentence


@pytest.mark.parametrize("bits", [8, 12])
def test_the_steps_of_a_clean_picture_in_16_bits_are_no_counts(bits):
    levels = 2**bits - 1
    stretched = ((photo("rocket", 192) - 0.35) / 0.5).clamp(0, 1)
    for x in (photo("chelsea", 144), photo("rocket", 192), stretched):
        found, _ = _asked(damages.Made(torch.round(x * levels) * (65535 // levels), bits=16))
        assert found.leaves_alone


def test_clean_fur_is_no_part_with_noise():
    x = read_image("sample:chelsea").pixels[..., 60:188, 120:248]
    found = diagnose(damages.eight_bits(x))
    assert found.leaves_alone and found.where is None
