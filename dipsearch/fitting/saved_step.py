"""A saved step: everything that a step changes, as it was, in one vector for each kind of number.

A network has some hundred small tensors, and a search copies them at every check point that may be delivered: one after
the other that takes six times as long as all at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ..errors import out_of_memory

StepState = Mapping[str, Tensor]
"""Everything that a step changes, by name: of the network, of Adam, of the average, of the generator of the jitter."""

DRAW = "draw"
"""The name of the generator's state, which a fit that goes on with other data does not take over."""


@dataclass(frozen=True)
class Layout:
    """Which tensors lie in the vectors, in which order.

    Args:
        tensors: name, kind of number (as in "float32") and shape of each.
    """

    tensors: tuple[tuple[str, str, tuple[int, ...]], ...]

    @classmethod
    def of(cls, state: StepState) -> Layout:
        """That of some tensors."""
        return cls(tuple((name, _kind(value), tuple(value.shape)) for name, value in state.items()))

    @classmethod
    def from_bytes(cls, packed: bytes) -> Layout:
        """What ``as_bytes`` made.

        Raises:
            ValueError: it is not that.
        """
        tensors = ((str(name), str(kind), tuple(map(int, shape))) for name, kind, shape in json.loads(packed))
        found = cls(tuple(tensors))
        if any(side < 0 for _, _, shape in found.tensors for side in shape):
            raise ValueError("a tensor has a side below 0")
        if len({DRAW, *(name for name, _, _ in found.tensors)}) != len(found.tensors) + 1:
            raise ValueError("two tensors have the same name")
        return found

    @cached_property
    def as_bytes(self) -> bytes:
        """For files."""
        return json.dumps(self.tensors).encode()

    @cached_property
    def places(self) -> dict[str, tuple[str, int, int, tuple[int, ...]]]:
        """Of each tensor the kind of its numbers, where it begins and ends in their vector, and its shape."""
        found, ends = {}, dict[str, int]()
        for name, kind, shape in self.tensors:
            begin = ends.get(kind, 0)
            ends[kind] = begin + torch.Size(shape).numel()
            found[name] = (kind, begin, ends[kind], shape)
        return found

    @cached_property
    def lengths(self) -> dict[str, int]:
        """Of the vectors, by kind of number."""
        found = dict[str, int]()
        for kind, _, end, _ in self.places.values():
            found[kind] = end
        return found


@dataclass(frozen=True, eq=False)
class SavedStep(StepState):
    """A copy of everything that a step changes; by name the tensors are views of it.

    Args:
        layout: of the vectors.
        vectors: by kind of number.
        draw: the state of the generator of the jitter, uint8.

    Raises:
        ValueError: this is no state: a vector is missing, or has another length, shape or kind of numbers; or the
            generator's state is no row of bytes.
    """

    layout: Layout
    vectors: Mapping[str, Tensor]
    draw: Tensor

    def __post_init__(self) -> None:
        there = {
            _kind(vector): vector.numel() if vector.ndim == 1 else -1 for vector in self.vectors.values()
        }
        if there != self.layout.lengths or [*there] != [*self.vectors]:
            raise ValueError(f"the vectors have the lengths {there}, their layout {self.layout.lengths}")
        if self.draw.ndim != 1 or self.draw.dtype != torch.uint8:
            raise ValueError("the state of the generator is no row of bytes")

    def to(self, device: torch.device) -> SavedStep:
        """The same on a device; the generator's state stays where generators want it."""
        return replace(self, vectors={kind: vector.to(device) for kind, vector in self.vectors.items()})

    def __getitem__(self, name: str) -> Tensor:
        if name == DRAW:
            return self.draw
        kind, begin, end, shape = self.layout.places[name]
        return self.vectors[kind][begin:end].view(shape)

    def __iter__(self) -> Iterator[str]:
        yield from self.layout.places
        yield DRAW

    def __len__(self) -> int:
        return len(self.layout.tensors) + 1


class Changing:
    """Tensors that a step changes and never moves, ready to be copied.

    Args:
        state: the tensors.
        device: of the copies; Adam counts its steps on the CPU where it is not fused.
    """

    def __init__(self, state: StepState, device: torch.device) -> None:
        self.layout, self._device = Layout.of(state), device
        self._parts: dict[str, list[Tensor]] = {kind: [] for kind in self.layout.lengths}
        self._elsewhere = {value.device for value in state.values()} != {device}
        for value in state.values():
            flat = value.detach().reshape(-1)
            view = flat.untyped_storage().data_ptr() == value.untyped_storage().data_ptr()
            self._parts[_kind(value)].append(flat if view else value.detach())

    def saved(self, draw: Tensor) -> SavedStep:
        """A copy.

        Args:
            draw: the state of the generator.
        """
        vectors = {}
        for kind, parts in self._parts.items():
            flat = [one if one.ndim == 1 else one.reshape(-1) for one in parts]
            vectors[kind] = self._joined(flat)
        return SavedStep(self.layout, vectors, draw)

    def _joined(self, flat: list[Tensor]) -> Tensor:
        """Them in one vector; on the CPU where the device has no room, so that a fit can be put aside for that."""
        try:
            return torch.cat([one.to(self._device) for one in flat] if self._elsewhere else flat)
        except RuntimeError as error:
            if self._device.type == "cpu" or not out_of_memory(error):
                raise
        return torch.cat([one.cpu() for one in flat])


def _kind(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
