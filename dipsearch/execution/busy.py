"""How much of the time a GPU was at work: the spans in which tasks were done, and the share that they cover."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """The time in which a task was done.

    Args:
        device: as PyTorch names it, with its machine where that is another one.
        begin, end: seconds since the start.
    """

    device: str
    begin: float
    end: float


def gpu_busy_share(spans: Sequence[Span], *, seconds: float) -> float | None:
    """The share of the time in which a task was done on a GPU, the mean over the GPUs; ``None`` where none was used.

    Args:
        spans: of all tasks; those of several workers of a GPU may overlap.
        seconds: from the start to the delivery.
    """
    by_gpu: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        if "cuda" in span.device:
            by_gpu[span.device].append(span)
    if not by_gpu or seconds <= 0:
        return None
    shares = [min(1.0, covered(found) / seconds) for found in by_gpu.values()]
    return sum(shares) / len(shares)


def covered(spans: Iterable[Span]) -> float:
    """Seconds in which there is at least one of them."""
    total, until = 0.0, float("-inf")
    for span in sorted(spans, key=lambda one: one.begin):
        total += max(0.0, span.end - max(span.begin, until))
        until = max(until, span.end)
    return total
