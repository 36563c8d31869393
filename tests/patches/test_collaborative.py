"""Groups of similar blocks are sparse under three cosine transforms; what is small there is noise."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.fft import dct, dctn, idctn

from dipsearch.patches.collaborative import WINDOW, cosines, hard_threshold
from dipsearch.patches.groups import Groups, match
from dipsearch.patches.patch_noise import PatchNoise

SIDE = 8


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def checkerboard(size, *, period=4, low=0.2, high=0.8):
    place = torch.arange(size) // period
    return torch.where((place[:, None] + place) % 2 == 0, low, high)[None, None]


def correlation():
    """Of white noise after a filter, at lags from −2 to 2."""
    kernel = torch.tensor([[0.0, 2.0, 1.0], [1.0, 4.0, 2.0], [0.0, 1.0, 0.0]])
    table = F.conv2d(F.pad(kernel, (2,) * 4)[None, None], kernel[None, None])[0, 0]
    return table / table[2, 2]


def written_out(y, sigmas, pixels, members, *, threshold, beta=WINDOW):
    """The paper's formulas, group by group, in float64."""
    planes = y[0].double().numpy()
    channels, _, width = planes.shape
    across = width - SIDE + 1
    line = np.kaiser(SIDE, beta)
    window = np.outer(line, line)
    basis = np.kron(dct(np.eye(SIDE), axis=0, norm="ortho"), dct(np.eye(SIDE), axis=0, norm="ortho"))
    spread = np.sqrt(np.diag(basis @ pixels.double().numpy() @ basis.T)).reshape(SIDE, SIDE)
    total, weight = np.zeros((2, *planes.shape))
    for group in members.tolist():
        places = [divmod(index, across) for index in group]
        for c in range(channels):
            blocks = np.stack([planes[c, i : i + SIDE, j : j + SIDE] for i, j in places])
            coefficients = dctn(blocks, norm="ortho")
            kept = np.abs(coefficients) > threshold * sigmas[c] * spread
            kept[0, 0, 0] = True
            share = window / kept.sum()
            for (i, j), block in zip(places, idctn(coefficients * kept, norm="ortho"), strict=True):
                total[c, i : i + SIDE, j : j + SIDE] += share * block
                weight[c, i : i + SIDE, j : j + SIDE] += share
    return total / weight


@pytest.mark.parametrize("size", [1, 2, 7, 8, 16])
def test_the_transform_is_the_orthonormal_cosine_transform(size):
    table = cosines(size)
    assert torch.allclose(table @ table.mT, torch.eye(size), atol=1e-6)
    assert table.numpy() == pytest.approx(dct(np.eye(size), axis=0, norm="ortho"), abs=1e-7)


@pytest.mark.parametrize("table", [None, correlation()], ids=["white", "correlated"])
@pytest.mark.parametrize("count", [16, 11])
def test_it_is_the_formula_of_the_paper(table, count):
    sigmas = torch.tensor([0.1, 0.02])
    y = torch.cat((checkerboard(22), 1 - checkerboard(22, period=3)), 1)[..., :19]
    y = y + sigmas[:, None, None] * random(*y.shape)
    noise = PatchNoise(torch.diag(sigmas**2), table)
    groups = match(y[:, :1], patch=SIDE, radius=6, count=count, step=3)
    found = hard_threshold(y, noise, groups, threshold=2.7)
    expected = written_out(y, sigmas.tolist(), noise.pixels(SIDE), groups.members, threshold=2.7)
    assert found.shape == y.shape and found.dtype == torch.float32
    assert float((found[0] - torch.from_numpy(expected)).abs().max()) < 1e-5
    flat = written_out(y, sigmas.tolist(), noise.pixels(SIDE), groups.members, threshold=2.7, beta=0)
    assert np.abs(flat - expected).max() > 1e-2  # the window tells


def test_without_a_threshold_the_picture_comes_back():
    y = random(1, 2, 18, 20)
    groups = match(y, patch=SIDE, radius=5, count=8, step=3)
    found = hard_threshold(y, PatchNoise(torch.eye(2)), groups, threshold=0.0)
    assert torch.allclose(found, y, atol=1e-5)


