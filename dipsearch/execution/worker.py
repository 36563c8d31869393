"""A worker: does tasks in a folder, and remembers the fits that it advanced last, so that nothing is read twice.

It knows the files that tasks name and nothing of studies: no storage, no reference, no image file. It can be used in
any process, so tests use it in their own.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from ..errors import out_of_memory
from ..fitting import Fit, give_back_memory
from ..fitting.compute import leaner
from ..network import OwnNetwork
from ..patches import polished
from ..problem import Split, make_split
from ..trials.array_files import read_x, write_x
from ..trials.first_files import Made
from ..trials.own_parts import NOTHING, OwnParts
from ..trials.problem_files import PilotPart, SplitProblem, read_pilot, read_problem
from .at_once import patch_device
from .executor import TaskFailed
from .picture_fits import PictureFits, taken_up
from .slowness import share
from .task import Advanced, Limits, Patches, Picture, Restored, Result, Slice, Task
from .timed_answer import answer_within, plain_threads, tile_threads

REMEMBERED = {"cpu": 4, "cuda": 12, "mps": 2}
"""Networks whose fits stay in a worker's memory; others are read from their files, which takes about 0.1 s, and on an
NVIDIA GPU recorded anew, which takes about a second: there all graphs share the memory of the largest."""

PICTURES = 8
"""Pictures that stay divided in a worker's memory, with their guides."""

METRIC_FAILED = "the metric failed"
"""How the reason begins of a candidate that the user's own metric could not rank."""


