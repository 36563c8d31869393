"""The evidence of a preset: what it is estimated to reach on each picture that it was found on, beside another network.

The winner of a search was chosen by these estimates, and the other network was not, so that the difference flatters the
winner; other pictures say how much of it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from dipsearch.errors import FormatError
from dipsearch.visible import Words
from dipsearch.yaml_files import Strict

LEAST_PICTURES = 5
"""Of fewer pictures the paired test is not made: of four differences it can say 0.12 at the least."""


@dataclass(frozen=True)
class PictureEvidence:
    """One measurement.

    Attributes:
        digest, shape: of it, 12 hex digits and (1, C, H, W).
        estimated_psnr: of the preset, in dB, without a reference.
        against: that of the other network; ``None`` where there was none.
    """

    digest: str
    shape: tuple[int, ...]
    estimated_psnr: float
    against: float | None = None


@dataclass(frozen=True)
class PresetEvidence:
    """What speaks for a preset.

    Attributes:
        against: the best network that was known before and was fitted to the same pictures; ``None``: there was none.
        pictures: all of them.
        gain: dB that the preset is better, the mean over pictures; ``None`` without another network.
        p: of Wilcoxon's signed-rank test of these differences, two-sided; ``None`` with too few pictures.
    """

    against: str | None
    pictures: tuple[PictureEvidence, ...]
    gain: float | None = None
    p: float | None = None


def paired_evidence(against: str | None, pictures: Sequence[PictureEvidence]) -> PresetEvidence:
    """The evidence of some pictures, with the mean of the paired differences and their test.

    Source: Wilcoxon 1945, as SciPy has it; where all differences are zero, p is 1.
    """
    apart = [one.estimated_psnr - one.against for one in pictures if one.against is not None]
    if against is None or len(apart) < len(pictures) or not np.isfinite(apart).all():
        return PresetEvidence(None, tuple(pictures))
    chance = None
    if len(apart) >= LEAST_PICTURES:
        from scipy.stats import wilcoxon  # it takes half a second to import

        # Where all differences are zero they are split evenly, so that nothing is concluded.
        zeros = "zsplit" if not np.any(apart) else "wilcox"
        chance = round(float(wilcoxon(apart, zero_method=zeros).pvalue), 4)
    return PresetEvidence(against, tuple(pictures), round(fmean(apart), 3), chance)


Estimate = Annotated[float, Field(ge=-1e9, le=1e9)]


class _Picture(Strict):
    digest: str = Field(pattern="^[0-9a-f]{12}$")
    shape: list[Annotated[int, Field(ge=1, le=10**9)]] = Field(min_length=4, max_length=4)
    score: Estimate
    against: Estimate | None


class EvidencePart(Strict):
    """The evidence in a file."""

    against: Words | None
    pictures: list[_Picture] = Field(min_length=1, max_length=10_000)
    gain: Estimate | None
    p: Annotated[float, Field(ge=0, le=1)] | None


def evidence_from(content: EvidencePart, *, source: str) -> PresetEvidence:
    """Evidence that was read from a file.

    Raises:
        FormatError: the gain is not that of the pictures.
    """
    pictures = tuple(
        PictureEvidence(one.digest, tuple(one.shape), one.score, one.against) for one in content.pictures
    )
    apart = [one.estimated_psnr - one.against for one in pictures if one.against is not None]
    paired = content.against is not None and len(apart) == len(pictures)
    right = fmean(apart) if paired else None
    if (right is None) != (content.gain is None) or abs((right or 0.0) - (content.gain or 0.0)) > 0.01:
        raise FormatError(
            f"{source}: `evidence.gain` is {content.gain}",
            f"by its pictures it is {'null' if right is None else f'{right:.3f}'}",
            "take the file that a search wrote",
        )
    return PresetEvidence(content.against, pictures, content.gain, content.p)


def evidence_content(evidence: PresetEvidence) -> dict[str, Any]:
    """The evidence as a file has it."""
    pictures = [
        {"digest": one.digest, "shape": list(one.shape), "score": one.estimated_psnr, "against": one.against}
        for one in evidence.pictures
    ]
    return asdict(evidence) | {"pictures": pictures}
