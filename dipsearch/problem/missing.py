"""Missing pixels: which pixels of a picture were measured, and which a restoration has to invent.

They are told, in a fixed order (mask file, alpha channel, sibling ``NAME_mask.png``), and every finding is put into a
sentence for the console and the page. Nothing is guessed from black pixels: pictures have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from .formats.image import Image
from .formats.sources import file_of_same_name, is_sample, plane_of
from .mask_file import Observation, read_mask_file, refuse_trivial
from .randomness import generator_for
from .task_options import TaskOptions


def find_observed(
    image: Image, source: str | Path, *, mask: str | None = None, invert: bool = False
) -> Observation | None:
    """Find the missing pixels of ``image``, in this order; None when nothing is missing.

    1. The file ``mask``: white is measured, black is missing, or the other way round with ``invert``.
    2. The alpha channel: less than half opaque is missing.
    3. A file ``NAME_mask.png`` beside the picture, read like a mask file.

    Raises:
        InputError: a mask of another size, one by which everything or nothing is missing, or one that looks inverted.
    """
    height, width = image.pixels.shape[-2:]
    if mask is not None:
        read = read_mask_file(mask, height=height, width=width, invert=invert, picture=image.pixels)
        return _observation(read.observed, _called(Path(mask)), read.sentences)
    if image.alpha is not None and bool((image.alpha < 0.5).any()):
        return _observation((image.alpha >= 0.5).float(), "alpha channel", transparent=True)
    sibling = None if is_sample(source) else sibling_mask(plane_of(source)[0])
    if sibling is not None:
        read = read_mask_file(sibling, height=height, width=width, invert=invert, picture=image.pixels)
        return _observation(read.observed, f"mask {sibling.name} beside the picture", read.sentences)
    if invert:
        raise InputError(
            "the mask is to be inverted, but there is none",
            "inverting needs a mask file",
            "give --mask FILE or leave out --invert-mask",
        )
    return None


def _called(mask: Path) -> str:
    """The file's name, after the word unless the name has it."""
    return mask.name if "mask" in mask.stem.lower() else f"mask {mask.name}"


def black_share(image: Image) -> float:
    """The share of pixels that are exactly 0 in all channels: perhaps somebody meant them to be missing."""
    return float((image.pixels == 0).all(dim=1).float().mean())


def sibling_mask(source: Path) -> Path | None:
    """Return the file ``NAME_mask.png`` beside a picture, whatever case its letters have."""
    wanted = f"{source.stem}_mask.png"
    exact = source.with_name(wanted)
    if exact.is_file():
        return exact
    try:
        near = [file for file in source.parent.iterdir() if file.name.casefold() == wanted.casefold()]
    except OSError:
        return None
    return near[0] if len(near) == 1 and near[0].is_file() else None


def picture_files(sources: Sequence[str], options: TaskOptions) -> dict[Path, str]:
    """All files that a command reads for pictures, and what each is in words; of a kernel's word there is none."""
    found: dict[Path, str] = {}
    for source in sources:
        if not is_sample(source):
            found.setdefault(plane_of(source)[0], "the damaged picture itself")
        for given, what in ((options.reference, "the reference"), (options.mask, "the mask")):
            if given is not None and not is_sample(given):
                found.setdefault(Path(file_of_same_name(given, source)), what)
        if not is_sample(source) and (sibling := sibling_mask(plane_of(source)[0])) is not None:
            found.setdefault(sibling, "the mask")
    if options.kernel is not None:
        found.setdefault(Path(options.kernel), "the kernel")
    return found


def read_mask(
    path: str | Path, *, height: int, width: int, invert: bool = False, picture: Tensor | None = None
) -> Tensor:
    """Read a mask file as (1, 1, height, width) of 0 (missing, black) and 1 (measured, white); see ``read_mask_file``.

    Raises:
        InputError: unreadable, of another size, by it everything or nothing is missing, or it looks inverted.
    """
    return read_mask_file(path, height=height, width=width, invert=invert, picture=picture).observed


def hide_pixels(height: int, width: int, *, percent: float, seed: int) -> Tensor:
    """Return a mask (1, 1, height, width) with ``percent`` of the pixels, chosen at random, set to 0."""
    total = height * width
    hidden = min(max(round(total * percent / 100), 1), total - 1)
    order = torch.randperm(total, generator=generator_for("missing pixels", seed))
    observed = torch.ones(total, dtype=torch.float32)
    observed[order[:hidden]] = 0
    return observed.view(1, 1, height, width)


def _observation(
    observed: Tensor, origin: str, more: tuple[str, ...] = (), *, transparent: bool = False
) -> Observation:
    refuse_trivial(observed, f"by the {origin}")
    percent = 100 * (1 - float(observed.mean()))
    share = f"{percent:.1f}" if percent >= 0.1 else f"{percent:.2g}"
    return Observation(observed, (f"{share} % of the pixels are missing ({origin})", *more), transparent)
