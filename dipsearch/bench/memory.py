"""How much memory a fit really takes: measured in a process of its own, beside what was predicted."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import torch

from ..fitting import make_engine
from ..fitting.memory import keep_freed_memory
from ..network import Genome
from ..problem import Identity, NoiseModel, Problem, make_split

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_STEPS = 3


def random_problem(size: int, *, device: str = "cpu") -> Problem:
    """A square of uniform noise to be denoised: what it shows does not matter for time and memory."""
    y = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    noise = NoiseModel("gaussian", 25 / 255, "given")
    return Problem("denoise", y, Identity(), noise, (1, 3, size, size), torch.ones(1, 1, size, size)).to(
        device
    )


def measured_bytes(genome: Genome, size: int, *, device: str = "cpu", lean: bool = False) -> int | None:
    """The growth of the peak memory of a fresh process during a few steps; None where it cannot be told.

    On CUDA the allocator's own peak; on a Linux CPU the peak of the resident memory.
    """
    if not device.startswith("cuda") and not _RESET.exists():
        return None
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(there, genome, size, device, lean), daemon=True)
    process.start()
    there.close()
    try:
        grown: int | None = here.recv()
    except EOFError:  # the process was ended, for lack of memory as a rule
        grown = None
    process.join()
    return grown


def _measure(
    out: multiprocessing.connection.Connection, genome: Genome, size: int, device: str, lean: bool
) -> None:
    keep_freed_memory()
    torch.set_num_threads(1)
    # The libraries' own first-use memory is paid before the measurement.
    _steps(Genome(scales=genome.scales[:1], input_channels=2), 16, device, False)
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        _steps(genome, size, device, lean)
        out.send(torch.cuda.max_memory_allocated() - before)
        return
    _RESET.write_text("5")  # the peak becomes what is resident now
    before = _peak()
    _steps(genome, size, device, lean)
    out.send(_peak() - before)


def _steps(genome: Genome, size: int, device: str, lean: bool) -> None:
    problem = random_problem(size, device=device)
    split = make_split(problem.to("cpu"), seed=0).to(device)
    make_engine("auto", genome, problem, split=split, seed=0, lean=lean).advance(_STEPS)


def _peak() -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])
