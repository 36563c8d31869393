"""The figures that others have published, in dB, by task and set; where they are known, picture by picture.

Of Ulyanov, Vedaldi and Lempitsky, Deep Image Prior (arXiv 1711.10925 and its supplement), who also have those of CBM3D
(Dabov et al., 2007), non-local means, LapSRN (Lai et al., 2017), SRResNet (Ledig et al., 2017), bicubic interpolation
and convolutional sparse coding (Papyan et al., 2017). Trained networks have seen many other pictures. What is known to
one digit only (×4 of Set5) stands here so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PublishedFigure:
    """The figure of one method on one set.

    Args:
        task, set: as in the tasks of this benchmark.
        method: as the tables have it.
        mean: over the set.
        pictures: of single ones, by name.
    """

    task: str
    set: str
    method: str
    mean: float
    pictures: Mapping[str, float] = field(default_factory=dict)


DIP = "Deep Image Prior"

FIGURES: tuple[PublishedFigure, ...] = (
    PublishedFigure("denoise", "standard9", DIP, 31.00),
    PublishedFigure("denoise", "standard9", "CBM3D", 31.42),
    PublishedFigure("denoise", "standard9", "non-local means", 30.26),
    PublishedFigure("sr4", "set5", DIP, 29.9),
    PublishedFigure("sr4", "set5", "SRResNet (trained)", 32.0),
    PublishedFigure("sr4", "set5", "bicubic", 28.44),
    PublishedFigure("sr4", "set14", DIP, 27.00),
    PublishedFigure("sr4", "set14", "SRResNet (trained)", 28.53),
    PublishedFigure("sr4", "set14", "bicubic", 26.05),
    PublishedFigure("sr8", "set5", DIP, 25.88),
    PublishedFigure("sr8", "set5", "LapSRN (trained)", 26.10),
    PublishedFigure("sr8", "set5", "bicubic", 24.37),
    PublishedFigure("sr8", "set14", DIP, 24.14),
    PublishedFigure("sr8", "set14", "LapSRN (trained)", 24.35),
    PublishedFigure("sr8", "set14", "bicubic", 23.09),
    PublishedFigure(
        "inpaint", "inpainting11", DIP, 33.48,
        {"barbara": 32.22, "boat": 33.06, "house": 39.16, "lena": 36.16, "peppers": 33.05, "cameraman": 29.80,
         "couple": 32.52, "fingerprint": 32.84, "hill": 32.77, "man": 32.20, "montage": 34.54},
    ),
    PublishedFigure("inpaint", "inpainting11", "convolutional sparse coding", 31.19),
)  # fmt: skip


def figures_of(task: str, set: str) -> list[PublishedFigure]:
    """What is published of a set."""
    return [figure for figure in FIGURES if (figure.task, figure.set) == (task, set)]
