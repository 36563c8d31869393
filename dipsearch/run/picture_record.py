"""The pictures of a study read back: what was measured, what came of it, and, for people, the clean one.

A picture file outside of the study's folder is looked at only where the study knows its digest; otherwise the
measurement comes from the folder itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..delivery.picture_outputs import picture_folder
from ..errors import DipsearchError, FormatError, InputError
from ..plain_files import inside, inside_or_none
from ..problem import Case, case_of, load_case, read_image, unique_names
from ..problem.formats.image import image_name
from ..trials.problem_files import SEARCHED, WHOLE, problem_file, read_box, read_problem
from ..trials.request import ARRAY, Request
from ..trials.source_files import is_known, known_sources


@dataclass(frozen=True, eq=False)
class PictureRecord:
    """One picture of a study, as far as it can be read.

    Args:
        name: of the picture.
        case: its measurement and, if there is one, its reference; ``None`` when the source is gone.
        restored: the file of the restored picture; ``None`` before the delivery.
        box: top, left, height, width of the searched crop in pixels of the restored picture; ``None``: all of it.
        first: the file of what similar patches made of it; ``None`` before that, or in a study without.
    """

    name: str
    case: Case | None
    restored: Path | None
    box: tuple[int, int, int, int] | None
    first: Path | None = None

    @property
    def data_range(self) -> float:
        """What PSNR is relative to, in the range of the problem."""
        return 1.0 if self.case is None else self.case.data_range

    def read_restored(self, file: Path) -> Tensor:
        """The pixels of a restored picture ``(1, C, H, W)`` in the range of the problem.

        Raises:
            InputError: the file cannot be read.
        """
        pixels = self._finite(file)
        if self.case is None:
            return pixels
        part = self.case.part(pixels)
        if part.shape[-2:] != self.case.problem.image_shape[-2:]:
            raise InputError(
                f"{file} is another picture than the one that was worked on",
                "parts of it were worked on, and where they lie is known with the picture that was given alone",
                "put that where it was",
            )
        return part

    def read_whole(self, file: Path) -> Tensor:
        """All pixels of a restored picture ``(1, C, H, W)``, likewise, also where only parts were worked on.

        Raises:
            InputError: the file cannot be read.
        """
        pixels = self._finite(file)
        return pixels if self.case is None else self.case.range.into(pixels)

    def _finite(self, file: Path) -> Tensor:
        """A picture's pixels, where it has gaps with what was worked on there, if that is known, else 0."""
        pixels = read_image(file, finite=False).pixels
        if self.case is not None:
            image, y = self.case.image, self.case.problem.y
            worked_on = (
                self.case.problem.form.repeated(self.case.range.back(y)) if image is None else image.pixels
            )
            if worked_on.shape == pixels.shape:
                return torch.where(pixels.isfinite(), pixels, worked_on.to(pixels))
        return pixels.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)

    def shown(self, x: Tensor) -> Tensor:
        """An image ``(1, C, H, W)`` in the range of the problem as people see it."""
        return x if self.case is None else self.case.range.shown(x)

    @property
    def reference(self) -> Tensor | None:
        """The reference of what candidates were fitted to, ``(1, C, h, w)``."""
        whole = self.case.reference if self.case else None
        if whole is None or self.box is None:
            return whole
        top, left, height, width = self.box
        return whole[..., top : top + height, left : left + width]


def read_pictures(
    folder: Path, request: Request, missing: list[str], *, cases: Sequence[Case] = ()
) -> list[PictureRecord]:
    """The pictures that a request names, as far as they can be read.

    Args:
        folder: the study's.
        request: what was asked.
        missing: takes sentences on what could not be read.
        cases: of all pictures, where they were read before.
    """
    known = known_sources(folder)
    names = unique_names([_name(source) for source in request.sources])
    there: Sequence[Case | None] = cases or [
        _case(folder, name, source, request, known, missing)
        for name, source in zip(names, request.sources, strict=True)
    ]
    return [
        PictureRecord(name, case, None, _box(folder, name, missing))
        for name, case in zip(names, there, strict=True)
    ]


def _name(source: str) -> str:
    return source.removeprefix(ARRAY) if source.startswith(ARRAY) else image_name(source)


def _case(
    folder: Path, name: str, source: str, request: Request, known: dict[str, str], missing: list[str]
) -> Case | None:
    """A picture as it was given, or else what the folder holds of it; ``None`` where that cannot be read."""
    try:
        if is_known(source, request.options, known) and not source.startswith(ARRAY):
            return load_case(source, request.options, seed=request.seed)
        case = _measured(folder, name, source)
    except DipsearchError as error:
        missing.append(f"the picture {source} cannot be read any more: {error}")
        return None
    if not source.startswith(ARRAY):
        missing.append(
            f"{source}, or what belongs to it, is not what this study was made from: the measurement is shown "
            "from the study's own folder, without a reference"
        )
    return case


def _measured(folder: Path, name: str, source: str) -> Case:
    """A picture from its problem file."""
    problem = read_problem(inside(folder, problem_file(kind=WHOLE, name=name)))
    return case_of(problem, name=name, source=source)


def _box(folder: Path, name: str, missing: list[str]) -> tuple[int, int, int, int] | None:
    try:
        return read_box(inside(folder, problem_file(kind=SEARCHED, name=name)))
    except FormatError as error:
        missing.append(str(error))
        return None


def first_file_of(folder: Path, name: str, *, alone: bool) -> Path | None:
    """What similar patches made of a picture: written whole or not at all, so what is there can be shown."""
    place = picture_folder(Path(), name, alone=alone)
    there = inside_or_none(folder, place)
    files: Sequence[Path] = () if there is None else sorted(there.glob("first.*"))
    return next((file for file in files if inside_or_none(folder, place / file.name)), None)
