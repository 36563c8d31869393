"""The passes over memory that normalise an image, activate it and give it a border, and those of the way back.

`moments` reads once, `prepare` reads and writes once; on the way back `sums` reads twice and `unprepare` reads twice
and writes once. Who is last to arrive in a column of programs adds up what the others left, in a fixed order: the
same numbers in every run.
"""

from __future__ import annotations

import triton
import triton.language as tl

from .pixels import activated, folded, inside, slope, source

_SIZES = [
    "height", "width", "near_groups", "far_groups", "all_groups", "first",
    "border", "border_b", "padding", "activation",
]  # fmt: skip


@triton.jit
def _is_last(arrived):
    """Whether all other programs of the column have arrived; the last one sets the count back."""
    tl.debug_barrier()
    before = tl.atomic_add(arrived, 1, sem="acq_rel")
    last = before == tl.num_programs(0) - 1
    if last:
        tl.store(arrived, 0)
    return last


@triton.jit
def _leave(partial, one, other, BLOCK_C: tl.constexpr):
    """Write this program's two sums, each (BLOCK_C,)."""
    across = tl.num_programs(1) * BLOCK_C
    at = partial + tl.program_id(0) * 2 * across + tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    tl.store(at, one)
    tl.store(at + across, other)


@triton.jit
def _gather(partial, which, BLOCK_C: tl.constexpr):
    """Add up what all programs of the column left, (BLOCK_C,)."""
    across = tl.num_programs(1) * BLOCK_C
    programs = tl.num_programs(0)
    rows = tl.arange(0, 32)[:, None]
    column = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)[None, :]
    total = tl.zeros((32, BLOCK_C), tl.float32)
    for begin in range(0, programs, 32):
        row = begin + rows
        at = partial + (2 * row + which) * across + column
        total += tl.load(at, mask=row < programs, other=0.0, cache_modifier=".cg")
    return tl.sum(total, 0)


@triton.jit
def _scaling(mean, deviation, weight, bias, c, known):
    """Mean, reciprocal deviation, scale and shift of some channels (1, B)."""
    m = tl.load(mean + c, mask=known, other=0.0)
    d = tl.load(deviation + c, mask=known, other=0.0)
    w = tl.load(weight + c, mask=known, other=0.0)
    b = tl.load(bias + c, mask=known, other=0.0)
    return m, d, w, b


