"""The overhead: its parts and shares, a search in which nothing is computed, and two workers against one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import optuna
import pytest

from dipsearch.bench.costs.cluster_cost import ClusterCost, processor_seconds
from dipsearch.bench.costs.overhead import ALLOWED, Overhead, measure_overhead
from dipsearch.bench.costs.scaling import WANTED, Scaling, iterations_per_second
from dipsearch.bench.costs.still_search import StillSearch, open_still_search
from dipsearch.bench.promises.promise_run import busy_loops
from dipsearch.commands.main import run
from dipsearch.execution.task import CURVES, OUTPUT, STATE, Advanced, Result, Slice, Task
from dipsearch.execution.worker import REMEMBERED, Worker
from dipsearch.library import preset
from dipsearch.run import Silent
from dipsearch.run.scheduler import Scheduler
from dipsearch.run.search_slices import slice_of
from dipsearch.run.slice_log import read_slices
from tests.execution.studies import a_slice
from tests.memory_executor import Clock, MemoryExecutor

SMALL = "dipsearch_pilot_16"

MEASURED = Overhead(
    machine="a machine",
    command="python cli.py bench overhead",
    versions={},
    date="2026-11-26",
    network=SMALL,
    size=32,
    slices=200,
    candidates=12,
    from_files=3,
    kept=180,
    state_bytes=1_500_000,
    seconds_of_a_slice=1.25,
    seconds_in_the_worker=0.0125,
    seconds_per_decision=0.00125,
    seconds_of_the_books=0.0025,
    seconds_handing_out=0.00125,
    seconds_waiting=0.02,
    seconds_of_the_display=0.01,
    seconds_of_the_page=0.5,
)


def test_parts_are_shares_of_the_time_of_the_iterations() -> None:
    assert MEASURED.parts == pytest.approx(
        {
            "reading, building and writing fits": 0.01,
            "deciding": 0.001,
            "book-keeping": 0.002,
            "handing out": 0.001,
            "live display": 0.01,
            "page and pictures": 0.002,
        }
    )
    assert MEASURED.share == pytest.approx(0.026 / 1.026)


def test_the_file_holds_what_was_measured_with_its_shares() -> None:
    content = json.loads(json.dumps(MEASURED.to_dict()))
    assert content["share"] == MEASURED.share and content["allowed"] == ALLOWED == 0.03
    assert content["parts"].keys() == MEASURED.parts.keys()
    assert content["scaling"] is None and content["cluster"] is None
    both = replace(MEASURED, scaling=Scaling(10.0, 19.0, (1.7, 1.9, 1.95)))
    content = json.loads(json.dumps(both.to_dict()))
    assert content["scaling"] == {
        "one": 10.0, "two": 19.0, "ratios": [1.7, 1.9, 1.95], "ratio": 1.9, "wanted": WANTED
    }  # fmt: skip
    assert dict(both.lines())["two workers"].startswith(
        "19.0 iterations per second, 10.0 with one: 1.90 times as many (in turns 1.70, 1.90, 1.95; at least 1.8"
    )


def test_what_a_cluster_costs_is_told_by_both_clocks() -> None:
    cost = ClusterCost(((10.0, 9.0), (11.0, 10.0), (10.0, 10.0)), ((5.0, 4.8), (5.0, 4.0), (5.0, 5.0)))
    assert cost.share == pytest.approx(0.1) and cost.processor_share == pytest.approx(5 / 4.8 - 1)
    content = json.loads(json.dumps(replace(MEASURED, cluster=cost).to_dict()))["cluster"]
    assert content["share"] == cost.share and content["rates"] == [[10.0, 9.0], [11.0, 10.0], [10.0, 10.0]]
    assert dict(replace(MEASURED, cluster=cost).lines())["cluster"].startswith("+10.0 % of time against")


def test_the_processor_time_of_children_counts() -> None:
    before, own, until = processor_seconds(), time.process_time(), time.monotonic() + 60
    with busy_loops(1):
        while (found := processor_seconds() - before) < 0.4 and time.monotonic() < until:
            time.sleep(0.05)
    assert found - (time.process_time() - own) > 0.2


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StillSearch]:
    """Twenty seconds of a search with a small network on a small picture, at work for less."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found = open_still_search(
        tmp_path_factory.mktemp("still"),
        preset(SMALL),
        size=32,
        seconds=20.0,
        scheduled=lambda run, runner: Scheduler(run, runner, Silent()),
    )
    found.search.work()
    yield found


