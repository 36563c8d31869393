"""``search`` with real workers: parts of one's own, callbacks, what is handed back, and that nothing else is left.

Each fixture is one search, a few seconds long, that several tests look at. What travels to the workers is defined
inside functions, as in a notebook: a worker could not import it.
"""

from __future__ import annotations

import copy
import errno
import gc
import os
import pickle
import shutil
import signal
import sys
import tempfile
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import optuna
import pytest
import torch
from torch import nn

import dipsearch as ds
from dipsearch.execution.executor import WorkerSpec
from dipsearch.execution.task import Slice
from dipsearch.execution.worker import Worker
from dipsearch.run.slice_log import read_slices

FEW = {"workers": 1, "device": "cpu", "steps": 30}


def clean(height=24, width=32):
    return np.add.outer(np.linspace(0.1, 0.5, height), np.linspace(0.0, 0.4, width))


def noisy(height=24, width=32):
    return clean(height, width) + 0.05 * np.random.default_rng(0).normal(size=(height, width))


def small_networks():
    """From a trial to a module with its input; the third one makes no image of the right shape."""

    def network(trial):
        torch.manual_seed(0)
        width = trial.suggest_int("width", 2, 4)
        module = nn.Sequential(
            nn.Conv2d(4, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 1, 1), nn.Sigmoid()
        )
        return (module, torch.rand(1, 4, 24, 32)) if trial.number < 2 else nn.Conv2d(32, 3, 1)

    return network


def counting():
    """A stopping rule that remembers a plain number."""

    class Counting(ds.ValidationMinimum):
        def init(self):
            return 0

    return Counting()


def mirror():
    """An operator written in NumPy: the picture from the right to the left, twice as bright."""

    class Mirror:
        image_shape = (24, 32)

        def A(self, x):
            return 2 * np.asarray(x)[..., ::-1]

        A_adjoint = A

    return Mirror()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An empty current folder, and another one for temporary files."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "here").mkdir()
    (folder / "temporary").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "here")
        patch.setattr(tempfile, "tempdir", str(folder / "temporary"))
        yield folder


@pytest.fixture(scope="module")
def heard():
    """What the callback of ``own`` was called with: number, state, value, parameters."""
    return []


