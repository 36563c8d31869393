"""The CUDA graph engine: the whole step is recorded once and replayed, one launch instead of hundreds.

At 256×256 a GPU waits for Python most of the time. The recorded step draws its own jitter, counts Adam's
steps and weighs the running average on the device; the host comes back only to read at check points.

The graphs of a process share one memory pool: whatever a step needs from one replay to the next lies outside of it, so
fits that take turns need the memory of the largest one and not of all of them.
"""

from __future__ import annotations

from contextlib import nullcontext
from weakref import WeakSet

import torch

from ..errors import first_line, out_of_memory
from ..network.capture import Pool, alone, beside, capturing, recover
from ..problem import Problem, Split
from .engine import EagerEngine, Engine
from .own_memory import OwnMemory
from .step import Step

WARM_UP = 3
"""Steps before recording: cuDNN chooses its algorithms, Adam makes its state, workspaces are allocated."""


class CudaGraphEngine(Engine):
    """Replays a recorded step; the arguments are those of ``Engine`` and the graph."""

    name = "cuda_graph"

    def __init__(
        self, step: Step, problem: Problem, *, split: Split, graph: torch.cuda.CUDAGraph, reason: str = ""
    ) -> None:
        super().__init__(step, problem, split=split, reason=reason)
        self._graph, self._make = graph, graph.replay
        with alone:
            _alive.add(self)

    @property
    def pool(self) -> Pool:
        """Where its graph has its memory."""
        return self._graph.pool()


_alive: WeakSet[CudaGraphEngine] = WeakSet()
"""The engines of this process whose graphs are there: they say which pool the next one can share."""


def recorded(step: Step, problem: Problem, *, split: Split, reason: str = "") -> Engine:
    """Record ``step``; where that fails, the eager engine with the reason, on a step that is as it was. So has one's
    own network an eager engine that changes what a recorded step could not follow, see `OwnMemory`.

    Args:
        step: that is repeated.
        problem, split: as of an engine.
        reason: why it is not quite what was asked for.

    Raises:
        torch.OutOfMemoryError: a plain step does not fit, or a recorded one does not beside the fits that have theirs.
    """
    before, others = step.save(), there_on(step.device)
    pool = others[0].pool if others else torch.cuda.graph_pool_handle()
    kept = OwnMemory(step.network, contents=True) if step.of_ones_own else None
    with step.drawing():
        changed = warm_up(step)
    if kept is not None and changed:
        kept.put_back()
    elif kept is not None:
        kept.put_contents_back()
    step.load(before)
    if changed:
        return EagerEngine(step, problem, split=split, reason=f"{reason}; {changed}" if reason else changed)
    try:
        graph = captured(step, pool)
    except Exception as error:  # whatever it is, the steps of the warm-up did not raise it
        crowded = bool(others) and out_of_memory(error)
        failure = f"recording failed: {first_line(error)}"
    else:
        return CudaGraphEngine(step, problem, split=split, graph=graph, reason=reason)
    # After the block above: while an error is handled, its frames hold what the step had allocated.
    step.forget()
    recover(step.device, pool)
    if kept is not None:
        kept.put_contents_back()
    step.load(before)
    if crowded:
        raise torch.OutOfMemoryError(failure)
    return EagerEngine(step, problem, split=split, reason=f"{reason}; {failure}" if reason else failure)


def there_on(device: torch.device) -> list[CudaGraphEngine]:
    """The engines on a device whose graphs are there."""
    with alone:  # threads of one process, of a Dask worker, add their own
        return [one for one in _alive if one.step.device == device]


def warm_up(step: Step) -> str:
    """Make a few steps beside the current stream, as recording wants it. They change the step's state.

    Returns:
        What one's own network changes in every step and a recorded one could not follow; empty where there is nothing.
    """
    changed, kept = "", None
    with beside(step.device) if step.device.type == "cuda" else nullcontext():
        for _ in range(WARM_UP):
            step()
            # What the first step makes, as a table that it looks up from then on, stays.
            before, kept = kept, OwnMemory(step.network) if step.of_ones_own else None
            if before is not None and kept is not None:
                changed = changed or before.changed(kept)
    return changed


def captured(step: Step, pool: Pool) -> torch.cuda.CUDAGraph:
    """The step as a graph with its memory in a pool; ``warm_up`` goes before it."""
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(step.draw)
    step.adam.zero_grad()  # the gradients are to be made in the graph's own memory
    with capturing(graph, step.device, pool=pool):
        step()
    return graph
