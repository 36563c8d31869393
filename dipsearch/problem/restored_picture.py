"""The restored picture as a file: in the format, the range and the type of the one that was measured, with all it held.

Values that nothing changed are written as they were read. A JPEG becomes a PNG, since writing it as JPEG again would
change every pixel, those too that nobody wanted to have changed; JPEG is written where its suffix is asked for.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .case import Case
from .formats.image import JPEG_SUFFIXES, TIFF_SUFFIXES, image_name, natural_suffix, write_image, write_planes
from .formats.raster import Samples
from .formats.sources import plane_of
from .operators import Identity, Mask

SUFFIXES = {"PNG": ".png", "JPEG": ".png", "WEBP": ".webp", "BMP": ".bmp"}


def restored_suffix(case: Case) -> str:
    """Return the suffix of the file that holds the restoration of ``case`` without loss, its own where that can."""
    channels, image = case.channel_count, case.image
    natural = natural_suffix(channels, case.bits)
    if image is None or image.container is None:
        return natural
    own = suffix_for(image.container.format, case.source)
    opaque = own == ".bmp" and case.alpha is not None
    return natural if opaque or (natural == ".tiff" and own not in TIFF_SUFFIXES) else own


def suffix_for(kind: str, source: str) -> str:
    """Return the suffix that the restoration of a file of this format usually has."""
    suffix = plane_of(source)[0].suffix.lower()
    return SUFFIXES.get(kind, suffix if suffix in TIFF_SUFFIXES else ".tif")


def write_restored(path: str | Path, x: Tensor, case: Case, *, alpha: Tensor | None = None) -> None:
    """Write a restoration, or the measurement itself, as ``case`` says that its picture was.

    Args:
        path: the suffix decides the format, and what that cannot hold is left out.
        x: (1, C, H, W) in the range of the problem.
        alpha: (1, 1, H, W), in the place of the picture's own.

    Raises:
        InputError: the format cannot hold this picture.
        ResourceError: the system refused to write.
    """
    suffix, image = Path(path).suffix.lower(), case.image
    x, kept = _whole(x, case)
    own = case.alpha if alpha is None else alpha
    if own is not None and own.shape[-2:] != x.shape[-2:]:
        own = None
    container = None if image is None else image.container
    if container is not None:
        container = container.of_width(x.shape[-1])
    bits = 8 if suffix in (*JPEG_SUFFIXES, ".bmp", ".webp") else case.bits
    write_image(
        path,
        # Fewer bits show what was worked on, from black to white; the file's own values would mean nothing there.
        case.range.back(x) if bits == case.bits else case.range.shown(x),
        bits=bits,
        alpha=None if suffix in (*JPEG_SUFFIXES, ".bmp") else own,
        container=container,
        kept=kept if bits == case.bits else None,
    )


def left_out(path: str | Path, case: Case, *, size: tuple[int, int] | None = None) -> str:
    """What a file of this suffix does not keep of a picture, or changes, a sentence for people; empty where nothing.

    Args:
        size: height and width of what is written; ``None``: of the restoration.
    """
    suffix = Path(path).suffix.lower()
    if size is None and case.windows is None:
        size = case.problem.image_shape[-2:]
    parts = []
    if case.alpha is not None:
        as_large = size is None or tuple(case.alpha.shape[-2:]) == size
        if suffix in (*JPEG_SUFFIXES, ".bmp") or not as_large:
            parts.append("transparency")
    if case.image is not None and case.image.container is not None:
        parts += case.image.container.left_out_by(suffix)
    said = f"{Path(path).name} does not keep the {' and the '.join(parts)} of {case.name}" if parts else ""
    if suffix in JPEG_SUFFIXES and (case.left_alone or isinstance(case.problem.operator, Mask)):
        lossy = f"JPEG changes every pixel of {Path(path).name} a little, also where it was measured"
        said = f"{said}; {lossy}" if said else f"{lossy}; PNG and TIFF do not"
    return said


def write_film(path: Path, restored: Sequence[tuple[Tensor, Case]]) -> None:
    """Write the restorations of all planes of a stack to one file of its axes.

    Args:
        restored: of every plane, in their order, (1, C, H, W) in the range of its problem, and its case.
    """
    first = restored[0][1]
    assert first.image is not None and first.image.container is not None
    planes = [_whole(x, case) for x, case in restored]
    alphas = [case.alpha for _, case in restored if case.alpha is not None]
    write_planes(
        path,
        [case.range.back(x) for (x, _), (_, case) in zip(planes, restored, strict=True)],
        bits=first.bits,
        alphas=alphas if len(alphas) == len(planes) else None,
        container=first.image.container.of_width(planes[0][0].shape[-1]),
        kept=[kept for _, kept in planes],
    )


def stacks_of(cases: Sequence[Case]) -> dict[Path, list[int]]:
    """By the file, the numbers of the cases that are all planes of it, in their order; other pictures are left out."""
    found: dict[Path, list[int]] = {}
    for number, case in enumerate(cases):
        container = None if case.image is None else case.image.container
        if container is not None and container.tiff is not None and container.tiff.stack is not None:
            found.setdefault(plane_of(case.source)[0], []).append(number)
    whole = {}
    for path, numbers in found.items():
        image = cases[numbers[0]].image
        assert image is not None and image.container is not None and image.container.tiff is not None
        stack = image.container.tiff.stack
        if stack is not None and [plane_of(cases[n].source)[1] for n in numbers] == list(range(stack.planes)):
            whole[path] = numbers
    return whole


def film_names(stacks: Iterable[Path], *, taken: Iterable[str] = ()) -> dict[Path, str]:
    """The file of each stack's restoration, by the stack's own: its name, with a number where it is taken.

    Args:
        stacks: the files of the stacks.
        taken: names of other pictures, without their suffixes.
    """
    files, others = list(stacks), list(taken)
    stems = unique_names([*others, *(image_name(path) for path in files)])[len(others) :]
    return {path: f"{stem}{path.suffix}" for path, stem in zip(files, stems, strict=True)}


def unique_names(names: Sequence[str]) -> list[str]:
    """Names of pictures for files and folders; those that some file system takes for one get a number.

    They may differ in case, or in how accents are put together, or not at all. No number makes a name that another has.
    """
    unique: list[str] = []
    wanted, taken = {_folded(name) for name in names}, set[str]()
    for name in names:
        number, candidate = 2, name
        while _folded(candidate) in taken or (candidate != name and _folded(candidate) in wanted):
            number, candidate = number + 1, f"{name}-{number}"
        unique.append(candidate)
        taken.add(_folded(candidate))
    return unique


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _whole(x: Tensor, case: Case) -> tuple[Tensor, tuple[Samples, NDArray[np.bool_]] | None]:
    """The restoration of the whole picture, its samples in the file, and where it has them still.

    Where windows were worked on, only what was missing in them, or noisy, is taken of them.
    """
    image, windows, channels = case.image, case.windows, case.channels
    as_read = None if image is None else case.range.into(image.pixels)
    if windows is None or as_read is None:
        return x if channels is None else channels.back(x, as_read), _unchanged(x, case)
    observed = case.problem.observed
    restored = windows.inserted(
        torch.zeros(1, 1, *as_read.shape[-2:], dtype=torch.float32),
        1 - observed if isinstance(case.problem.operator, Mask) else observed,
        missing=torch.ones(1, 1, *as_read.shape[-2:], dtype=torch.float32),
    )
    worked_on = as_read if channels is None else channels.into(as_read)
    whole = windows.inserted(worked_on, x.cpu(), missing=restored)
    whole = whole if channels is None else channels.back(whole, as_read)
    samples = None if image is None or image.samples is None else _plain(image.samples)
    return whole, None if samples is None else (samples, _good(case, restored[0, 0].numpy() == 0))


def _plain(samples: Samples) -> Samples:
    return samples.astype(np.uint8) * 255 if samples.dtype == bool else samples


def _unchanged(x: Tensor, case: Case) -> tuple[Samples, NDArray[np.bool_]] | None:
    """The samples of the file, and where ``x`` still has the values that were measured; of an array its gaps."""
    image, problem = case.image, case.problem
    if image is None and problem.form.gaps is not None:
        gaps = problem.form.gaps[0, 0].numpy()
        return np.full((*gaps.shape, 1), np.nan, np.float32), gaps
    damaged = case.simulation is not None and not isinstance(problem.operator, Mask)
    if image is None or image.samples is None or not problem.pixelwise or damaged:
        return None
    if x.shape != problem.y.shape:
        return None
    seen = (problem.observed > 0).expand_as(x)
    kept = (x.cpu() == problem.y) & seen
    if isinstance(problem.operator, Identity):  # what is not observed of it stays as it is, gaps among it
        kept |= ~seen
    same: Any = kept.all(dim=1)[0].numpy()
    return (_plain(image.samples), _good(case, same)) if same.any() else None


def _good(case: Case, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is kept of a file: no hot or dead pixel that was replaced."""
    return kept if case.defects is None else kept & ~case.defects[0, 0].numpy()
