"""Writing a TIFF: plainly, or laid out as the file was that the picture came from, with all of its tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from .container import Container
from .raster import Samples, mirrored
from .tiff_folders import FOLDERS, append_folder, folders_of_exif
from .tiff_layout import DESCRIPTION, SOFTWARE, STRUCTURE, TiffLayout

LONG, IPTC = 4, 33723


def save_tiff(
    path: Path,
    samples: Samples | list[Samples],
    *,
    with_alpha: bool = False,
    container: Container | None = None,
) -> None:
    """Write (H, W, C) samples losslessly; the last channel is alpha when ``with_alpha``.

    Args:
        samples: of one picture, or of all planes of a stack.
        container: what else goes into the file, and how it is laid out; ``None``: plainly, with Deflate.
    """
    layout = container.tiff if container is not None else None
    pictures = samples if isinstance(samples, list) else [samples]
    channels = pictures[0].shape[2]
    colours = channels - with_alpha
    white_is_zero = layout is not None and layout.white_is_zero
    if white_is_zero:
        pictures = [
            np.concatenate([mirrored(one[..., :colours]), one[..., colours:]], axis=2) for one in pictures
        ]
    rgb = colours == 3 if layout is None else colours >= 3 and layout.rgb
    extras = (0,) * (colours - (3 if rgb else 1))
    extras += ((layout.alpha if layout is not None else 0) or 2,) * with_alpha
    planes = "contig" if layout is None or (layout.samples == "pages" and with_alpha) else layout.samples
    pages = planes == "pages" and channels > 1
    if isinstance(samples, list) and layout is not None and layout.stack is not None:
        values = layout.stack.joined(pictures)
        pages = "C" in layout.stack.axes or channels == 1
    elif channels == 1:
        values = pictures[0][..., 0]
    else:
        values = pictures[0] if planes == "contig" else np.ascontiguousarray(np.moveaxis(pictures[0], -1, 0))
    options: dict[str, Any] = {
        "photometric": "rgb" if rgb and not pages else "miniswhite" if white_is_zero else "minisblack",
        "planarconfig": None if channels == 1 or pages else "separate" if planes == "separate" else "contig",
        "extrasamples": None if pages else extras or None,
        "metadata": None,
    }
    plainly = options | {"compression": "zlib", "software": "dipsearch"}
    if layout is None or container is None:
        _save_plainly(path, values, plainly, container, (pictures[0].shape[0], pictures[0].shape[1]))
        return
    alone = layout.stack is not None and not isinstance(samples, list)
    size = (pictures[0].shape[0], pictures[0].shape[1])
    layout = layout.of_plane(channels if pages else 1) if alone else layout
    try:
        _save_alike(path, values, options, layout, container, size)
    except OSError:
        raise
    except Exception:
        # Damaged tags can be read that cannot be written; the pixels of a long computation must not be lost for them.
        tifffile.imwrite(path, values, **plainly)


def _save_plainly(
    path: Path,
    values: Samples,
    options: dict[str, Any],
    container: Container | None,
    size: tuple[int, int],
) -> None:
    """Write a TIFF with what it can take of the container of another format."""
    if container is None:
        tifffile.imwrite(path, values, **options)
        return
    tags: list[tuple[Any, int, int, Any, bool]] = []
    tags += [(700, 1, len(xmp), xmp, True)] if (xmp := container.xmp_upright()) else []
    dpi = container.resolution()
    order, held, folders = folders_of_exif(container.exif_for(size) or b"")
    known = {entry.tag: entry.content.rstrip(b"\0") for entry in held}
    tags += [(IPTC, 7, len(container.iptc), container.iptc, True)] if container.iptc else []
    codes = {700, 34675, IPTC}
    for entry in held:
        if entry.tag not in STRUCTURE | codes:
            codes.add(entry.tag)
            tags.append((*entry, True))
    folders = {code: folder for code, folder in folders.items() if folder}
    tags += [(FOLDERS[code], LONG, 1, 0, True) for code in folders]
    more: dict[str, Any] = {"resolution": dpi, "resolutionunit": "INCH"} if dpi else {}
    if software := known.get(SOFTWARE):
        more["software"] = software
    try:
        tifffile.imwrite(
            path,
            values,
            byteorder=order,
            description=known.get(DESCRIPTION) or container.comment.replace(b"\0", b"") or None,
            iccprofile=container.profile,
            extratags=tags,
            **(options | more),
        )
        for code, folder in folders.items():
            append_folder(path, code, folder, size=size)
    except OSError:
        raise
    except Exception:
        tifffile.imwrite(path, values, **options)  # as below


def _save_alike(
    path: Path,
    values: Samples,
    options: dict[str, Any],
    layout: TiffLayout,
    container: Container,
    size: tuple[int, int],
) -> None:
    """Write a TIFF that is laid out as another one, with its tags."""
    factor = container.factor
    descriptions = layout.described(values.shape, factor=factor)
    folders = {code: folder for code, folder in layout.folders.items() if folder}
    tags = [
        *layout.tags_for(factor=factor),
        *(("ImageDescription", 2, len(more) + 1, more + b"\0", True) for more in descriptions[1:]),
        *((FOLDERS[code], LONG, 1, 0, True) for code in folders),
    ]
    if layout.resolution is not None:
        options["resolution"] = tuple(_times(one, factor) for one in layout.resolution)
        options["resolutionunit"] = layout.unit
    height, width = size
    with tifffile.TiffWriter(
        path, bigtiff=layout.bigtiff, byteorder=layout.byteorder, shaped=False, ome=False
    ) as file:
        file.write(
            values,
            **options,
            description=descriptions[0] if descriptions else None,
            software=layout.software if layout.software is not None else False,
            compression=layout.compression,
            predictor=2 if layout.compression and layout.predictor and values.dtype.kind in "iu" else None,
            tile=layout.tile,
            rowsperstrip=None if layout.tile or layout.rows is None else min(layout.rows, height),
            extratags=tags,
        )
    for code, folder in folders.items():
        append_folder(path, code, folder, size=(height, width))


def _times(ratio: tuple[int, int], factor: float) -> tuple[int, int]:
    """A numerator and a denominator, larger by a factor."""
    over, under = ratio
    return (round(over * factor), under) if factor >= 1 else (over, round(under / factor))
