"""A group of similar patches is Gaussian: both stages are the formulas of the paper, written out group by group."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dipsearch.patches import DEFAULT
from dipsearch.patches.bayes import first_stage, second_stage
from dipsearch.patches.groups import Groups, match
from dipsearch.patches.patch_noise import PatchNoise
from dipsearch.problem import psnr, read_image

SIDE = 5
SIGMA = 25 / 255
NEVER_FLAT = dataclasses.replace(DEFAULT, flat=0.0)


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def photo(size=24, channels=3):
    return read_image("sample:chelsea").pixels[:, :channels, 100 : 100 + size, 150 : 150 + size].contiguous()


def stripes(size=32):
    return torch.where(torch.arange(size) % 4 < 2, 0.8, 0.2).expand(1, 1, size, size)


def white(sigmas):
    return PatchNoise(torch.diag(torch.tensor(sigmas) ** 2))


def correlated(channels):
    kernel = torch.tensor([[0.0, 2.0, 1.0], [1.0, 4.0, 2.0], [0.0, 1.0, 0.0]])
    table = F.conv2d(F.pad(kernel, (2,) * 4)[None, None], kernel[None, None])[0, 0]
    mixing = torch.tensor([[0.1, 0.0, 0.02], [0.05, 0.08, 0.0], [0.0, 0.03, 0.06]])[:channels, :channels]
    return PatchNoise(mixing @ mixing.mT, table / table[2, 2])


def matched(guide, *, count, step=3):
    return match(guide, patch=SIDE, radius=7, count=count, step=step)


def summed(groups, channels, estimate_of):
    """The mean of what ``estimate_of`` (members) -> (n, C, k, k) says of every pixel."""
    total, weight = np.zeros((2, channels, groups.height, groups.width))
    for members in groups.members.tolist():
        for index, patch in zip(members, estimate_of(members), strict=True):
            row, column = divmod(index, groups.width - SIDE + 1)
            total[:, row : row + SIDE, column : column + SIDE] += patch
            weight[:, row : row + SIDE, column : column + SIDE] += 1
    assert weight.min() > 0
    return torch.from_numpy(total / weight)


def patch_of(x, groups, index):
    row, column = divmod(index, groups.width - SIDE + 1)
    return x[0, :, row : row + SIDE, column : column + SIDE].double().numpy()


def root_of(covariance):
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(values) @ vectors.T


def first_written_out(y, noise, groups, *, flat):
    """m + Ĉ C⁻¹ (g − m) with Ĉ the positive part of C − Σ, and one level where the pixels vary as noise does."""

    def estimate(members):
        group = np.stack([patch_of(y, groups, index) for index in members])  # (n, C, k, k)
        result = np.empty_like(group)
        for c in range(group.shape[1]):
            sigma = noise.sigmas[c].double().numpy()
            values = group[:, c].reshape(len(members), -1)
            if np.var(values) < flat * sigma**2:
                result[:, c] = values.mean()
                continue
            root = root_of(sigma**2 * noise.pixels(SIDE).double().numpy())
            centred = values - values.mean(0)
            seen = centred.T @ centred / (len(members) - 1)
            variances, axes = np.linalg.eigh(np.linalg.solve(root, np.linalg.solve(root, seen).T))
            signal = root @ axes @ np.diag((variances - 1).clip(min=0)) @ axes.T @ root
            result[:, c] = (values.mean(0) + centred @ np.linalg.pinv(seen) @ signal).reshape(-1, SIDE, SIDE)
        return result

    return summed(groups, y.shape[1], estimate)


def second_written_out(y, pilot, noise, groups):
    """m + C (C + Σ)⁻¹ (g − m), with m and C of the pilot's group, over all channels."""
    noise_covariance = np.kron(noise.channels.double().numpy(), noise.pixels(SIDE).double().numpy())

    def estimate(members):
        group, guide = (
            np.stack([patch_of(x, groups, index).ravel() for index in members]) for x in (y, pilot)
        )
        mean = guide.mean(0)
        covariance = np.cov(guide.T)
        gain = covariance @ np.linalg.inv(covariance + noise_covariance)
        return (mean + (group - mean) @ gain.T).reshape(len(members), -1, SIDE, SIDE)

    return summed(groups, y.shape[1], estimate)


NOISES = [white([SIGMA] * 3), white([0.02, 0.1, 0.3]), correlated(3)]
NOISE_NAMES = ["white", "each channel its own", "correlated"]


