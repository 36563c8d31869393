"""Pilots in a study: where they lie, who gets them, and what happens without one."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dipsearch.errors import FormatError
from dipsearch.execution.executor import TaskFailed
from dipsearch.execution.task import OUTPUT, Advanced, Limits, Picture, Slice
from dipsearch.execution.worker import Worker
from dipsearch.fitting import Ended
from dipsearch.library import preset
from dipsearch.network import Genome, Scale
from dipsearch.planning.budget import make_plan
from dipsearch.planning.plan import Load
from dipsearch.planning.policy import InTurn
from dipsearch.problem import TaskOptions, write_image
from dipsearch.proposal.distributions import distribution_of
from dipsearch.proposal.study import open_study, search_space
from dipsearch.run import Request
from dipsearch.run.books import Books
from dipsearch.run.candidate import Candidate
from dipsearch.run.finishing import _whole_fit
from dipsearch.run.opening import open_run
from dipsearch.run.run import Run
from dipsearch.run.search_slices import slice_of as slice_of_search
from dipsearch.run.searching import Search
from dipsearch.trials.problem_files import (
    SEARCHED,
    WHOLE,
    pilot_file,
    pilot_path,
    problem_file,
    read_pilot,
    write_pilot,
)
from dipsearch.trials.trial import Trial
from dipsearch.trials.trial_files import read_npz, read_output

SPACE = """\
format: dipsearch/space/1
genes:
  depth: 2
  channels_down: {choice: [4, 8], shared: true}
  channels_up: 8
  input_channels: 4
  input_kind: {choice: [uniform, pilot]}
  pilot_scale: {choice: [0.5, 1.0]}
  learning_rate: {float: [0.01, 0.03], log: true}
