"""A worker that hangs: its slice is given up when it lasts far longer than it should, and is repeated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dipsearch.execution.executor import Interrupted
from dipsearch.execution.hanging import NOTHING_KNOWN, SECONDS, STRANGER, TIMES, Usual
from dipsearch.execution.runner import LONGEST_LOOK
from dipsearch.execution.task import Advanced, Restored, Result, Task
from tests.execution.studies import PICTURE, a_slice
from tests.execution.test_runner import executor_of, patches, worked
from tests.memory_executor import Clock, MakeRunner, clock, memory_runner, said

__all__ = ["clock", "memory_runner", "said"]


def advanced(*, made: int, seconds: float, beside: float = 0.0) -> Advanced:
    return Advanced(made, made, seconds, beside, pictures=())


def slice_of(place: str = "trials/0000", **changes: object) -> Task:
    return replace(a_slice(place, steps=1000, seconds=1.0), **changes)


class TestHowLongASliceMayLast:
    def test_some_time_where_nothing_is_known(self) -> None:
        assert Usual().longest(slice_of()) == NOTHING_KNOWN

    def test_ten_times_what_it_was_given_and_a_minute(self) -> None:
        usual = Usual()
        usual.took(slice_of(), advanced(made=100, seconds=1.0))
        assert usual.longest(slice_of()) == TIMES * 1.0 + SECONDS

    def test_longer_where_an_iteration_was_measured_to_take_longer(self) -> None:
        usual, several = Usual(), slice_of(pictures=(PICTURE,) * 3)
        usual.took(several, advanced(made=30, seconds=240.0, beside=5.0))  # the clock is looked at every 30
        assert usual.longest(several) == TIMES * (240.0 + 5.0) + SECONDS

    def test_of_another_network_longer_still(self) -> None:
        usual = Usual()
        usual.took(slice_of(), advanced(made=10, seconds=20.0))
        assert usual.longest(slice_of("trials/0001")) == TIMES * STRANGER * 20.0 + SECONDS

    def test_some_time_where_nothing_is_known_of_its_kind(self) -> None:
        usual = Usual()
        usual.took(slice_of(), advanced(made=10, seconds=0.1))  # of a crop
        assert usual.longest(slice_of("finalists/0001-picture")) == NOTHING_KNOWN

    def test_without_a_clock_as_its_iterations_need(self) -> None:
        usual = Usual()
        usual.took(slice_of(), advanced(made=10, seconds=1.0))
        assert usual.longest(slice_of(seconds=None)) == TIMES * 100.0 + SECONDS

    def test_with_every_try_it_gets_more(self) -> None:
        usual = Usual()
        usual.took(slice_of(), advanced(made=100, seconds=1.0))
        assert usual.longest(slice_of(), tries=3) == 100 * usual.longest(slice_of())


def hanging(times: int) -> tuple[list[Task], object]:
    """The second fit's worker hangs, so many times."""
    asked: list[Task] = []

    def do(task: Task) -> Result:
        if getattr(task, "place", "") == "trials/0001":
            asked.append(task)
            if len(asked) <= times:
                return advanced(made=10, seconds=1e9)
        return advanced(made=100, seconds=1.0)

    return asked, do


def test_another_worker_goes_on_with_it_and_that_is_said(memory_runner: MakeRunner, said: list[str]) -> None:
    asked, do = hanging(1)
    runner = memory_runner(do)
    tasks = [slice_of(), slice_of("trials/0001")]
    heard = worked(runner, tasks)
    assert [type(found) for _, found, _ in heard] == [Advanced, Advanced] and len(asked) == 2
    longest = TIMES * STRANGER * 0.1 + SECONDS
    assert longest < runner.seconds < longest + 5
    (words,) = said
    assert words.startswith("worker 0: it has not answered for 7")
    assert words.endswith("s and is given up (trials/0001); another one goes on with it")
    assert len(executor_of(runner).given_up) == 1


def test_not_for_ever(memory_runner: MakeRunner, said: list[str]) -> None:
    asked, do = hanging(100)
    runner = memory_runner(do)
    heard = worked(runner, [slice_of(), slice_of("trials/0001"), slice_of("trials/0002")])
    assert [type(found) for _, found, _ in heard] == [Advanced, Interrupted, Advanced] and len(asked) == 3


def test_similar_patches_may_take_long(memory_runner: MakeRunner, said: list[str]) -> None:
    runner = memory_runner(
        lambda task: Restored(1e5) if task == patches() else advanced(made=100, seconds=1.0)
    )
    heard = worked(runner, [slice_of(), patches()])
    assert isinstance(heard[1][1], Restored) and said == []


def test_when_this_process_was_stopped_too_nobody_is_given_up(
    memory_runner: MakeRunner, clock: Clock, said: list[str]
) -> None:
    # Without the limit the second one would have been looked at for a million seconds.
    runner = memory_runner(lambda task: advanced(made=100, seconds=3.0))
    slept: list[int] = []

    def heard() -> None:
        if runner.at_work and runner.seconds >= 3 and not slept:
            slept.append(1)
            clock.now += 1e6
            for one in executor_of(runner)._running:
                one.ends += 1e6

    runner.heard = heard
    found = worked(runner, [slice_of(), slice_of()])
    assert [type(one) for _, one, _ in found] == [Advanced, Advanced] and said == [] and slept
    assert LONGEST_LOOK < SECONDS


@pytest.mark.parametrize("tries", [1, 2])
def test_nobody_knows_nothing_for_ever(tries: int) -> None:
    assert Usual().longest(slice_of(), tries=tries) == NOTHING_KNOWN * TIMES ** (tries - 1)
