"""The rivals: every method that a restoration of ours is compared with, by short names.

A rival is a function from a Problem to an image. It gets nothing else, so that none can see the reference; the one
that does, the oracle, has a type of its own and is no rival.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Literal, cast

from ...errors import InputError
from ...problem import Problem
from .dip_default import dip_stopped
from .rival_denoisers import (
    Restore,
    bm3d,
    median,
    non_local_means,
    stabilised,
    total_variation,
    wavelets,
)
from .rival_fillers import (
    as_measured,
    bicubic_alone,
    bicubic_projected,
    biharmonic,
    fsr,
    lanczos_projected,
    navier_stokes,
    telea,
)
from .zs_n2n import zero_shot_noise2noise
from .zssr import zero_shot_super_resolution

Kind = Literal["denoise", "impulses", "inpaint", "sr"]

OURS, ORACLE = "dipsearch", "dip-oracle"
"""The names of what is compared with the rivals, and of the oracle."""


@dataclass(frozen=True)
class Rival:
    """One method.

    Args:
        name: as it is typed.
        title: as the tables have it.
        kinds: of problems that it restores.
        restore: from the problem to an image ``(1, C, H, W)``.
        modules: that it needs, the first of which gives the version; empty: it is our own code.
        install: what a person types to get them; empty: they come with dipsearch.
        licence: a warning that belongs to them.
    """

    name: str
    title: str
    kinds: tuple[Kind, ...]
    restore: Restore
    modules: tuple[str, ...] = ()
    install: str = ""
    licence: str = ""

    def missing(self) -> str:
        """Why the method is not available, as one line; empty when it is."""
        for module in self.modules:
            if not _is_there(module):
                licence = f" ({self.licence})" if self.licence else ""
                return f"{self.title} is left out: {module} is not installed; pip install {self.install}{licence}"
        return ""

    def version(self) -> str:
        """The program and its version, as ``package version``."""
        if not self.modules:
            from ... import __version__

            return f"dipsearch {__version__}"
        top = self.modules[0].partition(".")[0]
        package = metadata.packages_distributions().get(top, [top])[0]
        return f"{package} {metadata.version(package)}"


def kind_of(problem: Problem) -> Kind:
    """What kind of problem a method would have to restore."""
    return "impulses" if problem.noise.kind == "impulse" else cast(Kind, problem.task)


_NOISY: tuple[Kind, ...] = ("denoise", "impulses")
_ALL: tuple[Kind, ...] = (*_NOISY, "inpaint", "sr")
_SKIMAGE, _OPENCV = ("skimage.restoration",), "opencv-contrib-python-headless"

RIVALS: dict[str, Rival] = {
    rival.name: rival
    for rival in (
        Rival("measured", "as measured", (*_NOISY, "inpaint"), as_measured),
        Rival("nlm", "non-local means", ("denoise",), stabilised(non_local_means), _SKIMAGE),
        Rival("tv", "total variation", ("denoise",), stabilised(total_variation), _SKIMAGE),
        Rival("wavelets", "wavelets (BayesShrink)", ("denoise",), stabilised(wavelets), (*_SKIMAGE, "pywt"),
              "PyWavelets"),
        Rival("bm3d", "BM3D", ("denoise",), stabilised(bm3d), ("bm3d",), "bm3d",
              "its licence allows non-commercial use only"),
        Rival("median", "median of 3 × 3", ("impulses",), median),
        Rival("biharmonic", "biharmonic", ("impulses", "inpaint"), biharmonic, _SKIMAGE),
        Rival("telea", "OpenCV, Telea", ("inpaint",), telea, ("cv2",), _OPENCV),
        Rival("navier-stokes", "OpenCV, Navier–Stokes", ("inpaint",), navier_stokes, ("cv2",), _OPENCV),
        Rival("fsr", "OpenCV, FSR (fast)", ("inpaint",), fsr, ("cv2", "cv2.xphoto"), _OPENCV),
        Rival("bicubic", "bicubic", ("sr",), bicubic_alone),
        Rival("back-projection", "bicubic + back projection", ("sr",), bicubic_projected),
        Rival("lanczos-projection", "Lanczos + back projection", ("sr",), lanczos_projected),
        Rival("zs-n2n", "ZS-N2N", _NOISY, zero_shot_noise2noise),
        Rival("zssr", "ZSSR + back projection", ("sr",), zero_shot_super_resolution),
        Rival("dip", "DIP, authors' network, fitted to a part, our stop", _ALL, dip_stopped),
    )
}  # fmt: skip

METHODS = (OURS, *RIVALS, ORACLE)
"""All names that can be chosen."""


def chosen_methods(names: Sequence[str] | None, *, among: tuple[str, ...] = METHODS) -> tuple[str, ...]:
    """The names of methods, each once; all when none is given.

    Args:
        names: as somebody typed them.
        among: those that a benchmark has.

    Raises:
        InputError: one of them does not exist.
    """
    for name in names or ():
        if name not in among:
            raise InputError(
                f"there is no method {name!r} in this benchmark",
                f"they are {', '.join(among)}",
                "choose from these",
            )
    return tuple(dict.fromkeys(names)) if names else among


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ModuleNotFoundError, ValueError):  # its package is missing altogether, or is no ordinary one
        return False