@dataclass
class Worker:
    """The state of one worker.

    Args:
        folder: that the files of tasks are relative to.
        device: where it fits, for example "cpu" or "cuda:0".
        own: parts of the user's in the place of ours.
    """

    folder: Path
    device: str
    own: OwnParts = NOTHING
    _fits: OrderedDict[str, PictureFits] = field(default_factory=OrderedDict, init=False, repr=False)
    _pictures: OrderedDict[Picture, SplitProblem] = field(default_factory=OrderedDict, init=False, repr=False)

    def do(self, task: Task) -> Result:
        """Do a task.

        Raises:
            TaskFailed: it cannot be done, here or elsewhere.
            DipsearchError: one of its files cannot be used.
        """
        return self._advance(task) if isinstance(task, Slice) else self._restore(task)

    @property
    def usable(self) -> bool:
        """Whether its device can still be worked on: some errors leave a process without its GPU for good."""
        if not self.device.startswith("cuda"):
            return True
        try:
            torch.cuda.synchronize(self.device)
        except RuntimeError:
            return False
        return True

    def remembers(self, place: str) -> int:
        """The iterations of the fits that it has in its memory, of all together; 0: none."""
        there = self._fits.get(place)
        return 0 if there is None else there.made

    # -- fits ----------------------------------------------------------------------------------------------------

    def _advance(self, task: Slice) -> Advanced:
        begun, had = time.perf_counter(), share()
        found = None
        for limits in self._ways(task):
            if found is None:
                found = self._tried(replace(task, limits=limits))
        if found is None:
            raise TaskFailed("it is too large for this machine's memory, also in the lean way")
        beside = time.perf_counter() - begun - found.seconds
        return replace(found, beside=beside, slowness=had.slowness())

    def _ways(self, task: Slice) -> list[Limits]:
        """By what means a slice is tried where memory is short: once more without the other fits, then the lean way."""
        ways = [task.limits]
        if any(place != task.place for place in self._fits):
            ways.append(task.limits)
        # Fits take up from their files in the lean way, too: the numbers stay.
        lean = leaner(task.limits.compute, task.network)
        return [*ways, *(replace(task.limits, compute=one) for one in lean)]

    def _tried(self, task: Slice) -> Advanced | None:
        """What came of a slice; ``None`` where there was not enough memory, which is free again then."""
        try:
            return self._advanced(task)
        except Exception as error:
            # Of our own code these are what a network can be to blame for; of the user's it may be anything.
            self._fits.pop(task.place, None)
            own = isinstance(task.network, OwnNetwork) or self.own.rule or self.own.average
            if isinstance(error, TaskFailed) or not (
                own or isinstance(error, RuntimeError | MemoryError | ValueError)
            ):
                raise
            if not out_of_memory(error):
                raise TaskFailed(in_words(error)) from error
        give_back_memory(self.device)
        if self._fits:
            self._forget_all()
        return None

    def _advanced(self, task: Slice) -> Advanced:
        fits = self._taken_up(task)
        place = self.folder / task.place
        if task.all_data:
            if not fits.made:
                raise TaskFailed("there is no fit to be gone on with")
            needed = task.network.needs_pilot
            pilots = [self._pilot(one, part="full") if needed else None for one in task.pictures]
            whole = fits.with_all_data(seed=task.seed, seconds=task.seconds, pilots=pilots, last=task.keep)
            lacking = fits.leave(place, whole) if whole is not None else ""
            if whole is None:
                self._remember(task.place, fits)
            else:
                fits.kept = True  # what it delivers without all data must not take the place of this
            known = [one.step for one in fits.fits]
            said = self._said(fits, fits.done(), since=known, made=0, seconds=0.0, kept=whole is not None)
            return replace(said, note=said.note or lacking)
        known = [one.step for one in fits.fits]
        made, seconds = fits.advance(task)
        done, kept, begun = fits.done(), task.keep or fits.over, time.process_time()
        lacking = fits.leave(place, done) if kept else ""
        kept = kept and not lacking
        writing = time.process_time() - begun
        self._remember(task.place, fits)
        # What a lost worker had advanced further than the parent knows is news, too; who only asks hears everything.
        if not task.steps:
            known = [0] * len(known)
        elif sum(known) > task.at:
            known = [task.at] if len(known) == 1 else [0] * len(known)
        found = self._said(fits, done, since=known, made=made, seconds=seconds, kept=kept)
        return replace(found, writing=writing, note=found.note or lacking)

    def _said(
        self,
        fits: PictureFits,
        done: Sequence[Fit],
        *,
        since: Sequence[int],
        made: int,
        seconds: float,
        kept: bool,
    ) -> Advanced:
        first = done[0]
        return Advanced(
            steps=fits.made,
            made=made,
            seconds=seconds,
            beside=0.0,
            pictures=fits.progress(done, since=since),
            value=self._value(fits, done),
            kept=kept,
            engine=first.engine,
            precision=first.precision,
            note=first.notes[0] if first.notes else "",
            lean=fits.compute.lean,
        )

    def _taken_up(self, task: Slice) -> PictureFits:
        """The fits of a task: from memory where they are as far as the task says, else from their files."""
        there = self._fits.get(task.place)
        if there is not None and task.at and there.made == task.at:
            return there
        self._fits.pop(task.place, None)
        pictures = [self._picture(one, pilot=task.network.needs_pilot) for one in task.pictures]
        place = self.folder / task.place
        return taken_up(task, pictures, place, compute=task.limits.compute, own=self.own)

    def _remember(self, place: str, fits: PictureFits) -> None:
        self._fits[place] = fits
        self._fits.move_to_end(place)
        while len(self._fits) > REMEMBERED[self.device.partition(":")[0]]:
            self._forget()

    def _forget(self) -> None:
        """Put the fits aside that were advanced longest ago."""
        place, there = self._fits.popitem(last=False)
        if not there.kept:
            there.leave(self.folder / place, there.done())

    def _forget_all(self) -> None:
        """Put all fits aside; one that there is no memory to write begins anew from what its files have."""
        while self._fits:
            try:
                self._forget()
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
        give_back_memory(self.device)

    def _value(self, fits: PictureFits, done: Sequence[Fit]) -> float | None:
        """What one's own metric says of the fits, as they stand, once all pictures have a check point."""
        metric = self.own.metric
        if metric is None or not all(one.step for one in done):
            return None
        try:
            return fmean(
                float(
                    metric(  # copies: it may work in place, and the fit and the split go on
                        picture.problem.view(one.image).clone(),
                        picture.split.score_target.clone(),
                        picture.split.score_weight.clone(),
                    )
                )
                for one, picture in zip(done, fits.pictures, strict=True)
            )
        except Exception as error:  # it is not our code; the study goes on with the next candidate
            raise TaskFailed(f"{METRIC_FAILED}: {in_words(error)}") from error

    # -- pictures ------------------------------------------------------------------------------------------------

    def _picture(self, wanted: Picture, *, pilot: bool) -> SplitProblem:
        """A picture and its split, on the device; the latest ones are kept, with their guides."""
        key = replace(wanted, pilot=None)
        there = self._pictures.get(key)
        if there is None:
            self._forget_gone()
            file = self.folder / wanted.problem
            problem = read_problem(file)
            split = make_split(problem, seed=wanted.split_seed)
            there = SplitProblem(file.stem, problem.to(self.device), split.to(self.device))
            self._pictures[key] = there
        self._pictures.move_to_end(key)
        while len(self._pictures) > PICTURES:
            self._pictures.popitem(last=False)
        return replace(there, pilot=self._pilot(wanted, part="fitted")) if pilot else there

    def _forget_gone(self) -> None:
        """Forget pictures whose files are gone, and the fits with them: a restoration has come to its next picture."""
        gone = [one for one in self._pictures if not (self.folder / one.problem).exists()]
        for one in gone:
            del self._pictures[one]
        if gone:
            self._fits.clear()
            give_back_memory(self.device)

    def _pilot(self, wanted: Picture, *, part: PilotPart) -> Tensor | None:
        if wanted.pilot is None:
            return None
        return read_pilot(self.folder / wanted.pilot, part=part).to(self.device)

    # -- similar patches -----------------------------------------------------------------------------------------

    def _restore(self, task: Patches) -> Restored:
        """Where the memory of a GPU is short, without the fits that are there; then on the processor."""
        started, place = time.perf_counter(), patch_device(self.device)
        for device in (place, *([place] if self._fits and place != "cpu" else []), "cpu"):
            left = task.left - (time.perf_counter() - started)
            try:
                image, made = self._restored(replace(task, left=left), device)
                break
            except RuntimeError as error:
                if device == "cpu" or not out_of_memory(error):
                    raise
            self._forget_all()
        write_x(self.folder / task.out, image)
        return Restored(time.perf_counter() - started, made)

    def _restored(self, task: Patches, device: str) -> tuple[Tensor, Made]:
        problem = read_problem(self.folder / task.problem)
        split: Split | None = None
        if task.split_seed is not None and device == self.device:
            split = self._picture(Picture(task.problem, task.split_seed), pilot=False).split
        elif task.split_seed is not None:  # its own device may have no room for the picture
            split = make_split(problem, seed=task.split_seed).to(device)
        problem = problem.to(device)
        threads = tile_threads(problem, torch.get_num_threads())
        if task.pilot is None:
            there = answer_within(problem, left=task.left, threads=threads, split=split)
            return there.image, there.made
        pilot = read_x(self.folder / task.pilot).to(device)
        with plain_threads():
            return polished(problem, pilot, split=split, threads=threads), "as usual"


def in_words(error: Exception) -> str:
    """What went wrong, on a line."""
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
