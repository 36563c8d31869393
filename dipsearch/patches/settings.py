"""Settings of the patch methods: every number that steers them, as one value with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


def falling(high: float, low: float, count: int) -> tuple[float, ...]:
    """So many numbers from ``high`` to ``low``, or the other way round, evenly in their logarithms."""
    return tuple(high * (low / high) ** (index / max(count - 1, 1)) for index in range(count))


@dataclass(frozen=True)
class Alternation:
    """How patches and a measurement alternate.

    Args:
        sigmas: σ_k of the passes, in units of [0, 1]: as noisy as that the guess is taken to be.
        relaxation: a pass goes so many times as far as the patches say; what the measurement knows it corrects. The
            first and the last pass's; those between change evenly in their logarithms.
        patch: side of a patch, in pixels.
        members: patches in a group; likewise. A first guess shows few that are alike for sure.
        near: radius of the search window around a patch, in pixels.
        stride: pixels between the reference patches, which move on from pass to pass.
        momentum: so many times a pass's change is made once more; not after the first and the last pass.
    """

    sigmas: tuple[float, ...]
    relaxation: tuple[float, float]
    patch: int = 5
    members: tuple[int, int] = (40, 40)
    near: int = 8
    stride: int = 4
    momentum: float = 0.0

    def times(self, factor: float) -> Alternation:
        """The same passes with so many times the σ_k."""
        return replace(self, sigmas=tuple(factor * sigma for sigma in self.sigmas))

    def passes(self) -> list[tuple[float, float, int]]:
        """σ_k, the relaxation and the patches in a group of each pass."""
        count = len(self.sigmas)
        members = (round(number) for number in falling(*self.members, count))
        return list(zip(self.sigmas, falling(*self.relaxation, count), members, strict=True))


_DEBLURRING = Alternation(
    falling(60 / 255, 6 / 255, 16),
    relaxation=(1.0, 1.0),
    patch=4,
    members=(24, 40),
    near=16,
    stride=6,
    momentum=0.6,
)
_DEBLURRING_ON = replace(_DEBLURRING, sigmas=falling(20 / 255, 6 / 255, 6))
_SAMPLING = replace(_DEBLURRING, sigmas=falling(50 / 255, 3 / 255, 32))


@dataclass(frozen=True)
class PatchSettings:
    """How groups of similar patches are found, how large they are, and how often a picture is gone through.

    The values were chosen on crops of scikit-image's coffee, chelsea and rocket, of four pictures of Set14 and of
    Kodak's 5 and 8; ``bench patches`` makes the table of what each of them changes.

    Args:
        patch: side of a patch, in pixels, in denoising.
        block: side of a block of the collaborative filter, in pixels.
        radius: of the search window around a patch, in pixels, in denoising.
        first: patches in a group without a pilot.
        blocks: blocks in a group of the collaborative filter.
        step: pixels between the reference patches, in denoising.
        threshold: coefficients of a group below this many standard deviations of the noise are noise.
        flat: a group whose variance is below this many times that of the noise is flat.
        passes: of the second stage when denoising: which part of the noise's variance the filter reckons with (an
            early pilot lacks detail, and so its groups vary too little), and the patches in a group.
        polishing: the same with a pilot from elsewhere.
        filling: of missing pixels; ``filling_on`` starts from a restoration from elsewhere.
        usual_error: of a first guess, in units of [0, 1], from which on the σ_k of fillings are as they are; for a
            better one, of a dark picture or one of little contrast, they are smaller in proportion, or they would
            smooth away what it has. Half of the pixels missing, 64 × 64: coffee made dark
            49.3 to 59.5 dB, chelsea of little contrast 47.3 to 54.8, a plane 46.5 to 70, and written over, the first
            52.0 to 63.4. With 9/255 coffee lost 2.1 dB in scratches and barbara 0.1, with 6/255 or 4.5/255 nothing was
            lost on coffee, rocket, barbara and monarch; stars gain nothing, whose few large errors decide.
        noisy_low: with noise the last σ_k of filling, in units of the noise's; the first is twice that noise or more.
            Noise of 5 and 25 with half of the pixels missing, 25 with 80 % and 50 with 20 %, before (as without noise,
            σ_k down to 2/255) and so: chelsea 28.73, 22.37, 21.27 and 20.80 to 30.08, 24.19, 21.76 and 22.92 dB,
            coffee 36.30, 28.33, 25.36 and 25.20 to 37.24, 29.75, 25.79 and 25.89. With 16 passes, and measured pixels
            relaxed by 1, coffee and monarch lost 1.2 to 1.6 dB where 20 % were missing.
        enlarging: of a reduced picture; ``enlarging_on`` likewise.
        inverting: of a tomogram, whose measurement may be noisy; ``inverting_on`` likewise. On tomograms of
            coffee, chelsea, rocket, monarch and kodim08 what deblurs changed −0.04, −0.20, −1.13, 1.14 and 0.11 dB.
        deblurring: of any other operator: a gain that falls to 0.01 from column to column was 1.1 and 2.1 dB better
            than with ``inverting`` (monarch and chelsea), for blurs see below. ``deblurring_on`` likewise, of a blur,
            and ``inverting_on`` of all others. Begun with the mean of the first answer and total variation, chelsea and
            monarch, moved by 9 pixels, were 0.09 and 1.12 dB better than with ``inverting_on``, rocket and chelsea with
            Gaussian blur 0.29 and 0.08 worse; begun at 30, −0.05, 1.24, and 0.40 and 0.13.
        grey_patch: side of a patch in deblurring and sampling one channel, whose patches have fewer values. With 4
            chelsea was 0.33 dB worse and monarch 0.33 better (grey, moved by 9 pixels), with 6 0.20 better and 0.14
            worse.
        sampling: from a first guess, of an operator that sees a part of the image alone (``sees_little``), such as
            k-space with columns left out or a coded aperture. On monarch (64 × 64) that was 0.2 to 2.7 dB better than
            16 passes for seven such operators. For k-space of rocket, chelsea and monarch (96 × 96, a quarter of the
            columns) it is 0.2, 0.2 and 1.7 dB better than a relaxation from 3 to 1 in the place of momentum.
        few: the share of missing pixels up to which noise is what there is to restore, and they are only looked
            around. With noise of 25 (64 × 64) that gains over the schedule below, with 2, 10 and 20 % missing, 0.1,
            −0.2 and −0.2 dB on coffee, 0.3, 0.2 and 0.1 on chelsea, 0.8, 0.3 and −0.4 on monarch, 0.5, 0.4 and 0.2
            on barbara, −0.1, −0.9 and −2.0 on ppt3 and 0.6, 0.3 and −0.1 on zebra; with few passes it gains 0.1 to
            1.4 with 2 %.
        deep: holes are large where a pixel is further than this from what was measured. Squares of 16, 24, 40 and 60
            pixels in eight pictures of 128 × 128 came to 25.1, 21.5, 18.2 and 16.8 dB with 3, 23.9, 22.0, 18.2 and 17.0
            with 4, 23.9, 21.1, 17.7 and 16.3 with 6, 23.1, 20.7, 17.5 and 16.5 with 8; where 95 and 98 % of the pixels
            were missing, to 21.8 and 19.2 with 3, 21.8 and 19.4 with 4, 21.7 and 19.4 with 6. From outside in, ring by
            ring, the squares had come to 23.4, 19.2, 17.3 and 15.5, and took longer.
    """

    patch: int = 5
    block: int = 8
    radius: int = 12
    first: int = 80
    blocks: int = 16
    step: int = 3
    threshold: float = 2.85
    flat: float = 1.1
    passes: tuple[tuple[float, int], ...] = ((0.8, 40), (1.0, 32), (1.0, 32))
    polishing: tuple[tuple[float, int], ...] = ((1.0, 32), (1.0, 32))
    filling: Alternation = Alternation(
        falling(25 / 255, 2 / 255, 32), relaxation=(3.0, 3.0), members=(20, 40)
    )
    filling_on: Alternation = Alternation(falling(10 / 255, 2 / 255, 6), relaxation=(3.0, 3.0))
    usual_error: float = 5 / 255
    noisy_low: float = 0.3
    enlarging: Alternation = Alternation(
        falling(35 / 255, 1.5 / 255, 32), relaxation=(9.0, 1.0), patch=4, members=(32, 32), near=10
    )
    enlarging_on: Alternation = Alternation(falling(10 / 255, 1.5 / 255, 8), relaxation=(3.0, 1.0), patch=4)
    inverting: Alternation = Alternation(falling(35 / 255, 3 / 255, 16), relaxation=(1.0, 1.0))
    inverting_on: Alternation = Alternation(falling(10 / 255, 3 / 255, 6), relaxation=(1.0, 1.0))
    deblurring: Alternation = _DEBLURRING
    deblurring_on: Alternation = _DEBLURRING_ON
    grey_patch: int = 5
    sampling: Alternation = _SAMPLING
    few: float = 0.05
    deep: int = 4


DEFAULT = PatchSettings()
"""What deblurs, one number changed at a time, in dB at 96 × 96 with noise 0.02, and the CPU time of a picture: a
Gaussian blur of 2 pixels on coffee and monarch, a movement by 9 pixels on rocket and kodim08.

