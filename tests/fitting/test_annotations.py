"""A stopping rule and an average of one's own, as the documentation has them, with types: strict mypy takes them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

ROOT = Path(__file__).parents[2]

OWN_PARTS = """
import dipsearch as ds
from torch import Tensor


class FirstRise:
    def init(self) -> tuple[float, int]:
        return float("inf"), 0

    def update(self, memory: tuple[float, int], check: ds.Check) -> tuple[tuple[float, int], ds.Decision]:
        return (check.validation_mse, check.step), ds.Decision(best=0)

    def finish(self, memory: tuple[float, int]) -> ds.Decision:
        return ds.Decision()


class Waits:
    def init(self) -> ds.Waiting:
        return ds.Waiting()

    def update(self, memory: ds.Waiting, check: ds.Check) -> tuple[ds.Waiting, ds.Decision]:
        return memory, ds.Decision(best=0)

    def finish(self, memory: ds.Waiting) -> ds.Decision:
        return ds.Decision()


class Mean:
    def init(self, output: Tensor) -> tuple[Tensor, Tensor]:
        return output * 0, output.new_zeros(())

    def update(self, memory: tuple[Tensor, Tensor], output: Tensor, step: Tensor) -> None:
        memory[0].add_(output)
        memory[1].add_(1)

    def read(self, memory: tuple[Tensor, Tensor]) -> Tensor:
        return memory[0] / memory[1]


def use(problem: ds.Problem) -> None:
    ds.fit(problem, ds.preset("dipsearch_nearest_16"), rule=FirstRise(), average=Mean())
    ds.search(problem, rule=Waits(), average=Mean(), trials=1)
    ds.search(problem, rule=ds.ValidationMinimum(patience=50), average=ds.ExponentialAverage(0.9), trials=1)
"""


def mypy(script: Path) -> str:
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(script)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


@pytest.mark.slow
def test_strict_mypy_takes_parts_of_ones_own_and_a_search_wants_a_waiting(tmp_path):
    script = tmp_path / "own_parts.py"
    script.write_text(OWN_PARTS)
    assert mypy(script).startswith("Success")
    script.write_text(OWN_PARTS.replace("rule=Waits()", "rule=FirstRise()"))
    assert 'incompatible type "FirstRise"' in mypy(script)
