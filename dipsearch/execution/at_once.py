"""At once: similar patches answer before anything is planned, in the parent process, with all that the machine has.

So there is a picture after seconds, whatever happens later, and the plan knows from a measurement what groups of
similar patches cost here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

from ..errors import InputError, out_of_memory
from ..fitting import give_back_memory
from ..problem import Case
from ..trials.first_files import KeptFirst
from .timed_answer import OnlyQuickError, TimedAnswer, answer_within
from .warm_up import warm_up_patches


def answer_at_once(
    case: Case,
    *,
    device: str,
    threads: int,
    tell: Callable[[str], None],
    left: float = math.inf,
    may_be_quick: bool = True,
) -> KeptFirst | None:
    """Restore a picture with similar patches alone, or with a quicker method where there is no time for them.

    Args:
        case: its problem.
        device: as PyTorch names it.
        threads: that work on the tiles of a large picture.
        tell: hears how far a large picture is, and why there is no answer.
        left: seconds of wall time for it.
        may_be_quick: whether a quick method may take their place.

    Returns:
        The answer, on the CPU; ``None`` where it cannot be done.
    """
    place, begun = patch_device(device), time.perf_counter()
    on_cpu = place == "cpu"
    if not on_cpu:
        # What loading the libraries takes is no measure of what patches will take later.
        warm_up_patches(place)
        left -= time.perf_counter() - begun
    started, used = time.perf_counter(), time.process_time()
    there: TimedAnswer | None
    try:
        # Nothing here names what lies on a GPU: where its memory is short it is all given back.
        there = answer_within(
            case.problem.to(place),
            left=left,
            threads=threads,
            progress=_progress(case.name, tell),
            may_be_quick=may_be_quick,
        )
        there = replace(there, image=there.image.cpu())
    except OnlyQuickError:
        return None
    except InputError as error:
        tell(f"{case.name}: similar patches have no answer: {error}")
        return None
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        if on_cpu:
            tell(f"{case.name}: similar patches have no answer: there was not enough memory")
            return None
        there = None
    give_back_memory(device)
    if there is None:
        tell(f"{case.name}: {place} has not enough memory for similar patches: the processor finds them")
        left -= time.perf_counter() - started
        return answer_at_once(
            case, device="cpu", threads=threads, tell=tell, left=left, may_be_quick=may_be_quick
        )
    seconds = time.perf_counter() - started
    worked = max(seconds, time.process_time() - used) if on_cpu else seconds
    return KeptFirst(there.image, worked, there.made, there.usually)


def patch_device(device: str) -> str:
    """Where similar patches are worked on: Apple's GPUs lack the double precision that they need here and there."""
    return "cpu" if device.startswith("mps") else device


def _progress(name: str, tell: Callable[[str], None]) -> Callable[[int, int], None]:
    """Say every tenth of the way."""

    def told(done: int, tiles: int) -> None:
        if 10 * done // tiles > 10 * (done - 1) // tiles:
            tell(f"{name}: similar patches, {100 * done // tiles} % done")

    return told
