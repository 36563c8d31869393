"""Decoding: from a path to a raster, by the one decoder that knows the format, and in words where that fails.

Decoders of damaged files raise whatever their bytes lead them to; here it becomes one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from PIL import UnidentifiedImageError

from ...errors import InputError
from .pillow_files import pillow_header, read_with_pillow
from .raster import Header, Raster
from .sources import is_sample
from .tiff import read_tiff, tiff_header

T = TypeVar("T")

OUR_FORMATS = (b"\x89PNG", b"\xff\xd8", b"BM", b"RIFF", b"II", b"MM")
"""What files begin with that are read."""

OTHER_FORMATS = {
    (0, b"GIF8"): "a GIF",
    (0, b"8BPS"): "a Photoshop document",
    (0, b"%PDF"): "a PDF",
    (0, b"\xff\x0a"): "a JPEG XL picture",
    (4, b"JXL "): "a JPEG XL picture",
    (4, b"jP  "): "a JPEG 2000 picture",
    (4, b"ftypavif"): "an AVIF picture",
    (4, b"ftyphei"): "a HEIC picture",
    (4, b"ftypmif1"): "a HEIC picture",
    (0, b"v/1\x01"): "an OpenEXR picture",
    (0, b"SIMPLE  ="): "a FITS file",
    (0, b"\x89HDF"): "an HDF5 file",
    (0, b"\x93NUMPY"): "a NumPy array",
}
"""What people give that is not read: the bytes that it begins with, where they lie, and what it is."""


def decoded(path: Path, *, axes: str | None = None, plane: int | None = None) -> Raster:
    """Read one picture with the decoder of its format.

    Args:
        axes, plane: of a TIFF, as ``read_tiff`` has them.

    Raises:
        InputError: no such file, not a picture, damaged, or too large.
    """

    def read() -> Raster:
        if _is_tiff(path):
            return read_tiff(path, axes=axes, plane=plane)
        if plane is not None:
            raise InputError(
                f"picture {plane} of {path} was asked for", "only a TIFF holds several", f"write {path}"
            )
        return read_with_pillow(path)

    if path.is_dir():
        raise InputError(
            f"{path} is a folder", "a picture file is needed here", "name one of the files in it"
        )
    return _guarded(path, read)


def header_of(path: Path, *, axes: str | None = None) -> Header:
    """What a picture file says of itself; nothing of it is decoded.

    Raises:
        InputError: no such file, not a picture, a header that is damaged, too large, or a stack of unknown axes.
    """
    return _guarded(path, lambda: tiff_header(path, axes=axes) if _is_tiff(path) else pillow_header(path))


def _guarded(path: Path, read: Callable[[], T]) -> T:
    """What a decoder returns; whatever it raises of a file becomes words."""
    try:
        if path.stat().st_size == 0:
            raise InputError(
                f"{path} is empty (0 bytes)", "a picture file is needed", "copy or save it again"
            )
        return read()
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
        if isinstance(error, UnidentifiedImageError) and (what := _what_it_is(path)):
            raise InputError(
                f"{path} cannot be read as a picture (it is {what})",
                "PNG, TIFF, JPEG, BMP and WebP are read, whatever the suffix says",
                "save or export it as PNG, or as TIFF where it has more than 16 bits",
            ) from error
        # Decoders of damaged files raise whatever their bytes lead them to; all of it means the same here.
        reason = (str(error) or type(error).__name__).splitlines()[0].replace(f" '{path}'", "")
        raise InputError(
            f"{path} cannot be read as a picture ({reason})",
            "PNG, TIFF, JPEG, BMP and WebP files that are whole are read",
            "open it in a viewer to see whether it is damaged, then save it again as PNG",
        ) from error


def _what_it_is(path: Path) -> str:
    """What a file is that is no picture of ours; empty for one that is, but damaged."""
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(OUR_FORMATS):
        return ""
    known = (what for (place, mark), what in OTHER_FORMATS.items() if start[place:].startswith(mark))
    return next(known, "none of a format that is read")


def stacked_sources(sources: Sequence[str], *, axes: str | None) -> tuple[str, ...]:
    """Return the sources with every stack replaced by its planes.

    Raises:
        InputError: a stack of which nobody says what its axes are.
    """
    found: list[str] = []
    for source in sources:
        path = Path(source)
        planes = None if is_sample(source) or not path.is_file() else header_of(path, axes=axes).planes
        found.extend([source] if planes is None else [f"{source}[{plane}]" for plane in range(planes)])
    return tuple(found)


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
