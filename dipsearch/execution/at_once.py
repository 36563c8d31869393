"""At once: similar patches answer before anything is planned, in the parent process, with all that the machine has.

So there is a picture after seconds, whatever happens later, and the plan knows from a measurement what groups of
similar patches cost here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ..errors import InputError
from ..fitting import give_back_memory, out_of_memory
from ..patches import answer
from ..problem import Case

MOST_THREADS = 8
"""Each works on a tile of its own, which takes about 0.2 GB."""


def answer_at_once(
    case: Case, *, device: str, threads: int, tell: Callable[[str], None]
) -> tuple[Tensor, float] | None:
    """Restore a picture with similar patches alone.

    Args:
        case: its problem.
        device: as PyTorch names it.
        threads: that work on the tiles of a large picture.
        tell: hears how far a large picture is, and why there is no answer.

    Returns:
        The restored picture, (1, C, H, W) on the CPU, and the seconds that one worker would need for it; ``None`` where
        it cannot be done.
    """
    on_cpu = patch_device(device) == "cpu"
    started, used = time.perf_counter(), time.process_time()
    try:
        with plain_threads():
            image = answer(
                case.problem.to(patch_device(device)),
                threads=min(threads, MOST_THREADS) if on_cpu else 1,
                progress=_progress(case.name, tell),
            ).cpu()
    except InputError as error:
        tell(f"{case.name}: similar patches have no answer: {error}")
        return None
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        tell(f"{case.name}: similar patches have no answer: there was not enough memory")
        return None
    give_back_memory(device)
    seconds = time.perf_counter() - started
    return image, max(seconds, time.process_time() - used) if on_cpu else seconds


def patch_device(device: str) -> str:
    """Where similar patches are worked on: Apple's GPUs lack the double precision that they need here and there."""
    return "cpu" if device.startswith("mps") else device


def _progress(name: str, tell: Callable[[str], None]) -> Callable[[int, int], None]:
    """Say every tenth of the way."""

    def told(done: int, tiles: int) -> None:
        if 10 * done // tiles > 10 * (done - 1) // tiles:
            tell(f"{name}: similar patches, {100 * done // tiles} % done")

    return told


@contextmanager
def plain_threads() -> Iterator[None]:
    """Let PyTorch itself use one thread only."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
