"""A picture in overlapping tiles: all of it is covered, and pieces of one picture make it up again."""

import math

import pytest
import torch

from dipsearch.patches.tiles import Mosaic, Tile, tiles

SIZES = [(8, 8), (30, 31), (32, 100), (33, 65), (100, 57)]


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("overlap", [4, 8, 15])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_tiles_cover_the_picture_and_neighbours_overlap(size, overlap):
    cut = list(tiles(*size, side=32, overlap=overlap))
    covered = torch.zeros(size)
    for tile in cut:
        covered[tile.window] += 1
        assert (tile.height, tile.width) == (cut[0].height, cut[0].width) and max(
            tile.height, tile.width
        ) <= 32
        assert tile.top + tile.height <= size[0] and tile.left + tile.width <= size[1]
    assert float(covered.min()) >= 1
    for starts, ends in (
        ({tile.top for tile in cut}, {tile.top + tile.height for tile in cut}),
        ({tile.left for tile in cut}, {tile.left + tile.width for tile in cut}),
    ):
        for end, following in zip(sorted(ends)[:-1], sorted(starts)[1:], strict=True):
            assert end - following >= overlap
    needed = math.prod(max(1, math.ceil((length - overlap) / (32 - overlap))) for length in size)
    assert len(cut) == needed  # no more than needed


def test_a_small_picture_is_one_tile():
    assert list(tiles(20, 32, side=32, overlap=8)) == [Tile(0, 0, 20, 32)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pieces_of_one_picture_make_it_up_again(size):
    x = random(1, 3, *size)
    mosaic = Mosaic(torch.zeros(1, 3, *size), overlap=8)
    for tile in tiles(*size, side=32, overlap=8):
        mosaic.add(tile, x[(..., *tile.window)])
    image = mosaic.image()
    assert image.dtype == torch.float32 and torch.allclose(image, x, atol=1e-6)


def test_tiles_that_disagree_fade_into_each_other():
    # Left 0, right 1: in between the share of the right one rises evenly, and the left one never ends with a step.
    mosaic = Mosaic(torch.zeros(1, 1, 10, 24), overlap=8)
    mosaic.add(Tile(0, 0, 10, 16), torch.zeros(1, 1, 10, 16))
    mosaic.add(Tile(0, 8, 10, 16), torch.ones(1, 1, 10, 16))
    line = mosaic.image()[0, 0, 5]
    assert line[:8].tolist() == [0] * 8 and line[16:].tolist() == [1] * 8
    assert line[8:16].tolist() == pytest.approx([(i + 0.5) / 8 for i in range(8)], abs=1e-6)


def test_the_border_of_a_tile_hardly_counts_also_where_more_than_the_overlap_is_shared():
    mosaic = Mosaic(torch.zeros(1, 1, 40, 40), overlap=10)
    for tile in tiles(40, 40, side=32, overlap=10):
        piece = torch.zeros(1, 1, tile.height, tile.width)
        piece[..., 0, :] = piece[..., -1, :] = piece[..., 0] = piece[..., -1] = 1  # what is wrong at borders
        mosaic.add(tile, piece)
    inner = mosaic.image()[0, 0, 1:-1, 1:-1]  # the border of the picture itself has no other tile
    assert float(inner[:, 10:-10].max()) < 0.1  # 5 %, and twice that where two borders cross
    assert float(inner[10:-10].max()) < 0.1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_puts_together_the_same():
    x = random(1, 3, 60, 50)
    mosaic = Mosaic(torch.zeros(1, 3, 60, 50).cuda(), overlap=8)
    for tile in tiles(60, 50, side=32, overlap=8):
        mosaic.add(tile, x[(..., *tile.window)].cuda())
    assert float((mosaic.image().cpu() - x).abs().max()) < 1e-6
