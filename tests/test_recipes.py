"""Every recipe in ``studies/`` and every space in ``search_spaces/`` can be read and asks for what exists."""

from pathlib import Path

import numpy as np
import pytest

from dipsearch.commands import parsing
from dipsearch.network import load_space
from dipsearch.problem import read_image
from dipsearch.request_words import SAMPLERS
from dipsearch.run import read_request

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_recipe_can_be_run(path: Path) -> None:
    request = read_request(path)
    assert request.name == path.stem
    assert parsing.study_name(request.name) == request.name
    assert parsing.one_of(request.sampler, SAMPLERS, option="--sampler") == request.sampler
    assert (request.budget_seconds or request.trials or 0) > 0
    for source in request.sources:
        assert read_image(source).pixels.shape[0] == 1
    assert load_space(request.space).genes()


@pytest.mark.parametrize("path", sorted((ROOT / "search_spaces").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_search_space_proposes_genomes_that_it_contains(path: Path) -> None:
    space = load_space(path)
    generator = np.random.default_rng(0)
    for _ in range(5):
        flat = space.sample(generator)
        assert space.contains(flat)
        assert space.genome(flat).digest
