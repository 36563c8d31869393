"""The tasks of the literature's table: which pictures, damaged how, and what of a restoration is measured.

The protocols are those of Ulyanov, Vedaldi and Lempitsky, Deep Image Prior (arXiv 1711.10925), as their code has them.
Random numbers are NumPy's ``default_rng(seed)``, begun anew for every picture; the authors' own had no seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...errors import InputError
from ...problem import Damaged
from ..cases.rival_damages import RivalDamage
from ..cases.standard_pictures import NINE

LEVELS = 255
SIGMA = 25
MISSING = 0.5
DIVIDES = 32
"""The authors' networks halve a picture five times, and their super-resolution cuts pictures to suit that."""

SETS: dict[str, tuple[str, ...]] = {
    "standard9": NINE,
    "set5": ("baby", "bird", "butterfly", "head", "woman"),
    "set14": ("baboon", "barbara", "bridge", "coastguard", "comic", "face", "flowers", "foreman", "lenna", "man",
              "monarch", "pepper", "ppt3", "zebra"),
    "inpainting11": ("barbara", "boat", "house", "lena", "peppers", "cameraman", "couple", "fingerprint", "hill",
                     "man", "montage"),
}  # fmt: skip
"""The pictures of each set: files ``NAME.png`` in a folder of its name."""


@dataclass(frozen=True)
class PublishedTask:
    """One task of the table.

    Args:
        title: as a table is headed.
        protocol: a sentence about what is done and measured.
        damage: of every picture.
        sets: that it is measured on.
        simplest: the name of the simplest rival.
        luma: the published figures are of the luma without a border.
    """

    title: str
    protocol: str
    damage: RivalDamage
    sets: tuple[str, ...]
    simplest: str
    luma: bool = False

    @property
    def name(self) -> str:
        """As it is typed."""
        return self.damage.name


def _noisy(clean: Tensor, seed: int) -> Damaged:
    noise = np.random.default_rng(seed).normal(scale=SIGMA / LEVELS, size=tuple(clean.shape))
    y = (clean.double() + torch.from_numpy(noise)).clamp(0, 1).float()
    return Damaged(
        y, torch.ones(1, 1, *clean.shape[-2:]), f"noise of σ {SIGMA} was added, and it was clipped"
    )


def _half(clean: Tensor, seed: int) -> Damaged:
    drawn = np.random.default_rng(seed).random((1, 1, *clean.shape[-2:]))
    observed = torch.from_numpy(drawn >= MISSING).float()
    return Damaged(clean * observed, observed, "every pixel was dropped with the probability of a half")


def _smaller(factor: int) -> Callable[[Tensor, int], Damaged]:
    def make(clean: Tensor, seed: int) -> Damaged:
        del seed
        height, width = (side // factor for side in clean.shape[-2:])
        levels = (clean[0] * LEVELS).round().byte().numpy()
        planes = [
            np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.LANCZOS))
            for plane in levels
        ]
        y = torch.from_numpy(np.stack(planes)).float()[None] / LEVELS
        return Damaged(y, torch.ones(1, 1, height, width), f"Pillow's Lanczos reduced it by {factor}")

    return make


def _enlarged(factor: int) -> PublishedTask:
    return PublishedTask(
        f"enlarged {factor} times",
        f"Cut to multiples of {factor}, then about the middle to multiples of {DIVIDES}, then reduced by Pillow's "
        "LANCZOS in 8 bits. PSNR of the luma (BT.601, 16 to 235 of 255; grey is its own luma) without 4 pixels on each "
        "side, and in one column over all pixels and channels. Ours are told that kernel: --kernel lanczos3.",
        RivalDamage(
            f"sr{factor}",
            "sr",
            f"enlarged {factor} times",
            _smaller(factor),
            factor=factor,
            divides=DIVIDES,
            kernel="lanczos3",
        ),
        ("set5", "set14"),
        "bicubic",
        luma=True,
    )


TASKS: dict[str, PublishedTask] = {
    task.name: task
    for task in (
        PublishedTask(
            f"noise of σ {SIGMA}",
            "Gaussian noise, clipped to [0, 1] and not rounded (32-bit floats); σ is told to every method. PSNR over "
            "all pixels and channels.",
            RivalDamage("denoise", "denoise", f"noise of σ {SIGMA}", _noisy, sigma=SIGMA, bits=32),
            ("standard9",),
            "nlm",
        ),
        _enlarged(4),
        _enlarged(8),
        PublishedTask(
            "half of the pixels missing",
            "Grey; each pixel missing with probability 0.5. PSNR over all pixels, those that were measured included.",
            RivalDamage("inpaint", "inpaint", "half of the pixels missing", _half),
            ("inpainting11",),
            "biharmonic",
        ),
    )
}


@dataclass(frozen=True)
class PublishedPicture:
    """One picture in one task.

    Args:
        task, set: where it counts.
        file: the clean picture.
    """

    task: PublishedTask
    set: str
    file: Path

    @property
    def name(self) -> str:
        """As the tables have it."""
        return self.file.stem


def chosen_pictures(
    data: Path, *, rows: Sequence[str], sets: Sequence[str] | None, pictures: Sequence[str] | None
) -> list[PublishedPicture]:
    """The pictures that are asked for, task by task.

    Args:
        data: the folder of the sets.
        rows: names of tasks.
        sets, pictures: names; ``None``: all of them.

    Raises:
        InputError: a name that does not exist, nothing is left, or a picture is not there.
    """
    every = dict.fromkeys(name for names in SETS.values() for name in names)
    for kind, given, known in (("row", rows, TASKS), ("set", sets, SETS), ("picture", pictures, every)):
        for name in given or ():
            if name not in known:
                raise InputError(
                    f"there is no {kind} {name!r} in this benchmark",
                    f"they are {', '.join(known)}",
                    "choose from these",
                )
    chosen = [
        PublishedPicture(TASKS[row], name, data / name / f"{picture}.png")
        for row in dict.fromkeys(rows)
        for name in TASKS[row].sets
        if sets is None or name in sets
        for picture in SETS[name]
        if pictures is None or picture in pictures
    ]
    if not chosen:
        raise InputError(
            "none of the rows, sets and pictures that are named belong together",
            "; ".join(f"{row} has {', '.join(TASKS[row].sets)}" for row in dict.fromkeys(rows)),
            "leave out --sets or --pictures",
        )
    for picture in chosen:
        if not picture.file.is_file():
            raise InputError(
                f"{picture.file} is not there",
                f"{picture.set} is {', '.join(SETS[picture.set])}",
                "give the folder of the sets with --data, or name what is there with --pictures",
            )
    return chosen