@pytest.mark.parametrize("noise", NOISES, ids=NOISE_NAMES)
def test_the_first_stage_is_the_formula_of_the_paper(noise):
    y = photo(18)[..., :15] + 0.05 * random(1, 3, 18, 15)
    groups = matched(y[:, :1], count=40)
    found = first_stage(y, noise, groups, DEFAULT)
    assert found.shape == y.shape and found.dtype == torch.float32
    assert float((found[0] - first_written_out(y, noise, groups, flat=DEFAULT.flat)).abs().max()) < 2e-5


@pytest.mark.parametrize("channels, count", [(3, 20), (3, 90), (1, 12), (1, 40)], ids=str)
@pytest.mark.parametrize("kind", NOISE_NAMES)
def test_the_second_stage_is_the_formula_of_the_paper_for_small_and_large_groups(kind, channels, count):
    # 25 or 75 values in a patch: groups with fewer and with more members than that.
    all_channels = NOISES[NOISE_NAMES.index(kind)]
    noise = PatchNoise(all_channels.channels[:channels, :channels], all_channels.correlation)
    pilot = photo(19, channels)[..., :17].contiguous()
    y = pilot + 0.1 * random(*pilot.shape)
    groups = matched(pilot, count=count, step=4)
    found = second_stage(y, pilot, noise, groups)
    assert found.shape == y.shape and found.dtype == torch.float32
    assert float((found[0] - second_written_out(y, pilot, noise, groups)).abs().max()) < 2e-5


def test_noise_that_channels_have_in_common_is_reckoned_with():
    noise = correlated(3)
    apart = PatchNoise(torch.diag(noise.channels.diagonal()), noise.correlation)
    pilot = photo(18)
    y, groups = pilot + 0.1 * random(*pilot.shape), matched(pilot, count=30)
    one, other = (second_stage(y, pilot, each, groups) for each in (noise, apart))
    assert float((one - other).abs().max()) > 0.01


@pytest.mark.parametrize("offset", [-3.0, 5.0])
def test_a_brighter_picture_is_restored_alike(offset):
    x, noise = photo(20), white([SIGMA] * 3)
    y, groups = x + SIGMA * random(*x.shape), matched(x, count=30)
    before, after = (first_stage(each, noise, groups, DEFAULT) for each in (y, y + offset))
    assert torch.allclose(after, before + offset, atol=2e-5)
    before, after = (second_stage(y + a, x + a, noise, groups) for a in (0, offset))
    assert torch.allclose(after, before + offset, atol=2e-5)


def test_the_pilot_gives_its_own_mean_and_the_noisy_group_the_rest():
    # A pilot without variation knows nothing but its level: that is what comes out.
    y, groups = 0.5 + SIGMA * random(1, 1, 16, 16), matched(random(1, 1, 16, 16), count=20)
    flat = torch.full_like(y, 0.3)
    assert torch.allclose(second_stage(y, flat, white([SIGMA]), groups), flat, atol=1e-6)
    # One that varies far more than the noise believes all of y.
    wild = 100 * random(1, 1, 16, 16, seed=1)
    assert torch.allclose(second_stage(y, wild, white([1e-3]), matched(wild, count=40)), y, atol=1e-3)


def test_the_clean_picture_is_a_much_better_pilot_than_the_noisy_one():
    x = photo(32)
    y = x + SIGMA * random(*x.shape)
    groups = matched(x, count=32)
    noisy, clean = (psnr(second_stage(y, pilot, white([SIGMA] * 3), groups), x) for pilot in (y, x))
    assert noisy > psnr(y, x) + 1
    assert clean > noisy + 8


def test_a_flat_group_is_one_level():
    y = 0.4 + 0.8 * SIGMA * random(
        1, 2, 24, 24
    )  # weaker noise than is said, so that no group passes for more
    groups = matched(random(1, 1, 24, 24, seed=1), count=60)  # groups that know nothing of the noise
    level, details = (first_stage(y, white([SIGMA] * 2), groups, each) for each in (DEFAULT, NEVER_FLAT))
    assert float((level - 0.4).std()) < 0.1 * SIGMA
    assert float((details - 0.4).std()) > 2 * float((level - 0.4).std())


@pytest.mark.parametrize("sigma", [5 / 255, 25 / 255, 40 / 255])
def test_equal_stripes_are_not_flat(sigma):
    # Their patches differ by noise alone, and still have something to show.
    x = stripes()
    y = x + sigma * random(*x.shape)
    found = first_stage(y, white([sigma]), matched(x, count=60), DEFAULT)
    assert psnr(found, x) > psnr(y, x) + 7