@pytest.fixture(scope="module")
def own(place, heard):
    """Everything is one's own: operator, networks, metric, sampler, pruner, callback."""

    class SecondOnly(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            return trial.number == 1

    weight_of_errors = 10.0
    y = (2 * noisy()[:, ::-1] * 255 / 2.2).clip(0, 255).astype(np.uint8)
    return ds.search(
        ds.Problem(y, mirror(), ds.Gaussian(11)),
        network=small_networks(),
        metric=lambda x, y, weight: -weight_of_errors * float(((x - y).abs() * weight).mean()),
        sampler=optuna.samplers.PartialFixedSampler({"width": 3}, optuna.samplers.RandomSampler(seed=0)),
        pruner=SecondOnly(),
        callbacks=[
            lambda study, trial: heard.append((trial.number, trial.state.name, trial.value, trial.params))
        ],
        trials=3,
        **(FEW | {"steps": 60}),
    )


def test_the_image_of_an_own_operator_is_an_array_as_the_measurement_is(own):
    assert own.image.dtype == np.float32 and own.image.shape == (24, 32)  # in units of its own, not rounded
    error = own.image / 255 * 2.2 - clean()
    assert np.sqrt(np.mean(error**2)) < 0.05
    assert own.compare(own.image)["psnr"] > 50


def test_networks_of_ones_own_are_candidates(own):
    assert [(trial.number, trial.state) for trial in own.trials] == [
        (0, "complete"),
        (1, "pruned"),
        (2, "failed"),
    ]
    assert (
        own.trials[0].step <= 60 and own.trials[1].step <= 50
    )  # pruned at 50, where Optuna is told of it first
    assert "the network made an output (1, 3, 24, 32); the image is (1, 1, 24, 32)" in own.trials[2].reason
    assert own.best.number == 0 and own.best.genome is None


def test_a_metric_ranks_and_a_sampler_and_a_pruner_of_optunas_are_used(own, heard):
    assert [number for number, *_ in heard] == [0, 1, 2]
    assert [state for _, state, *_ in heard] == ["COMPLETE", "PRUNED", "FAIL"]
    assert all(parameters == {"width": 3} for *_, parameters in heard)
    assert heard[0][2] == own.trials[0].metric == own.trials[0].value and -10 < own.trials[0].metric < 0
    assert own.trials[0].estimated_psnr > 0 > own.trials[0].metric  # in dB, whatever ranks
    last = [row for row in read_slices(own.record.folder) if row.candidate == 0][-1]
    assert last.estimated_psnr == pytest.approx(own.trials[0].estimated_psnr)


@pytest.mark.parametrize(
    ("asked", "word", "sampler"),
    [
        ({}, "tpe", optuna.samplers.TPESampler),
        ({"sampler": "random"}, "random", optuna.samplers.RandomSampler),
    ],
)
def test_the_sampler_of_networks_of_ones_own_is_the_one_that_was_asked_for(place, asked, word, sampler):
    samplers = []
    found = ds.search(
        ds.Problem(noisy(), noise=ds.Gaussian(0.05)),
        network=small_networks(),
        callbacks=[lambda study, trial: samplers.append(type(study.sampler))],
        trials=1,
        **FEW,
        **asked,
    )
    assert samplers == [sampler] and found.summary["sampler"] == word


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"sampler": optuna.samplers.GridSampler({"width": [3]})},
            "the sampler has no more to try, which ended the search",
        ),
        ({"callbacks": [lambda study, trial: study.stop()]}, "a callback ended the search"),
    ],
    ids=["sampler", "callback"],
)
def test_who_ended_a_search_is_said(place, asked, said):
    def network(trial):
        return small_network(trial.suggest_int("width", 3, 4))

    found = ds.search(ds.Problem(noisy(), noise=ds.Gaussian(0.05)), network=network, trials=9, **FEW, **asked)
    assert len(found.trials) == 1 and said in found.summary["warnings"]


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_a_scripted_module_is_said_to_be_what_cannot_be_sent(place):
    found = ds.search(
        ds.Problem(noisy(), noise=ds.Gaussian(0.05)),
        network=lambda trial: torch.jit.script(small_network(3)),
        trials=1,
        **FEW,
    )
    (trial,) = found.trials
    assert trial.state == "failed" and trial.reason.startswith(
        "a module of torch.jit cannot be sent to a worker"
    )


def small_network(width):
    return torch.nn.Sequential(torch.nn.Conv2d(32, width, 3, padding=1), torch.nn.Conv2d(width, 1, 1))


