"""At once: similar patches answer before anything is planned, in the parent process, with all that the machine has.

So there is a picture after seconds, whatever happens later, and the plan knows from a measurement what groups of
similar patches cost here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..fitting import give_back_memory, out_of_memory
from ..patches import DEFAULT, HURRIED, QUICK, SHORTENED, PatchSettings, answer, first_guess, settings_for
from ..problem import Case, Identity, Problem, crop_problem

DENOISING, OTHERS = (4.6, 2.9, 1.9), (15.0, 8.0, 2.7)
"""The time of the usual, the shortened and the quick settings, in that of the hurried ones: denoising, and everything
else; see ``HURRIED``."""

SLOW = 1e-3
"""Seconds per pixel that a machine six times as slow as usual takes; where even that is there, nothing is measured."""

PROBE, PROBE_ON_GPU, TILE = 64, 256, 256 * 256
"""Side of the part on which the speed is measured (a GPU takes as long for smaller ones), and pixels of a tile, which
one thread works on."""

MOST_THREADS = 8
"""Each works on a tile of its own, which takes about 0.2 GB."""


@dataclass(frozen=True, eq=False)
class AtOnce:
    """A first answer.

    Args:
        image: the restored picture, (1, C, H, W) on the CPU.
        seconds: that one worker would need for it.
        hurried: it was made by less than the usual settings, since there was no time for these.
    """

    image: Tensor
    seconds: float
    hurried: bool = False


def answer_at_once(
    case: Case,
    *,
    device: str,
    threads: int,
    tell: Callable[[str], None],
    left: float = math.inf,
) -> AtOnce | None:
    """Restore a picture with similar patches alone, or with a quicker method where there is no time for them.

    Args:
        case: its problem.
        device: as PyTorch names it.
        threads: that work on the tiles of a large picture.
        tell: hears how far a large picture is, and why there is no answer.
        left: seconds of wall time for it.

    Returns:
        The answer; ``None`` where it cannot be done.
    """
    on_cpu = patch_device(device) == "cpu"
    started, used = time.perf_counter(), time.process_time()
    try:
        with plain_threads():
            problem = case.problem.to(patch_device(device))
            threads = min(threads, MOST_THREADS) if on_cpu else 1
            settings = _affordable(problem, threads=threads, left=left)
            if settings is None:
                image = first_guess(problem, noise_sigma=problem.noise.sigma or 0.0).cpu()
                tell(f"{case.name}: there is no time for similar patches; a quick method restores it")
            else:
                image = answer(
                    problem, settings=settings, threads=threads, progress=_progress(case.name, tell)
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
    usual = settings == settings_for(_pixels(problem))
    return AtOnce(image, max(seconds, time.process_time() - used) if on_cpu else seconds, not usual)


def threads_for(case: Case, threads: int) -> int:
    """How many of some threads a picture keeps at work at the most: each needs a tile of its own."""
    return 1 if max(case.problem.image_shape[-2:]) ** 2 <= TILE else min(threads, MOST_THREADS)


def _affordable(problem: Problem, *, threads: int, left: float) -> PatchSettings | None:
    """The best settings for which there is time; ``None``: there is none for any."""
    usual, pixels = settings_for(_pixels(problem)), _pixels(problem)
    # A hurried answer to a small part shows how fast this machine is at the moment, as busy as it is.
    side = min(PROBE_ON_GPU if problem.y.is_cuda else PROBE, *problem.y.shape[-2:])
    if pixels * SLOW < left or not problem.croppable or side == max(problem.y.shape[-2:]):
        return usual
    top, start = (problem.y.shape[-2] - side) // 2, (problem.y.shape[-1] - side) // 2
    part = crop_problem(problem, top=top, left=start, height=side, width=side)
    parallel = min(threads, max(1, pixels // TILE))
    # The first time, libraries are loaded, too.
    each = min(_seconds_of(part) for _ in range(2)) / _pixels(part) * pixels / parallel
    times = DENOISING if isinstance(problem.operator, Identity) else OTHERS
    choices = zip((DEFAULT, SHORTENED, QUICK, HURRIED), (*times, 1.0), strict=True)
    able = [settings for settings, factor in choices if factor * each <= left]
    if usual in able:
        return usual
    return able[0] if able else None


def _seconds_of(part: Problem) -> float:
    begun = time.perf_counter()
    answer(part, settings=HURRIED)
    return time.perf_counter() - begun


def _pixels(problem: Problem) -> int:
    return problem.image_shape[-2] * problem.image_shape[-1]


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
