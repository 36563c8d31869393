"""The patches that look most like a reference are found, as a search through all of them finds them."""

import numpy as np
import pytest
import torch

from dipsearch.patches.groups import match, reference_starts

SIZES = [(8, 8), (8, 13), (17, 9), (16, 16), (21, 26)]


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def searched(guide, *, patch, radius, step, phase=0, wanted=None):
    """What every reference (row, column) has around it: {reference: [(distance, index)] by distance}, in float64."""
    planes = guide[0].double().numpy()
    _, height, width = planes.shape
    last = height - patch, width - patch

    def of(pixels, row, column):
        return pixels[..., row : row + patch, column : column + patch]

    def starts(end):
        return sorted({*range(phase % step, end + 1, step), 0, end})

    found = {}
    for row in starts(last[0]):
        for column in starts(last[1]):
            if wanted is not None and not of(wanted.numpy(), row, column).any():
                continue
            around = [
                (np.square(of(planes, i, j) - of(planes, row, column)).sum(), i * (width - patch + 1) + j)
                for i in range(max(row - radius, 0), min(row + radius, last[0]) + 1)
                for j in range(max(column - radius, 0), min(column + radius, last[1]) + 1)
            ]
            found[row * (width - patch + 1) + column] = sorted(around)
    return found


def assert_found(groups, expected, *, count):
    """The same groups; random numbers have no ties."""
    assert groups.members[:, 0].tolist() == list(expected)
    for members, (reference, around) in zip(groups.members.tolist(), expected.items(), strict=True):
        nearest = [index for _, index in around[:count]]
        assert members == nearest + [reference] * (len(members) - len(nearest))


@pytest.mark.parametrize("radius", [3, 30], ids=["small window", "window larger than the picture"])
@pytest.mark.parametrize("patch, step", [(5, 3), (8, 4), (3, 2)])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_members_are_those_that_a_search_through_the_window_finds(size, patch, step, radius):
    guide = random(1, 2, *size)
    groups = match(guide, patch=patch, radius=radius, count=12, step=step)
    assert (groups.patch, groups.height, groups.width) == (patch, *size)
    assert_found(groups, searched(guide, patch=patch, radius=radius, step=step), count=12)


def test_all_channels_are_compared():
    guide = random(1, 3, 16, 16)
    one, all_three = (match(x, patch=5, radius=6, count=10, step=3).members for x in (guide[:, :1], guide))
    assert_found(
        match(guide, patch=5, radius=6, count=10, step=3),
        searched(guide, patch=5, radius=6, step=3),
        count=10,
    )
    assert float((one != all_three).float().mean()) > 0.3


@pytest.mark.parametrize("phase", [0, 1, 2, 3, 6])
def test_the_phase_moves_the_references_and_both_ends_stay(phase):
    guide = random(1, 1, 15, 19)
    groups = match(guide, patch=5, radius=4, count=6, step=4, phase=phase)
    assert_found(groups, searched(guide, patch=5, radius=4, step=4, phase=phase), count=6)
    starts = reference_starts(19, patch=5, step=4, phase=phase, device=torch.device("cpu")).tolist()
    assert starts == sorted({0, 14, *range(phase % 4, 15, 4)})


@pytest.mark.parametrize("size", [8, 9, 16, 23])
@pytest.mark.parametrize("phase", [0, 1, 2, 3])
def test_references_cover_every_pixel(size, phase):
    starts = reference_starts(size, patch=5, step=4, phase=phase, device=torch.device("cpu"))
    covered = {pixel for start in starts.tolist() for pixel in range(start, start + 5)}
    assert covered == set(range(size))


@pytest.mark.parametrize("size", [(12, 12), (9, 14)], ids=str)
def test_only_patches_with_a_wanted_pixel_are_references(size):
    guide, wanted = random(1, 1, *size), torch.zeros(size, dtype=torch.bool)
    wanted[2, 3] = wanted[7, 8] = True
    groups = match(guide, patch=5, radius=5, count=8, step=2, wanted=wanted)
    expected = searched(guide, patch=5, radius=5, step=2, wanted=wanted)
    assert 0 < len(expected) < len(searched(guide, patch=5, radius=5, step=2))
    assert_found(groups, expected, count=8)


def test_where_nothing_is_wanted_there_are_no_groups():
    nothing = torch.zeros(12, 12, dtype=torch.bool)
    assert match(random(1, 1, 12, 12), patch=5, radius=4, count=6, step=3, wanted=nothing).members.shape == (
        0,
        6,
    )


def test_a_window_with_too_few_patches_is_filled_up_with_the_reference():
    guide = random(1, 1, 12, 12)
    members = match(guide, patch=5, radius=2, count=25, step=3).members
    corner, middle = members[0].tolist(), members[5].tolist()
    assert sorted(set(corner)) == [row * 8 + column for row in range(3) for column in range(3)]
    assert corner.count(0) == 25 - 9 + 1
    assert len(set(middle)) == 25


def test_no_group_is_larger_than_its_window():
    assert match(random(1, 1, 8, 8), patch=5, radius=12, count=80, step=3).members.shape == (4, 49)
    one = match(random(1, 1, 8, 8), patch=8, radius=12, count=80, step=3)
    assert one.members.tolist() == [[0]]


def test_what_is_equal_is_found_before_what_is_alike():
    stripes = (torch.arange(24) % 6 < 3).float().expand(1, 1, 24, 24)
    members = match(stripes, patch=5, radius=12, count=30, step=4).members
    column = members % 20
    assert bool(((column - column[:, :1]) % 6 == 0).all())
    assert all(len(set(group)) == 30 for group in members.tolist())


def test_the_guide_is_not_modified_and_groups_repeat_bit_for_bit():
    guide = random(1, 3, 18, 22)
    before = guide.clone()
    one, other = (match(guide, patch=5, radius=7, count=20, step=3).members for _ in range(2))
    assert torch.equal(one, other) and torch.equal(guide, before)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_finds_the_same_groups():
    guide, wanted, usable = random(1, 3, 26, 31), random(26, 31, seed=1) > 0.9, random(26, 31, seed=2) > 0.002
    settings = {"patch": 5, "radius": 9, "count": 20, "step": 3, "phase": 1}
    there = match(guide.cuda(), **settings, wanted=wanted.cuda(), usable=usable.cuda())
    assert torch.equal(there.members.cpu(), match(guide, **settings, wanted=wanted, usable=usable).members)
