"""A stopping rule and an average of one's own, as the documentation has them, with types.

`make lint` reads this under strict mypy, for which a comment that ignores nothing is an error.
"""

from torch import Tensor

import dipsearch as ds


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
    ds.search(problem, rule=FirstRise(), trials=1)  # type: ignore[arg-type]  # a search goes on later: it wants a Waiting
