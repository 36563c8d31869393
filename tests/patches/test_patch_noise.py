"""The noise of a patch has a covariance, and patches times its inverse root have noise of unit variance."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dipsearch.patches.patch_noise import LEAST, LEAST_SIGMA, PatchNoise

KERNEL = torch.tensor([[1.0, 3.0, 1.0], [2.0, 5.0, 0.0], [0.0, 2.0, 1.0]])


def correlation():
    """Of white noise after ``KERNEL``, at lags from −2 to 2."""
    wide = F.pad(KERNEL, (2,) * 4)[None, None]
    table = F.conv2d(wide, KERNEL[None, None])[0, 0]
    return table / table[2, 2]


def channels():
    mixing = torch.tensor([[2.0, 0.0, 0.5], [0.0, 0.3, 0.1], [1.0, 0.0, 0.7]])
    return mixing @ mixing.mT


def test_the_strength_in_every_channel_is_the_root_of_the_diagonal():
    noise = PatchNoise(torch.diag(torch.tensor([0.04, 0.0, 0.25])))
    assert noise.sigmas.tolist() == pytest.approx([0.2, 0.0, 0.5])
    assert PatchNoise(-1e-9 * torch.eye(2)).sigmas.tolist() == [0, 0]  # what a rotation's rounding leaves


@pytest.mark.parametrize("patch", [1, 2, 4, 5])
def test_pixels_are_correlated_by_their_distance_within_the_reach_of_the_table(patch):
    table = correlation()
    found = PatchNoise(torch.eye(1), table).pixels(patch)
    expected = np.zeros((patch**2, patch**2))
    for one in range(patch**2):
        for other in range(patch**2):
            down, across = one // patch - other // patch, one % patch - other % patch
            if max(abs(down), abs(across)) <= 2:
                expected[one, other] = table[down + 2, across + 2]
    assert found.numpy() == pytest.approx(expected, abs=1e-7)
    assert torch.equal(found, found.mT)


def test_white_noise_is_not_correlated():
    noise = PatchNoise(0.01 * torch.eye(2))
    assert torch.equal(noise.pixels(3), torch.eye(9))
    there, back = noise.whitening(3)
    assert torch.allclose(there, 10 * torch.eye(18), atol=1e-4)
    assert torch.allclose(back, 0.1 * torch.eye(18), atol=1e-6)


@pytest.mark.parametrize("table", [None, correlation()], ids=["white", "correlated"])
def test_whitening_takes_the_covariance_to_one_and_leads_back(table):
    noise = PatchNoise(0.01 * channels(), table)
    there, back = noise.whitening(4)
    covariance = torch.kron(noise.channels, noise.pixels(4))
    assert there.shape == (48, 48) and there.dtype == torch.float32
    assert torch.allclose(there.mT @ covariance @ there, torch.eye(48), atol=2e-3)
    assert torch.allclose(back @ back, covariance, atol=1e-6)
    assert torch.allclose(there @ back, torch.eye(48), atol=2e-3)
    there, back = noise.whitening_of_pixels(4)
    assert torch.allclose(there.mT @ noise.pixels(4) @ there, torch.eye(16), atol=2e-3)
    assert torch.allclose(there @ back, torch.eye(16), atol=1e-3)


def test_patches_of_drawn_noise_are_white_afterwards():
    drawn = torch.randn(1, 3, 302, 302, generator=torch.Generator().manual_seed(0))
    kernel = KERNEL / KERNEL.square().sum().sqrt()
    noise = F.conv2d(drawn.transpose(0, 1), kernel[None, None])[:, 0]
    noise = torch.einsum("ij,jhw->ihw", torch.linalg.cholesky(channels()), noise)[None]
    patches = F.unfold(noise, 3, stride=6)[0].T  # independent of one another
    there, _ = PatchNoise(channels(), correlation()).whitening(3)
    covariance = torch.cov((patches @ there).T)
    assert float((covariance - torch.eye(27)).abs().max()) < 0.12  # 2500 patches: 0.03 per entry, 730 of them
    assert float((torch.cov(patches.T) - torch.eye(27)).abs().max()) > 1


def test_a_direction_without_noise_is_taken_to_have_a_thousandth_of_the_strongest():
    there, back = PatchNoise(torch.diag(torch.tensor([1.0, 0.0]))).whitening(2)
    assert there.diagonal().tolist() == pytest.approx([1.0] * 4 + [LEAST**-0.5] * 4)
    assert back.diagonal().tolist() == pytest.approx([1.0] * 4 + [LEAST**0.5] * 4)


@pytest.mark.parametrize("sigma", [0.0, 1e-9])
def test_no_noise_at_all_divides_by_a_faint_one(sigma):
    there, _ = PatchNoise(sigma**2 * torch.eye(1)).whitening(2)
    assert there.diagonal().tolist() == pytest.approx([1 / LEAST_SIGMA] * 4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_whitens_alike():
    here, there = (PatchNoise(channels().to(d), correlation().to(d)) for d in ("cpu", "cuda"))
    for one, other in zip(here.whitening(4), there.whitening(4), strict=True):
        assert torch.allclose(one, other.cpu(), atol=1e-4)
