"""The CUDA graph engine: the whole step is recorded once and replayed, one launch instead of hundreds.

At 256×256 a GPU waits for Python most of the time. The recorded step draws its own jitter, counts Adam's
steps and weighs the running average on the device; the host comes back only to read at check points.

Several candidates on one GPU: one process each, and one candidate at a time per process. Streams in one
process would share the memory pool and the fate of a failed capture, and their launches are serial anyway; a
replayed graph already keeps the GPU busy from about 256×256 on.
"""

from __future__ import annotations

import torch

from ..problem import Problem, Split
from .engine import EagerEngine, Engine, Reading, read
from .precision import Precision
from .step import Step, StepState

WARM_UP = 3
"""Steps before recording: cuDNN chooses its algorithms, Adam makes its state, workspaces are allocated."""


class CudaGraphEngine:
    """Replays a recorded step; the arguments are those of ``EagerEngine`` and the graph."""

    name, reason = "cuda_graph", ""

    def __init__(self, step: Step, problem: Problem, *, split: Split, graph: torch.cuda.CUDAGraph) -> None:
        self.step, self._problem, self._split, self._graph = step, problem, split, graph

    @property
    def precision(self) -> Precision:
        return self.step.precision

    def advance(self, steps: int) -> Reading:
        for _ in range(steps):
            self._graph.replay()
        return read(self.step, self._problem, split=self._split)

    def save(self) -> StepState:
        return self.step.save()


def recorded(step: Step, problem: Problem, *, split: Split) -> Engine:
    """Record ``step``; where that fails, the eager engine with the reason, on a step that is as it was.

    Raises:
        torch.OutOfMemoryError: recording did not fit; an eager step would not either.
    """
    before = step.save()
    try:
        warm_up(step)
        step.load(before)
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(step.draw)
        step.adam.zero_grad()  # the gradients are to be made in the graph's own memory
        with torch.cuda.graph(graph):
            step()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        torch.cuda.synchronize(step.device)
        step.adam.zero_grad()
        step.load(before)
        return EagerEngine(step, problem, split=split, reason=f"recording failed: {_first_line(error)}")
    return CudaGraphEngine(step, problem, split=split, graph=graph)


def warm_up(step: Step) -> None:
    """Make a few steps beside the current stream, as recording wants it. They change the step's state."""
    if step.device.type != "cuda":
        for _ in range(WARM_UP):
            step()
        return
    beside = torch.cuda.Stream(step.device)  # type: ignore[no-untyped-call]
    beside.wait_stream(torch.cuda.current_stream(step.device))
    with torch.cuda.stream(beside):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream(step.device).wait_stream(beside)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
