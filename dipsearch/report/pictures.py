"""The pictures of a study as layers of a viewer: measured, restored, first answer, reference, error and doubt.

The only place of the report that opens picture files. What cannot be read becomes a gap that says what is
missing: a page can always be written.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from ..delivery.answer_words import made_quickly
from ..errors import DipsearchError
from ..problem import Case
from ..problem.gate.unit import GREY_LEVELS, unit_of
from ..run import PictureRecord, StudyRecord, full_scale
from .members import candidate_output, uncertainty_map
from .wording import decibels, plural

if TYPE_CHECKING:
    from torch import Tensor

LONGEST_SIDE = 1024
"""Larger pictures are shown reduced; the files themselves are whole."""

SMALL_SIDE = 320
"""Of a picture beside those of other studies."""

QUICKLY = 3
"""zlib's level, of which 6 is usual. 512 × 512 of coffee, restored and clean, took a third of the time and 8 to 13 %
more bytes; a page has five such pictures, and shows what the files hold anyway."""

MOST_PICTURES = 24
"""More are named only: the page has to stay small enough to send."""


@dataclass(frozen=True)
class Picture:
    """One layer of the viewer.

    Args:
        title: what it is.
        caption: what to know about it.
        uri: a ``data:image/png`` URI; ``None``: a gap, and the caption says why.
        full: for a map of one number per pixel: the number that white stands for, where the range of the
            pixels is 1; ``None`` for a picture.
        white: the same in words, in the units of the file.
    """

    title: str
    caption: str
    uri: str | None
    full: float | None = None
    white: str = ""


@dataclass(frozen=True)
class CasePictures:
    """The pictures that belong together: one measurement and what became of it.

    Args:
        name: of the picture.
        notes: sentences on where it came from.
        details: the numbers behind them.
        size: width and height of the restored picture in pixels.
        pictures: the layers.
    """

    name: str
    notes: tuple[str, ...]
    size: tuple[int, int]
    pictures: tuple[Picture, ...]
    details: tuple[str, ...] = ()


def pictures_of(record: StudyRecord) -> tuple[CasePictures, ...]:
    """Measurement, restoration, first answer, reference and maps of every picture of a study, as far as they exist."""
    shown = record.pictures[:MOST_PICTURES]
    side = max(256, int(LONGEST_SIDE / max(1, len(shown)) ** 0.5))
    return tuple(
        one
        for picture in shown
        for one in (_whole_picture(picture, side=side), _case_pictures(record, picture, side=side))
        if one is not None
    )


def delivered_picture(record: StudyRecord) -> Picture | None:
    """The first restored picture of a study, or the best so far, reduced; its title is the study's name."""
    for picture in record.pictures[:1]:
        restored, title, caption = _restored(record, picture)
        psnr = (record.result or {}).get("delivered_psnr")
        words = caption or (f"{title}, PSNR {decibels(psnr)}" if psnr is not None else title)
        uri = None if restored is None else data_uri(picture.shown(restored), side=SMALL_SIDE)
        return Picture(record.request.name, words, uri)
    return None


def data_uri(pixels: Tensor, *, observed: Tensor | None = None, side: int = LONGEST_SIDE) -> str:
    """``pixels (1, C, H, W)`` in [0, 1] as an 8-bit PNG in a URI; what was not observed is transparent.

    One or three channels are shown as they are, two as the first, more as the first three. A picture whose
    longest side is above ``side`` is reduced.
    """
    channels = pixels.shape[1]
    shown = pixels[0, : 3 if channels >= 3 else 1].clamp(0, 1).mul(255).round().byte().cpu().numpy()
    array = np.repeat(shown, 3 // len(shown), axis=0).transpose(1, 2, 0)
    if observed is not None and bool((observed == 0).any()):
        alpha = observed[0, 0].mul(255).round().byte().cpu().numpy()
        array = np.concatenate((array, alpha[..., None]), axis=2)
    return _png(array, side=side)


def map_uri(values: NDArray[np.float64], *, full: float, side: int = LONGEST_SIDE) -> str:
    """``values (H, W)`` as a grey 8-bit PNG in a URI; ``full`` and everything above is white."""
    return _png(np.clip(values / full * 255, 0, 255).round().astype(np.uint8), side=side)


def _png(array: NDArray[np.uint8], *, side: int) -> str:
    picture = PillowImage.fromarray(np.ascontiguousarray(array))
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=QUICKLY)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _whole_picture(picture: PictureRecord, *, side: int) -> CasePictures | None:
    """All of a picture of which only parts around its holes were worked on; ``None`` for others."""
    whole = None if picture.case is None else picture.case.whole
    if picture.case is None or whole is None:
        return None
    pixels, observed = whole
    layers = [
        Picture(
            "measured", _size(pixels, side), data_uri(picture.shown(pixels), observed=observed, side=side)
        )
    ]
    for title, file in (("restored", picture.restored), ("similar patches", picture.first)):
        if file is not None:
            try:
                made = picture.read_whole(file)
                layers.append(Picture(title, _size(made, side), data_uri(picture.shown(made), side=side)))
            except DipsearchError as error:
                layers.append(Picture(title, f"it cannot be read: {error}", None))
    size = (pixels.shape[3], pixels.shape[2])
    return CasePictures(f"{picture.name}: all of it", (), size, tuple(layers))


