"""Untrained proxies, of the script that judges them."""

import importlib.util
from pathlib import Path

import pytest

from dipsearch.bench.cases.damages import DAMAGES
from dipsearch.library import preset
from dipsearch.problem import read_image

FILE = Path(__file__).parents[2] / "benchmarks" / "screening.py"


@pytest.fixture
def screening():
    spec = importlib.util.spec_from_file_location("screening", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_proxies_are_zero_for_an_output_with_the_spectrum_of_the_measurement(screening, monkeypatch):
    clean = read_image("sample:coffee@200").pixels[..., 40:72, 60:92]
    problem = DAMAGES["gaussian-10"].make(clean, 0)
    monkeypatch.setattr(screening, "untrained_output", lambda *a, **k: problem.y)
    found = screening.proxies(preset("dipsearch_pilot_16"), problem, pilot=None, seed=0)
    assert found["strip-mse"] == found["db-mse"] == found["strip-emd"] == 0
    assert 0 < found["bandwidth"] < 0.71


def test_the_best_of_all_that_are_drawn_is_the_best(screening):
    assert screening.best_of_drawn([float(n) for n in range(screening.DRAWN)]) == screening.DRAWN - 1
    assert screening.best_of_drawn([3.0] * 20) == pytest.approx(3)
