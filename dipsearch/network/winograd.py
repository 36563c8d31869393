"""3×3 convolutions with a quarter of the multiplications, for CPUs.

The output is cut into tiles of 4×4. Each 6×6 patch of the input, and the kernel, are moved to a basis in
which the convolution is 36 separate products, so that a tile costs 36 multiplications per pair of channels
instead of 144 (Winograd, 1980; Lavin and Gray, 2016, arXiv:1509.09308, F(4×4, 3×3)). The products of all
tiles are 36 plain matrix products. Forward, input gradient and weight gradient all work in this basis, and
the two gradients share the transformed output gradient. The rounding error is two to three times that of the
direct sum.

A change of basis costs the same per pixel and channel however many channels it leads to, so narrow layers
gain nothing, and neither do small images: `pays` draws the line where the measurements did
(benchmarks/README.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

_Part = TypeVar("_Part")

TILE = 4  # output pixels per side, F(4 × 4, 3 × 3) of Lavin and Gray 2016, arXiv:1509.09308: a quarter of the products
_PATCH = TILE + 2

# Tiles that are transformed at a time: enough for the matrix products, few enough for the caches.
_TILES_AT_ONCE = 512

# Channels in times out, and pixels: below, the transforms take longer than what they save.
_LEAST_PRODUCTS = 48 * 48
_LEAST_PIXELS = 48 * 48

# Interpolation at 0, ±1, ±2 and infinity; the changes of basis below are the matching Bᵀ and Aᵀ.
_KERNEL_BASIS = (
    (1 / 4, 0.0, 0.0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0.0, 0.0, 1.0),
)


def pays(x: Tensor, weight: Tensor, *, border: int = 0) -> bool:
    """Whether this form is possible and faster than the direct one, for a convolution with stride 1.

    Args:
        x: (1, C, H', W'). weight: (O, C, k, k).
        border: pixels that are still to be added around `x`.
    """
    channels_out, channels_in, kernel, _ = weight.shape
    height, width = x.shape[2] + 2 * border - 2, x.shape[3] + 2 * border - 2
    return (
        kernel == 3
        and channels_in * channels_out >= _LEAST_PRODUCTS
        and height * width >= _LEAST_PIXELS
        and height % TILE == width % TILE == 0
    )


def winograd(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The 3×3 convolution of one image that is padded already.

    Args:
        x: (1, C, H + 2, W + 2); H and W multiples of `TILE`. weight: (O, C, 3, 3). bias: (O,).

    Returns:
        (1, O, H, W), channels last.
    """
    result: Tensor = _Winograd.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return result


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        image, kernel = _pixels_first(x), _kernel_in_basis(weight)
        height, width, channels = image.shape[0] - 2, image.shape[1] - 2, weight.shape[0]
        y = image.new_empty(height, width, channels)
        for top, rows in _bands(y):
            products = torch.bmm(_patches_in_basis(image[top : top + rows + 2]), kernel)
            _leave_basis(products, out=y[top : top + rows])
        y.add_(bias)
        return _channels_first(y)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        image, gradient = _pixels_first(x), _pixels_first(gradients[0])
        transposed = _kernel_in_basis(weight).transpose(1, 2)
        of_image = torch.zeros_like(image) if ctx.needs_input_grad[0] else None
        of_kernel = image.new_zeros(_PATCH**2, image.shape[2], gradient.shape[2])
        for top, rows in _bands(gradient):
            products = _enter_basis(gradient[top : top + rows])
            patches = _patches_in_basis(image[top : top + rows + 2])
            of_kernel.baddbmm_(patches.transpose(1, 2), products)
            if of_image is not None:
                _add_patches(torch.bmm(products, transposed), out=of_image[top : top + rows + 2])
        of_x = None if of_image is None else _channels_first(of_image)
        return of_x, _kernel_out_of_basis(of_kernel), gradient.sum((0, 1))


def _pixels_first(x: Tensor) -> Tensor:
    return x[0].permute(1, 2, 0).contiguous()  # (H, W, C); a view of a channels-last image


