"""The runner: who gets which task, whose task is done again, and when nothing is handed out any more."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from dipsearch.execution.executor import Interrupted, TaskFailed, WorkerDied
from dipsearch.execution.runner import ALONE_SECONDS, LATE_SECONDS, LEAST_LATE, TICK, TRIES, Runner
from dipsearch.execution.task import Advanced, Patches, Restored, Result, Task
from tests.execution.studies import a_slice
from tests.memory_executor import FAILURE, Clock, MakeRunner, MemoryExecutor, clock, memory_runner, said

__all__ = ["clock", "memory_runner", "said"]

Heard = list[tuple[Task, Result | Exception, int]]


def patches(name: str = "cat") -> Patches:
    return Patches(f"similar patches on {name}", f"inputs/whole-{name}.npz", f"answers/{name}.npz")


def slices(count: int) -> list[Task]:
    return [a_slice(f"trials/{number:04d}") for number in range(count)]


def taking(seconds: float) -> Callable[[Task], Result]:
    """Every task takes so long."""

    def do(task: Task) -> Result:
        return Restored(seconds) if isinstance(task, Patches) else Advanced(20, 20, seconds, 0.0, pictures=())

    return do


def dying(times: int, *, of: Task) -> Callable[[Task], Result]:
    """Whoever works on one of the tasks dies, so many times."""
    left = [times]

    def do(task: Task) -> Result:
        if task == of and left[0] > 0:
            left[0] -= 1
            raise WorkerDied("its process died (SIGKILL)")
        return taking(1.0)(task)

    return do


def worked(runner: Runner, tasks: list[Task], *, patient: bool = False) -> Heard:
    """Have tasks done; what was heard of them."""
    todo, heard = [*tasks], []
    runner.work(lambda: todo.pop(0) if todo else None, lambda *news: heard.append(news), patient=patient)
    return heard


def executor_of(runner: Runner) -> MemoryExecutor:
    assert isinstance(runner.executor, MemoryExecutor)
    return runner.executor


def asking(runner: Runner, *, at: float) -> None:
    """Somebody presses Ctrl-C at a moment."""

    def heard() -> None:
        if runner.seconds >= at:
            runner.asked.by = "Ctrl-C"

    runner.heard = heard


class TestHandingOut:
    def test_every_free_worker_gets_the_next_task(self, memory_runner: MakeRunner) -> None:
        runner, tasks = memory_runner(taking(2.0), count=2), slices(5)
        at_work: list[int] = []
        runner.heard = lambda: at_work.append(len(runner.at_work))
        heard = worked(runner, tasks)
        assert executor_of(runner).given == tasks
        assert executor_of(runner).begun == [0, 0, 2, 2, 4]
        assert [(task, worker) for task, _, worker in heard] == list(zip(tasks, [0, 1, 0, 1, 0], strict=True))
        assert runner.seconds == 6
        assert (max(at_work), at_work[-1]) == (2, 0)

    def test_who_does_what_since_when_is_known(self, memory_runner: MakeRunner) -> None:
        runner, tasks = memory_runner(taking(2.0)), slices(2)
        seen = set()
        runner.heard = lambda: seen.update(
            (worker, task.label, since) for worker, task, since in runner.at_work
        )
        worked(runner, tasks)
        assert seen == {(0, "trials/0000", 0.0), (0, "trials/0001", 2.0)}

    def test_what_similar_patches_restored_is_kept_with_the_moment(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(taking(3.0))
        worked(runner, [patches("cat"), patches("dog")])
        assert runner.done == {
            f"answers/{name}.npz": (patches(name), Restored(3.0)) for name in ("cat", "dog")
        }
        assert runner.arrived == {"answers/cat.npz": 3.0, "answers/dog.npz": 6.0}

    def test_it_waits_for_workers_that_are_all_away(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(taking(1.0))
        executor_of(runner).away = 5.0
        assert len(worked(runner, slices(2))) == 2
        assert executor_of(runner).begun[0] == pytest.approx(5, abs=TICK)

    def test_that_they_are_away_is_said_once(self, memory_runner: MakeRunner, said: list[str]) -> None:
        runner = memory_runner(taking(1.0))
        executor_of(runner).away = 5.0
        worked(runner, slices(2))
        assert said == ["there is no worker any more; one is waited for, and Ctrl-C delivers what there is"]

    @pytest.mark.parametrize("until", [math.inf, 2 * ALONE_SECONDS])
    def test_nobody_waits_for_them_for_ever(self, memory_runner: MakeRunner, until: float) -> None:
        runner = memory_runner(taking(1.0), until=until)
        executor_of(runner).away = 10 * ALONE_SECONDS
        assert worked(runner, slices(2)) == []
        # Within a budget its end says how long.
        assert runner.seconds == pytest.approx(ALONE_SECONDS if until == math.inf else until, abs=2 * TICK)
        assert runner.asked.by == ("no worker has come for 30 min" if until == math.inf else "")

    @pytest.mark.parametrize("asked", [False, True])
    def test_nor_for_those_that_hang(
        self, memory_runner: MakeRunner, monkeypatch: pytest.MonkeyPatch, said: list[str], asked: bool
    ) -> None:
        runner, todo = memory_runner(taking(1.0)), slices(2)
        monkeypatch.setattr(executor_of(runner), "free", lambda: 0)  # and they are counted among the workers
        runner.asked.by = "Ctrl-C" if asked else ""
        runner.work(lambda: todo.pop(0) if todo else None, always=asked)
        longest = LATE_SECONDS if asked else ALONE_SECONDS
        assert runner.seconds == pytest.approx(longest, abs=2 * TICK) and not executor_of(runner).given
        words = "no worker answers any more; one is waited for, and Ctrl-C delivers what there is"
        assert said == ([] if asked else [words])

    @pytest.mark.parametrize("asked", [False, True])
    def test_but_not_past_the_end_or_the_wish_to_finish(self, memory_runner: MakeRunner, asked: bool) -> None:
        runner = memory_runner(taking(1.0), until=1000.0 if asked else 3.0)
        executor_of(runner).away = 100.0
        if asked:
            asking(runner, at=3.0)
        assert worked(runner, slices(2)) == []
        # The end is waited for to the moment, a wish to finish is seen with the next look.
        assert runner.seconds == pytest.approx(3, abs=2 * TICK if asked else 0.01)


class TestDeadWorkers:
    def test_the_task_of_a_dead_worker_is_done_by_another(
        self, memory_runner: MakeRunner, said: list[str]
    ) -> None:
        first, second = slices(2)
        runner = memory_runner(dying(1, of=first))
        heard = worked(runner, [first, second])
        assert executor_of(runner).given == [first, first, second]
        assert [(task, type(found)) for task, found, _ in heard] == [(first, Advanced), (second, Advanced)]
        assert said == ["worker 0: its process died (SIGKILL) (trials/0000); another one goes on with it"]

    def test_but_not_more_than_three_times(self, memory_runner: MakeRunner, said: list[str]) -> None:
        first, second = slices(2)
        runner = memory_runner(dying(100, of=first))
        heard = worked(runner, [first, second])
        assert executor_of(runner).given == [first] * TRIES + [second]
        assert TRIES == 3
        (_, failed, _), (_, done, _) = heard
        assert isinstance(failed, Interrupted) and str(failed) == "its worker died 3 times"
        assert isinstance(done, Advanced)
        assert [sentence.endswith("another one goes on with it") for sentence in said] == [True, True, False]

    def test_after_the_end_it_is_not_done_again(self, memory_runner: MakeRunner, said: list[str]) -> None:
        (only,) = slices(1)
        runner = memory_runner(dying(1, of=only), until=0.5 * FAILURE)
        ((_, found, _),) = worked(runner, [only])
        assert isinstance(found, Interrupted) and "died (SIGKILL)" in str(found)
        assert executor_of(runner).given == [only]

    def test_a_task_that_fails_is_not_tried_again(self, memory_runner: MakeRunner, said: list[str]) -> None:
        def do(task: Task) -> Result:
            raise TaskFailed("the file is damaged")

        runner, tasks = memory_runner(do), [*slices(1), patches()]
        heard = worked(runner, tasks)
        assert executor_of(runner).given == tasks
        assert [str(found) for _, found, _ in heard] == ["the file is damaged"] * 2
        # Of a slice whoever wanted it will speak.
        assert said == ["similar patches on cat: the file is damaged"]
        assert runner.done == {}


class TestFinishingEarly:
    def test_nothing_is_handed_out_any_more_and_slices_are_heard_out(self, memory_runner: MakeRunner) -> None:
        runner, tasks = memory_runner(taking(2.0), count=2), slices(8)
        asking(runner, at=2.5)
        heard = worked(runner, tasks)
        assert executor_of(runner).given == tasks[:4]
        assert [task for task, found, _ in heard if isinstance(found, Advanced)] == tasks[:4]
        assert executor_of(runner).given_up == []
        assert worked(runner, slices(2)) == []

    def test_the_task_of_a_dead_worker_is_left(self, memory_runner: MakeRunner, said: list[str]) -> None:
        (only,) = slices(1)
        runner = memory_runner(dying(1, of=only))
        asking(runner, at=0.5 * FAILURE)
        ((_, found, _),) = worked(runner, [only])
        assert isinstance(found, Interrupted) and "died (SIGKILL)" in str(found)
        assert executor_of(runner).given == [only] and said == []

    def test_nobody_waits_for_similar_patches(self, memory_runner: MakeRunner, said: list[str]) -> None:
        runner = memory_runner(taking(LATE_SECONDS), count=2)
        asking(runner, at=2.0)
        heard = worked(runner, [patches(), *slices(1)])
        assert [type(found) for _, found, _ in heard] == [Interrupted, Advanced]
        assert len(executor_of(runner).given_up) == 1
        assert runner.done == {} and said == []

    @pytest.mark.parametrize(
        ("until", "late"), [(1.0, LEAST_LATE), (200.0, 6.0), (3600.0, LATE_SECONDS), (math.inf, LATE_SECONDS)]
    )
    def test_nobody_waits_for_ever_for_a_slice_whose_worker_hangs(
        self, memory_runner: MakeRunner, until: float, late: float
    ) -> None:
        runner = memory_runner(taking(3600.0), until=until)
        asking(runner, at=1.0)
        ((_, found, _),) = worked(runner, slices(1))
        assert isinstance(found, Interrupted) and late < runner.seconds - 1.0 < late + 3 * TICK

    def test_what_there_is_no_other_copy_of_is_waited_for_longer(self, memory_runner: MakeRunner) -> None:
        files, going_on = a_slice(steps=0), a_slice(steps=0, all_data=True)
        for task, needed, longer in ((files, False, True), (going_on, False, False), (a_slice(), True, True)):
            runner = memory_runner(taking(3600.0), until=1.0)
            runner.needed = lambda needed=needed: needed
            worked(runner, [task])
            assert (runner.seconds > LATE_SECONDS) is longer

    def test_where_all_workers_are_gone_for_good_nobody_waits(
        self, memory_runner: MakeRunner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runner = memory_runner(taking(1.0))
        executor_of(runner).away = math.inf
        monkeypatch.setattr(MemoryExecutor, "lost", True)
        assert worked(runner, slices(1)) == [] and runner.asked.by == "the cluster is gone"
        runner.deliver(within=20.0)
        assert worked(runner, slices(1)) == [] and runner.seconds == 0

    def test_the_delivery_is_worked_on_for_so_many_seconds(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(taking(2.0), until=1000.0)
        asking(runner, at=1.0)
        worked(runner, slices(3))
        assert runner.seconds == 2 and runner.stopped
        runner.deliver(within=20.0)
        assert not runner.stopped and runner.until == 22
        heard = worked(runner, [*slices(1), patches("cat"), patches("dog")])
        assert [type(found) for _, found, _ in heard] == [Advanced, Restored, Restored]
        late = worked(runner, [patches(name) for name in "abcdefghijkl"])
        assert sum(isinstance(found, Restored) for _, found, _ in late) == 7  # 14 s of them

    def test_unless_nobody_asked(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(taking(2.0), until=1000.0)
        runner.deliver(within=20.0)
        assert runner.until == 1000


class TestTheEnd:
    def test_similar_patches_are_given_up_then_and_slices_are_not(
        self, memory_runner: MakeRunner, said: list[str]
    ) -> None:
        runner = memory_runner(taking(5.0), count=2, until=4.0)
        heard = worked(runner, [patches(), *slices(1)])
        assert [(type(task), type(found)) for task, found, _ in heard] == [
            (Patches, Interrupted),
            (type(a_slice()), Advanced),
        ]
        assert runner.seconds == 5 and runner.done == {}
        assert said == ["similar patches on cat: it was given up, since there was no more time for it"]

    def test_what_is_in_time_is_not_given_up(self, memory_runner: MakeRunner) -> None:
        runner = memory_runner(taking(3.9), until=4.0)
        worked(runner, [patches()])
        assert executor_of(runner).given_up == [] and len(runner.done) == 1

    def test_the_first_answers_are_waited_for_since_there_has_to_be_something(
        self, memory_runner: MakeRunner
    ) -> None:
        runner = memory_runner(taking(10.0), until=4.0)
        runner.restore([patches("cat"), patches("dog")])
        assert [*runner.done] == ["answers/cat.npz", "answers/dog.npz"]
        assert runner.seconds == 20


def test_the_clock_counts_from_the_start(memory_runner: MakeRunner, clock: Clock) -> None:
    clock.now = 100.0
    runner = replace(memory_runner(taking(1.0)), until=30.0)
    clock.now = 112.5
    assert (runner.seconds, runner.left()) == (12.5, 17.5)