def test_candidates_are_a_table(own, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    rows = own.trials_dataframe()
    assert [row["number"] for row in rows] == [0, 1, 2]
    assert "the network made an output (1, 3, 24, 32)" in rows[2]["reason"] and rows[0]["reason"] is None
    assert {"number", "state", "value", "step", "seconds", "ended", "operator", "digest", "label"} <= set(
        rows[0]
    )


def test_a_result_of_own_networks_has_no_architecture_to_be_used_again(own):
    with pytest.raises(ds.StudyError, match=r"no architecture was exported"):
        _ = own.architecture
    with pytest.raises(ds.InputError, match=r"fit one's own networks with dipsearch.fit"):
        ds.restore(own.problems[0], own)


def test_its_page_is_complete_although_no_file_holds_the_operator(own, tmp_path):
    page = own.report(tmp_path / "new" / "page.html")
    text = page.read_text(encoding="utf-8")
    assert page.is_file() and "cannot be read" not in text and own.record.missing == ()


def test_a_study_is_saved_and_loaded_with_the_operator_given_again(own, tmp_path):
    folder = own.save(tmp_path / "mine")
    with pytest.raises(ds.FormatError, match=r"one's own; .*; give the operator again"):
        ds.load(folder)
    again = ds.load(str(folder), own.problems[0])
    assert np.array_equal(again.image, own.image) and again.delivered == own.delivered
    assert [trial.state for trial in again.trials] == ["complete", "pruned", "failed"]


@pytest.mark.parametrize("taken", ["full", "file", "file/below"])
def test_a_study_is_saved_in_a_folder_of_its_own(own, tmp_path, taken):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    (tmp_path / "file").touch()
    with pytest.raises((ds.StudyError, ds.ResourceError)):
        own.save(tmp_path / taken)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full", "something"]


@pytest.mark.parametrize("there", [False, True])
def test_a_study_that_does_not_fit_leaves_nothing_and_one_sentence(own, tmp_path, monkeypatch, there):
    place, copied = tmp_path / "mine", shutil.copyfile
    if there:
        place.mkdir()

    def fills_up(source, target, **words):
        if os.fspath(source).endswith(".npz"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)
        return copied(source, target, **words)

    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfile", fills_up)
        with pytest.raises(ds.ResourceError) as refused:
            own.save(place)
    assert str(refused.value) == (
        f"cannot write {place}; the system says: {os.strerror(errno.ENOSPC)}; choose another folder"
    )
    assert list(tmp_path.rglob("*")) == [place] * there
    assert ds.load(own.save(place), own.problems[0]).delivered == own.delivered
    assert not list(place.glob(".writing-*"))


def test_nothing_is_written_unless_it_is_asked_for(own, place):
    assert not list((place / "here").iterdir())
    assert own.folder.is_relative_to(place / "temporary")


# -- callbacks -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def raised(place):
    """What comes out of a search whose first callback raises, and whose second one has had enough."""

    def fail(study, trial):
        raise KeyError("mine")

    with pytest.raises(KeyError, match=r"mine") as caught:
        ds.search(
            ds.Problem(noisy(), noise=ds.Gaussian(0.05)),
            network=small_networks(),
            callbacks=(fail, lambda study, trial: study.stop()),
            trials=6,
            **FEW,
        )
    return caught.value


def test_what_a_callback_raises_is_raised_at_the_end_with_the_result(raised):
    found = raised.result
    assert isinstance(found, ds.Result) and found.image.shape == (24, 32) and np.isfinite(found.image).all()
    assert raised.__notes__ == ["a callback raised this; the search went on to its end"]


def test_a_callback_may_end_the_search(raised):
    assert [trial.state for trial in raised.result.trials] == ["complete"]


def test_ctrl_c_delivers_what_there_is(place):
    handler = signal.getsignal(signal.SIGINT)
    found = ds.search(
        ds.Problem(noisy(), noise=ds.Gaussian(0.05)),
        network=small_networks(),
        callbacks=[lambda study, trial: os.kill(os.getpid(), signal.SIGINT)],
        trials=6,
        **FEW,
    )
    assert found.trials[0].state == "complete" and len(found.trials) < 6
    assert found.summary["interrupted"] and found.image.shape == (24, 32)
    assert signal.getsignal(signal.SIGINT) is handler


# -- rules and averages --------------------------------------------------------------------------------------


def test_a_rule_and_an_average_of_ones_own_travel_to_the_workers(place):
    class Second:
        """The second check point is delivered, and the third one ends the fit."""

        def init(self):
            return ds.Waiting()

        def update(self, memory, check):
            count = memory.best_step + 1
            ended = ds.Ended.RISEN if count == 3 else None
            return ds.Waiting(best_step=count), ds.Decision(best=0 if count == 2 else None, ended=ended)

        def finish(self, memory):
            return ds.Decision()

    class Grey:
        """Whatever comes, a quarter of white, and a little more with every output."""

        def init(self, output):
            return (torch.full_like(output, 0.25),)

        def update(self, memory, output, step):
            memory[0].add_(0.001)

        def read(self, memory):
            return memory[0]

    problem = ds.Problem(noisy(), noise=ds.Gaussian(0.05))
    found = ds.search(
        problem, rule=Second(), average=Grey(), space="small", trials=1, **(FEW | {"steps": 60})
    )
    trial = found.trials[0]
    assert trial.state == "complete" and trial.step == 20 and trial.ended == ds.Ended.RISEN.value
    arrays = np.load(found.folder / "trials" / "0000" / "output.npz")
    assert np.allclose(arrays["x"], 0.27, atol=1e-5)
    assert (arrays["full"] > 0.27).all() and np.ptp(arrays["full"]) < 1e-5


def test_a_rule_that_fails_is_why_its_candidates_failed(place):
    class Broken(ds.ValidationMinimum):
        def update(self, memory, check):
            raise KeyError("mine")

    with pytest.warns(UserWarning, match="1 of 1 candidates failed: KeyError: 'mine'"):
        found = ds.search(
            ds.Problem(noisy(), noise=ds.Gaussian(0.05)),
            network=small_networks(),
            rule=Broken(),
            trials=1,
            **FEW,
        )
    assert [trial.state for trial in found.trials] == ["failed"]


# -- executors -----------------------------------------------------------------------------------------------


def test_an_executor_of_ones_own_does_the_work(place):
    given = []

    class Here:
        """Everything in this process, one task after the other."""

        workers, lost = (WorkerSpec(0, "cpu"),), False

        def __init__(self, folder, own):
            self.worker = Worker(folder, "cpu", own)

        def free(self):
            return 1

        def submit(self, task):
            given.append(task)
            future = Future()
            try:
                future.set_result(self.worker.do(task))
            except Exception as error:
                future.set_exception(error)
            return 0, future

        def wait(self, timeout): ...

        def give_up(self, future): ...

        def checkpoint(self, *, within): ...

        def kill(self): ...

        def __enter__(self):
            return self

        def __exit__(self, *reason):
            given.append("left")

    class Full(Here):
        def submit(self, task):
            raise RuntimeError("no room")

    with pytest.raises(
        ds.InputError, match=r"submit of the executor failed: RuntimeError: no room; it takes"
    ):
        ds.search(ds.Problem(noisy(), noise=ds.Gaussian(0.05)), executor=Full, trials=1, device="cpu")

    found = ds.search(
        ds.Problem(noisy(), noise=ds.Gaussian(0.05)),
        network=small_networks(),
        metric=lambda x, y, weight: 3.0,
        executor=Here,
        trials=3,
        steps=30,
        device="cpu",
    )
    assert [trial.state for trial in found.trials] == ["complete", "complete", "failed"]
    assert found.trials[0].metric == 3 and np.isfinite(found.image).all()
    assert sum(isinstance(task, Slice) for task in given) >= 3 and given[-1] == "left"


# -- genomes, several problems -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def several(place):
    """Pictures of two shapes, ranges, kinds and tasks; a space of genomes."""
    verbosity = optuna.logging.get_verbosity()
    mask = np.random.default_rng(2).random((40, 40)) < 0.6
    found = ds.search(
        [
            ds.Problem(np.where(mask, 4000 * clean(40, 40), np.nan).astype(np.float32), ds.Mask(mask)),
            ds.Problem((torch.from_numpy(noisy()) * 255).to(torch.uint8)[None], noise=ds.Gaussian(13)),
        ],
        space="small",
        trials=1,
        **FEW,
    )
    assert optuna.logging.get_verbosity() == verbosity
    return found


def test_each_picture_comes_back_in_its_own_form(several):
    first, second = several.images
    assert isinstance(first, np.ndarray) and first.dtype == np.float32 and first.shape == (40, 40)
    assert np.sqrt(np.mean((first / 4000 - clean(40, 40)) ** 2)) < 0.02
    assert isinstance(second, torch.Tensor) and second.dtype == torch.uint8 and second.shape == (1, 24, 32)
    with pytest.raises(ds.InputError, match=r"take them from images"):
        _ = several.image


def test_only_candidates_that_were_begun_are_shown(several):
    assert [trial.state for trial in several.trials] == ["complete"]
    assert "1 network fitted" in repr(several)


def test_what_was_found_can_be_used_again(several, tmp_path):
    assert several.best.genome == several.genomes()[0] == several.architecture.genome
    rows = several.trials_dataframe()
    assert len(rows) == 1
    again = ds.load(several.save(tmp_path / "mine"))
    assert again.genomes() == several.genomes()
    for one, other in zip(again.images, several.images, strict=True):
        assert type(one) is type(other) and one.dtype == other.dtype
        assert np.allclose(np.asarray(one, float), np.asarray(other, float), rtol=1e-5)


def test_a_problem_survives_pickling(several):
    one = several.problems[0]
    same = pickle.loads(pickle.dumps(one))
    assert torch.equal(same.y, one.y) and same.form == one.form and repr(same) == repr(one)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda found: pickle.loads(pickle.dumps(found))])