class TestStillSearch:
    def test_every_slice_is_a_second_of_iterations_that_nobody_makes(self, still: StillSearch) -> None:
        rows, each = [*read_slices(still.folder)], still.executor.seconds_per_step
        rows = [row for row in rows if row.after > row.before]  # of the others the files are left
        assert len(rows) == still.executor.slices
        assert still.executor.passed == pytest.approx(20, abs=3)
        seconds = [(row.after - row.before) * each for row in rows]
        assert sum(seconds) == pytest.approx(still.executor.passed)
        assert max(seconds) <= 1 + 11 * each  # up to the next check point
        assert rows[-1].ended - rows[0].began < 20

    def test_candidates_get_better_and_are_told_apart(self, still: StillSearch) -> None:
        candidates = [*still.search.candidates.values()]
        assert len(candidates) > 1
        for one in candidates:
            values = [value for _, value in one.values]
            assert values == sorted(values) and len(values) > 1
        assert len({one.value for one in candidates}) == len(candidates)
        assert {trial.state for trial in still.search.run.trials()} >= {"complete"}

    def test_files_have_the_size_of_those_of_a_real_fit(self, still: StillSearch) -> None:
        candidate = still.search.candidates[0]
        task = replace(slice_of(still.search.run, candidate), at=0, steps=30, place="real")
        Worker(still.folder, "cpu").do(task)
        for name in (STATE, OUTPUT, CURVES):
            ours, real = (
                (still.folder / place / name).stat().st_size for place in (candidate.place, task.place)
            )
            assert real <= ours <= real + 8000  # there are more check points

    def test_every_part_was_timed(self, still: StillSearch) -> None:
        for watch in (still.executor.watch, still.policy.watch, still.books.watch):
            assert watch.seconds > 0
        assert still.executor.watch.count >= still.executor.slices
        assert still.policy.watch.count >= still.executor.slices
        assert still.books.watch.count >= still.executor.slices
        assert 0 < still.executor.kept <= still.executor.slices
        begun = still.executor.worker.begun
        assert (
            begun.count == len(still.search.candidates) and 0 < begun.seconds < still.executor.watch.seconds
        )

    def test_fits_that_were_forgotten_are_taken_up_from_their_files(self, still: StillSearch) -> None:
        candidate, before = still.search.candidates[0], still.executor.worker.from_files
        for number in range(REMEMBERED["cpu"]):
            other = replace(
                slice_of(still.search.run, candidate), place=f"trials/9{number:03d}", at=0, steps=10
            )
            still.executor.submit(other)
        _, future = still.executor.submit(replace(slice_of(still.search.run, candidate), steps=10))
        found = future.result()
        assert isinstance(found, Advanced)
        assert (found.made, found.steps) == (10, candidate.steps + 10)
        assert still.executor.worker.from_files == before + 1


class TestRates:
    """Rates of workers in memory, which may be in one another's way."""

    def rate(self, count: int, *, step: float) -> float:
        def do(task: Task) -> Result:
            assert isinstance(task, Slice) and task.seconds is not None
            made = round(task.seconds / step)
            return Advanced(task.at + made, made, made * step, 0.0, pictures=())

        clock = Clock()
        executor = MemoryExecutor(do, clock, count)
        return iterations_per_second(executor, a_slice("rates"), seconds=10.0, clock=clock)

    def test_of_one_and_of_two(self) -> None:
        assert self.rate(1, step=0.05) == pytest.approx(20)
        assert self.rate(2, step=0.05) == pytest.approx(40)
        assert self.rate(2, step=0.0625) == pytest.approx(32)

    def test_the_first_slice_of_each_does_not_count(self) -> None:
        clock, slow = Clock(), []

        def do(task: Task) -> Result:
            assert isinstance(task, Slice)
            slow.append(task.at == 0)
            return Advanced(task.at + 20, 20, 30.0 if task.at == 0 else 1.0, 0.0, pictures=())

        executor = MemoryExecutor(do, clock, 2)
        assert iterations_per_second(executor, a_slice("rates"), seconds=10.0, clock=clock) == pytest.approx(
            40
        )
        assert sum(slow) == 2 and executor.begun[2] == 30

    def test_places_are_the_workers_own(self) -> None:
        def do(task: Task) -> Result:
            assert isinstance(task, Slice)
            return Advanced(task.at + 20, 20, 1.0, 0.0, pictures=())

        clock = Clock()
        executor = MemoryExecutor(do, clock, 2)
        iterations_per_second(executor, a_slice("rates"), seconds=3.0, clock=clock)
        given = [task for task in executor.given if isinstance(task, Slice)]
        assert {task.place for task in given} == {"rates-0", "rates-1"}
        assert {task.seconds for task in given} == {1.0} and all(task.keep for task in given)


def test_everything_beside_the_iterations_took_less_than_three_percent_with_slices_of_a_second() -> None:
    """On a quiet machine, as ``bench overhead`` has recorded it."""
    recorded = json.loads(
        (Path(__file__).parents[3] / "benchmarks" / "overhead.json").read_text(encoding="utf-8")
    )
    assert recorded["share"] < recorded["allowed"] == ALLOWED and recorded["slices"] > 100


@pytest.mark.slow
def test_beside_other_work_it_takes_less_than_twice_as_much() -> None:
    # What it takes grows beside other work, whose cost is in no test's hand: the least of a few. The display is
    # woken up some times in a second: 0.7 % of a busy virtual machine, and 7 % were seen of an idle one.
    found = (measure_overhead(seconds=50, show=1.0) for _ in range(3))
    assert any(one.share - one.parts["live display"] < 2 * ALLOWED for one in found)


@pytest.mark.slow
def test_the_command_writes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = partial(measure_overhead, size=32, network=SMALL, show=1.0)
    monkeypatch.setattr("dipsearch.bench.measure_overhead", short)
    assert run(["bench", "overhead", "--seconds", "14", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "overhead.json").read_text())["slices"] > 10


def test_a_search_of_no_length_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "overhead", "--seconds", "0"]) == 2
    assert "--seconds is 0" in capsys.readouterr().err
