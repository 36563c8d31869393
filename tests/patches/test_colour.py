"""Channels are rotated so that the first holds most of the picture; the rotation is undone exactly."""

import math

import pytest
import torch

from dipsearch.patches.colour import Decorrelation, decorrelation_for


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def mixed(mixing, *, seed=0):
    """A picture whose channels have about the covariance ``mixing`` · mixingᵀ."""
    return torch.einsum("ij,njhw->nihw", torch.tensor(mixing), random(1, len(mixing[0]), 48, 48, seed=seed))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_the_rotation_is_orthogonal_and_undone_by_its_inverse(channels):
    x = random(1, channels, 16, 20) + random(1, 1, 16, 20, seed=1)
    rotation = decorrelation_for(x)
    assert rotation.matrix.shape == (channels, channels)
    assert torch.allclose(rotation.matrix @ rotation.matrix.mT, torch.eye(channels), atol=1e-6)
    z = rotation.forward(x)
    assert z.shape == x.shape and z.dtype == torch.float32
    assert torch.allclose(rotation.inverse(z), x, atol=1e-5)


def test_one_channel_stays_as_it_is():
    x = random(1, 1, 8, 8)
    assert torch.equal(decorrelation_for(x).forward(x), x)


def test_three_channels_become_the_opponent_colours():
    rotation = decorrelation_for(random(1, 3, 8, 8))
    expected = torch.tensor([[1.0, 1, 1], [1, 0, -1], [1, -2, 1]])
    expected = expected / expected.norm(dim=1, keepdim=True)
    assert torch.allclose(rotation.matrix, expected, atol=1e-7)
    grey = torch.full((1, 3, 4, 4), 0.4)
    z = rotation.forward(grey)
    assert torch.allclose(z[:, 0], torch.full((1, 4, 4), 0.4 * math.sqrt(3)), atol=1e-6)
    assert float(z[:, 1:].abs().max()) < 1e-6


@pytest.mark.parametrize("channels", [2, 5])
def test_other_pictures_get_the_axes_of_their_own_covariance(channels):
    x = random(1, channels, 24, 24) + 3 * random(1, 1, 24, 24, seed=1)
    z = decorrelation_for(x).forward(x)
    covariance = torch.cov(z[0].flatten(1))
    variances = covariance.diagonal()
    assert float((covariance - variances.diag()).abs().max()) < 1e-4 * float(variances[0])
    assert variances.tolist() == sorted(variances.tolist(), reverse=True)
    assert float(variances[0]) > 5 * float(variances[1])


def test_what_the_noise_explains_is_not_taken_for_the_picture():
    # A picture mostly in the second channel, under noise that is strongest in the first.
    x = mixed([[0.1, 0.0], [0.0, 1.0]])
    y = x + torch.tensor([2.0, 0.1])[:, None, None] * random(1, 2, 48, 48, seed=7)
    noise = torch.tensor([[4.0, 0.0], [0.0, 0.01]])
    assert abs(float(decorrelation_for(y).matrix[0, 0])) > 0.99
    # The estimate of a variance of 4 from 2304 pixels is off by 0.12.
    assert float(decorrelation_for(y, noise_covariance=noise).matrix[0, 1]) > 0.99


def test_signs_are_fixed_by_the_largest_entry():
    x = mixed([[1.0, 0.3, 0.0], [0.9, -0.2, 0.1], [-0.5, 0.1, 0.3], [0.2, 0.2, 0.2]])
    matrix = decorrelation_for(x).matrix
    assert bool((matrix.gather(1, matrix.abs().argmax(1, keepdim=True)) > 0).all())
    assert torch.allclose(decorrelation_for(-x).matrix, matrix, atol=1e-6)
    assert torch.allclose(decorrelation_for(x + 5).matrix, matrix, atol=1e-4)


def test_constant_channels_are_no_obstacle():
    flat = decorrelation_for(torch.full((1, 4, 8, 8), 0.3))
    assert torch.allclose(flat.matrix, torch.eye(4), atol=1e-6)
    x = torch.cat((torch.full((1, 3, 8, 8), 0.3), random(1, 1, 8, 8)), 1)
    assert decorrelation_for(x).matrix[0].tolist() == pytest.approx([0, 0, 0, 1], abs=1e-6)
    assert torch.allclose(decorrelation_for(x).matrix[1:, :3], torch.eye(3), atol=1e-5)


def test_the_noise_is_rotated_with_the_channels():
    mixing = random(3, 3).double()
    covariance = mixing @ mixing.mT
    rotation = decorrelation_for(random(1, 3, 8, 8))
    after = rotation.noise_after(covariance)
    assert after.dtype == torch.float64
    assert float(after.trace()) == pytest.approx(float(covariance.trace()), rel=1e-6)
    noise = torch.einsum("ij,njhw->nihw", mixing, random(1, 3, 200, 200).double())
    measured = torch.cov(rotation.forward(noise)[0].flatten(1))
    assert torch.allclose(measured, after, atol=0.03 * float(after.abs().max()))
    white = rotation.noise_after(0.04 * torch.eye(3))
    assert torch.allclose(white, 0.04 * torch.eye(3), atol=1e-7)


def test_a_rotation_can_be_written_down_by_hand():
    swap = Decorrelation(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    x = random(2, 5, 2, 4, 4)  # any number of leading axes, as groups of patches have
    assert torch.equal(swap.forward(x), x.flip(-3))
