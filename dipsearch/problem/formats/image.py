"""An image: a picture as a float tensor, with what is needed to write it back as faithfully as it was read.

Every flow begins and ends here. Whole numbers become [0, 1] by division by the largest value of their type,
floats stay as they are; nothing is resized, cropped or colour-managed. EXIF orientation is applied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError
from ...files import replacing
from .container import Container
from .decoding import decoded
from .pillow_files import save_with_pillow
from .png import encode_png16
from .raster import MAX_PIXELS as MAX_PIXELS
from .raster import Samples, to_integers, to_unit
from .sources import is_reserved, is_sample, picture_name, plane_of, sample_path, sample_side
from .tiff_writer import save_tiff

TIFF_SUFFIXES = (".tif", ".tiff")
JPEG_SUFFIXES = (".jpg", ".jpeg")
WRITTEN_SUFFIXES = (".png", *TIFF_SUFFIXES, *JPEG_SUFFIXES, ".bmp", ".webp")


@dataclass(frozen=True, eq=False)
class Image:
    """A picture as it was read.

    Attributes:
        pixels: (1, C, H, W) float32; whole numbers of 8 and 16 bits scaled to [0, 1], others as they are, and float64
            where 32 bits would round them.
        alpha: (1, 1, H, W) in [0, 1], or None when the file has no alpha channel.
        bits: 8, 16, or 32 for others: how the picture is written back.
        name: the file's stem or the sample's name, safe in file names.
        container: what the file holds besides its pixels; None of a sample.
        samples: (H, W, C), the values as the file has them; None of a sample.
    """

    pixels: Tensor
    alpha: Tensor | None
    bits: int
    name: str
    container: Container | None = None
    samples: Samples | None = None


def read_image(source: str | Path, *, axes: str | None = None, finite: bool = True) -> Image:
    """Read a picture from a path, from ``FILE[3]``, a plane of a stack, or from ``sample:NAME``.

    PNG (1 to 16 bits, grey, palette, RGB, alpha), TIFF (8 or 16 bits, float, any channel count, alpha), JPEG,
    BMP and WebP. Any size from 1 × 1 to ``MAX_PIXELS``.

    Args:
        axes: of a TIFF, a letter for each axis of its array, as ``Stack`` has them; None: as the file says.
        finite: refuse NaN and infinity; else they come as they are, for whoever knows what lies there.

    Raises:
        InputError: no such file or sample, not a picture, damaged, too large, or NaN or infinity in it.
    """
    side = sample_side(source)
    path, plane = (sample_path(str(source)), None) if is_sample(source) else plane_of(source)
    raster = decoded(path, axes=axes, plane=plane)
    samples = to_unit(raster.samples)
    if samples.size == 0:
        raise InputError(
            f"{path} holds no pixel ({' × '.join(map(str, samples.shape))})",
            "a picture has at least one",
            "copy or save it again",
        )
    if side is not None:
        samples = _reduced(samples, side)
    if finite:
        refuse_gaps(path, int((~np.isfinite(samples)).sum()))
    return Image(
        pixels=_tensor(samples),
        alpha=None
        if raster.alpha is None
        else _tensor(_opacity(raster.alpha)[..., None]).float().clamp(0, 1),
        bits=raster.bits,
        container=None if is_sample(source) else raster.container,
        samples=None if is_sample(source) else raster.samples,
        name=image_name(source),
    )


def refuse_gaps(path: str | Path, count: int, *, where: str = "") -> None:
    """Raise InputError where a picture holds so many values that are no numbers; ``where`` says of which part."""
    if count:
        raise InputError(
            f"{path} holds {count:,} values that are NaN or infinite{where}",
            "every value that was measured has to be a finite number",
            "replace them, or with --task inpaint mark them as missing by --mask FILE",
        )


def _opacity(alpha: Samples) -> Samples:
    """Alpha in [0, 1]: of whole numbers the largest of their type is opaque."""
    return alpha / np.float32(np.iinfo(alpha.dtype).max) if alpha.dtype.kind in "iu" else to_unit(alpha)


def image_name(source: str | Path) -> str:
    """What a picture is called: its file's stem or the sample's name, with ``_`` for what no file of some system has.

    Windows takes none of ``<>:"/\\|?*``, no dot or space at the end and no name of a device.
    """
    letters = (one if one.isprintable() and one not in '<>:"/\\|?*' else "_" for one in picture_name(source))
    safe = "".join(letters).strip(". ") or "image"
    return f"{safe}_" if is_reserved(safe) else safe


def write_image(
    path: str | Path,
    pixels: Tensor,
    *,
    bits: int = 8,
    alpha: Tensor | None = None,
    container: Container | None = None,
    kept: tuple[Samples, NDArray[np.bool_]] | None = None,
) -> None:
    """Write a picture, in full or not at all; the suffix decides the format.

    PNG takes 1, 3 or 4 channels (the fourth is alpha) at 8 or 16 bits, WebP the same at 8 bits, JPEG and BMP 1 or 3 at
    8 bits, TIFF any number at 8, 16 or 32 bits. Whole-number formats clip to [0, 1] and round; TIFF of 32 bits keeps
    the values, as floats or in the type that ``container`` names.

    Args:
        pixels: (1, C, H, W).
        bits: 8, 16, or 32 for what is not scaled.
        alpha: (1, 1, H, W) in [0, 1], written as the alpha channel.
        container: what else goes into the file, and how it is laid out.
        kept: samples (H, W, C) as they were read, and where (H, W) they are written as they are.

    Raises:
        InputError: the format cannot hold this picture, or a value is NaN or infinite.
        ResourceError: the system refused to write.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    refuse_unwritable(path, channels=pixels.shape[1], bits=bits, with_alpha=alpha is not None)
    samples = _put_back(_encoded(pixels, path, bits, container), kept)
    if alpha is not None:
        samples = np.concatenate([samples, _encoded(alpha, path, bits, container, opaque=True)], axis=2)
    with replacing(path) as temporary:
        if suffix in TIFF_SUFFIXES:
            save_tiff(temporary, samples, with_alpha=alpha is not None, container=container)
        elif bits == 16:
            size = samples.shape[0], samples.shape[1]
            temporary.write_bytes(encode_png16(samples, container.chunks_for(size) if container else ()))
        else:
            save_with_pillow(temporary, samples, container)