def _case_pictures(record: StudyRecord, picture: PictureRecord, *, side: int) -> CasePictures:
    case = picture.case
    restored, title, caption = _restored(record, picture)
    if case is None:
        layers = [Picture("measured", "the measured picture cannot be read any more", None)]
        size = (restored.shape[3], restored.shape[2]) if restored is not None else (4, 3)
    else:
        y = case.problem.y
        layers = [
            Picture(
                "measured",
                _size(y, side),
                data_uri(picture.shown(y), observed=case.problem.observed, side=side),
            )
        ]
        size = (case.problem.image_shape[3], case.problem.image_shape[2])
    if restored is None:
        layers.append(Picture(title, caption, None))
    else:
        words = caption or _size(restored, side)
        layers.append(Picture(title, words, data_uri(picture.shown(restored), side=side)))
    if picture.first is not None:
        layers.append(_first(picture, picture.first, side, quickly=_made_quickly(record, picture)))
    reference = case.reference if case else None
    if reference is not None:
        layers.append(
            Picture(
                "reference", "only compared with, never used", data_uri(picture.shown(reference), side=side)
            )
        )
        if restored is not None and restored.shape == reference.shape:
            error = error_map(restored[0].cpu().numpy(), reference[0].cpu().numpy())
            layers.append(_map("error", error, "restored against reference", side, case=case))
    doubt = uncertainty_map(record, picture) if picture.restored else None
    if doubt is not None and doubt.shape == (size[1], size[0]):
        words = "estimated standard deviation of the error"
        layers.append(_map("uncertainty", doubt, words, side, case=case))
    name = picture.name if case is None or case.windows is None else f"{picture.name}: what was worked on"
    notes, details = (case.notes, case.details) if case else ((), ())
    return CasePictures(name, notes, size, tuple(layers), details)


def _first(picture: PictureRecord, file: Path, side: int, *, quickly: bool) -> Picture:
    """What similar patches, or a quick method in their place, made of the measurement, before any network."""
    title = "quick method" if quickly else "similar patches"
    try:
        pixels = picture.read_restored(file)
        return Picture(title, "the first answer", data_uri(picture.shown(pixels), side=side))
    except DipsearchError as error:
        return Picture(title, str(error), None)


def _made_quickly(record: StudyRecord, picture: PictureRecord) -> bool:
    pictures = (record.result or {}).get("pictures") or ()
    return any(
        made_quickly(entry.get("answers") or ()) for entry in pictures if entry.get("name") == picture.name
    )


def error_map(restored: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[np.float64]:
    """The absolute difference of two pictures ``(C, H, W)``, the mean over the channels: ``(H, W)``."""
    error: NDArray[np.float64] = np.abs(np.asarray(restored, dtype=np.float64) - reference)
    return np.asarray(error.mean(axis=0), dtype=np.float64)


def _map(title: str, values: NDArray[np.float64], caption: str, side: int, *, case: Case | None) -> Picture:
    """A map with its mean, over the pixels that had to be restored: the others are known, and have no error."""
    full, there = full_scale(values), _restored_pixels(case)
    some = there is not None and there.shape == values.shape and bool(there.any()) and not there.all()
    mean = float(values[there].mean() if some else values.mean())
    unit = GREY_LEVELS if case is None else unit_of(case.ends)
    where = " over the restored pixels" if some else ""
    return Picture(
        title,
        f"{caption}, mean {unit.strength(mean)}{where}",
        map_uri(values, full=full, side=side),
        full,
        unit.strength(full),
    )


def _restored_pixels(case: Case | None) -> NDArray[np.bool_] | None:
    """Where not all channels were measured without noise, ``(H, W)``; ``None``: that is everywhere."""
    exact = case.problem.exact if case is not None and case.problem.pixelwise else None
    return None if exact is None else (exact[0] == 0).any(dim=0).cpu().numpy()


def _restored(record: StudyRecord, picture: PictureRecord) -> tuple[Tensor | None, str, str]:
    """What there is of a restoration: pixels, a title, and a caption that says why it is not the final one."""
    if picture.restored is not None:
        try:
            return picture.read_restored(picture.restored), "restored", ""
        except DipsearchError as error:
            return None, "restored", str(error)
    index = record.pictures.index(picture)
    for best in record.ranked()[:1]:
        pixels = candidate_output(record.folder, best.number, index)
        shape = picture.case.problem.image_shape if picture.case else None
        if pixels is not None and (shape is None or tuple(pixels.shape) == shape):
            return (
                pixels,
                "best so far",
                f"candidate {best.number}, estimated {decibels(best.estimated_psnr)}",
            )
    return None, "restored", "there is no restored picture yet: the study has not delivered"


def _size(pixels: Tensor, side: int) -> str:
    channels, height, width = pixels.shape[1:]
    reduced = ", shown reduced" if max(height, width) > side else ""
    kind = {1: "grey", 3: "colour"}.get(channels, plural(channels, "channel"))
    return f"{width} × {height} pixels, {kind}{reduced}"
