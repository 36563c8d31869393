"""Damages for the comparison with rivals: what is done to a clean picture, by short names.

They are made by the same code as ``--simulate`` and ``degrade``, and then stored in 8 bits, as a file that people
hand to any of the programs would be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError
from ...problem import Damaged, NoiseWord, Task, TaskOptions, add_noise, simulate_measurement
from .damages import text_mask

HOLE = 3 / 8
"""The side of the one hole as a share of the shorter side: 48 of 128 pixels."""


@dataclass(frozen=True)
class RivalDamage:
    """One kind of damage.

    Args:
        name: as it is typed.
        task: that repairs it.
        title: as a table is headed.
        make: from a clean picture ``(1, C, H, W)`` in [0, 1] and a seed to what is measured.
        given: the ending of a file beside the clean picture that is taken instead; empty when there is none.
        factor: of super-resolution, else 1.
        divides: the sides that are measured are multiples of this, cut about the middle.
        sigma: of the noise, in grey levels of 255, that every method is told; ``None``: it is estimated.
        kernel: of super-resolution, what made the picture smaller, as every method is told; ``None``: the usual one.
        bits: of a value in the file of the measurement: 8, or 32 for one that was not rounded.
    """

    name: str
    task: Task
    title: str
    make: Callable[[Tensor, int], Damaged]
    given: str = ""
    factor: int = 1
    divides: int = 1
    sigma: float | None = None
    bits: int = 8
    kernel: str | None = None

    def fitting(self, clean: Tensor) -> Tensor:
        """The part of a clean picture that is measured: of super-resolution whole blocks, else all of it.

        Raises:
            InputError: it is smaller than one block.
        """
        height, width = (side - side % self.factor for side in clean.shape[-2:])
        rows, columns = (side - side % self.divides for side in (height, width))
        if min(rows, columns) == 0:
            raise InputError(
                f"a picture of {clean.shape[-1]} × {clean.shape[-2]} cannot be reduced by {self.factor}",
                f"it has at least {max(self.factor, self.divides)} pixels per side",
                "leave out this damage or the picture",
            )
        top, left = (height - rows) // 2, (width - columns) // 2
        return clean[..., top : top + rows, left : left + columns].contiguous()


def _noise(kind: NoiseWord, level: float) -> Callable[[Tensor, int], Damaged]:
    return lambda clean, seed: add_noise(clean, kind, level=level, seed=seed)


def _half(clean: Tensor, seed: int) -> Damaged:
    return simulate_measurement(clean, TaskOptions("inpaint", missing=50), seed=seed)


def _text(clean: Tensor, seed: int) -> Damaged:
    return _without(clean, text_mask(*clean.shape[-2:], seed=seed), "lines of print cover it")


def _hole(clean: Tensor, seed: int) -> Damaged:
    del seed
    height, width = clean.shape[-2:]
    side = round(HOLE * min(height, width))
    top, left = (height - side) // 2, (width - side) // 2
    observed = torch.ones(1, 1, height, width)
    observed[..., top : top + side, left : left + side] = 0
    return _without(clean, observed, f"its middle is missing, {side} × {side} pixels")


def _without(clean: Tensor, observed: Tensor, sentence: str) -> Damaged:
    return Damaged(clean * observed, observed, sentence)


def _smaller(factor: int) -> Callable[[Tensor, int], Damaged]:
    options = TaskOptions("sr", factor=factor)
    return lambda clean, seed: simulate_measurement(clean, options, seed=seed)


DAMAGES_OF_RIVALS: dict[str, RivalDamage] = {
    damage.name: damage
    for damage in (
        RivalDamage("sigma25", "denoise", "noise of σ 25", _noise("gaussian", 25), "_noise25"),
        RivalDamage("sigma10", "denoise", "noise of σ 10", _noise("gaussian", 10), "_noise10"),
        RivalDamage("sigma50", "denoise", "noise of σ 50", _noise("gaussian", 50), "_noise50"),
        RivalDamage("poisson30", "denoise", "30 photons for white", _noise("poisson", 30)),
        RivalDamage("impulse30", "denoise", "30 % of the values struck", _noise("impulse", 30)),
        RivalDamage("half", "inpaint", "half of the pixels missing", _half, "_inpaint50"),
        RivalDamage("text", "inpaint", "text over the picture", _text),
        RivalDamage("hole", "inpaint", "one hole in the middle", _hole),
        RivalDamage("x4", "sr", "enlarged 4 times", _smaller(4), "_lr4", factor=4),
        RivalDamage("x2", "sr", "enlarged twice", _smaller(2), "_lr2", factor=2),
        RivalDamage("x8", "sr", "enlarged 8 times", _smaller(8), "_lr8", factor=8),
    )
}

USUAL: dict[str, str] = {"denoise": "sigma25", "inpaint": "half", "sr": "x4"}
"""The damage of each task when none is named."""


def chosen_damages(tasks: list[str], names: list[str] | None) -> list[RivalDamage]:
    """The damages of these tasks, or those of them that are named.

    Raises:
        InputError: a task or a damage that does not exist, or named damages of other tasks only.
    """
    for kind, given, known in (("task", tasks, USUAL), ("damage", names or [], DAMAGES_OF_RIVALS)):
        for name in given:
            if name not in known:
                raise InputError(
                    f"there is no {kind} {name!r} in this benchmark",
                    f"they are {', '.join(known)}",
                    "choose from these",
                )
    damages = [DAMAGES_OF_RIVALS[name] for name in names or [USUAL[task] for task in tasks]]
    chosen = [damage for damage in dict.fromkeys(damages) if damage.task in tasks]
    if not chosen:
        raise InputError(
            f"none of the damages {', '.join(names or [])} belongs to {', '.join(tasks)}",
            "a damage is repaired by one task",
            "leave out --tasks",
        )
    return chosen