"""
PILOTED = Genome((Scale(8, 8),) * 2, input_kind="pilot", input_channels=4, pilot_scale=1.0)
PLAIN = replace(PILOTED, input_kind="uniform", pilot_scale=None)


def picture() -> torch.Tensor:
    rows, columns = np.mgrid[0:24, 0:20] / 24
    return torch.from_numpy(np.stack([rows, columns, (rows + columns) / 2])).float()[None]


def run_of(root: Path, *, has_pilot: bool) -> Run:
    """A search on a small picture, with or without pilots beside its problems."""
    write_image(root / "picture.png", picture())
    (root / "pilots.yaml").write_text(SPACE)
    asked = Request(
        sources=(str(root / "picture.png"),),
        options=TaskOptions("inpaint", simulate=True),
        space=str(root / "pilots.yaml"),
        trials=2,
        steps=20,
        workers=1,
        device="cpu",
        name="study",
    )
    with pytest.MonkeyPatch.context() as patch:
        if not has_pilot:
            patch.setattr("dipsearch.run.answering.answer_at_once", lambda *given, **named: None)
        run = open_run(asked, root=root, resume=False, started=time.monotonic())
    if has_pilot:
        for kind in (SEARCHED, WHOLE):
            write_pilot(pilot_path(run.folder, kind=kind, name="picture"), fitted=picture())
    return run


def search_of(run: Run) -> Search:
    """It, without anybody who works."""
    books = Books(run, search_space(run.folder))
    return Search(run, runner=None, books=books, policy=InTurn())  # type: ignore[arg-type]


def slice_of(network: Genome = PILOTED, *, split_seed: int = 0, pilot: str | None = None) -> Slice:
    """Twenty iterations of a network on the whole picture."""
    seen = Picture(problem_file(kind=WHOLE, name="picture"), split_seed, pilot)
    return Slice("out", "finalist 3 on picture", network, (seen,), 0, Limits(max_steps=20), at=0, steps=20)


def fitted(folder: Path, task: Slice) -> np.ndarray:
    Worker(folder, "cpu").do(task)
    return read_npz(folder / task.place / OUTPUT)["x"]


def proposals(run: Run, *, count: int = 12) -> list[str]:
    """Kinds of input of the candidates that a study proposes beyond those that were queued."""
    found, space = [], search_space(run.folder)
    settings = replace(run.settings, sampler="random", name="another")
    study = open_study(run.folder, settings, space=space).study
    for _ in range(count):
        trial = study.ask({gene.name: distribution_of(gene) for gene in space.genes()})
        found.append(str(trial.params["input_kind"]))
    return found


def test_a_pilot_is_read_as_it_was_written(tmp_path: Path) -> None:
    file, full = pilot_path(tmp_path, kind=WHOLE, name="cat"), picture() / 2
    assert file == tmp_path / "inputs" / "pilot-whole-cat.npz"
    write_pilot(file, fitted=picture())
    assert torch.equal(read_pilot(file), picture())
    assert torch.equal(read_pilot(file, part="full"), picture())
    write_pilot(file, fitted=picture(), full=full)
    assert torch.equal(read_pilot(file), picture())
    assert torch.equal(read_pilot(file, part="full"), full)


def test_a_file_without_a_pilot_is_refused_in_words(tmp_path: Path) -> None:
    np.savez(tmp_path / "pilot-whole-cat.npz", x=np.zeros(3))
    with pytest.raises(FormatError, match=r"pilot-whole-cat.npz holds x; .*array `fitted`"):
        read_pilot(tmp_path / "pilot-whole-cat.npz")


def test_candidates_get_the_pilots_that_lie_beside_the_problems_if_they_need_them(tmp_path: Path) -> None:
    search = search_of(run_of(tmp_path, has_pilot=True))
    for network, file in ((PILOTED, "inputs/pilot-search-picture.npz"), (PLAIN, None)):
        task = slice_of_search(search.run, Candidate(0, 0, network, 20))
        assert [one.pilot for one in task.pictures] == [file]
        assert task.reads == ("inputs/search-picture.npz", *([file] if file else []))


def test_candidates_have_the_seed_of_the_study_or_in_such_a_space_their_own(tmp_path: Path) -> None:
    run = run_of(tmp_path, has_pilot=True)
    whole = Trial(2, "complete", PLAIN)
    for own, seeds in ((False, [0, 0, 0]), (True, [0, 15_485_863, 30_971_726])):
        run.settings = replace(run.settings, own_seeds=own)
        tasks = [slice_of_search(run, Candidate(number, number, PLAIN, 20)) for number in range(3)]
        assert [task.seed for task in tasks] == seeds
        assert [task.pictures[0].split_seed for task in tasks] == [0, 0, 0]
        assert _whole_fit(run, whole, "picture").seed == seeds[2]


@pytest.mark.parametrize("has_pilot", [False, True])
def test_networks_with_a_pilot_are_proposed_only_where_there_is_one(tmp_path: Path, has_pilot: bool) -> None:
    kinds = proposals(run_of(tmp_path, has_pilot=has_pilot))
    assert kinds.count("uniform") >= 3
    assert (kinds.count("pilot") >= 3) is has_pilot
    assert has_pilot or "pilot" not in kinds


@pytest.mark.parametrize("has_pilot", [False, True])
def test_known_networks_with_a_pilot_are_queued_only_where_there_is_one(has_pilot: bool) -> None:
    known = [(name, preset(name)) for name in ("dipsearch_pilot_32", "dipsearch_nearest_32")]
    load = Load("denoise", [(1, 3, 32, 32)], known, [], known[1][1], None, 0.0, has_pilot=has_pilot)
    plan = make_plan(load, devices=("cpu",), budget=None, trials=4)
    assert [name for name, _ in plan.queue] == [name for name, _ in known[0 if has_pilot else 1 :]]


def test_a_study_without_pilots_queues_no_network_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dipsearch.run.answering.answer_at_once", lambda *given, **named: None)
    write_image(tmp_path / "picture.png", picture())
    asked = Request(
        sources=(str(tmp_path / "picture.png"),),
        options=TaskOptions("inpaint", simulate=True),
        name="study",
        trials=3,
        workers=1,
        device="cpu",
    )
    run = open_run(asked, root=tmp_path, resume=False, started=time.monotonic())
    queued = {genome.input_kind for _, genome in run.plan.queue}
    assert queued == {"uniform", "meshgrid"}


def test_a_candidate_that_needs_a_pilot_is_left_out_with_a_sentence_where_there_is_none(
    tmp_path: Path,
) -> None:
    run = run_of(tmp_path, has_pilot=False)
    search = search_of(run)
    run.study.enqueue_trial(search_space(run.folder).flat(PILOTED))
    asked = [search.books.ask() for _ in range(2)]
    (left_out,) = [one for one in asked if one.candidate is None]
    trial = run.trials()[left_out.number]
    assert (trial.state, trial.reason) == ("pruned", "its input needs a pilot, and this study has none")


def test_a_candidate_with_a_pilot_is_fitted_where_there_is_one(tmp_path: Path) -> None:
    run = run_of(tmp_path, has_pilot=True)
    search, worker = search_of(run), Worker(run.folder, "cpu")
    run.study.enqueue_trial(search_space(run.folder).flat(PILOTED))
    needed = []
    for _ in range(2):
        candidate = search.books.ask().candidate
        assert candidate is not None
        needed.append(candidate.network.needs_pilot)
        found = worker.do(replace(slice_of_search(search.run, candidate), steps=20))
        assert isinstance(found, Advanced)
        assert (found.steps, found.pictures[0].ended) == (20, Ended.STEPS)
    assert True in needed


def test_a_fit_takes_the_pilot_that_is_named(tmp_path: Path) -> None:
    folder, file = run_of(tmp_path, has_pilot=True).folder, pilot_file(kind=WHOLE, name="picture")
    first = fitted(folder, slice_of(pilot=file))
    write_pilot(folder / file, fitted=picture().flip(2))
    assert np.abs(fitted(folder, slice_of(pilot=file)) - first).max() > 0.01


def test_all_data_are_fitted_with_the_pilot_that_was_made_of_them(tmp_path: Path) -> None:
    folder, file = run_of(tmp_path, has_pilot=True).folder, pilot_file(kind=WHOLE, name="picture")
    task, outputs = slice_of(pilot=file), []
    for full in (picture(), picture().flip(2)):
        write_pilot(folder / file, fitted=picture(), full=full)
        worker = Worker(folder, "cpu")
        worker.do(task)
        worker.do(replace(task, at=20, steps=0, all_data=True))
        outputs.append(read_output(folder / task.place / OUTPUT))
    assert outputs[0].judged.equal(outputs[1].judged)
    assert float((outputs[0].delivered - outputs[1].delivered).abs().max()) > 0.01


def test_a_network_without_a_pilot_goes_on_with_all_data_where_there_is_no_file_of_one(
    tmp_path: Path,
) -> None:
    folder = run_of(tmp_path, has_pilot=False).folder
    task = slice_of(PLAIN, pilot="inputs/nowhere.npz")
    worker = Worker(folder, "cpu")
    worker.do(task)
    worker.do(replace(task, at=20, steps=0, all_data=True))
    found = read_output(folder / task.place / OUTPUT)
    assert not found.delivered.equal(found.judged)


def test_a_worker_that_has_the_picture_in_memory_reads_another_pilot(tmp_path: Path) -> None:
    folder = run_of(tmp_path, has_pilot=True).folder
    write_pilot(folder / "second.npz", fitted=picture().flip(2))
    worker, outputs = Worker(folder, "cpu"), []
    for file in (pilot_file(kind=WHOLE, name="picture"), "second.npz"):
        worker.do(slice_of(pilot=file))
        outputs.append(read_npz(folder / "out" / OUTPUT)["x"])
    assert np.abs(outputs[1] - outputs[0]).max() > 0.01


def test_a_network_without_a_pilot_is_fitted_to_any_split_and_reads_none(tmp_path: Path) -> None:
    folder = run_of(tmp_path, has_pilot=False).folder
    for seed in (0, 7919):
        assert np.isfinite(fitted(folder, slice_of(PLAIN, split_seed=seed, pilot="nowhere.npz"))).all()


def test_a_fit_that_needs_a_pilot_fails_where_none_is_named_or_there(tmp_path: Path) -> None:
    folder = run_of(tmp_path, has_pilot=True).folder
    with pytest.raises(TaskFailed, match="pilot"):
        fitted(folder, slice_of())
    with pytest.raises(TaskFailed, match=r"nowhere.npz cannot be read"):
        fitted(folder, slice_of(pilot="nowhere.npz"))
