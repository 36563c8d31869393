"""Every pixel is the weighted mean of what the patches that cover it say."""

import numpy as np
import pytest
import torch

from dipsearch.patches.groups import Aggregation, patches_of

HEIGHT, WIDTH, PATCH = 9, 11, 4
PATCHES = (HEIGHT - PATCH + 1) * (WIDTH - PATCH + 1)


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def aggregation(channels=2):
    return Aggregation(channels=channels, height=HEIGHT, width=WIDTH, patch=PATCH, like=torch.zeros(1))


def everywhere():
    return torch.arange(PATCHES).reshape(-1, 4)


def summed(members, estimates, weights, window, otherwise):
    """The same, pixel by pixel."""
    channels = estimates.shape[2]
    total, weight = np.zeros((2, channels, HEIGHT, WIDTH))
    window = window.double().numpy().reshape(PATCH, PATCH)
    for group, said, of_group in zip(members.tolist(), estimates.double(), weights.double(), strict=True):
        for index, patch in zip(group, said.numpy(), strict=True):
            row, column = divmod(index, WIDTH - PATCH + 1)
            for c in range(channels):
                place = (c, slice(row, row + PATCH), slice(column, column + PATCH))
                share = float(of_group[c]) * window
                total[place] += share * patch[c].reshape(PATCH, PATCH)
                weight[place] += share
    return np.where(weight > 0, total / np.maximum(weight, 1e-12), otherwise[0].double().numpy())


def test_patches_are_listed_row_by_row():
    x = random(1, 2, HEIGHT, WIDTH)
    patches = patches_of(x, PATCH)
    assert patches.shape == (PATCHES, 2, PATCH**2)
    for index in (0, 1, 7, 8, PATCHES - 1):
        row, column = divmod(index, WIDTH - PATCH + 1)
        expected = x[0, :, row : row + PATCH, column : column + PATCH].reshape(2, -1)
        assert torch.equal(patches[index], expected)


def test_it_is_the_weighted_mean_of_all_estimates_in_several_portions():
    members = torch.randint(PATCHES, (12, 5), generator=torch.Generator().manual_seed(0))  # repeated, too
    estimates, weights = random(12, 5, 2, PATCH**2), random(12, 2, seed=1) + 0.1
    window, otherwise = random(PATCH**2, seed=2) + 0.1, random(1, 2, HEIGHT, WIDTH, seed=3)
    result = aggregation()
    for part in (slice(0, 5), slice(5, 12)):
        result.add(members[part], estimates[part], weights[part])
    found = result.image(window, otherwise=otherwise)
    expected = summed(members, estimates, weights, window, otherwise)
    assert found.shape == (1, 2, HEIGHT, WIDTH) and found.dtype == torch.float32
    assert float((found[0] - torch.from_numpy(expected)).abs().max()) < 1e-6


def test_without_weights_all_count_alike():
    estimates, flat, x = random(len(everywhere()), 4, 2, PATCH**2), torch.ones(PATCH**2), random(1, 2, 9, 11)
    plain, weighted = aggregation(), aggregation()
    plain.add(everywhere(), estimates)
    weighted.add(everywhere(), estimates, torch.full((len(everywhere()), 2), 0.3))
    assert torch.allclose(plain.image(flat, otherwise=x), weighted.image(flat, otherwise=x), atol=1e-6)


def test_the_weights_of_groups_decide_between_them_in_every_channel():
    # Both groups say something of the patch 0: 0 and 1.
    members = torch.zeros(2, 1, dtype=torch.long)
    estimates = torch.stack((torch.zeros(1, 2, PATCH**2), torch.ones(1, 2, PATCH**2)))
    result = aggregation()
    result.add(members, estimates, torch.tensor([[1.0, 3.0], [4.0, 1.0]]))
    image = result.image(torch.ones(PATCH**2), otherwise=torch.full((1, 2, HEIGHT, WIDTH), 9.0))
    assert image[0, 0, :PATCH, :PATCH].flatten().tolist() == pytest.approx([0.8] * PATCH**2)
    assert image[0, 1, :PATCH, :PATCH].flatten().tolist() == pytest.approx([0.25] * PATCH**2)
    assert float(image[..., PATCH:].min()) == 9.0  # no patch spoke there


def test_the_window_decides_between_the_pixels_of_overlapping_patches():
    # Patches 0 and 1 overlap in three columns; the window counts the first column of a patch only.
    window = torch.zeros(PATCH, PATCH)
    window[:, 0] = 1
    estimates = torch.stack((torch.zeros(1, 1, PATCH**2), torch.ones(1, 1, PATCH**2)))
    result = aggregation(channels=1)
    result.add(torch.tensor([[0], [1]]), estimates)
    image = result.image(window.flatten(), otherwise=torch.full((1, 1, HEIGHT, WIDTH), 9.0))
    assert image[0, 0, 0, :3].tolist() == [0, 1, 9]


@pytest.mark.parametrize("seed", [0, 1])
def test_what_all_say_alike_is_kept_up_to_the_border(seed):
    result = aggregation(channels=3)
    weights = random(len(everywhere()), 3, seed=seed) + 0.01
    result.add(everywhere(), torch.full((len(everywhere()), 4, 3, PATCH**2), 0.4), weights)
    image = result.image(random(PATCH**2) + 0.01, otherwise=torch.full((1, 3, HEIGHT, WIDTH), 9.0))
    assert float((image - 0.4).abs().max()) < 1e-6


def test_the_patches_of_a_picture_make_it_up_again():
    x, result = random(1, 2, HEIGHT, WIDTH), aggregation()
    result.add(everywhere(), patches_of(x, PATCH)[everywhere()])
    assert torch.allclose(result.image(torch.ones(PATCH**2), otherwise=0 * x), x, atol=1e-6)


def test_no_groups_leave_the_picture_as_it_was():
    x, result = random(1, 2, HEIGHT, WIDTH), aggregation()
    result.add(torch.zeros(0, 4, dtype=torch.long), torch.zeros(0, 4, 2, PATCH**2))
    assert torch.equal(result.image(torch.ones(PATCH**2), otherwise=x), x)