def test_a_copy_outlives_the_result_that_it_was_made_of(place, tmp_path, again):
    found = ds.search(ds.Problem(noisy(), noise=ds.Gaussian(0.05)), space="small", trials=1, **FEW)
    said, best, folder = repr(found), found.best, found.folder
    same = again(found)
    assert (same.folder == folder) == (again is copy.deepcopy)
    del found
    gc.collect()
    assert repr(same) == said and same.best == best and same.folder.is_dir()
    assert ds.load(same.save(tmp_path / "mine")).best.genome == best.genome
    shutil.rmtree(same.folder)
    assert "its folder cannot be read" in repr(again(same))


@pytest.mark.slow
def test_a_restoration_with_a_result_is_in_the_form_of_the_new_measurement(several, place):
    y = torch.from_numpy(noisy()[::-1].copy())[None, None]
    again = ds.restore(ds.Problem(y, noise=ds.Gaussian(0.05)), several, budget="3s", workers=1, device="cpu")
    assert again.image.dtype == torch.float64 and again.image.shape == (1, 1, 24, 32)
    assert float((again.image - y).square().mean()) < 0.05**2 * 2
    assert again.genomes() == several.genomes() and again.best.genome in several.genomes()
    assert not list((place / "here").iterdir())


# -- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"budget": "4 minutes"}, "the budget is '4 minutes'"),
        ({"trials": 0}, "trials is 0"),
        ({"trials": 2.5}, "trials is 2.5"),
        ({"steps": 0}, "steps is 0"),
        ({"steps": "30"}, "steps is '30'"),
        ({"workers": -1}, "workers is -1"),
        ({"seed": None}, "seed is None"),
        ({"device": "gpu"}, "the device is 'gpu'"),
        ({"engine": "fast"}, "engine is 'fast'"),
        ({"precision": "fp16"}, "precision is 'fp16'"),
        ({"space": "nowhere"}, "there is no search space 'nowhere'"),
        ({"space": Path("nowhere.yaml")}, "cannot read nowhere.yaml"),
        ({"progress": "much"}, "progress is 'much'"),
        ({"sampler": "cmaes"}, "the sampler is 'cmaes'; there are pilot, genetic, tpe, random"),
        ({"sampler": optuna.samplers.RandomSampler}, "the sampler is <class"),
        (
            {"sampler": "genetic", "network": small_networks()},
            "the sampler is 'genetic', and networks come from",
        ),
        ({"pruner": "median"}, "the pruner is 'median'"),
        ({"metric": "psnr"}, "metric is str"),
        ({"rule": "soon"}, "the stopping rule is 'soon'"),
        ({"rule": ds.ValidationMinimum}, "the stopping rule is <class"),
        ({"rule": counting()}, "the memory of the stopping rule is int"),
        ({"average": 0.9}, "the average is 0.9"),
        (
            {"executor": 3},
            "executor is 3; it is the address of a Dask scheduler, a cluster or a Client of Dask's, or a function",
        ),
        ({"executor": lambda folder, own: []}, "executor made list, which lacks workers, free, lost, submit"),
        ({"network": "dipsearch_nearest_48"}, "network is str"),
        ({"network": nn.Conv2d(1, 1, 1)}, "network is Conv2d"),
        ({"callbacks": print}, "callbacks is <built-in function print>"),
        ({"callbacks": [3]}, "callbacks is "),
    ],
)
def test_what_cannot_be_used_is_refused_at_once_and_leaves_nothing(place, keywords, said):
    before = set((place / "temporary").iterdir())
    with pytest.raises(ds.InputError) as caught:
        ds.search(ds.Problem(noisy(), noise=ds.Gaussian(0.05)), **keywords)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)
    assert set((place / "temporary").iterdir()) == before and not list((place / "here").iterdir())


