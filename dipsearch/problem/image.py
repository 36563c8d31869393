"""An image: a picture as a float tensor, with what is needed to write it back as faithfully as it was read.

Every flow begins and ends here. Whole numbers become [0, 1] by division by the largest value of their type,
floats stay as they are; nothing is resized, cropped or colour-managed. EXIF orientation is applied.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..files import replacing
from .pillow_files import read_with_pillow, save_with_pillow
from .png import encode_png16
from .raster import MAX_PIXELS, Raster, Samples, to_integers, to_unit
from .sources import is_sample, picture_name, sample_path, sample_side
from .tiff import read_tiff, save_tiff

__all__ = [
    "MAX_PIXELS",
    "Image",
    "image_digest",
    "image_name",
    "is_sample",
    "natural_suffix",
    "read_image",
    "write_image",
]

TIFF_SUFFIXES = (".tif", ".tiff")
WRITTEN_SUFFIXES = (".png", *TIFF_SUFFIXES, ".jpg", ".jpeg")


@dataclass(frozen=True, eq=False)
class Image:
    """A picture as it was read.

    Attributes:
        pixels: (1, C, H, W) float32; whole numbers scaled to [0, 1], float TIFF as it is.
        alpha: (1, 1, H, W) in [0, 1], or None when the file has no alpha channel.
        bits: 8, 16, or 32 for float: how the picture is written back.
        name: the file's stem or the sample's name, safe in file names.
    """

    pixels: Tensor
    alpha: Tensor | None
    bits: int
    name: str


def read_image(source: str | Path) -> Image:
    """Read a picture from a path or from ``sample:NAME``.

    PNG (1 to 16 bits, grey, palette, RGB, alpha), TIFF (8 or 16 bits, float, any channel count, alpha), JPEG,
    BMP and WebP. Any size from 1 × 1 to ``MAX_PIXELS``.

    Raises:
        InputError: no such file or sample, not a picture, damaged, too large, or NaN or infinity in it.
    """
    side = sample_side(source)
    path = sample_path(str(source)) if is_sample(source) else Path(source)
    raster = _read(path)
    samples = to_unit(raster.samples)
    if samples.size == 0:
        raise InputError(
            f"{path} holds no pixel ({' × '.join(map(str, samples.shape))})",
            "a picture has at least one",
            "copy or save it again",
        )
    if side is not None:
        samples = _reduced(samples, side)
    if not np.isfinite(samples).all():
        raise InputError(
            f"{path} holds {(~np.isfinite(samples)).sum():,} values that are NaN or infinite",
            "every value has to be a finite number",
            "replace them, or set them to 0 in all channels to have these pixels inpainted",
        )
    return Image(
        pixels=_tensor(samples),
        alpha=None if raster.alpha is None else _tensor(to_unit(raster.alpha)[..., None]).clamp(0, 1),
        bits=raster.bits,
        name=image_name(source),
    )


def image_name(source: str | Path) -> str:
    """What a picture is called: its file's stem or the sample's name, safe in file names."""
    return re.sub(r"[^\w.-]+", "_", picture_name(source)).lstrip(".") or "image"


def write_image(path: str | Path, pixels: Tensor, *, bits: int = 8, alpha: Tensor | None = None) -> None:
    """Write a picture, in full or not at all; the suffix decides the format.

    PNG takes 1, 3 or 4 channels (the fourth is alpha) at 8 or 16 bits, JPEG 1 or 3 at 8 bits, TIFF any
    number at 8, 16 or 32 (float) bits. Whole-number formats clip to [0, 1] and round; float TIFF keeps the
    values.

    Args:
        pixels: (1, C, H, W).
        bits: 8, 16, or 32 for float.
        alpha: (1, 1, H, W) in [0, 1], written as the alpha channel.

    Raises:
        InputError: the format cannot hold this picture, or a value is NaN or infinite.
        ResourceError: the system refused to write.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    planes = pixels if alpha is None else torch.cat([pixels, alpha.to(pixels)], dim=1)
    _refuse_unwritable(path, channels=pixels.shape[1], bits=bits, with_alpha=alpha is not None)
    values = planes.detach()[0].permute(1, 2, 0).to("cpu", torch.float32).numpy()
    if not np.isfinite(values).all():
        raise InputError(
            f"the picture for {path} holds values that are NaN or infinite",
            "only finite values are written",
            "find out why the fit diverged; a smaller learning rate helps",
        )
    samples: Samples = values if bits == 32 else to_integers(values, bits)
    with replacing(path) as temporary:
        if suffix in TIFF_SUFFIXES:
            save_tiff(temporary, samples, with_alpha=alpha is not None)
        elif bits == 16:
            temporary.write_bytes(encode_png16(samples))
        else:
            save_with_pillow(temporary, samples)


def natural_suffix(channels: int, bits: int) -> str:
    """Return the suffix that holds such a picture without loss: ``.png`` where PNG can, else ``.tiff``."""
    return ".png" if channels in (1, 3) and bits in (8, 16) else ".tiff"


def image_digest(pixels: Tensor) -> str:
    """Return 12 hexadecimal digits that identify a picture: sha256 over its shape and its float32 values."""
    values = np.ascontiguousarray(pixels.detach().to("cpu", torch.float32).numpy(), dtype="<f4")
    return hashlib.sha256(str(values.shape).encode() + values.tobytes()).hexdigest()[:12]


def _read(path: Path) -> Raster:
    if path.is_dir():
        raise InputError(
            f"{path} is a folder", "a picture file is needed here", "name one of the files in it"
        )
    try:
        if path.stat().st_size == 0:
            raise InputError(
                f"{path} is empty (0 bytes)", "a picture file is needed", "copy or save it again"
            )
        return read_tiff(path) if _is_tiff(path) else read_with_pillow(path)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(
            f"there is no file {path}",
            "an image is a path or sample:NAME",
            "check the spelling and the folder",
        ) from error
    except PermissionError as error:
        raise InputError(
            f"{path} may not be read", "read permission is needed", "check its permissions"
        ) from error
    except Exception as error:
        # Decoders of damaged files raise whatever their bytes lead them to; all of it means the same here.
        reason = (str(error) or type(error).__name__).splitlines()[0].replace(f" '{path}'", "")
        raise InputError(
            f"{path} cannot be read as a picture ({reason})",
            "PNG, TIFF, JPEG, BMP and WebP files that are whole are read",
            "open it in a viewer to see whether it is damaged, then save it again as PNG",
        ) from error


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


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


def _refuse_unwritable(path: Path, *, channels: int, bits: int, with_alpha: bool) -> None:
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
    jpeg = suffix != ".png"
    if bits > (8 if jpeg else 16):
        raise InputError(
            f"{path.name} cannot hold {bits} bits per value",
            "JPEG holds 8 bits, PNG 8 or 16, TIFF also 32 (float)",
            "write a .tiff instead",
        )
    colours_held = (1, 3) if jpeg or with_alpha else (1, 3, 4)
    if channels not in colours_held or (jpeg and with_alpha):
        raise InputError(
            f"{path.name} cannot hold {channels} channels" + (" and alpha" if with_alpha else ""),
            "PNG holds 1, 3 or 4 channels (4 with alpha), JPEG 1 or 3, TIFF any number",
            "write a .tiff instead",
        )