def test_under_a_high_threshold_each_group_is_its_mean():
    y = 5 + random(1, 1, 8, 16)
    two = Groups(torch.tensor([[0, 8]]), SIDE, 8, 16)  # the left and the right half
    found = hard_threshold(y, PatchNoise(torch.eye(1)), two, threshold=1e6)
    assert torch.allclose(found, y.mean().expand_as(y), atol=1e-5)


def test_of_noise_alone_the_share_of_the_gaussian_beyond_the_threshold_is_left():
    # One group of the sixteen blocks that do not overlap; a hundred channels are a hundred draws.
    y = 0.5 + 0.1 * random(1, 100, 32, 32)
    members = torch.tensor([[25 * i + j for i in range(0, 32, 8) for j in range(0, 32, 8)]])
    groups = Groups(members, SIDE, 32, 32)
    threshold = 2.0
    found = hard_threshold(y, PatchNoise(0.01 * torch.eye(100)), groups, threshold=threshold)
    beyond = math.erfc(threshold / math.sqrt(2))
    beyond += threshold * math.sqrt(2 / math.pi) * math.exp(-(threshold**2) / 2)
    expected = (1 + 1023 * beyond) / 1024
    assert float((found - 0.5).square().mean()) / 0.01 == pytest.approx(expected, rel=0.03)


def test_what_stands_out_of_the_noise_is_kept():
    x = checkerboard(32)
    y = x + 0.1 * random(*x.shape)
    groups = match(y, patch=SIDE, radius=12, count=16, step=3)
    found = hard_threshold(y, PatchNoise(0.01 * torch.eye(1)), groups, threshold=2.85)
    assert float((found - x).square().mean()) < 0.1 * 0.01
    assert float(found.max() - found.min()) > 0.55


def test_groups_that_keep_little_count_more():
    # A block of noise alone and one with a texture in its right half; what they share is noise.
    y = 0.05 * random(1, 1, 8, 12)
    y[..., 8:] += random(8, 4, seed=1)
    pair = Groups(torch.tensor([[0], [4]]), SIDE, 8, 12)
    noise = PatchNoise(0.0025 * torch.eye(1))
    alone = [
        hard_threshold(y, noise, Groups(torch.tensor([[index]]), SIDE, 8, 12), threshold=2.85)
        for index in (0, 4)
    ]
    both = hard_threshold(y, noise, pair, threshold=2.85)
    expected = written_out(y, [0.05], torch.eye(64), pair.members, threshold=2.85)
    assert float((both[0] - torch.from_numpy(expected)).abs().max()) < 1e-5
    line = np.kaiser(SIDE, WINDOW)
    mean = (line[4:] * alone[0][0, 0, :, 4:8].numpy() + line[:4] * alone[1][0, 0, :, 4:8].numpy()) / (
        line[4:] + line[:4]
    )
    assert np.abs(both[0, 0, :, 4:8].numpy() - mean).max() > 0.02  # weights of 1 would give this


def test_every_channel_has_its_own_limit():
    x = checkerboard(24, low=0.45, high=0.55)
    y = torch.cat((x, x), 1) + 0.01 * random(1, 2, 24, 24)
    groups = match(y, patch=SIDE, radius=8, count=8, step=4)
    found = hard_threshold(y, PatchNoise(torch.diag(torch.tensor([1e-4, 1.0]))), groups, threshold=3.0)
    assert float(found[0, 0].std()) > 0.045
    assert float(found[0, 1].std()) < 0.01  # all of it may be noise


def test_portions_do_not_steer_the_result(monkeypatch):
    y = random(1, 1, 20, 20)
    groups, noise = match(y, patch=SIDE, radius=5, count=8, step=2), PatchNoise(torch.eye(1))
    at_once = hard_threshold(y, noise, groups, threshold=2.0)
    monkeypatch.setattr("dipsearch.patches.groups.PORTION", 5)
    assert torch.allclose(hard_threshold(y, noise, groups, threshold=2.0), at_once, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same():
    y = checkerboard(24) + 0.1 * random(1, 1, 24, 24)
    groups = match(y, patch=SIDE, radius=6, count=16, step=3)
    here = hard_threshold(y, PatchNoise(0.01 * torch.eye(1)), groups, threshold=2.85)
    moved = Groups(groups.members.cuda(), SIDE, 24, 24)
    there = hard_threshold(y.cuda(), PatchNoise(0.01 * torch.eye(1).cuda()), moved, threshold=2.85)
    assert float((there.cpu() - here).abs().max()) < 1e-4
