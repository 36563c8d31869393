"""Variants of the patch methods' settings: each number that matters, a step down and up from the default.

One number at a time; what is changed for one task is measured on that task alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...patches.settings import DEFAULT, QUICK, Alternation, PatchSettings, falling
from ...problem import Task

LEVELS = 255


@dataclass(frozen=True)
class Variant:
    """One set of settings.

    Args:
        name: as in the table.
        settings: of the patch methods.
        tasks: that it makes a difference to.
    """

    name: str
    settings: PatchSettings
    tasks: tuple[Task, ...]


def _passes(*, share: float | None = None, members: int | None = None) -> PatchSettings:
    """The second stage of denoising with another share of the noise in its first pass, or with other groups."""
    (first, count), *rest = DEFAULT.passes
    passes = [(share or first, count), *rest]
    return replace(DEFAULT, passes=tuple((part, members or number) for part, number in passes))


def _sigmas(how: Alternation, *, count: int | None = None, first: float | None = None) -> Alternation:
    """An alternation with more or fewer passes, or another beginning; ``first`` in grey levels of 255."""
    high = how.sigmas[0] if first is None else first / LEVELS
    return replace(how, sigmas=falling(high, how.sigmas[-1], len(how.sigmas) if count is None else count))


def _denoising(name: str, settings: PatchSettings) -> Variant:
    return Variant(name, settings, ("denoise",))


def _filling(name: str, how: Alternation) -> Variant:
    return Variant(name, replace(DEFAULT, filling=how), ("inpaint",))


def _enlarging(name: str, how: Alternation) -> Variant:
    return Variant(name, replace(DEFAULT, enlarging=how), ("sr",))


_FILLING, _ENLARGING = DEFAULT.filling, DEFAULT.enlarging

STANDARD, FAST = "default", "quick"

VARIANTS: tuple[Variant, ...] = (
    Variant(STANDARD, DEFAULT, ("denoise", "inpaint", "sr")),
    Variant(FAST, QUICK, ("denoise", "inpaint", "sr")),
    _denoising("share of the noise in the first pass 0.65", _passes(share=0.65)),
    _denoising("share of the noise in the first pass 1.0", _passes(share=1.0)),
    _denoising("members 24", _passes(members=24)),
    _denoising("members 60", _passes(members=60)),
    _denoising("passes 1", replace(DEFAULT, passes=DEFAULT.passes[:1])),
    _denoising("passes 2", replace(DEFAULT, passes=DEFAULT.passes[:2])),
    _denoising("patch 4", replace(DEFAULT, patch=4)),
    _denoising("patch 6", replace(DEFAULT, patch=6)),
    _denoising("radius 8", replace(DEFAULT, radius=8)),
    _denoising("radius 16", replace(DEFAULT, radius=16)),
    _denoising("step 2", replace(DEFAULT, step=2)),
    _denoising("step 4", replace(DEFAULT, step=4)),
    _denoising("threshold 2.7", replace(DEFAULT, threshold=2.7)),
    _denoising("threshold 3.0", replace(DEFAULT, threshold=3.0)),
    _filling("passes 16", _sigmas(_FILLING, count=16)),
    _filling("passes 48", _sigmas(_FILLING, count=48)),
    _filling("relaxation 1", replace(_FILLING, relaxation=(1.0, 1.0))),
    _filling("relaxation 2", replace(_FILLING, relaxation=(2.0, 2.0))),
    _filling("relaxation 4", replace(_FILLING, relaxation=(4.0, 4.0))),
    _filling("relaxation 5 to 1", replace(_FILLING, relaxation=(5.0, 1.0))),
    _filling("patch 4", replace(_FILLING, patch=4)),
    _filling("patch 6", replace(_FILLING, patch=6)),
    _filling("members 24", replace(_FILLING, members=(24, 24))),
    _filling("members 40", replace(_FILLING, members=(40, 40))),
    _filling("members 40 to 20", replace(_FILLING, members=(40, 20))),
    _filling("near 10", replace(_FILLING, near=10)),
    _filling("first σ 15", _sigmas(_FILLING, first=15)),
    _filling("first σ 35", _sigmas(_FILLING, first=35)),
    _enlarging("passes 20", _sigmas(_ENLARGING, count=20)),
    _enlarging("passes 48", _sigmas(_ENLARGING, count=48)),
    _enlarging("members 24", replace(_ENLARGING, members=(24, 24))),
    _enlarging("members 40", replace(_ENLARGING, members=(40, 40))),
    _enlarging("members 20 to 40", replace(_ENLARGING, members=(20, 40))),
    _enlarging("near 8", replace(_ENLARGING, near=8)),
    _enlarging("near 12", replace(_ENLARGING, near=12)),
    _enlarging("relaxation 1", replace(_ENLARGING, relaxation=(1.0, 1.0))),
    _enlarging("relaxation 3", replace(_ENLARGING, relaxation=(3.0, 3.0))),
    _enlarging("relaxation 7", replace(_ENLARGING, relaxation=(7.0, 7.0))),
    _enlarging("relaxation 5 to 1", replace(_ENLARGING, relaxation=(5.0, 1.0))),
    _enlarging("patch 5", replace(_ENLARGING, patch=5)),
    _enlarging("first σ 16", _sigmas(_ENLARGING, first=16)),
    _enlarging("first σ 50", _sigmas(_ENLARGING, first=50)),
)
"""Whether one of denoising's two first estimates alone would do is no setting, and so no variant."""
