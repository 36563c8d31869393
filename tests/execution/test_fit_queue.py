"""The queue of fits: they share the time, what one leaves belongs to the others, and all leave their files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from dipsearch.execution.executor import TaskFailed, WorkerDied
from dipsearch.execution.fit_queue import FitQueue
from dipsearch.execution.runner import Runner
from dipsearch.execution.task import STATE, Advanced, Limits, Picture, Progress, Result, Slice, Task
from dipsearch.execution.worker import Worker
from dipsearch.fitting import Ended
from dipsearch.fitting.all_data import FEWEST, SHARE
from tests.execution.studies import PICTURE, study
from tests.fitting.test_loop import tiny_genome
from tests.memory_executor import MakeRunner, MemoryExecutor, clock, memory_runner, said

__all__ = ["clock", "memory_runner", "said"]

STEP = 0.1
"""Seconds of an iteration; check points are ten of them apart."""

NEVER = 10**9


@dataclass
class Fits:
    """What workers would make of slices: iterations that take their time.

    Args:
        ends: iterations after which fits end by themselves, by their places; others never do.
        writing: seconds of leaving the files of a fit.
        flawed: places of fits of which nothing comes, and why.
        lean: places of fits that have to get by with less memory.
        beyond: seconds that going on with all data takes.
        late: seconds that slices of it take longer than they may.

    Attributes:
        gone_on: how many of them each has had.
    """

    ends: dict[str, int] = field(default_factory=dict)
    writing: float = 0.0
    flawed: dict[str, Exception] = field(default_factory=dict)
    lean: tuple[str, ...] = ()
    beyond: float = 1.0
    late: float = 0.0
    gone_on: dict[str, float] = field(default_factory=dict)

    def __call__(self, task: Task) -> Advanced:
        assert isinstance(task, Slice)
        if task.place in self.flawed:
            raise self.flawed[task.place]
        if task.all_data:
            assert task.seconds is not None
            before = self.gone_on.get(task.place, 0.0)
            took = min(task.seconds + self.late * (task.seconds > 0), self.beyond - before)
            self.gone_on[task.place] = before + took
            kept = task.keep or before + took >= self.beyond
            return self._said(task, task.at, seconds=0.0, beside=took, kept=kept)
        end = self.ends.get(task.place, NEVER)
        steps, until, seconds = task.at, min(task.at + task.steps, end), 0.0
        while steps < until and (task.seconds is None or seconds < task.seconds):
            steps, seconds = steps + 10, seconds + 10 * STEP
        kept = task.keep or steps >= end
        return self._said(task, steps, seconds=seconds, beside=self.writing * kept, kept=kept)

    def _said(self, task: Slice, steps: int, *, seconds: float, beside: float, kept: bool = True) -> Advanced:
        ended = Ended.RISEN if steps >= self.ends.get(task.place, NEVER) else None
        return Advanced(
            steps,
            steps - task.at,
            seconds,
            beside,
            (Progress(ended, (), steps, 0.01, 0.01, None),),
            writing=beside,
            kept=kept,
            lean=task.place in self.lean,
        )


def wanted(name: str, **changes: object) -> Slice:
    fit = Slice(name, f"fit {name}", tiny_genome(), (PICTURE,), 0, Limits(max_steps=NEVER), at=0, steps=NEVER)
    return replace(fit, **{"may_go_on": False, **changes})


def executor_of(runner: Runner) -> MemoryExecutor:
    assert isinstance(runner.executor, MemoryExecutor)
    return runner.executor


def slices_of(runner: Runner, place: str) -> list[Slice]:
    return [task for task in executor_of(runner).given if isinstance(task, Slice) and task.place == place]


def worked(runner: Runner, fits: Sequence[Slice], **limits: float) -> FitQueue:
    queue = FitQueue(runner, fits, **limits)
    queue.work()
    return queue


def seconds_of(queue: FitQueue) -> dict[str, float]:
    """What each fit got."""
    return {place: round(STEP * found.steps, 6) for place, found in queue.latest.items()}


class TestSharing:
    @pytest.mark.parametrize("count", [1, 2])
    def test_fits_share_the_time_and_use_all_of_it(self, memory_runner: MakeRunner, count: int) -> None:
        runner = memory_runner(Fits(), count=count)
        queue = worked(runner, [wanted(name) for name in "abcd"], until=100.0)
        assert seconds_of(queue) == pytest.approx(dict.fromkeys("abcd", 25.0 * count), abs=1.5)
        assert runner.seconds == pytest.approx(100, abs=1)

    def test_what_one_leaves_of_its_share_belongs_to_the_others(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits(ends={"a": 100}))
        queue = worked(runner, [wanted(name) for name in "abc"], until=90.0)
        assert seconds_of(queue) == pytest.approx({"a": 10.0, "b": 40.0, "c": 40.0}, abs=1.5)

    def test_what_a_failure_leaves_too(self, memory_runner: MakeRunner, said: list[str]) -> None:
        runner = memory_runner(Fits(flawed={"a": TaskFailed("KeyError: 'no such layer'")}))
        queue = worked(runner, [wanted(name) for name in "ab"], until=61.0)
        assert queue.failed == {"a": "KeyError: 'no such layer'"}
        assert said == ["fit a: KeyError: 'no such layer'"]
        assert seconds_of(queue) == pytest.approx({"b": 60.0}, abs=1.5)

    def test_no_fit_takes_more_than_the_most(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits())
        queue = worked(runner, [wanted(name) for name in "ab"], until=100.0, most_seconds=10.0)
        assert seconds_of(queue) == {"a": 10.0, "b": 10.0}

    def test_where_there_is_no_end_every_fit_comes_to_its_own(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits(ends={"a": 5000, "b": 300}), count=2)
        queue = worked(runner, [wanted(name) for name in "ab"])
        assert {place: found.steps for place, found in queue.latest.items()} == {"a": 5000, "b": 300}
        assert all(found.pictures[0].ended is Ended.RISEN for found in queue.latest.values())

    def test_with_too_little_time_a_fit_is_not_begun(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits())
        assert worked(runner, [wanted("a")], until=0.9).latest == {}
        assert worked(runner, [wanted("a")], until=1.1).latest.keys() == {"a"}

    def test_slices_are_short_and_follow_one_another(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits())
        worked(runner, [wanted("a")], until=9.0, slice_seconds=2.0)
        found = slices_of(runner, "a")
        assert [one.at for one in found] == [0, 20, 40, 60, 80]
        assert [one.seconds for one in found] == pytest.approx([2, 2, 2, 2, 1])
        assert {one.steps for one in found} == {NEVER}

    def test_no_more_are_under_way_than_there_are_workers(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits(), count=2)
        worked(runner, [wanted(name) for name in "abcd"], until=40.0)
        order = [task.place for task in executor_of(runner).given if isinstance(task, Slice)]
        spans = [(order.index(name), len(order) - 1 - order[::-1].index(name)) for name in "abcd"]
        assert max(sum(first <= at <= last for first, last in spans) for at in range(len(order))) <= 3
        assert spans[0][1] < spans[2][0] and spans[1][1] < spans[3][0]

    def test_who_had_to_get_by_with_less_memory_goes_on_so(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits(lean=("a",)))
        worked(runner, [wanted(name) for name in "ab"], until=20.0)
        assert [one.limits.compute.lean for one in slices_of(runner, "a")] == [False, True, True, True, True]
        assert not any(one.limits.compute.lean for one in slices_of(runner, "b"))

    def test_the_worker_of_a_fit_may_die(self, memory_runner: MakeRunner, said: list[str]) -> None:
        fits, died = Fits(), []

        def do(task: Task) -> Result:
            assert isinstance(task, Slice)
            if task.at == 40 and not died:
                died.append(task)
                raise WorkerDied("its process died (SIGKILL)")
            return fits(task)

        runner = memory_runner(do)
        queue = worked(runner, [wanted("a")], until=20.0)
        assert [one.at for one in slices_of(runner, "a")][:5] == [0, 20, 40, 40, 60]
        assert queue.failed == {} and len(said) == 1
        assert seconds_of(queue)["a"] == pytest.approx(19, abs=1.5)


class TestAllData:
    def test_a_fit_goes_on_with_everything_once_when_it_was_judged(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits(ends={"a": 300}))
        worked(runner, [wanted("a", may_go_on=True), wanted("b")], until=100.0)
        found = slices_of(runner, "a")
        assert [one.all_data for one in found] == [False] * (len(found) - 1) + [True]
        assert (found[-1].at, found[-1].steps) == (300, 0)
        assert not any(one.all_data for one in slices_of(runner, "b"))

    def test_time_is_kept_back_for_it(self, memory_runner: MakeRunner) -> None:
        fits = Fits(beyond=math.inf)
        runner = memory_runner(fits)
        queue = worked(runner, [wanted("a", may_go_on=True)], until=100.0)
        assert seconds_of(queue)["a"] == pytest.approx(100 / (1 + SHARE), abs=2)
        assert fits.gone_on["a"] == pytest.approx(100 * SHARE / (1 + SHARE), abs=2)
        assert runner.seconds <= 100
        going = [one for one in slices_of(runner, "a") if one.all_data]
        assert max(one.seconds or 0.0 for one in going) == queue.slice_seconds
        # The last one delivers what there is.
        assert [one.keep for one in going] == [False] * (len(going) - 1) + [True]

    def test_a_short_fit_has_the_time_for_the_fewest_iterations(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits())
        worked(runner, [wanted("a", may_go_on=True)], until=100.0, most_seconds=5.0)
        last = slices_of(runner, "a")[-1]
        assert last.all_data and last.at == 30 and last.seconds >= FEWEST * STEP

    def test_it_takes_nothing_of_the_time_of_others(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits())
        queue = worked(runner, [wanted(name, may_go_on=True) for name in "abcd"], until=16.0)
        assert min(slices_of(runner, name)[-1].at for name in "abcd") == 20
        assert all(slices_of(runner, name)[-1].seconds >= FEWEST * STEP for name in "abcd")
        assert max(seconds_of(queue).values()) <= 6

    def test_where_there_is_no_end_it_has_no_limit(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits(ends={"a": 50}, beyond=7.0))
        queue = worked(runner, [wanted("a", may_go_on=True)])
        going = [(one.seconds, one.keep) for one in slices_of(runner, "a") if one.all_data]
        assert going == [(2.0, False)] * 4 and queue.latest["a"].kept

    def test_an_overrun_of_the_end_loses_nothing_of_it(self, memory_runner: MakeRunner) -> None:
        for until in (20.0, 20.3, 20.7, 21.1, 21.6):
            runner = memory_runner(Fits(beyond=math.inf, late=0.5))
            queue = worked(runner, [wanted("a", may_go_on=True)], until=until)
            last = slices_of(runner, "a")[-1]
            assert last.all_data and last.keep and queue.latest["a"].kept

    def test_what_is_interrupted_does_not_go_on(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits(ends={"a": 50}, beyond=100.0))
        runner.heard = lambda: setattr(runner.asked, "by", "Ctrl-C" if runner.seconds > 20 else "")
        worked(runner, [wanted("a", may_go_on=True)])
        assert slices_of(runner, "a")[-1].all_data and runner.seconds < 25

    def test_what_failed_does_not_go_on(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits(flawed={"a": TaskFailed("no")}))
        worked(runner, [wanted("a", may_go_on=True)], until=100.0)
        assert [one.all_data for one in slices_of(runner, "a")] == [False]


class TestFiles:
    def test_small_ones_are_written_with_every_slice(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits(writing=0.05))
        worked(runner, [wanted("a")], until=20.0)
        assert all(one.keep for one in slices_of(runner, "a"))

    def test_those_that_take_long_are_written_now_and_then_and_with_the_last_slice(
        self, memory_runner: MakeRunner
    ) -> None:
        runner = memory_runner(Fits(writing=10.0))
        queue = worked(runner, [wanted("a")], until=96.0)
        kept = [one.at * STEP for one in slices_of(runner, "a") if one.keep]
        assert kept == pytest.approx(
            [0, 50, 74], abs=2.1
        )  # 20 % of 50 s are 10 s, and of 96 s two writings are none of it
        assert queue.latest["a"].kept

    def test_those_that_were_not_are_written_when_all_is_done(self, memory_runner: MakeRunner) -> None:
        fits = Fits(writing=5.0)

        def do(task: Task) -> Result:
            """The third slice takes longer than it was given, so that nobody expected it to be the last."""
            found = fits(task)
            return replace(found, beside=30.0) if found.steps == 60 and found.made else found

        runner = memory_runner(do)
        worked(runner, [wanted("a")], until=30.0)
        found = slices_of(runner, "a")
        assert [(one.at, one.keep) for one in found] == [(0, True), (20, False), (40, False), (60, True)]
        assert (found[-1].steps, found[-1].all_data) == (0, False)

    def test_with_everything_they_are_not_written_again_without_it(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits(writing=10.0))
        worked(runner, [wanted("a", may_go_on=True)], until=45.0)
        *before, last = slices_of(runner, "a")
        assert last.all_data
        assert not before[-1].keep

    def test_a_fit_of_an_earlier_run_is_gone_on_with(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits())
        executor_of(runner).do = Worker(study(runner.folder), "cpu").do
        one = wanted("a", limits=Limits(max_steps=50))
        before = worked(runner, [one], most_seconds=1e-6).latest["a"]
        after = worked(runner, [one]).latest["a"]
        assert [one.at for one in slices_of(runner, "a")] == [0, 10]
        assert (before.steps, before.made) == (10, 10)
        assert (after.steps, after.made, after.pictures[0].ended) == (50, 40, Ended.STEPS)

    def test_one_whose_file_is_damaged_begins_anew(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits())
        (runner.folder / "a").mkdir()
        (runner.folder / "a" / STATE).write_bytes(b"damaged")
        worked(runner, [wanted("a")], until=5.0)
        assert slices_of(runner, "a")[0].at == 0


class TestFinishingEarly:
    def test_nothing_more_is_begun_and_who_was_cut_off_is_known(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(Fits(ends={"a": 50}))

        def heard() -> None:
            if runner.seconds >= 8.0:
                runner.asked.by = "Ctrl-C"

        runner.heard = heard
        queue = worked(runner, [wanted(name) for name in "abc"], until=100.0)
        assert queue.latest.keys() == {"a", "b"}
        assert queue.cut_off == {"b"}
        assert 8 <= runner.seconds <= 10

    def test_without_such_a_wish_nobody_is_cut_off(self, memory_runner: MakeRunner) -> None:
        queue = worked(memory_runner(Fits()), [wanted(name) for name in "ab"], until=20.0)
        assert queue.cut_off == frozenset()


def test_a_picture_is_fitted_as_it_was_wanted(memory_runner: MakeRunner) -> None:
    runner = memory_runner(Fits(ends={"a": 10}))
    picture = Picture("inputs/whole-cat.npz", 7, "inputs/pilot-whole-cat.npz")
    worked(runner, [wanted("a", pictures=(picture,), seed=3)])
    (one,) = slices_of(runner, "a")
    assert (one.pictures, one.seed, one.label) == ((picture,), 3, "fit a")