def test_a_flat_group_under_correlated_noise_is_one_level():
    noise = PatchNoise(0.01 * torch.eye(1), correlated(1).correlation)
    there, back = noise.whitening(SIDE)
    y = torch.full((1, 1, 16, 16), 0.6)
    found = first_stage(y, noise, matched(random(1, 1, 16, 16), count=30), DEFAULT)
    assert float((found - 0.6).abs().max()) < 1e-5
    assert torch.allclose(there @ back, torch.eye(25), atol=1e-2)


@pytest.mark.parametrize("sigma", [1e-2, 1e-3, 1e-4, 1e-5, 1e-9, 0.0])
def test_a_picture_almost_without_noise_comes_back(sigma):
    x = (random(1, 3, 16, 16) > 0).float()  # nothing has more contrast, and single precision is not enough
    for count in (20, 80):
        found = second_stage(x, x, white([sigma] * 3), matched(x, count=count))
        assert float((found - x).abs().max()) < 0.1 * sigma + 5e-5
    first = first_stage(x, white([sigma] * 3), matched(x[:, :1], count=60), DEFAULT)
    assert float((first - x).abs().max()) < 0.1 * sigma + 5e-5


def test_a_channel_without_noise_is_kept_beside_noisy_ones():
    x = photo(20)
    y = x + torch.tensor([SIGMA, SIGMA, 0.0])[:, None, None] * random(*x.shape)
    found = second_stage(y, x, white([SIGMA, SIGMA, 0.0]), matched(x, count=30))
    assert float((found[:, 2] - x[:, 2]).abs().max()) < 1e-4
    assert psnr(found[:, :2], x[:, :2]) > psnr(y[:, :2], x[:, :2]) + 10


def test_a_group_of_one_patch_is_its_pilot():
    y, x = random(1, 1, 5, 5), random(1, 1, 5, 5, seed=1)
    one = Groups(torch.tensor([[0]]), SIDE, 5, 5)
    assert torch.allclose(second_stage(y, x, white([SIGMA]), one), x, atol=1e-6)
    assert torch.allclose(first_stage(y, white([SIGMA]), one, NEVER_FLAT), y, atol=1e-6)


def test_no_groups_leave_the_picture_as_it_was():
    y = random(1, 3, 12, 12)
    nothing = Groups(torch.zeros(0, 20, dtype=torch.long), SIDE, 12, 12)
    assert torch.equal(second_stage(y, y, white([SIGMA] * 3), nothing), y)
    assert torch.allclose(first_stage(y, white([SIGMA] * 3), nothing, DEFAULT), y, atol=1e-6)


def test_portions_do_not_steer_the_result(monkeypatch):
    x = photo(20)
    y, groups, noise = x + SIGMA * random(*x.shape), matched(x, count=30), white([SIGMA] * 3)
    at_once = first_stage(y, noise, groups, DEFAULT), second_stage(y, x, noise, groups)
    monkeypatch.setattr("dipsearch.patches.groups.PORTION", 7)
    assert torch.allclose(first_stage(y, noise, groups, DEFAULT), at_once[0], atol=1e-5)
    assert torch.allclose(second_stage(y, x, noise, groups), at_once[1], atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("count", [30, 90])
def test_a_gpu_gives_the_same(count):
    x = photo(24)
    y, here = x + SIGMA * random(*x.shape), matched(x, count=count)
    there = Groups(here.members.cuda(), SIDE, 24, 24)
    for noise in NOISES:
        moved = PatchNoise(
            noise.channels.cuda(), None if noise.correlation is None else noise.correlation.cuda()
        )
        found = first_stage(y.cuda(), moved, there, DEFAULT).cpu()
        assert float((found - first_stage(y, noise, here, DEFAULT)).abs().max()) < 1e-4
        found = second_stage(y.cuda(), x.cuda(), moved, there).cpu()
        assert float((found - second_stage(y, x, noise, here)).abs().max()) < 1e-4


def test_groups_whose_eigenvalues_do_not_converge_in_32_bits_get_64(monkeypatch: pytest.MonkeyPatch) -> None:
    y = photo() + SIGMA * random(1, 3, 24, 24)
    groups, noise = matched(y, count=16), white([SIGMA] * 3)
    usual = first_stage(y, noise, groups, DEFAULT)
    eigh = torch.linalg.eigh

    def stubborn(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if matrix.dtype == torch.float32:
            raise torch.linalg.LinAlgError("linalg.eigh: (Batch element 0): The algorithm failed to converge")
        return eigh(matrix)

    monkeypatch.setattr(torch.linalg, "eigh", stubborn)
    assert torch.allclose(first_stage(y, noise, groups, DEFAULT), usual, atol=1e-4)
