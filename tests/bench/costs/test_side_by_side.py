"""Fits side by side: every way that a device has is measured, and one that has no room costs the others nothing."""

from __future__ import annotations

import json
import multiprocessing
from contextlib import nullcontext

import pytest
import torch

from dipsearch.bench.costs import side_by_side as module
from dipsearch.bench.costs.side_by_side import SideTable, measure_side_by_side, side_by_side_markdown

from ...fitting.test_engine import needs_cuda, parts, step_of


def test_a_processor_has_turns_and_processes() -> None:
    seen: list[SideTable] = []
    table = measure_side_by_side(["32x4"], [32], at_once=[2], seconds=0.05, watch=seen.append)
    assert [(row.way, row.at_once) for row in table.rows] == [("turns", 1), ("turns", 2), ("processes", 2)]
    assert [len(one.rows) for one in seen] == [1, 2, 3] and seen[-1] == table
    alone = table.rows[0]
    assert alone.its_per_s is not None and alone.its_per_s > 0 and alone.gain == 1
    for row in table.rows:
        assert row.its_per_s is not None and row.gain == pytest.approx(row.its_per_s / alone.its_per_s)
    assert json.loads(json.dumps(table.to_dict()))["rows"][1]["way"] == "turns"
    line = side_by_side_markdown(table).splitlines()[-1]
    assert line.startswith("| 32x4, 32², ") and line.count("|") == 5


def test_what_has_no_room_is_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object, **more: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(module, "_in_processes", full)
    table = measure_side_by_side(["32x4"], [32], at_once=[2], seconds=0.01)
    assert [row.its_per_s is None for row in table.rows] == [False, False, True]
    assert side_by_side_markdown(table).splitlines()[-1].endswith("| – |")


def test_a_process_that_fails_lets_the_others_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*given: object, **more: object) -> None:
        raise TypeError("no such network")

    monkeypatch.setattr(module, "_prepared", wrong)
    context = multiprocessing.get_context("spawn")
    ready, (_, out) = context.Barrier(2), context.Pipe(duplex=False)
    with pytest.raises(TypeError):
        module._alone(out, ready, "32x4", 32, "cpu", module.USUAL, 0, 0.01)
    assert ready.broken


def test_every_fit_is_replayed_on_a_stream_of_its_own_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[object, object]] = []
    current: list[object] = []

    class Graph:
        def replay(self) -> None:
            made.append((self, current[-1]))

    def stream(one: object) -> nullcontext[None]:
        current.append(one)
        return nullcontext()

    monkeypatch.setattr(module, "captured", lambda step, pool: Graph())
    for name, stand_in in {
        "Stream": lambda device: object(),
        "stream": stream,
        "synchronize": lambda device: None,
        "graph_pool_handle": object,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    steps = [step_of(), step_of()]
    module._on_streams(steps, *parts())()
    assert len(made) == 2 * module.CHECK_EVERY and len(set(made)) == 2
    assert len({graph for graph, _ in made}) == len({where for _, where in made}) == 2


@pytest.mark.gpu
@needs_cuda
def test_a_gpu_has_streams_too() -> None:
    table = measure_side_by_side(["32x4"], [64], at_once=[2], device="cuda", seconds=0.2)
    assert [row.way for row in table.rows] == ["turns", "turns", "streams", "processes"]
    assert all(row.its_per_s is not None and row.its_per_s > 0 for row in table.rows)