@triton.jit(do_not_specialize=_SIZES)
def moments(
    near, far, partial, arrived, mean, deviation, height, width, near_groups, far_groups, epsilon,
    VEC: tl.constexpr, UP: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Mean and reciprocal standard deviation of every channel of a `source`.

    The sums are of differences from the first pixel: a mean that is large against the deviation costs no digits.
    """
    column = tl.program_id(1)
    c = column * BLOCK_C + tl.arange(0, BLOCK_C)[None, :]
    pixels = height * width
    origin = tl.zeros((1, 1), tl.int32)
    base = source(near, far, origin, origin, c, origin == 0, height, width, near_groups, far_groups, VEC, UP)
    total = tl.zeros((BLOCK_P, BLOCK_C), tl.float32)
    square = tl.zeros((BLOCK_P, BLOCK_C), tl.float32)
    for begin in range(tl.program_id(0) * BLOCK_P, pixels, tl.num_programs(0) * BLOCK_P):
        p = begin + tl.arange(0, BLOCK_P)[:, None]
        ok = p < pixels
        v = source(
            near, far, p // width, p % width, c, ok, height, width, near_groups, far_groups, VEC, UP
        )  # fmt: skip
        d = tl.where(ok, v - base, 0.0)
        total += d
        square += d * d
    _leave(partial, tl.sum(total, 0), tl.sum(square, 0), BLOCK_C)
    if _is_last(arrived + column):
        shift = _gather(partial, 0, BLOCK_C) / pixels
        spread = _gather(partial, 1, BLOCK_C) / pixels - shift * shift
        channel = column * BLOCK_C + tl.arange(0, BLOCK_C)
        there = channel < (near_groups + far_groups) * VEC
        tl.store(mean + channel, tl.sum(base, 0) + shift, mask=there)
        tl.store(deviation + channel, 1.0 / tl.sqrt(tl.maximum(spread, 0.0) + epsilon), mask=there)


@triton.jit(do_not_specialize=_SIZES)
def prepare(
    near, far, out, mean, deviation, weight, bias, height, width, near_groups, far_groups,
    border, padding, activation,
    VEC: tl.constexpr, UP: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Normalise, activate and write with a border: out (height + 2 border, width + 2 border, C)."""
    c = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)[None, :]
    wide = width + 2 * border
    p = tl.program_id(0) * BLOCK_P + tl.arange(0, BLOCK_P)[:, None]
    ok = p < (height + 2 * border) * wide
    i = inside(p // wide - border, height, padding)
    j = inside(p % wide - border, width, padding)
    v = source(near, far, i, j, c, ok, height, width, near_groups, far_groups, VEC, UP)
    groups = near_groups + far_groups
    known = c // VEC < groups
    m, d, w, b = _scaling(mean, deviation, weight, bias, c, known)
    u = (v - m) * (d * w) + b
    tl.store(out + p.to(tl.int64) * (groups * VEC) + c, activated(u, activation), mask=ok & known)


@triton.jit(do_not_specialize=_SIZES)
def sums(
    near, far, gradient, gradient_b, partial, arrived, of_bias, of_weight, mean, deviation, weight, bias,
    height, width, near_groups, far_groups, border, border_b, padding, activation,
    TWO: tl.constexpr, VEC: tl.constexpr, UP: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """The gradients of shift and scale, (C,) each; and fold the borders of the gradients, in their place."""
    column = tl.program_id(1)
    c = column * BLOCK_C + tl.arange(0, BLOCK_C)[None, :]
    groups = near_groups + far_groups
    known = c // VEC < groups
    m, d, w, b = _scaling(mean, deviation, weight, bias, c, known)
    pixels = height * width
    plain = tl.zeros((BLOCK_P, BLOCK_C), tl.float32)
    scaled = tl.zeros((BLOCK_P, BLOCK_C), tl.float32)
    for begin in range(tl.program_id(0) * BLOCK_P, pixels, tl.num_programs(0) * BLOCK_P):
        p = begin + tl.arange(0, BLOCK_P)[:, None]
        ok = p < pixels
        i, j = p // width, p % width
        v = source(near, far, i, j, c, ok, height, width, near_groups, far_groups, VEC, UP)
        g = folded(gradient, i, j, c, ok, height, width, groups, border, padding, VEC)
        if TWO:
            g += folded(gradient_b, i, j, c, ok, height, width, groups, border_b, padding, VEC)
        x = (v - m) * d
        g *= slope(x * w + b, activation)
        plain += g
        scaled += g * x
    _leave(partial, tl.sum(plain, 0), tl.sum(scaled, 0), BLOCK_C)
    if _is_last(arrived + column):
        channel = column * BLOCK_C + tl.arange(0, BLOCK_C)
        there = channel < groups * VEC
        tl.store(of_bias + channel, _gather(partial, 0, BLOCK_C), mask=there)
        tl.store(of_weight + channel, _gather(partial, 1, BLOCK_C), mask=there)


@triton.jit(do_not_specialize=_SIZES)
def unprepare(
    x, gradient, gradient_b, out, of_bias, of_weight, mean, deviation, weight, bias,
    height, width, near_groups, all_groups, border, border_b, activation,
    TWO: tl.constexpr, STATISTICS: tl.constexpr, VEC: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """The gradient of the image that was normalised: out (height, width, VEC · near_groups), the first channels of all.

    The borders of the gradients are folded already.
    """
    c = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)[None, :]
    known = c // VEC < near_groups
    pixels = height * width
    p = tl.program_id(0) * BLOCK_P + tl.arange(0, BLOCK_P)[:, None]
    ok = p < pixels
    i, j = p // width, p % width
    m, d, w, b = _scaling(mean, deviation, weight, bias, c, known)
    here = p.to(tl.int64) * (near_groups * VEC) + c
    v = (tl.load(x + here, mask=ok & known, other=0.0).to(tl.float32) - m) * d
    at = ((i + border) * (width + 2 * border) + j + border).to(tl.int64) * (all_groups * VEC) + c
    g = tl.load(gradient + at, mask=ok & known, other=0.0).to(tl.float32)
    if TWO:
        at_b = ((i + border_b) * (width + 2 * border_b) + j + border_b).to(tl.int64) * (all_groups * VEC) + c
        g += tl.load(gradient_b + at_b, mask=ok & known, other=0.0).to(tl.float32)
    g *= slope(v * w + b, activation)
    if STATISTICS:
        of_b = tl.load(of_bias + c, mask=known, other=0.0)
        of_w = tl.load(of_weight + c, mask=known, other=0.0)
        g -= (of_b + v * of_w) / pixels
    tl.store(out + here, g * (d * w), mask=ok & known)


@triton.jit(do_not_specialize=_SIZES)
def undouble(
    x, gradient, out, of_bias, of_weight, mean, deviation, weight,
    height, width, first, near_groups, all_groups, border,
    STATISTICS: tl.constexpr, VEC: tl.constexpr, UP: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """The gradient of the image that was doubled and joined: x and out (height, width, VEC · near_groups).

    Its channels are those from group `first` on of all that were joined. With D the doubling and x̂ the normalised
    image it is  s (Dᵀg − Dᵀ1 Σg/N − Dᵀx̂ Σgx̂/N); Dᵀ1 is 4 everywhere, and DᵀD has three taps in each direction.
    """
    c = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)[None, :]
    known = c // VEC < near_groups
    channel = first * VEC + c
    pixels = height * width
    p = tl.program_id(0) * BLOCK_P + tl.arange(0, BLOCK_P)[:, None]
    ok = p < pixels
    i, j = p // width, p % width
    wide = 2 * width + 2 * border
    g = tl.zeros((BLOCK_P, BLOCK_C), tl.float32)
    reach: tl.constexpr = 2 if UP == 1 else 4
    before: tl.constexpr = 0 if UP == 1 else 1
    for vertical in tl.static_range(reach):
        row = 2 * i + vertical - before
        row_weight = _share(row, 2 * height, vertical, UP)
        for horizontal in tl.static_range(reach):
            column = 2 * j + horizontal - before
            share = row_weight * _share(column, 2 * width, horizontal, UP)
            at = ((row + border) * wide + column + border).to(tl.int64) * (all_groups * VEC) + channel
            g += share * tl.load(gradient + at, mask=ok & known & (share > 0), other=0.0).to(tl.float32)
    d = tl.load(deviation + channel, mask=known, other=0.0)
    w = tl.load(weight + channel, mask=known, other=0.0)
    here = p.to(tl.int64) * (near_groups * VEC) + c
    if STATISTICS:
        m = tl.load(mean + channel, mask=known, other=0.0)
        of_b = tl.load(of_bias + channel, mask=known, other=0.0)
        of_w = tl.load(of_weight + channel, mask=known, other=0.0)
        if UP == 1:
            doubled = 4.0 * tl.load(x + here, mask=ok & known, other=0.0).to(tl.float32)
        else:
            doubled = tl.zeros((BLOCK_P, BLOCK_C), tl.float32)
            for down in tl.static_range(3):
                row = i + down - 1
                row_tap = _tap(row, i, height, down)
                for right in tl.static_range(3):
                    column = j + right - 1
                    tap = row_tap * _tap(column, j, width, right)
                    at = (row * width + column).to(tl.int64) * (near_groups * VEC) + c
                    doubled += tap * tl.load(x + at, mask=ok & known & (tap > 0), other=0.0).to(tl.float32)
        g -= (4.0 * of_b + (doubled - 4.0 * m) * d * of_w) / (4.0 * pixels)
    tl.store(out + here, g * (d * w), mask=ok & known)


@triton.jit
def _share(at, size, which: tl.constexpr, UP: tl.constexpr):
    """What a line of the doubled image took from the line in question, 0 beyond the ends."""
    if UP == 1:
        share = tl.full(at.shape, 1.0, tl.float32)
    else:
        usual: tl.constexpr = 0.75 if which == 1 or which == 2 else 0.25
        share = tl.full(at.shape, usual, tl.float32)
        if which == 1:
            share = tl.where(at == 0, 1.0, share)
        if which == 2:
            share = tl.where(at == size - 1, 1.0, share)
    return tl.where((at >= 0) & (at < size), share, 0.0)


@triton.jit
def _tap(at, own, size, which: tl.constexpr):
    """The taps of DᵀD along one direction: 3/8, 5/4, 3/8; in the middle 3/8 more for a neighbour that is missing."""
    if which == 1:
        tap = 1.25 + tl.where(own == 0, 0.375, 0.0) + tl.where(own == size - 1, 0.375, 0.0)
    else:
        tap = tl.full(at.shape, 0.375, tl.float32)
    return tl.where((at >= 0) & (at < size), tap, 0.0)
