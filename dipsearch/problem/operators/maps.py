"""Maps that are not ours: called with care, moved to another device, and asked for the shape of their images."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import DipsearchError, InputError

Map = Callable[[Tensor], Tensor]


class At:
    """A part that works on one device alone; what it is given is brought there, and the operator brings back what it
    returns."""

    def __init__(self, part: Map, device: torch.device | str) -> None:
        self.part, self.device = part, device

    def __call__(self, value: Tensor) -> Tensor:
        return self.part(value.to(self.device))


class Method:
    """A method of an object, which may be moved to another device."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name

    def __call__(self, value: Tensor) -> Any:
        return getattr(self.owner, self.name)(value)


def moved_to(part: Any, device: torch.device | str, *, copies: dict[int, Any]) -> Any:
    """A part on another device. A module is copied, once for both parts: its ``to`` would move the user's own."""
    if isinstance(part, Method):
        return Method(moved_to(part.owner, device, copies=copies), part.name)
    if isinstance(part, MethodType):
        return Method(moved_to(part.__self__, device, copies=copies), part.__name__)
    if not callable(getattr(part, "to", None)):
        return part
    if not isinstance(part, torch.nn.Module):
        return part.to(device)
    where, held = torch.device(device), devices_of(part)
    if held and all(one.type == where.type and where.index in (None, one.index) for one in held):
        return part
    return deepcopy(part, copies).to(device)


def devices_of(part: Any) -> list[torch.device]:
    """Where a module, or that of which a part is a method, has its tensors; of anything else nobody knows."""
    if isinstance(part, Method | MethodType):
        return devices_of(part.owner if isinstance(part, Method) else part.__self__)
    if not isinstance(part, torch.nn.Module):
        return []
    return [tensor.device for tensor in (*part.parameters(), *part.buffers())]


def own_shape(given: object) -> tuple[int, ...] | None:
    """What an object says of its images: ours as (1, C, H, W), deepinv's as (C, H, W)."""
    for name in ("image_shape", "img_size"):
        shape = getattr(given, name, None)
        if isinstance(shape, tuple | list | torch.Size) and len(shape) in (2, 3, 4):
            return tuple(int(size) for size in shape)
    return None


def image_shape_of(backward: Map, y: Tensor) -> tuple[int, ...]:
    """The shape that ``A_adjoint`` returns for y, with or without a leading axis."""
    said: list[str] = []
    for value in (y, y[None], y[None, None]):
        try:
            back = called(backward, value, name="A_adjoint")
        except Exception as error:  # it is not our code
            said.append(in_words(error))
            continue
        if 2 <= back.ndim <= 4:
            return tuple(back.shape)
    raise InputError(
        "the shape of the image is not known" + (f": A_adjoint(y) failed ({said[0]})" if said else ""),
        "it is that of A_adjoint(y), for a y of 32 bits as A returns it, or has to be told",
        "correct A_adjoint, or give image_shape=(1, C, H, W)",
    )


def tried(map_: Map, value: Tensor, *, name: str) -> Tensor:
    """As ``called`` for the first time, where what is wrong with a map is said in a sentence."""
    try:
        return called(map_, value, name=name)
    except DipsearchError:
        raise
    except Exception as error:  # it is not our code
        raise InputError(
            f"{name} failed on a tensor {tuple(value.shape)} of the type {value.dtype}: {in_words(error)}",
            "A takes an image (1, C, H, W) of 32 bits, and A_adjoint a measurement as A returns it",
            f"correct {name}, or give the image_shape=(1, C, H, W) that it takes",
        ) from error


def called(map_: Map, value: Tensor, *, name: str) -> Tensor:
    out: Any = map_(value)
    if isinstance(out, Tensor):
        return out
    try:
        # Copied, since NumPy may have turned it round, and a tensor may not.
        return torch.from_numpy(np.array(out)) if isinstance(out, np.ndarray) else torch.as_tensor(out)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(
            f"{name} returned {type(out).__name__}", "it returns a tensor", "convert its result"
        ) from None


def in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0]}" if str(error) else type(error).__name__
