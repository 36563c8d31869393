"""What a plan is made of: the load, which has to be done, and the plan, which says how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..network import Calibration, Genome, Network
from .memory_limit import UNLIMITED, MemoryLimit
from .rescoring import NOTHING, Rescoring

USUAL_STEPS, LEAST_STEPS = 1200, 450
"""Iterations that the fits we have seen needed to come close to their best; with fewer than the second number a fit is
not worth starting."""

USUAL_WITH_PILOT, LEAST_WITH_PILOT = 400, 200
"""The same with the first answer in the network's input."""

MAX_STEPS = {"denoise": 3000, "inpaint": 6000, "sr": 4000, "deblur": 4000, "invert": 4000}
"""Where a fit ends at the latest: about twice the published lengths of Ulyanov et al. (2018)."""

ENDLESS = 10**6
"""Where a fit ends at the latest while there is a clock: far behind what any budget pays for. Its rule and the policy
decide; a candidate whose score still rose at a limit of 3,000 was the best one of a search on a GPU."""

UNDECIDED = -1
"""Instead of the side of a crop: still to be planned."""


@dataclass(frozen=True)
class Load:
    """What a plan is made for.

    Args:
        task: of the study.
        shapes: of the images to restore, each ``(1, C, H, W)``.
        starters: our networks for the task by name, the best one first.
        published: the published networks for the task by name; either may be empty in a space of its own kind.
        sample: any network of the space; it stands for a usual one where there is no starter.
        calibration: of this machine; ``None`` without a budget.
        spent: seconds since the start.
        max_steps: iterations of one fit at the most; ``None``: as many as the task usually has.
        factor: pixels of the restored picture per measured one, along each side.
        searched_on: the crop that a study to be resumed was begun with; ``UNDECIDED`` for a new one.
        memory limit: the memory that candidates have.
        too_large: known networks that were left out for lack of it, by name.
        patch_seconds: wall time of one worker for a first answer to all pictures, as measured; 0: there is none.
        has_pilot: whether networks with a pilot in their input can be fitted; they are left out otherwise.
        slowness: how much longer than its processor time anything takes here, since the machine does other work, too.
        no_time: whether there is time only to deliver what there is: the first answers, and candidates of a study to
            be resumed.
    """

    task: str
    shapes: Sequence[tuple[int, int, int, int]]
    starters: Sequence[tuple[str, Genome]]
    published: Sequence[tuple[str, Genome]]
    sample: Genome
    calibration: Calibration | None
    spent: float
    max_steps: int | None = None
    factor: int = 1
    searched_on: int | None = UNDECIDED
    memory_limit: MemoryLimit = UNLIMITED
    too_large: tuple[str, ...] = ()
    has_pilot: bool = False
    patch_seconds: float = 0.0
    slowness: float = 1.0
    no_time: bool = False

    @property
    def typical(self) -> Genome:
        """A usual network of the search."""
        return self.starters[0][1] if self.starters else self.sample

    @property
    def last_step(self) -> int:
        """Where a fit ends at the latest where no clock does."""
        return self.max_steps or MAX_STEPS[self.task]


def usual_steps(genome: Genome) -> int:
    """Iterations that a fit of a network usually takes."""
    return USUAL_WITH_PILOT if genome.needs_pilot else USUAL_STEPS


def least_steps(genome: Network) -> int:
    """Iterations of a fair first look: with fewer a fit says little, and is not worth starting."""
    return LEAST_WITH_PILOT if genome.needs_pilot else LEAST_STEPS


@dataclass(frozen=True)
class Plan:
    """How the work is going to be done.

    Args:
        devices: of the workers, one each.
        crop: side of the square that is searched on; ``None``: the whole image.
        max_steps: iterations of one fit at the latest.
        usual_steps: iterations that a fit is expected to take.
        patience: iterations without improvement before a fit ends.
        queue: known networks that are tried first, by name.
        left_out: known networks that are too slow for the budget, by name.
        memory limit: a candidate that needs more memory is not started.
        seconds_per_step: of a usual network on every picture, predicted; 0 where nothing was measured.
        whole_check_every: iterations between check points of fits to a whole picture after a search on a crop.
        affordable_seconds: a candidate that is predicted to take longer for its usual steps is not proposed.
        search_until: seconds since the start at which the search ends; ``None``: when all trials are done; 0: at
            once, there is no time for a network.
        deliver_until: seconds since the start at which the delivery ends; ``None``: no limit.
        trials: candidates to finish; ``None``: as many as there is time for.
        lines: label and sentence, for people.
        rescoring: how many finalists are scored again on a second split, with how many seeds.
        rescore_until: seconds since the start at which that ends; ``None``: no limit.
        polishing: seconds before ``deliver_until`` that belong to the polishing of what networks made.
        pilots_only: whether there is time only for networks with a pilot in their input, which need fewer iterations.
        networks: whether there is time for any; the first answers are all that is delivered otherwise.
        no_room: a device that had not even the memory to measure its speed, so that no network is fitted; empty: there
            was none.
        networks_from: the budget in seconds that would have time for one, with a margin for a machine that becomes
            slower; ``None``: there are networks, or it is not time that they lack.
    """

    devices: tuple[str, ...]
    crop: int | None
    max_steps: int
    usual_steps: int
    patience: int
    queue: tuple[tuple[str, Genome], ...]
    left_out: tuple[str, ...]
    affordable_seconds: float | None
    search_until: float | None
    deliver_until: float | None
    trials: int | None
    lines: tuple[tuple[str, str], ...] = ()
    whole_check_every: int = 10
    rescoring: Rescoring = NOTHING
    rescore_until: float | None = None
    polishing: float = 0.0
    pilots_only: bool = False
    networks: bool = True
    no_room: str = ""
    networks_from: float | None = None
    seconds_per_step: float = 0.0
    memory_limit: MemoryLimit = UNLIMITED
