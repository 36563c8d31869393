"""The fits of one network to one or several pictures, advanced together, kept in files, and taken up from them."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import FormatError, ResourceError, out_of_memory
from ..files import write_bytes
from ..fitting import (
    Average,
    Check,
    Ended,
    Fit,
    OngoingFit,
    StepState,
    default_rule,
    may_fit_all_data,
    pack,
    unpack,
)
from ..fitting.all_data import all_data_fit, too_late, with_full
from ..fitting.compute import Compute
from ..fitting.fit_state import FitState
from ..fitting.ongoing import Watcher
from ..library.warm_weights import warm_start
from ..network import Network
from ..trials.own_parts import NOTHING, OwnParts
from ..trials.problem_files import SplitProblem
from ..trials.trial_files import Trajectory, read_npz, suffix, write_fits, write_trajectories
from .task import STATE, TRAJECTORY, Progress, Slice

SKETCH = 4096
"""Places at which two images are compared without sending them: their mean squared difference is known to 3 %."""

MOST_IMAGES = 120
"""Images along a fit that are kept; where they become more, every second one goes. 6,000 iterations have 120."""


@dataclass
class PictureFits:
    """Fits that a worker has in its memory.

    Args:
        network: what is fitted.
        pictures: to which.
        fits: one to each.
        compute: by what means.
        trajectories: images along each fit.
        average: of the outputs, where it is one's own.

    Attributes:
        kept: whether what their files have is the newest.
        beyond: what they deliver, and how far they have come with everything that was measured; empty: not begun.
    """

    network: Network
    pictures: Sequence[SplitProblem]
    fits: Sequence[OngoingFit]
    compute: Compute
    trajectories: list[Trajectory] = field(default_factory=list)
    average: Average[Any] | None = None
    kept: bool = True
    beyond: list[tuple[Fit, OngoingFit | None]] = field(default_factory=list)

    @property
    def made(self) -> int:
        """Iterations of all of them together, which tells their states apart."""
        return sum(one.step for one in self.fits)

    @property
    def over(self) -> bool:
        """Whether none of them can be advanced, or one is beyond use."""
        ends = [one.ended for one in self.fits]
        return all(ends) or Ended.DIVERGED in ends

    def advance(self, task: Slice) -> tuple[int, float]:
        """Advance them, check point by check point; the iterations made, and their seconds.

        The clock is looked at after every check point of one picture, so that this takes the task's seconds and one
        check point at the most: ten iterations, which have 0.8 s where one takes 80 ms. A slice with which all have to
        begin takes one check point of every picture, if that is longer. Whoever is behind goes on first, also in the
        next slice, so that slices of any length lead through the same states.
        """
        begun, before, self.beyond = time.perf_counter(), self.made, []
        until = task.steps + min((one.step for one in self.fits if one.ended is None), default=0)
        while not self.over and (index := self._next(task.look, until)) is not None:
            one = self.fits[index]
            looking = one.step < task.look
            one.advance(task.limits.check_every, watch=self._keeper(index, task.trajectory_every))
            over = task.seconds is not None and time.perf_counter() - begun >= task.seconds
            if over and not (task.all_begin and any(not fit.step for fit in self.fits)):
                break
            if looking and one.step >= task.look:
                break
        self.kept = self.kept and self.made == before
        return self.made - before, time.perf_counter() - begun

    def _next(self, look: int, until: int) -> int | None:
        """Who is advanced to the next check point: who had no look yet, in their order, then whoever is behind."""
        able = [k for k, one in enumerate(self.fits) if one.ended is None and one.step < until]
        looking = [k for k in able if self.fits[k].step < look]
        return looking[0] if looking else min(able, key=lambda k: self.fits[k].step, default=None)

    def progress(self, done: Sequence[Fit], *, since: Sequence[int]) -> tuple[Progress, ...]:
        """How far each has come.

        Args:
            done: what they deliver as they stand.
            since: the iterations after which check points are news, of each.
        """
        found = []
        for fit, one, picture, known in zip(self.fits, done, self.pictures, since, strict=True):
            news = one.curves.step > known
            steps, errors = one.curves.step[news].tolist(), one.curves.validation_mse[news].tolist()
            curve = tuple(zip(steps, errors, strict=True))
            seen = sketch(one.image, picture) if one.step else None
            found.append(Progress(fit.ended, curve, one.step, one.validation_mse, one.loss, seen))
        return tuple(found)

    def done(self) -> list[Fit]:
        """What each delivers as it stands, without its weights."""
        return [one.fit(weights=False) for one in self.fits]

    def leave(self, folder: Path, fits: Sequence[Fit]) -> str:
        """Write all that there is of them into a folder.

        Returns:
            Why not all of it was written, since the folder had no room; empty: all was. Whoever still has them in
            memory can write them later, when there may be some; what is not written of those that are put aside is
            lost.
        """
        lacking = "what it found"
        try:
            write_fits(folder, fits)  # a hundredth of it
            lacking = "how to go on with it"
            write_trajectories(folder, self.trajectories)
            notes = {"lean": self.compute.lean}
            write_bytes(folder / STATE, pack([one.state() for one in self.fits], notes), durable=False)
        except ResourceError as error:
            return f"{lacking} could not be kept; {error.rule}"
        self.kept = True
        return ""

    def with_all_data(
        self, *, seed: int, seconds: float | None, pilots: Sequence[Tensor | None], last: bool
    ) -> list[Fit] | None:
        """Let them go on with everything that was measured; what each delivers then, ``None`` where it goes on later.

        Args:
            seconds: for that, and for one check point of one picture more; ``None``: as many as it takes.
            pilots: made of all of it, for each picture; ``None``: there is none.
            last: whatever has come of it until then is delivered.
        """
        until = math.inf if seconds is None else time.perf_counter() + seconds
        if not self.beyond:
            self.beyond = [
                self._beyond(one.fit(), picture, pilot, seed=seed, seconds=seconds if last else None)
                for one, picture, pilot in zip(self.fits, self.pictures, pilots, strict=True)
            ]
        begun = [more for _, more in self.beyond if more is not None]
        while todo := [more for more in begun if more.ended is None]:
            min(todo, key=lambda more: more.step).advance(1)  # to its next check point
            if time.perf_counter() >= until:
                break
        if not last and any(more.ended is None for more in begun):
            return None
        found, self.beyond = [with_full(*one) for one in self.beyond], []
        return found

    def _beyond(
        self, done: Fit, picture: SplitProblem, pilot: Tensor | None, *, seed: int, seconds: float | None
    ) -> tuple[Fit, OngoingFit | None]:
        if too_late(done, None if seconds is None else seconds / len(self.fits)):
            return replace(done, weights=None), None
        more = all_data_fit(
            done,
            self.network,
            picture.problem,
            seed=seed,
            compute=self.compute,
            pilot=pilot,
            average=self.average,
        )
        return replace(done, weights=None), more

    def _keeper(self, index: int, every: int | None) -> Watcher | None:
        if every is None:
            return None
        while len(self.trajectories) <= index:
            self.trajectories.append([])

        along = self.trajectories[index]

        def keep(check: Check, image: Tensor) -> None:
            stride = along[1][0] - along[0][0] if len(along) > 1 else every
            if check.step % stride == 0:
                along.append((check.step, image[0].half().cpu().numpy()))
            if len(along) > MOST_IMAGES:
                along[:] = [(step, there) for step, there in along if step % (2 * stride) == 0]

        return keep


def sketch(image: Tensor, picture: SplitProblem) -> NDArray[np.float32]:
    """What an image shows at a few thousand of the places that score it, the same ones for every network."""
    seen, weight = picture.problem.view(image.detach()), picture.split.score_weight
    values = (
        seen[weight.bool().expand_as(seen)].float() if picture.split.kind != "whole" else seen.reshape(-1)
    )
    if values.numel() > SKETCH:
        places = torch.randint(values.numel(), (SKETCH,), generator=torch.Generator().manual_seed(0))
        values = values[places.to(values.device)]
    return np.asarray(values.cpu().numpy())


def taken_up(
    task: Slice, pictures: Sequence[SplitProblem], folder: Path, *, compute: Compute, own: OwnParts = NOTHING
) -> PictureFits:
    """The fits of a task as their files have them, or from the beginning where there are none or damaged ones."""
    file = folder / STATE
    states = None
    if task.at and file.exists():
        try:
            states, notes = unpack(file.read_bytes())
        except FormatError:
            states = None  # they are fitted anew, which costs time and nothing else
        else:
            compute = Compute(compute.engine, compute.precision, compute.lean or bool(notes.get("lean")))
    try:
        fits = _begun(task, pictures, states, compute, own)
    except (RuntimeError, TypeError, ValueError) as error:
        if states is None or out_of_memory(error):
            raise
        states = None  # of another network than its file's
        fits = _begun(task, pictures, states, compute, own)
    trajectories = [] if states is None else _trajectories(folder / TRAJECTORY, [one.step for one in fits])
    return PictureFits(task.network, pictures, fits, compute, trajectories, own.average)


def _begun(
    task: Slice,
    pictures: Sequence[SplitProblem],
    states: Sequence[FitState] | None,
    compute: Compute,
    own: OwnParts,
) -> list[OngoingFit]:
    return [
        OngoingFit(
            task.network,
            picture.problem,
            split=picture.split,
            seed=task.seed,
            max_steps=task.limits.max_steps,
            rule=own.rule or default_rule(picture.split, patience=task.limits.patience),
            average=own.average,
            check_every=task.limits.check_every,
            start=_start(task, picture) if states is None else None,
            keep_weights=task.may_go_on and may_fit_all_data(picture.problem),
            compute=compute,
            pilot=picture.pilot,
            state=None if states is None else states[index],
        )
        for index, picture in enumerate(pictures)
    ]


def _start(task: Slice, picture: SplitProblem) -> StepState | None:
    """What a fit begins from; ``None``: random weights."""
    if task.start is None:
        return None
    channels = picture.problem.image_shape[1]
    return warm_start(task.network, channels=channels, seed=task.seed, pilot=picture.pilot)


def kept_steps(file: Path) -> int:
    """Iterations of the fits whose state lies in a file, of all together; 0 where it is not there or damaged."""
    if not file.exists():
        return 0
    try:
        states, _ = unpack(file.read_bytes())
    except FormatError:
        return 0
    return sum(state.step for state in states)


def _trajectories(file: Path, steps: Sequence[int]) -> list[Trajectory]:
    """The images along each fit, up to where its state is: the file may be newer than that."""
    if not file.exists():
        return []
    try:
        arrays = read_npz(file)
    except FormatError:  # it is only looked at
        return []
    found: list[Trajectory] = []
    for index, until in enumerate(steps):
        at = arrays.get("step" + suffix(index), np.zeros(0, dtype=np.int64)).tolist()
        images = arrays.get("x" + suffix(index), ())
        found.append([(step, image) for step, image in zip(at, images, strict=True) if step <= until])
    return found