def test_a_sampler_whose_package_is_not_installed_is_refused_at_once(monkeypatch):
    monkeypatch.setattr("dipsearch.api.searched.find_spec", lambda name: None)
    with pytest.raises(ds.InputError, match=r"CmaEsSampler; it needs the package cmaes.*pip install cmaes"):
        ds.search(
            ds.Problem(noisy(), noise=ds.Gaussian(0.05)),
            sampler=optuna.samplers.CmaEsSampler(),
            network=small_networks(),
        )


@pytest.mark.parametrize("given", [None, [], np.zeros((24, 32)), [np.zeros((24, 32))]])
def test_a_problem_is_a_problem(given):
    with pytest.raises(ds.InputError, match=r"problem"):
        ds.search(given)


def test_a_part_that_cannot_travel_is_refused_in_words(place):
    class Lazy:
        image_shape = (24, 32)

        def __init__(self):
            self.rows = (row for row in range(24))

        def A(self, x):
            return x.flip(-1)

        A_adjoint = A

    with pytest.raises(ds.InputError, match=r"cannot be sent to a worker: cannot pickle 'generator' object"):
        ds.search(ds.Problem(noisy(), Lazy(), ds.Gaussian(0.05)), trials=1, **FEW)
    assert not list((place / "here").iterdir())


