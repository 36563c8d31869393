"""The share of the time in which a GPU was at work."""

from __future__ import annotations

from dipsearch.execution.busy import Span, covered, gpu_busy_share
from dipsearch.execution.task import Patches, Restored
from tests.memory_executor import Clock, MakeRunner, clock, memory_runner, said

__all__ = ["clock", "memory_runner", "said"]


def test_what_overlaps_counts_once() -> None:
    assert (
        covered([Span("cuda:0", 5, 8), Span("cuda:0", 0, 4), Span("cuda:0", 3, 6), Span("cuda:0", 6, 7)]) == 8
    )
    assert covered([]) == 0


def test_two_workers_of_a_gpu_are_no_two_gpus() -> None:
    spans = [Span("cuda:0", 0, 10), Span("cuda:0", 5, 15), Span("cpu", 0, 20)]
    assert gpu_busy_share(spans, seconds=20) == 0.75


def test_of_two_gpus_it_is_the_mean() -> None:
    assert gpu_busy_share([Span("cuda:0", 0, 10), Span("cuda:1", 0, 20)], seconds=20) == 0.75


def test_without_a_gpu_there_is_none() -> None:
    assert gpu_busy_share([Span("cpu", 0, 10)], seconds=20) is None


def test_a_runner_notes_when_its_tasks_were_done(memory_runner: MakeRunner, clock: Clock) -> None:
    runner = memory_runner(lambda task: Restored(2.0))
    runner.restore([Patches("a", "p", "o"), Patches("b", "p", "o2")])
    assert [(span.device, span.begin, span.end) for span in runner.spans] == [("cpu", 0, 2), ("cpu", 2, 4)]


def test_a_worker_that_had_to_load_its_libraries_first_was_not_busy_meanwhile(
    memory_runner: MakeRunner, clock: Clock
) -> None:
    runner = memory_runner(lambda task: Restored(2.0))
    worker, future = runner.executor.submit(Patches("a", "p", "o"))
    runner.adopt(Patches("a", "p", "o"), worker, future)
    runner.executor._running[0].ends = 5.0
    runner.restore([])
    assert [(span.begin, span.end) for span in runner.spans] == [(3, 5)]
    assert runner.done["o"][1].seconds == 2.0