def _encoded(
    values: Tensor, path: Path, bits: int, container: Container | None, *, opaque: bool = False
) -> Samples:
    """(1, C, H, W) -> (H, W, C) of the type that is written; ``opaque``: of whole numbers 1 stands for the largest."""
    floats = values.detach()[0].permute(1, 2, 0).to("cpu").numpy()
    floats = floats if floats.dtype == np.float64 else floats.astype(np.float32)
    if not np.isfinite(floats).all():
        raise InputError(
            f"the picture for {path} holds values that are NaN or infinite",
            "only finite values are written",
            "find out why the fit diverged; a smaller learning rate helps",
        )
    if bits != 32:
        return to_integers(floats, bits)
    dtype = container.tiff.dtype if container is not None and container.tiff is not None else np.dtype("f4")
    if dtype.kind == "f":
        return floats.astype(dtype)
    ends = np.iinfo(dtype)
    scaled = floats.astype(np.float64) * (ends.max if opaque else 1)
    return np.clip(np.rint(scaled), ends.min, ends.max).astype(dtype)


def write_planes(
    path: Path,
    planes: Sequence[Tensor],
    *,
    bits: int,
    container: Container,
    alphas: Sequence[Tensor] | None,
    kept: Sequence[tuple[Samples, NDArray[np.bool_]] | None],
) -> None:
    """Write all planes (1, C, H, W) of a stack to one TIFF, laid out as ``container`` says; see ``write_image``."""
    samples = [
        _put_back(_encoded(one, path, bits, container), unchanged)
        for one, unchanged in zip(planes, kept, strict=True)
    ]
    if alphas is not None:
        opaque = [_encoded(one, path, bits, container, opaque=True) for one in alphas]
        samples = [np.concatenate(pair, axis=2) for pair in zip(samples, opaque, strict=True)]
    with replacing(path) as temporary:
        save_tiff(temporary, samples, with_alpha=alphas is not None, container=container)


def _put_back(samples: Samples, kept: tuple[Samples, NDArray[np.bool_]] | None) -> Samples:
    return samples if kept is None else np.where(kept[1][..., None], kept[0].astype(samples.dtype), samples)


def natural_suffix(channels: int, bits: int) -> str:
    """Return the suffix that holds such a picture without loss: ``.png`` where PNG can, else ``.tiff``."""
    return ".png" if channels in (1, 3) and bits in (8, 16) else ".tiff"


def image_digest(pixels: Tensor) -> str:
    """Return 12 hexadecimal digits that identify a picture: sha256 over its shape and its float32 values."""
    values = np.ascontiguousarray(pixels.detach().to("cpu", torch.float32).numpy(), dtype="<f4")
    return hashlib.sha256(str(values.shape).encode() + values.tobytes()).hexdigest()[:12]


def _reduced(samples: Samples, side: int) -> Samples:
    """Average areas until the longer side has ``side`` pixels, and round to 8 bits as a file would have it."""
    longer = max(samples.shape[:2])
    if side >= longer:
        return samples
    shape = [max(1, round(size * side / longer)) for size in samples.shape[:2]]
    from skimage.transform import resize  # slow to import, and only samples need it

    small = resize(samples, (*shape, samples.shape[2]), order=1, anti_aliasing=True)  # type: ignore[no-untyped-call]
    return np.asarray(np.round(small * 255) / 255, dtype=np.float32)


def _tensor(samples: Samples) -> Tensor:
    """(H, W, C) array -> (1, C, H, W) tensor of its own memory."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(samples, -1, 0))[None].copy())


def refuse_unwritable(path: Path, *, channels: int, bits: int, with_alpha: bool) -> None:
    """Raise InputError when a file of this suffix cannot hold such a picture."""
    suffix = path.suffix.lower()
    if suffix not in WRITTEN_SUFFIXES:
        raise InputError(
            f"{path} ends in {path.suffix or 'no suffix'}",
            "pictures are written as " + ", ".join(WRITTEN_SUFFIXES),
            "choose one of these suffixes",
        )
    if bits not in (8, 16, 32):
        raise InputError(f"bits is {bits}", "8, 16 and 32 (float) are written", "choose one of them")
    if suffix in TIFF_SUFFIXES:
        return
    if bits > (16 if suffix == ".png" else 8):
        raise InputError(
            f"{path.name} cannot hold {bits} bits per value",
            "JPEG, BMP and WebP hold 8 bits, PNG 8 or 16, TIFF also 32 (float)",
            "write a .tiff instead",
        )
    opaque = suffix in (*JPEG_SUFFIXES, ".bmp")
    colours_held = (1, 3) if opaque or with_alpha else (1, 3, 4)
    if channels not in colours_held or (opaque and with_alpha):
        raise InputError(
            f"{path.name} cannot hold {channels} channels" + (" and alpha" if with_alpha else ""),
            "PNG and WebP hold 1, 3 or 4 channels (4 with alpha), JPEG and BMP 1 or 3, TIFF any number",
            "write a .tiff instead",
        )
