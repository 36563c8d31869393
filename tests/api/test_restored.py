"""``restore``: what an earlier search may be, and that everything else is refused before any worker starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import dipsearch as ds
from dipsearch.api.restored import _genomes
from dipsearch.library import Architecture, ArchitectureFit, provenance_now, write_architecture

NAME = "dipsearch_nearest_16"


@pytest.fixture(scope="module")
def problem():
    return ds.Problem(np.random.default_rng(0).random((16, 20)), noise=ds.Gaussian(0.1))


def test_a_name_a_genome_and_a_list_of_them_are_networks():
    genome = ds.preset(NAME)
    assert _genomes(NAME) == _genomes(genome) == _genomes([genome]) == _genomes((genome,)) == [genome]
    assert _genomes([genome, ds.preset("dipsearch_nearest_32")])[1] == ds.preset("dipsearch_nearest_32")


def test_an_architecture_and_its_file_are_networks(tmp_path):
    genome = ds.preset(NAME)
    fit = ArchitectureFit("denoise", 600, 0.001, "recorruption", 28.5, "its time was used up")
    architecture = Architecture(genome, fit, provenance_now([], seed=0, seconds=1.0, device="cpu", study="x"))
    write_architecture(tmp_path / "architecture.yaml", architecture)
    file = tmp_path / "architecture.yaml"
    assert _genomes(architecture) == _genomes(file) == _genomes(str(file)) == [genome]


def test_a_restoration_brings_its_genomes():
    genome = ds.preset(NAME)
    assert _genomes(ds.Result((), (), {}, networks=(genome,))) == [genome]


@pytest.mark.parametrize("found", [None, 3, [], [1], [NAME], torch.nn.Conv2d(1, 1, 1), {}, ds.Result])
def test_what_has_no_genome_is_refused(problem, found):
    with pytest.raises(ds.InputError, match=r"that was given has (no|something else than a) genome"):
        ds.restore(problem, found)


@pytest.mark.parametrize("found", ["nothing_of_this_name", Path("nowhere.yaml")])
def test_a_name_that_nothing_has_is_refused(problem, found):
    with pytest.raises(ds.InputError):
        ds.restore(problem, found)


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"budget": "soon"}, "the budget is 'soon'"),
        ({"workers": 0}, "workers is 0"),
        ({"device": "gpu"}, "the device is 'gpu'"),
        ({"seed": -1}, "seed is -1"),
        ({"engine": "fast"}, "engine is 'fast'"),
        ({"precision": "fp16"}, "precision is 'fp16'"),
        ({"progress": "much"}, "progress is 'much'"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(problem, keywords, said):
    with pytest.raises(ds.InputError, match=said):
        ds.restore(problem, NAME, **keywords)


@pytest.mark.parametrize("given", [None, [], np.zeros((16, 20)), [np.zeros((16, 20))]])
def test_a_problem_is_a_problem(given):
    with pytest.raises(ds.InputError, match=r"problem"):
        ds.restore(given, NAME)


def test_what_has_no_noise_is_given_back_bit_for_bit():
    rng, side = np.random.default_rng(0), 96
    rows, columns = np.mgrid[:side, :side] / side
    clean = np.round(255 * (0.5 + 0.2 * np.sin(9 * rows) * np.cos(7 * columns))).astype(np.uint8)
    y = np.full((side + 32, side), 230, np.uint8)  # a letterbox
    y[16:-16] = np.clip(np.round(clean + rng.normal(0, 20, clean.shape)), 0, 255).astype(np.uint8)
    problem = ds.Problem(y)
    assert problem.noise.source == "estimated" and float(problem.observed.mean()) < 0.8
    done = ds.restore(problem, NAME, budget="5s", workers=1, device="cpu")
    assert np.array_equal(done.image[:16], y[:16]) and np.array_equal(done.image[-16:], y[-16:])
    before, after = (
        np.square(each[16:-16].astype(float) - clean).mean() for each in (y, np.asarray(done.image))
    )
    assert after < before / 4
