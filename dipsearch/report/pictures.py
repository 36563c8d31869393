"""The pictures of a study as the page shows them: measured, restored, reference, each a data URI or a gap.

The only place of the report that opens picture files. What cannot be read becomes a gap that says what is
missing: a page can always be written.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PillowImage

from ..errors import DipsearchError
from ..problem import read_image
from ..search import PictureRecord, StudyRecord
from .wording import plural

if TYPE_CHECKING:
    from torch import Tensor

LONGEST_SIDE = 1024
"""Larger pictures are shown reduced; the files themselves are whole."""


@dataclass(frozen=True)
class Picture:
    """One picture of the page.

    Args:
        title: what it is.
        caption: what to know about it.
        uri: a ``data:image/png`` URI; ``None``: a gap, and the caption says why.
    """

    title: str
    caption: str
    uri: str | None


@dataclass(frozen=True)
class CasePictures:
    """The pictures that belong together: one measurement and what became of it."""

    name: str
    notes: tuple[str, ...]
    pictures: tuple[Picture, ...]


def pictures_of(record: StudyRecord) -> tuple[CasePictures, ...]:
    """Measurement, restoration and, where there is one, reference of every picture of a study."""
    return tuple(_case_pictures(picture) for picture in record.pictures)


def data_uri(pixels: Tensor, *, observed: Tensor | None = None) -> str:
    """``pixels (1, C, H, W)`` in [0, 1] as an 8-bit PNG in a URI; what was not observed is transparent.

    One or three channels are shown as they are, two as the first, more as the first three.
    """
    channels = pixels.shape[1]
    shown = pixels[0, : 3 if channels >= 3 else 1].clamp(0, 1).mul(255).round().byte().cpu().numpy()
    array = np.repeat(shown, 3 // len(shown), axis=0).transpose(1, 2, 0)
    if observed is not None and bool((observed == 0).any()):
        alpha = observed[0, 0].mul(255).round().byte().cpu().numpy()
        array = np.concatenate((array, alpha[..., None]), axis=2)
    picture = PillowImage.fromarray(np.ascontiguousarray(array))
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _case_pictures(picture: PictureRecord) -> CasePictures:
    case = picture.case
    if case is None:
        gap = Picture("measured", "the measured picture cannot be read any more", None)
        return CasePictures(picture.name, (), (gap, _restored(picture)))
    measured, reference = case.problem.y, case.reference
    pictures = [
        Picture("measured", _size(measured), data_uri(measured, observed=case.problem.observed)),
        _restored(picture),
    ]
    if reference is not None:
        pictures.append(Picture("reference", "only compared with, never used", data_uri(reference)))
    return CasePictures(picture.name, case.notes, tuple(pictures))


def _restored(picture: PictureRecord) -> Picture:
    if picture.restored is None:
        return Picture("restored", "there is no restored picture yet: the study has not delivered", None)
    try:
        pixels = read_image(picture.restored).pixels
    except DipsearchError as error:
        return Picture("restored", str(error), None)
    return Picture("restored", _size(pixels), data_uri(pixels))


def _size(pixels: Tensor) -> str:
    channels, height, width = pixels.shape[1:]
    reduced = ", shown reduced" if max(height, width) > LONGEST_SIDE else ""
    return f"{width} × {height} pixels, {plural(channels, 'channel')}{reduced}"