| deblurring | coffee | monarch | rocket | kodim08 | seconds |
|---|---|---|---|---|---|
| ``inverting`` | 25.98 | 22.23 | 32.83 | 24.32 | 1.7 |
| as it is | 26.98 | 24.22 | 33.68 | 25.80 | 2.0 |
| momentum 0 | 26.67 | 23.54 | 32.24 | 25.30 | 2.1 |
| momentum 0.8 | 27.01 | 24.50 | 33.65 | 25.71 | 2.1 |
| near 8 | 26.92 | 23.43 | 33.63 | 25.64 | 1.5 |
| patch 3 | 26.52 | 24.36 | 30.98 | 25.01 | 1.9 |
| patch 5 | 26.81 | 23.65 | 33.46 | 25.86 | 2.3 |
| members 24 | 26.99 | 24.27 | 32.07 | 25.75 | 1.9 |
| members 40 | 26.94 | 24.18 | 33.69 | 25.64 | 2.0 |
| σ 35 to 3 | 26.80 | 23.62 | 33.86 | 25.30 | 1.8 |
| σ 90 to 9 | 26.91 | 24.29 | 32.62 | 25.78 | 2.2 |
| passes 32 | 26.92 | 24.24 | 33.91 | 25.76 | 3.7 |

Tried on the way, the two blurs: collaborative filtering in the last four passes was 0.8 and 1.2 dB worse, noise
correlated as what a pass leaves of it 0.0 and 0.4 worse, and 1/ρ twice as large 0.2 better and 2.7 worse.
"""


SHORTENED = replace(
    DEFAULT,
    step=4,
    passes=DEFAULT.passes[:2],
    filling=replace(DEFAULT.filling, sigmas=falling(25 / 255, 2 / 255, 16)),
    enlarging=replace(DEFAULT.enlarging, sigmas=falling(35 / 255, 1.5 / 255, 16)),
)
"""Half of the time for 0.03 to 0.3 dB less; see ``HURRIED``."""


def _within(near: int, settings: PatchSettings, *, stride: int) -> PatchSettings:
    """The same, with windows of this radius and references so far apart in all alternations."""
    ways: dict[str, Any] = {
        name: replace(how, near=near, stride=max(how.stride, stride))
        for name, how in vars(settings).items()
        if isinstance(how, Alternation)
    }
    return replace(settings, **ways)


QUICK = _within(
    6,
    PatchSettings(
        radius=7,
        first=48,
        step=5,
        passes=((0.8, 32), (1.0, 24)),
        polishing=((1.0, 24),),
        filling=Alternation(falling(25 / 255, 3 / 255, 8), relaxation=(4.0, 4.0), members=(24, 24)),
        filling_on=Alternation(falling(10 / 255, 3 / 255, 4), relaxation=(4.0, 4.0), members=(24, 24)),
        enlarging=Alternation(
            falling(35 / 255, 3 / 255, 8), relaxation=(9.0, 1.5), patch=4, members=(24, 24)
        ),
        enlarging_on=Alternation(
            falling(10 / 255, 3 / 255, 4), relaxation=(3.0, 1.0), patch=4, members=(24, 24)
        ),
    ),
    stride=5,
)
"""A sixth to less than a half of the time for 0.1 to 0.8 dB less; see ``HURRIED``."""

HURRIED = _within(
    3,
    replace(
        QUICK,
        radius=4,
        first=24,
        blocks=8,
        step=6,
        passes=((0.9, 24),),
        filling=Alternation(falling(25 / 255, 4 / 255, 4), relaxation=(4.0, 4.0), members=(16, 16)),
    ),
    stride=6,
)
"""Half of QUICK's time for 0.4 to 0.5 dB less, for budgets of seconds. On 256 × 256 of coffee with σ 25, half of the
pixels missing, and enlarged 4 times, processor seconds per megapixel and PSNR: DEFAULT 86 s and 31.71 dB, 184 s and
34.76 dB, 151 s and 29.23 dB; SHORTENED 53 s and 31.68 dB, 90 s and 34.60 dB, 80 s and 28.92 dB; QUICK 30 s and 31.62
dB, 30 s and 34.25 dB, 25 s and 28.45 dB; this one 18 s and 31.08 dB, 11 s and 33.76 dB, 18 s and 28.08 dB. With 12 to
16 patches in a group denoising is no faster, and 3 dB worse.
"""

LARGE = 2_000_000
"""Pixels from which on a picture is restored with ``QUICK``: one core would need five minutes otherwise."""


def settings_for(pixels: int) -> PatchSettings:
    """The settings for a picture of so many pixels."""
    return QUICK if pixels >= LARGE else DEFAULT