# -- what others wrote goes wrong ------------------------------------------------------------------------------


class Tired(optuna.samplers.RandomSampler):
    """A sampler that fails when it is asked, or told, often enough."""

    def __init__(self, *, asked: int = 99, told: int = 99) -> None:
        super().__init__(seed=0)
        self.asked, self.told = asked, told

    def before_trial(self, study, trial):
        if trial.number >= self.asked:
            raise KeyError("no more")

    def after_trial(self, study, trial, state, values):
        if trial.number >= self.told:
            raise KeyError("no more")


@pytest.mark.parametrize(("sampler", "complete"), [(Tired(asked=1), 1), (Tired(told=0), 1)])
def test_a_sampler_that_fails_ends_the_search_and_a_picture_is_delivered(sampler, complete):
    with pytest.raises(KeyError, match=r"no more") as caught:
        ds.search(
            ds.Problem(noisy(), noise=ds.Gaussian(0.05)),
            network=small_networks(),
            sampler=sampler,
            trials=2,
            **FEW,
        )
    found = caught.value.result
    assert sum(trial.state == "complete" for trial in found.trials) == complete
    assert found.image.shape == (24, 32) and np.isfinite(found.image).all()
    assert caught.value.__notes__ == ["the sampler or pruner raised this; what there was is delivered"]


def test_a_pruner_is_named_and_so_are_own_networks(place):
    def network(trial):
        module = nn.Sequential(nn.Conv2d(32, 1, 1), nn.Sigmoid())
        return ds.OwnNetwork(module, name="my net")

    found = ds.search(
        ds.Problem(noisy(), noise=ds.Gaussian(0.05)),
        network=network,
        pruner=optuna.pruners.ThresholdPruner(lower=99),
        trials=1,
        **(FEW | {"steps": 60}),
    )
    (trial,) = found.trials
    assert trial.state == "pruned" and trial.reason.startswith("the pruner gave it up at iteration ")
    assert trial.label == "my net" and trial.worker == 0


class Broken(optuna.samplers.RandomSampler):
    """A sampler that fails when the function that makes networks asks its trial for a value."""

    def sample_independent(self, study, trial, param_name, param_distribution):
        raise KeyError("no value")


def test_what_a_sampler_raises_within_the_function_is_not_the_functions(place):
    with pytest.warns(UserWarning), pytest.raises(KeyError, match=r"no value") as caught:
        ds.search(
            ds.Problem(noisy(), noise=ds.Gaussian(0.05)),
            network=small_networks(),
            sampler=Broken(),
            trials=2,
            **FEW,
        )
    assert [trial.reason for trial in caught.value.result.trials] == [
        "the sampler failed: KeyError: 'no value'"
    ]


def test_noise_that_is_not_what_was_given_is_among_the_warnings(place):
    with pytest.warns(UserWarning, match="what was given is used"):
        problem = ds.Problem(noisy(), noise=ds.Gaussian(0.5))
    found = ds.search(problem, network=small_networks(), trials=1, **FEW)
    assert problem.doubt in found.summary["warnings"]


