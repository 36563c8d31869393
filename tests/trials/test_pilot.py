"""Pilots in a study: where they lie, who gets them, and what happens without one."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dipsearch.errors import FormatError, InputError
from dipsearch.execution.messages import FitJob, SearchJob
from dipsearch.execution.worker import Worker
from dipsearch.fitting import LastIterate
from dipsearch.library import preset
from dipsearch.network import Genome, Scale
from dipsearch.planning.budget import make_plan
from dipsearch.planning.plan import Load
from dipsearch.problem import TaskOptions, write_image
from dipsearch.proposal.study import Settings, open_study
from dipsearch.run import Request
from dipsearch.run.run import open_run
from dipsearch.trials.objective import Limits
from dipsearch.trials.problem_files import (
    SEARCHED,
    WHOLE,
    pilot_path,
    problem_path,
    read_pilot,
    read_split_problems,
    write_pilot,
)

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
FEW = Limits(max_steps=20)


def picture() -> torch.Tensor:
    rows, columns = np.mgrid[0:24, 0:20] / 24
    return torch.from_numpy(np.stack([rows, columns, (rows + columns) / 2])).float()[None]


def desk_of(root: Path, *, has_pilot: bool) -> Worker:
    """A worker of a study of a small picture, with or without pilots beside its problems."""
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
            patch.setattr("dipsearch.run.run.answer_at_once", lambda *given, **named: None)
        run = open_run(asked, root=root, resume=False, started=time.monotonic())
    if has_pilot:
        for kind in (SEARCHED, WHOLE):
            write_pilot(pilot_path(run.folder, kind=kind, name="picture"), fitted=picture())
    return Worker(run.folder, run.settings, 0, "cpu")


def job_of(worker: Worker, **changes: object) -> FitJob:
    standard = FitJob(
        label="finalist 3 on picture",
        genome=PILOTED,
        problem=problem_path(worker.folder, kind=WHOLE, name="picture"),
        everything=False,
        seed=0,
        limits=FEW,
        out=worker.folder / "out.npz",
    )
    return replace(standard, **changes)


def fitted(worker: Worker, job: FitJob) -> np.ndarray:
    worker.do(job)
    return np.load(job.out)["x"]


def proposals(worker: Worker, *, count: int = 12) -> list[str]:
    """Kinds of input of the candidates that a study proposes beyond those that were queued."""
    found = []
    settings = replace(worker.settings, sampler="random", name="another")
    study = open_study(worker.folder, settings, space=worker.space).study
    for _ in range(count):
        trial = study.ask({gene.name: gene.distribution for gene in worker.space.genes()})
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


def test_workers_get_the_pilots_that_lie_beside_their_problems(tmp_path: Path) -> None:
    worker = desk_of(tmp_path, has_pilot=False)
    assert [image.pilot for image in worker.images] == [None]
    write_pilot(pilot_path(worker.folder, kind=SEARCHED, name="picture"), fitted=picture())
    (image,) = read_split_problems(worker.folder, kind=SEARCHED, names=("picture",), seed=0, device="cpu")
    assert image.pilot is not None and torch.equal(image.pilot, picture())


def test_whether_a_study_has_pilots_is_kept_with_it_and_old_ones_have_none(tmp_path: Path) -> None:
    settings = desk_of(tmp_path, has_pilot=True).settings
    assert settings.has_pilot
    assert Settings.from_dict(settings.to_dict()) == settings
    older = {name: value for name, value in settings.to_dict().items() if name != "has_pilot"}
    assert not Settings.from_dict(older).has_pilot


@pytest.mark.parametrize("has_pilot", [False, True])
def test_networks_with_a_pilot_are_proposed_only_where_there_is_one(tmp_path: Path, has_pilot: bool) -> None:
    kinds = proposals(desk_of(tmp_path, has_pilot=has_pilot))
    assert kinds.count("uniform") >= 3
    assert (kinds.count("pilot") >= 3) is has_pilot
    assert has_pilot or "pilot" not in kinds


@pytest.mark.parametrize("has_pilot", [False, True])
def test_known_networks_with_a_pilot_are_queued_only_where_there_is_one(has_pilot: bool) -> None:
    known = [(name, preset(name)) for name in ("dipsearch_pilot_32", "dipsearch_nearest_32")]
    load = Load("denoise", [(1, 3, 32, 32)], known, [], known[1][1], None, 0.0, False, has_pilot=has_pilot)
    plan = make_plan(load, devices=("cpu",), budget=None, trials=4)
    assert [name for name, _ in plan.queue] == [name for name, _ in known[0 if has_pilot else 1 :]]


def test_a_study_without_pilots_queues_no_network_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dipsearch.run.run.answer_at_once", lambda *given, **named: None)
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


def test_a_candidate_that_needs_a_pilot_fails_with_a_sentence_where_there_is_none(tmp_path: Path) -> None:
    worker = desk_of(tmp_path, has_pilot=False)
    worker.study.enqueue_trial(worker.space.flat(PILOTED))
    outcomes = [worker.do(SearchJob(FEW)) for _ in range(2)]
    (failed,) = [outcome for outcome in outcomes if outcome["state"] == "FAIL"]
    assert failed["reason"] == "its input needs a pilot, and this study has none"


def test_a_candidate_with_a_pilot_is_fitted_where_there_is_one(tmp_path: Path) -> None:
    worker = desk_of(tmp_path, has_pilot=True)
    worker.study.enqueue_trial(worker.space.flat(PILOTED))
    outcomes = [worker.do(SearchJob(FEW)) for _ in range(2)]
    assert {outcome["state"] for outcome in outcomes} == {"COMPLETE"}
    assert "pilot" in {outcome["genome"]["input"]["kind"] for outcome in outcomes}


def test_a_fit_to_a_picture_takes_the_pilot_beside_it(tmp_path: Path) -> None:
    worker = desk_of(tmp_path, has_pilot=True)
    first = fitted(worker, job_of(worker))
    write_pilot(pilot_path(worker.folder, kind=WHOLE, name="picture"), fitted=picture().flip(2))
    assert np.abs(fitted(worker, job_of(worker)) - first).max() > 0.01


def test_a_second_split_does_not_get_the_pilot_of_the_first_one(tmp_path: Path) -> None:
    worker = desk_of(tmp_path, has_pilot=True)
    for another in ({"split_seed": 7919}, {"seed": 5}):
        with pytest.raises(InputError, match=r"finalist 3 on picture: .* there is none for this split"):
            worker.do(job_of(worker, **another))
    of_its_own = tmp_path / "second.npz"
    write_pilot(of_its_own, fitted=picture())
    job = job_of(worker, split_seed=7919, pilot=of_its_own)
    assert worker.do(job)["ended"] and np.load(job.out)["x"].shape == (1, 3, 24, 20)
    assert worker.do(job_of(worker, seed=5, split_seed=0))["ended"]  # the study's own split, another start


def test_a_network_without_a_pilot_is_fitted_to_any_split(tmp_path: Path) -> None:
    worker = desk_of(tmp_path, has_pilot=True)
    plain = replace(PILOTED, input_kind="uniform", pilot_scale=None)
    assert worker.do(job_of(worker, genome=plain, split_seed=7919))["ended"]


def test_a_fit_to_everything_takes_the_restoration_from_everything(tmp_path: Path) -> None:
    worker = desk_of(tmp_path, has_pilot=True)
    job = job_of(worker, everything=True, seed=5, rule=LastIterate())
    of_the_fitted_part = fitted(worker, job)
    assert np.isfinite(of_the_fitted_part).all()
    file = pilot_path(worker.folder, kind=WHOLE, name="picture")
    write_pilot(file, fitted=picture(), full=picture().flip(2))
    assert np.abs(fitted(worker, job) - of_the_fitted_part).max() > 0.01
    write_pilot(file, fitted=picture().flip(2), full=picture())
    assert np.array_equal(fitted(worker, job), of_the_fitted_part)


def test_a_job_that_needs_a_pilot_fails_where_there_is_none(tmp_path: Path) -> None:
    worker = desk_of(tmp_path, has_pilot=False)
    with pytest.raises(InputError, match="its input needs a pilot, and there is none for this split"):
        worker.do(job_of(worker))
