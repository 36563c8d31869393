"""A task: what a worker is asked to do, and what it says when it has done it.

A task is a value that names its files relative to a folder. On this machine that is the study's folder; on another one
the executor brings the files that a task reads, and fetches those that it leaves. A worker knows nothing of studies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..fitting import Ended
from ..fitting.compute import USUAL, Compute
from ..network import Network
from ..trials.first_files import Made

STATE, CURVES, OUTPUT, TRAJECTORY = "state.safetensors", "fit.npz", "output.npz", "trajectory.npz"
"""What the fits of a slice leave in their folder: how to go on with them, their check points, their images, and images
along the way."""


@dataclass(frozen=True)
class Limits:
    """How far a fit may go, and by what means.

    Args:
        max_steps: iterations per picture, at most.
        patience: iterations without a better validation score after which a fit ends.
        check_every: iterations between check points.
        compute: by what means.
    """

    max_steps: int
    patience: int = 300
    check_every: int = 10
    compute: Compute = USUAL


@dataclass(frozen=True)
class Picture:
    """What a network is fitted to.

    Args:
        problem: the problem file.
        split_seed: of the split of its measurement.
        pilot: the file of the pilots that were computed from the fitted part of this very split, and from all of y;
            ``None``: there is none.
    """

    problem: str
    split_seed: int
    pilot: str | None = None


@dataclass(frozen=True)
class Slice:
    """Advance the fits of one network to some pictures, all to about the same iteration, or at first one after another.

    Args:
        place: the folder of these fits.
        label: what the live display calls them.
        network: what is fitted.
        pictures: to which.
        seed: of the fits.
        limits: how far they may go in all.
        at: iterations that they have made, of all pictures together; 0: they begin.
        steps: iterations more of every picture, at the most; those that are a check point ahead make fewer.
        seconds: wall time after which the next check point of one picture is the last; ``None``: all ``steps``.
        keep: leave their files; otherwise the worker alone remembers them.
        all_data: do not advance them: let them go on with everything that was measured, and leave what comes of it, at
            the end of that; with ``keep`` now, whatever it is.
        may_go_on: whether that may be asked for later; otherwise the weights are not kept that it takes.
        start: the preset whose learnt weights they begin with; ``None``: they begin with random ones.
        trajectory_every: iterations between the images that are kept for the page; ``None``: none.
        look: iterations that the pictures make one after another, before all go on together; a slice ends with the
            picture that has made them. 0: all go together from the beginning.
        all_begin: whatever the ``seconds``, every picture has its first check point then.
    """

    place: str
    label: str
    network: Network
    pictures: tuple[Picture, ...]
    seed: int
    limits: Limits
    at: int
    steps: int
    seconds: float | None = None
    keep: bool = True
    all_data: bool = False
    may_go_on: bool = True
    trajectory_every: int | None = None
    start: str | None = None
    look: int = 0
    all_begin: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """Its files; those of the fits themselves may not be there yet."""
        pilots = [one.pilot for one in self.pictures if one.pilot is not None and self.network.needs_pilot]
        own = [f"{self.place}/{name}" for name in (STATE, TRAJECTORY)] if self.at else []
        return (*(one.problem for one in self.pictures), *pilots, *own)


@dataclass(frozen=True)
class Patches:
    """Restore a problem with groups of similar patches and write it to ``out`` as ``x``.

    Args:
        label: what the live display calls it.
        problem: the problem file.
        out: the ``.npz`` file.
        split_seed: restore from the fitted part of this split alone; ``None``: from all of y.
        pilot: a file with a restoration ``x`` to be polished; ``None``: without one.
        left: seconds of wall time for it, without a pilot; where they are few, it is done less thoroughly.
    """

    label: str
    problem: str
    out: str
    split_seed: int | None = None
    pilot: str | None = None
    left: float = math.inf

    @property
    def reads(self) -> tuple[str, ...]:
        """Its files."""
        return (self.problem,) if self.pilot is None else (self.problem, self.pilot)


Task = Slice | Patches


@dataclass(frozen=True, eq=False)
class Progress:
    """How far the fit to one picture has come.

    Args:
        ended: why it is over; ``None``: it can be advanced.
        curve: the check points of this slice: iteration, and the split's estimate of the mean squared error.
        step: the iteration that would be delivered; 0: none.
        validation_mse: the estimate there.
        loss: the smoothed training loss there.
        sketch: that image at a few thousand places, the same ones for every network; ``None`` where there is none.
    """

    ended: Ended | None
    curve: tuple[tuple[int, float], ...]
    step: int
    validation_mse: float
    loss: float
    sketch: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class Advanced:
    """What came of a slice.

    Args:
        steps: iterations that the fits have made by now, of all pictures together.
        made: those of this slice.
        seconds: wall time of these.
        beside: wall time of everything else: reading, building, writing.
        writing: processor time of leaving the files.
        pictures: how far each fit has come.
        value: what one's own metric says of them; ``None`` without one.
        kept: whether their files were left.
        engine, precision, note: what made the steps, and why it is not what was asked for.
        lean: whether they had to get by with less memory.
        slowness: how many times as long as its processor time the slice took.
    """

    steps: int
    made: int
    seconds: float
    beside: float
    pictures: tuple[Progress, ...]
    value: float | None = None
    writing: float = 0.0
    kept: bool = True
    engine: str = "eager"
    precision: str = "fp32"
    note: str = ""
    lean: bool = False
    slowness: float = 1.0


@dataclass(frozen=True)
class Restored:
    """What came of similar patches: the seconds that it took, and whether there was time for all of it."""

    seconds: float
    made: Made = "as usual"


Result = Advanced | Restored