def failing(trial):
    raise RuntimeError("mine")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"network": failing}, "the function that makes networks failed: RuntimeError: mine"),
        ({"network": small_networks(), "metric": lambda *_: np.nan}, "the metric failed: it returned nan"),
        ({"network": small_networks(), "metric": lambda *_: -np.inf}, "the metric failed: it returned -inf"),
    ],
)
def test_where_every_candidate_fails_that_and_the_reason_are_said(place, parts, reason):
    with pytest.warns(UserWarning) as heard:
        found = ds.search(ds.Problem(noisy(), noise=ds.Gaussian(0.05)), trials=1, **parts, **FEW)
    said = f"no network was fitted to its end, 1 of 1 candidates failed: {reason}"
    assert [(str(one.message), one.filename) for one in heard] == [(said, __file__)]
    assert found.summary["warnings"] == [said] and found.trials[0].reason == reason
    assert found.trials[0].value is None  # no estimate in dB in the place of the metric


def test_where_a_pruner_gives_up_every_candidate_that_is_said(place):
    problem = ds.Problem(noisy(), noise=ds.Gaussian(0.05))
    pruner = optuna.pruners.ThresholdPruner(lower=100)
    with pytest.warns(UserWarning, match="no network was fitted to its end") as heard:
        found = ds.search(problem, network=small_networks(), pruner=pruner, trials=1, **(FEW | {"steps": 60}))
    said = "1 of 1 candidates were given up: the pruner gave it up at iteration 50"
    assert [str(one.message) for one in heard] == [f"no network was fitted to its end, {said}"]
    with pytest.raises(ds.StudyError, match=f"the result has no network: {said}; .*; mend that, or name"):
        found.genomes()


def test_failures_of_the_function_are_said_where_other_networks_were_fitted(place):
    fine = small_networks()
    with pytest.warns(UserWarning, match=r"1 of 2 candidates failed: the function .* failed: RuntimeError"):
        ds.search(
            ds.Problem(noisy(), noise=ds.Gaussian(0.05)),
            network=lambda trial: failing(trial) if trial.number else fine(trial),
            trials=2,
            **FEW,
        )


def test_what_a_function_prunes_is_no_failure():
    def picky(trial):
        if trial.number < 14:
            raise optuna.TrialPruned("too wide" if trial.number else "")
        return nn.Sequential(nn.Conv2d(32, 2, 3, padding=1), nn.Conv2d(2, 1, 1), nn.Sigmoid())

    found = ds.search(ds.Problem(noisy(), noise=ds.Gaussian(0.05)), network=picky, trials=1, **FEW)
    assert [trial.state for trial in found.trials] == ["pruned"] * 14 + ["complete"]
    assert [trial.reason for trial in found.trials[:2]] == [
        "the function that makes networks pruned it",
        "too wide",
    ]


def test_modules_of_ones_own_are_never_searched_on_a_crop(monkeypatch):
    from dipsearch.run import run_plan

    plans, make_plan = [], run_plan.make_plan
    monkeypatch.setattr(
        run_plan, "make_plan", lambda load, **named: plans.append(load) or make_plan(load, **named)
    )
    ds.search(ds.Problem(noisy(), noise=ds.Gaussian(0.05)), network=small_networks(), trials=1, **FEW)
    assert [load.searched_on for load in plans] == [None]


def test_in_python_sentences_name_arguments_and_no_temporary_folder(place, capsys):
    problem = ds.Problem(noisy(), noise=ds.Gaussian(0.05))
    found = ds.search(problem, budget=0.5, progress="notes", workers=1, device="cpu")
    with pytest.raises(
        ds.StudyError, match=r"the result has no network: .*search with a larger budget"
    ) as caught:
        ds.restore(problem, found)
    said = capsys.readouterr().err + "".join(found.summary["warnings"]) + str(caught.value)
    assert "there is no time for a network: the first answer is delivered; networks need budget=" in said
    assert "--" not in said and str(found.folder) not in said
