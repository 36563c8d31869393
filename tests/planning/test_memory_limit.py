"""Memory as a limit: what does not fit is not proposed, not queued, and refused where it was asked for."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from optuna.trial import TrialState

from dipsearch.network import Genome, Scale
from dipsearch.network.peak_memory import memory_bytes
from dipsearch.planning.budget import make_plan
from dipsearch.planning.memory_limit import SHARE, WATCHING, WORKER, MemoryLimit, memory_limit_of
from dipsearch.planning.plan import Load
from dipsearch.problem import TaskOptions, write_image
from dipsearch.proposal.study import open_study, search_space
from dipsearch.run import Request
from dipsearch.run.books import Books
from dipsearch.run.opening import open_run
from dipsearch.run.run import Run

SHAPE = (1, 3, 32, 32)
NARROW = Genome(scales=(Scale(8, 8),) * 2, input_channels=4)
WIDE = Genome(scales=(Scale(64, 64),) * 4)
BETWEEN = (memory_bytes(NARROW, image_shape=SHAPE) + memory_bytes(WIDE, image_shape=SHAPE)) // 2


def test_workers_of_a_device_share_what_is_free_and_the_tightest_device_counts() -> None:
    free = {"cuda:0": 20 * 10**9, "cuda:1": 9 * 10**9}
    found = memory_limit_of(("cuda:0", "cuda:1", "cuda:0"), image_shape=SHAPE, free=free.__getitem__)
    assert found.device == "cuda"
    assert found.free == 9 * 10**9
    assert found.candidate == int(SHARE * 9 * 10**9) - WORKER["cuda"] - WATCHING
    assert found.sentence == "9 GB free, at most 7.46 GB per candidate"


def test_where_nobody_says_what_is_free_there_is_no_limit() -> None:
    found = memory_limit_of(("mps",), image_shape=SHAPE, free=lambda device: None)
    assert found.fits(replace(WIDE, scales=(Scale(1024, 1024),) * 5))
    assert found.sentence == "this system does not say how much is free: no limit"


def test_no_memory_at_all_is_not_less_than_none() -> None:
    assert memory_limit_of(("cpu", "cpu"), image_shape=SHAPE, free=lambda device: 10**6).candidate == 0


@pytest.mark.parametrize("budget", [None, 600.0])
def test_known_networks_that_do_not_fit_are_named_and_not_queued(budget: float | None) -> None:
    load = Load(
        task="denoise",
        shapes=[SHAPE],
        starters=[("narrow", NARROW)],
        published=[("wide", WIDE)],
        sample=NARROW,
        calibration=None,
        spent=0.0,
        memory_limit=MemoryLimit(SHAPE, 10**9, BETWEEN),
    )
    plan = make_plan(load, devices=("cpu",), budget=budget, trials=2)
    assert [name for name, _ in plan.queue] == ["narrow"]
    lines = dict(plan.lines)
    assert lines["too large for this machine"] == "wide"
    assert lines["memory"].startswith("1 GB free, at most ")


def run_of(root: Path, *, candidate: int) -> Run:
    """A search in which so many bytes are there for a candidate."""
    write_image(root / "picture.png", torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    request = Request(
        sources=(str(root / "picture.png"),),
        options=TaskOptions("denoise", sigma=25, simulate=True),
        space="small",
        sampler="random",
        trials=2,
        workers=1,
        device="cpu",
        name="tight",
    )
    run = open_run(request, root=root, resume=False, started=time.monotonic())
    run.settings = replace(run.settings, memory_limit=MemoryLimit(SHAPE, 10**9, candidate))
    for trial in run.study.get_trials(deepcopy=False):  # only what the sampler proposes
        run.study._storage.set_trial_state_values(trial._trial_id, state=trial.state.FAIL)
    run.study = open_study(run.folder, run.settings, space=search_space(run.folder)).study
    return run


def test_the_sampler_proposes_only_what_fits(tmp_path: Path) -> None:
    run = run_of(tmp_path, candidate=12 * 10**6)
    books = Books(run, search_space(run.folder))
    for _ in range(3):
        candidate = books.ask().candidate
        assert candidate is not None and isinstance(candidate.network, Genome)
        assert "unaffordable" not in run.study.trials[candidate.number].user_attrs
        assert memory_bytes(candidate.network, image_shape=SHAPE) <= 12 * 10**6


def test_when_nothing_fits_nothing_is_started(tmp_path: Path) -> None:
    run = run_of(tmp_path, candidate=10**6)
    asked = Books(run, search_space(run.folder)).ask()
    assert asked.candidate is None
    trial = run.study.trials[asked.number]
    assert trial.state is TrialState.PRUNED  # which is no failure, and none of the number that was asked for
    assert trial.user_attrs["reason"].startswith("it is too large for this machine: about ")
    assert trial.user_attrs["reason"].endswith("1 MB are there for a candidate")
    assert trial.user_attrs["unaffordable"] is True
