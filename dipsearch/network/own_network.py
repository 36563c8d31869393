"""One's own network: any module with its input, in the place of a genome."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from dipsearch.errors import InputError, first_line

from .gene_rules import Loss, check_gene
from .genome import Genome

CHANNELS, SCALE = 32, 0.1
"""Of the input where none is given: uniform noise from 0 to 0.1, as Ulyanov et al. (2018) have it."""


WHOLE = torch.int32, torch.int64
LOOKING_UP = nn.Embedding, nn.EmbeddingBag
"""An input of such numbers stays as it is where a module has such a part."""


@dataclass(frozen=True, eq=False)
class OwnNetwork:
    """A module f_θ and how it is fitted.

    Args:
        module: from z to an image (1, C, H, W) or larger, of which the upper left H × W count. It is copied: a fit
            begins from its weights as they are, and each part stays in training mode or out of it.
        z: its input, of any shape; ``None``: uniform noise (1, 32, H, W) from 0 to 0.1, drawn with the seed of the fit.
            It is made of 32 bits; only the whole numbers of a module with an embedding stay so, without jitter.
        learning_rate: of Adam.
        jitter: standard deviation of the noise that is added to z in every iteration.
        averaging: decay of the exponential average of the outputs, in [0, 1).
        loss: "mse" or "l1".
        name: for people.

    Raises:
        InputError: the module is none, or has no weights in 32 bits; z is no tensor of finite numbers; a setting is
            out of range.
    """

    module: nn.Module
    z: Tensor | None = None
    learning_rate: float = 0.01
    jitter: float = 1 / 30
    averaging: float = 0.99
    loss: Loss = "mse"
    name: str = "one's own network"

    needs_pilot: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InputError(
                f"the name of the network is {self.name!r}", "it is a string, for people", "give str(name)"
            )
        if not isinstance(self.module, nn.Module) or not any(
            p.requires_grad for p in self.module.parameters()
        ):
            raise InputError(
                f"the network is {type(self.module).__name__}"
                + (" without weights to fit" if isinstance(self.module, nn.Module) else ""),
                "it is a genome, or a torch.nn.Module with weights",
                "give for example dipsearch.preset('dipsearch_nearest_48')",
            )
        if any(is_lazy(one) for one in (*self.module.parameters(), *self.module.buffers())):
            raise InputError(
                "the network has weights without a shape yet",
                "a lazy module gets them from its first input",
                "call it once before: with torch.no_grad(): module(z)",
            )
        kept = {p.dtype for p in self.module.parameters()} - {torch.float32, torch.complex64}
        if kept:
            raise InputError(
                f"the network has weights of the type {kept.pop()}",
                "fits are in 32 bits",
                "give module.float()",
            )
        if self.z is not None and not isinstance(self.z, Tensor):
            raise InputError(f"z is {type(self.z).__name__}", "it is a tensor", "give the module's input")
        if self.z is not None and not bool(torch.isfinite(self.z).all()):
            raise InputError("z has values that are NaN or infinite", "they are finite", "give another input")
        for name in ("learning_rate", "jitter", "averaging", "loss"):
            object.__setattr__(self, name, check_gene(name, getattr(self, name)))

    @property
    def label(self) -> str:
        """A few words for a table."""
        return self.name

    def copied(self) -> nn.Module:
        """The module again, to be fitted.

        Raises:
            InputError: it cannot be copied.
        """
        try:
            with torch.no_grad():  # else what is copied of a scripted module are results, and no weights
                made = copy.deepcopy(self.module)
        except (RuntimeError, TypeError) as error:
            kept = _computed(self.module)
            raise InputError(
                f"the network cannot be copied: {first_line(error) if kept is None else _kept_words(*kept)}",
                "a fit works on a copy, and what a module computed from its weights has none",
                "compute it in forward; of weight_norm take that of torch.nn.utils.parametrizations"
                if kept is None or hasattr(kept[0], f"{kept[1]}_g")
                else f"keep {kept[1]}.detach() instead, or set it to None before",
            ) from error
        for one, given in zip(made.parameters(), self.module.parameters(), strict=True):
            one.requires_grad_(given.requires_grad)
        return made

    def input(self, *, height: int, width: int, seed: int) -> Tensor:
        """z on the CPU: in 32 bits, or the whole numbers by which an embedding looks something up."""
        if self.z is not None:
            z = self.z.detach().cpu()
            z = z.clone() if z.is_inference() else z
            if z.dtype in WHOLE and any(isinstance(one, LOOKING_UP) for one in self.module.modules()):
                return z
            return z.to(torch.complex64 if z.is_complex() else torch.float32)
        noise = torch.empty(1, CHANNELS, height, width, dtype=torch.float32)
        return noise.uniform_(generator=torch.Generator().manual_seed(seed)) * SCALE


def _computed(module: nn.Module) -> tuple[nn.Module, str] | None:
    """The part of a module and its attribute that holds what was computed from weights; ``None``: there is none."""
    for part in module.modules():
        for name, value in vars(part).items():
            values = value.values() if isinstance(value, dict) else value
            several = values if isinstance(value, list | tuple | dict) else [value]
            if any(isinstance(one, Tensor) and not one.is_leaf for one in several):
                return part, name
    return None


def _kept_words(part: nn.Module, name: str) -> str:
    return f"its {type(part).__name__} keeps what it computed as the attribute {name}"


Network = Genome | OwnNetwork
"""What is fitted."""

Propose = Callable[[Any], "Network | nn.Module | tuple[nn.Module, Tensor]"]
"""From an Optuna trial to a network: the search space of those who define it while it runs."""


def as_network(given: object, *, z: Tensor | None = None) -> Network:
    """A network of whatever was given: a genome, a module with its z, a pair of both, or an `OwnNetwork`.

    Raises:
        InputError: it is none of these.
    """
    if isinstance(given, tuple) and len(given) == 2:
        given, z = given
    if isinstance(given, Genome | OwnNetwork):
        if z is not None:
            raise InputError(
                "z was given beside a network that has its own", "a module has a z", "leave it out"
            )
        return given
    return OwnNetwork(given, z)  # type: ignore[arg-type]