def _channels_first(image: Tensor) -> Tensor:
    # PyTorch sees channels last only when the stride of the batch, though its size is 1, says so too.
    return image.as_strided((1, *image.shape), (image.numel(), *image.stride())).permute(0, 3, 1, 2)


def _bands(image: Tensor) -> list[tuple[int, int]]:
    """Where bands of whole rows of tiles begin in an image (H, W, C), and how many pixels high they are."""
    height, width, _ = image.shape
    step = TILE * max(1, _TILES_AT_ONCE * TILE // width)
    return few_on_meta([(top, min(step, height - top)) for top in range(0, height, step)], image)


def few_on_meta(parts: list[_Part], x: Tensor) -> list[_Part]:
    """All parts of a work that is done piece by piece; two for a meta tensor, where the others repeat the second.

    Meta tensors are computed with to learn how much memory the work takes, and that is the same for each part.
    """
    return parts[:2] if x.device.type == "meta" else parts


def _kernel_in_basis(weight: Tensor) -> Tensor:
    """(O, C, 3, 3) -> (36, C, O)."""
    basis = weight.new_tensor(_KERNEL_BASIS)
    return torch.einsum("ia,jb,ocab->ijco", basis, basis, weight).flatten(0, 1).contiguous()


def _kernel_out_of_basis(kernel: Tensor) -> Tensor:
    """The adjoint: (36, C, O) -> (O, C, 3, 3)."""
    basis = kernel.new_tensor(_KERNEL_BASIS)
    return torch.einsum("ia,jb,ijco->ocab", basis, basis, kernel.view(_PATCH, _PATCH, *kernel.shape[1:]))


def _patches_in_basis(band: Tensor) -> Tensor:
    """All 6×6 patches, four pixels apart, in the new basis: (4h + 2, 4w + 2, C) -> (36, h·w, C)."""
    height, width, channels = band.shape[0] // TILE, band.shape[1] // TILE, band.shape[2]
    rows = band.new_empty(_PATCH, height, band.shape[1], channels)
    _change_patches(_every_fourth(band, 0, height), rows.unbind())
    both = band.new_empty(_PATCH, _PATCH, height, width, channels)
    _change_patches(_every_fourth(rows, 2, width), both.unbind(1))
    return both.view(_PATCH**2, height * width, channels)


def _add_patches(patches: Tensor, *, out: Tensor) -> None:
    """The adjoint of `_patches_in_basis`; adds to `out`, (4h + 2, 4w + 2, C)."""
    height, width, channels = out.shape[0] // TILE, out.shape[1] // TILE, out.shape[2]
    both = patches.view(_PATCH, _PATCH, height, width, channels)
    rows = patches.new_empty(_PATCH, height, out.shape[1], channels)
    rows[:, :, TILE * width :] = 0
    _change_patches_back(both.unbind(1), _every_fourth(rows, 2, width))
    above = out[:2].clone()  # what the band above has left here
    out[TILE * height :] = 0
    _change_patches_back(rows.unbind(), _every_fourth(out, 0, height))
    out[:2] += above


def _leave_basis(products: Tensor, *, out: Tensor) -> None:
    """(36, h·w, O) -> tiles of `out`, (4h, 4w, O)."""
    height, width, channels = out.shape[0] // TILE, out.shape[1] // TILE, out.shape[2]
    both = products.view(_PATCH, _PATCH, height, width, channels)
    rows = products.new_empty(TILE, _PATCH, height, width, channels)
    _change_tiles(both.unbind(), rows.unbind())
    tiles = out.view(height, TILE, width, TILE, channels).permute(1, 3, 0, 2, 4)
    _change_tiles(rows.unbind(1), tiles.unbind(1))


def _enter_basis(band: Tensor) -> Tensor:
    """The adjoint of `_leave_basis`: (4h, 4w, O) -> (36, h·w, O)."""
    height, width, channels = band.shape[0] // TILE, band.shape[1] // TILE, band.shape[2]
    tiles = band.view(height, TILE, width, TILE, channels).permute(1, 3, 0, 2, 4)
    rows = band.new_empty(_PATCH, TILE, height, width, channels)
    _change_tiles_back(tiles.unbind(), rows.unbind())
    both = band.new_empty(_PATCH, _PATCH, height, width, channels)
    _change_tiles_back(rows.unbind(1), both.unbind(1))
    return both.view(_PATCH**2, height * width, channels)


def _every_fourth(x: Tensor, dim: int, count: int) -> list[Tensor]:
    """The six views of `x` that hold the first, second … sixth pixel of each patch along `dim`."""
    last = TILE * (count - 1) + 1
    return [x.narrow(dim, i, last)[(slice(None),) * dim + (slice(None, None, TILE),)] for i in range(_PATCH)]


# The four changes of basis along one axis. Each line is a few passes over memory, which is what they cost, so
# sums that several rows of the matrices share are made once, in place of a result that is finished later.


def _change_patches(d: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """out = Bᵀ d."""
    torch.sub(d[4], d[2], out=out[0])
    torch.sub(d[3], d[1], out=out[5])
    torch.add(out[0], out[5], alpha=2, out=out[3])  # d4 - d2 + 2 (d3 - d1)
    torch.sub(out[0], out[5], alpha=2, out=out[4])  # d4 - d2 - 2 (d3 - d1)
    out[0].add_(d[0], alpha=4).sub_(d[2], alpha=4)  # 4 d0 - 5 d2 + d4
    out[5].mul_(-4).add_(d[5]).sub_(d[3])  # 4 d1 - 5 d3 + d5
    torch.sub(d[4], d[2], alpha=4, out=out[1])
    torch.sub(d[3], d[1], alpha=4, out=out[2])
    out[1].add_(out[2])  # d4 - 4 d2 + (d3 - 4 d1)
    torch.sub(out[1], out[2], alpha=2, out=out[2])  # d4 - 4 d2 - (d3 - 4 d1)


def _change_patches_back(r: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """out += B r, where out[4:] overlap the next patch's out[:2]; out[:4] are written first."""
    plus, minus = r[1] + r[2], r[1] - r[2]
    plus_2, minus_2 = r[3] + r[4], r[3] - r[4]
    torch.mul(r[0], 4, out=out[0])
    torch.sub(r[5], minus, out=out[1])
    out[1].mul_(4).sub_(minus_2, alpha=2)  # -4 r1 + 4 r2 - 2 r3 + 2 r4 + 4 r5
    torch.add(plus_2, plus, alpha=4, out=out[2])
    out[2].add_(r[0], alpha=5).neg_()  # -5 r0 - 4 r1 - 4 r2 - r3 - r4
    torch.add(minus, minus_2, alpha=2, out=out[3])
    out[3].sub_(r[5], alpha=5)  # r1 - r2 + 2 r3 - 2 r4 - 5 r5
    out[4].add_(r[0]).add_(plus).add_(plus_2)  # r0 + r1 + r2 + r3 + r4
    out[5].add_(r[5])


def _change_tiles(m: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """out = Aᵀ m."""
    torch.add(m[1], m[2], out=out[0])
    torch.sub(m[1], m[2], out=out[1])
    plus_2, minus_2 = m[3] + m[4], m[3] - m[4]
    torch.add(out[0], plus_2, alpha=4, out=out[2])  # m1 + m2 + 4 (m3 + m4)
    torch.add(out[1], minus_2, alpha=8, out=out[3])
    out[3].add_(m[5])  # m1 - m2 + 8 (m3 - m4) + m5
    out[0].add_(plus_2).add_(m[0])  # m0 + m1 + m2 + m3 + m4
    out[1].add_(minus_2, alpha=2)  # m1 - m2 + 2 (m3 - m4)


def _change_tiles_back(y: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """out = A y."""
    even, odd = y[0] + y[2], y[1] + y[3]
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    even.add_(y[2], alpha=3)
    odd.add_(y[3], alpha=3)
    torch.add(even, odd, alpha=2, out=out[3])  # y0 + 2 y1 + 4 y2 + 8 y3
    torch.sub(even, odd, alpha=2, out=out[4])  # y0 - 2 y1 + 4 y2 - 8 y3
    out[0].copy_(y[0])
    out[5].copy_(y[3])
