"""What of a picture file is no pixel, read by other eyes than those of the product, and compared before and after."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image as Pillow

Parts = dict[str, Any]

# Tags whose values follow from where the pixels lie in the file.
PLACES = {273, 279, 324, 325, 34665, 34853, 330}
FOLDERS = {34665: "ExifTag", 34853: "GPSTag"}


def parts_of(path: Path) -> Parts:
    """Everything of a file that is no pixel, by name: profile, EXIF, resolution, text, tags, layout, type."""
    with path.open("rb") as file:
        start = file.read(2)
    return _tiff(path) if start in (b"II", b"MM") else _other(path)


def lost_parts(before: Mapping[str, Any], after: Mapping[str, Any], allowed: Mapping[str, str]) -> list[str]:
    """The names of parts that are not as they were, or are new; ``allowed`` are those that must not be."""
    return [
        name
        for name in sorted({*before, *after})
        if name not in allowed and not _same(before.get(name), after.get(name))
    ]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return all(_same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and bool(np.isclose(one, other, rtol=1e-3))
    return bool(one == other)


def _other(path: Path) -> Parts:
    with Pillow.open(path) as image:
        image.load()
        exif = image.getexif()
        parts: Parts = {"format": "JPEG" if image.format == "MPO" else image.format, "size": image.size}
        parts["mode"] = {"P": "RGB", "1": "L", "PA": "RGBA"}.get(image.mode, image.mode)
        parts["profile"] = _short(image.info.get("icc_profile"))
        parts["dpi"] = tuple(float(one) for one in image.info["dpi"]) if "dpi" in image.info else None
        parts["xmp"] = image.info.get("xmp")
        parts["text"] = dict(sorted(getattr(image, "text", {}).items())) or None
        parts["gamma"] = image.info.get("gamma")
        for name, folder in (
            ("exif", exif),
            ("camera", exif.get_ifd(0x8769)),
            ("place", exif.get_ifd(0x8825)),
        ):
            kept = {key: value for key, value in sorted(folder.items()) if key not in (0x8769, 0x8825)}
            parts[name] = kept or None
        if image.mode in ("RGBA", "LA"):
            parts["alpha"] = _short(np.asarray(image)[..., -1].tobytes())
    return parts


def _tiff(path: Path) -> Parts:
    with tifffile.TiffFile(path) as file:
        series, page = file.series[0], file.pages.first
        parts: Parts = {
            "format": "TIFF",
            "byte order": file.byteorder,
            "big": file.is_bigtiff,
            "axes": series.axes,
            "shape": series.shape,
            "type": series.dtype.str[1:],
            "imagej": file.imagej_metadata,
            "ome": file.ome_metadata,
        }
        for tag in page.tags:
            if tag.code not in PLACES:
                value = tag.value
                parts[f"tag {tag.code} {tag.name}"] = (
                    _short(value) if isinstance(value, bytes) and len(value) > 40 else value
                )
            elif tag.code in FOLDERS:
                parts[f"folder {tag.name}"] = {
                    k: v for k, v in tag.value.items() if k != "InteroperabilityTag"
                }
        if any(int(extra) in (1, 2) for extra in page.extrasamples) and "S" in series.axes:
            parts["alpha"] = _short(np.take(series.asarray(), -1, axis=series.axes.index("S")).tobytes())
    return parts


def _short(content: bytes | None) -> str | None:
    return None if not content else f"{len(content)} bytes {hashlib.sha256(content).hexdigest()[:12]}"
