"""How much memory a fit really takes: measured in a process of its own.

The process is new for each measurement, so that nothing of an earlier fit is in the way. A small fit goes first: what
the libraries take once for themselves belongs to every worker, not to the candidate, and so does memory that was
free before; it is given back to the system and counts when the fit takes it.
"""

from __future__ import annotations

import torch

from ...fitting import give_back_memory, make_engine
from ...fitting.compute import Compute
from ...fitting.memory import keep_freed_memory
from ...network import Genome, Scale
from ...problem import Identity, NoiseModel, Problem, make_split
from ..shared.worker_pool import RESET, measured_apart, peak, reset_peak

_STEPS = 3
_WARM_UP = Genome(scales=(Scale(48, 48), Scale(16, 16, 5, 5)), input_channels=8)


def random_problem(size: int, *, device: str = "cpu") -> Problem:
    """A square of uniform noise to be denoised: what it shows does not matter for time and memory."""
    y = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    noise = NoiseModel("gaussian", 25 / 255, "given")
    return Problem(y, Identity(), noise, (1, 3, size, size), observed=torch.ones(1, 1, size, size)).to(device)


def measured_bytes(genome: Genome, size: int, *, device: str = "cpu") -> int | None:
    """The growth of the peak memory of a fresh process during a few steps; None where it cannot be told.

    On CUDA the allocator's own peak; on a Linux CPU the peak of the resident memory.
    """
    cuda = device.startswith("cuda")
    return measured_apart(_growth, genome, size, device, copied=not cuda) if cuda or RESET.exists() else None


def _growth(genome: Genome, size: int, device: str) -> int:
    keep_freed_memory()
    torch.set_num_threads(1)
    _steps(_WARM_UP, 48, device, steps=1)
    give_back_memory(device)
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        _steps(genome, size, device)
        return torch.cuda.max_memory_allocated() - before
    before = reset_peak() or 0
    _steps(genome, size, device)
    return peak() - before


def _steps(genome: Genome, size: int, device: str, *, steps: int = _STEPS) -> None:
    problem = random_problem(size, device=device)
    split = make_split(problem.to("cpu"), seed=0).to(device)
    # A network that wants a pilot gets the measurement: its values do not matter here.
    made = make_engine(Compute(), genome, problem, split=split, seed=0, pilot=problem.y)
    made.advance(steps)
