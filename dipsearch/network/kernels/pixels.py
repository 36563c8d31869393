"""What the kernels do with one block of pixels × channels: read it, activate it, find what stands beyond the border.

Everything is channels last: the channels of a pixel are neighbours in memory. They are addressed in groups of `VEC`,
so that the compiler sees that a group never straddles an end and reads it at once. All arithmetic is in 32 bits,
whatever the images are stored in.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def activated(u, activation):
    """The activation of that number (see `launch.ACTIVATIONS`), 0 for none."""
    v = u
    if activation == 1:
        v = tl.where(u > 0, u, 0.2 * u)
    elif activation == 2:
        v = tl.maximum(u, 0.0)
    elif activation == 3:
        v = tl.where(u > 0, u, tl.exp(tl.minimum(u, 0.0)) - 1.0)
    elif activation == 4:
        v = u * tl.sigmoid(u)
    elif activation == 5:
        v = 0.5 * u * (1.0 + tl.erf(u * 0.7071067811865476))
    return v


@triton.jit
def slope(u, activation):
    """The derivative of the activation."""
    v = tl.full(u.shape, 1.0, tl.float32)
    if activation == 1:
        v = tl.where(u > 0, v, 0.2)
    elif activation == 2:
        v = tl.where(u > 0, v, 0.0)
    elif activation == 3:
        v = tl.where(u > 0, v, tl.exp(tl.minimum(u, 0.0)))
    elif activation == 4:
        s = tl.sigmoid(u)
        v = s * (1.0 + u * (1.0 - s))
    elif activation == 5:
        v = 0.5 * (1.0 + tl.erf(u * 0.7071067811865476)) + u * 0.3989422804014327 * tl.exp(-0.5 * u * u)
    return v


@triton.jit
def inside(at, size, padding):
    """Which line of the image a line beyond its border is a copy of: by reflection (1) or replication (2)."""
    if padding == 1:
        at = tl.where(at < 0, -at, at)
        at = tl.where(at >= size, 2 * (size - 1) - at, at)
    return tl.minimum(tl.maximum(at, 0), size - 1)


@triton.jit
def source(
    near, far, i, j, c, ok, height, width, near_groups, far_groups, VEC: tl.constexpr, UP: tl.constexpr
):
    """The pixels (i, j) of [near, far doubled], as 32-bit numbers.

    Args:
        near: (height, width, VEC · near_groups). far: half that size, doubled by the nearest pixel (UP = 1) or
            bilinearly (2); with UP = 0 there is none.
        i, j, ok: (P, 1). c: (1, B), channels of the whole.
    """
    group = c // VEC
    of_near = ok & (group < near_groups)
    at = (i * width + j).to(tl.int64) * (near_groups * VEC)
    v = tl.load(near + at + c, mask=of_near, other=0.0).to(tl.float32)
    if UP > 0:
        of_far = ok & (group >= near_groups) & (group < near_groups + far_groups)
        lower_width = width // 2
        first = c - near_groups * VEC
        i0, j0 = i // 2, j // 2
        at00 = (i0 * lower_width + j0).to(tl.int64) * (far_groups * VEC)
        w = tl.load(far + at00 + first, mask=of_far, other=0.0).to(tl.float32)
        if UP == 2:
            i1 = tl.minimum(tl.maximum(i0 + 2 * (i % 2) - 1, 0), height // 2 - 1)
            j1 = tl.minimum(tl.maximum(j0 + 2 * (j % 2) - 1, 0), lower_width - 1)
            at01 = (i0 * lower_width + j1).to(tl.int64) * (far_groups * VEC)
            at10 = (i1 * lower_width + j0).to(tl.int64) * (far_groups * VEC)
            at11 = (i1 * lower_width + j1).to(tl.int64) * (far_groups * VEC)
            w01 = tl.load(far + at01 + first, mask=of_far, other=0.0).to(tl.float32)
            w10 = tl.load(far + at10 + first, mask=of_far, other=0.0).to(tl.float32)
            w11 = tl.load(far + at11 + first, mask=of_far, other=0.0).to(tl.float32)
            w = 0.5625 * w + 0.1875 * (w01 + w10) + 0.0625 * w11
        v += w
    return v


@triton.jit
def folded(gradient, i, j, c, ok, height, width, groups, border, padding, VEC: tl.constexpr):
    """The gradient of the pixels (i, j), when `gradient` is that of the image with its border.

    Where a pixel has copies in the border their gradients are added, and the sum is kept in the place of the
    pixel's own, so that whoever comes later reads one number.
    """
    channels = groups * VEC
    there = ok & (c // VEC < groups)
    wide = width + 2 * border
    own = ((i + border) * wide + j + border).to(tl.int64) * channels + c
    g = tl.load(gradient + own, mask=there, other=0.0).to(tl.float32)
    if (border > 0) & (padding > 0):
        outer = (i <= border) | (j <= border) | (i >= height - 1 - border) | (j >= width - 1 - border)
        if tl.max((ok & outer).to(tl.int32)) > 0:
            copied = ok & (i < 0)
            if padding == 1:
                for vertical in range(3):
                    row, row_ok = _mirror(i, height, border, vertical)
                    for horizontal in range(3):
                        column, column_ok = _mirror(j, width, border, horizontal)
                        if vertical + horizontal > 0:
                            one = ok & row_ok & column_ok
                            at = (row * wide + column).to(tl.int64) * channels + c
                            g += tl.load(gradient + at, mask=there & one, other=0.0).to(tl.float32)
                            copied = copied | one
            else:
                for down in range(-border, border + 1):
                    row_ok = (down == 0) | ((down < 0) & (i == 0)) | ((down > 0) & (i == height - 1))
                    for right in range(-border, border + 1):
                        column_ok = (right == 0) | ((right < 0) & (j == 0)) | ((right > 0) & (j == width - 1))
                        if (down != 0) | (right != 0):
                            one = ok & row_ok & column_ok
                            at = ((i + border + down) * wide + j + border + right).to(tl.int64) * channels + c
                            g += tl.load(gradient + at, mask=there & one, other=0.0).to(tl.float32)
                            copied = copied | one
            tl.store(gradient + own, g, mask=there & copied)
    return g


@triton.jit
def _mirror(at, size, border, which):
    """Where a line stands in the extended image, and whether it does: itself (0), its copy before (1) or behind (2)."""
    place, ok = at + border, at >= 0
    if which == 1:
        place, ok = border - at, (at >= 1) & (at <= border)
    elif which == 2:
        place, ok = border + 2 * (size - 1) - at, (at <= size - 2) & (at >= size - 1 - border)
    return place, ok
