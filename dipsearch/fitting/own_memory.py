"""What one's own network keeps from one step to the next, beside its weights: a recorded step goes on with the tensors
that it found, and knows the numbers of Python that it found, for good.

So whoever records a step looks before whether a module puts other tensors in the place of its own (``self.mean =
0.9 * self.mean + …`` where ``self.mean.mul_(0.9)`` would stay), or counts in Python (``self.t += 1``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

PLAIN = bool, int, float, complex, str, bytes, type(None)
FILLED = list, set, dict, deque
SEVERAL = (*FILLED, tuple, frozenset)
MADE_FROM = "_orig"
"""What the name of a weight ends with from which PyTorch's old ``spectral_norm`` and its ``prune`` make a tensor in
each forward pass: a recorded step makes it, too."""
EVERY_MODULE = frozenset(vars(nn.Module()))
"""What every module has: its weights, parts and hooks."""


class OwnMemory:
    """What the parts of a module kept at one moment, by name.

    The tensors are held, so that none that is made later can lie in the place of one of them.

    Args:
        network: all of whose parts are looked at.
        contents: copy the numbers of the tensors that no file keeps, for ``put_contents_back``.
    """

    def __init__(self, network: nn.Module, *, contents: bool = False) -> None:
        self._kept = {
            f"{place}.{name}".lstrip("."): (part, name, value) for place, part, name, value in _of(network)
        }
        self._held: list[Tensor] = []
        self._filled: dict[int, tuple[Any, Any]] = {}
        self._signs = {name: self._sign(value) for name, (_, _, value) in self._kept.items()}
        self._contents = _contents(network, self._held) if contents else []

    def changed(self, later: OwnMemory) -> str:
        """What is another one later, in words; empty where nothing is."""
        for name, sign in self._signs.items():
            if later._signs.get(name, sign) == sign:
                continue
            if isinstance(self._kept[name][2], Tensor):
                return (
                    f"the network puts another tensor in the place of {name} in its forward pass, which a recorded "
                    f"step does not follow (self.{name.rpartition('.')[2]}.copy_(…) changes it where it is)"
                )
            return (
                f"the network changes {name} in its forward pass, and a recorded step would repeat one value of it "
                "(a buffer that is changed in place, as by add_(1), goes on)"
            )
        return ""

    def put_contents_back(self) -> None:
        """Give the tensors that no file keeps the numbers that they had."""
        with torch.no_grad():
            for one, numbers in self._contents:
                one.copy_(numbers)

    def put_back(self) -> None:
        """Give the module what it had, numbers and tensors; a list that several parts share stays one."""
        self.put_contents_back()
        for there, held in self._filled.values():
            if _members(there) != _members(held):
                there.clear()
                (there.update if isinstance(there, dict | set) else there.extend)(held)
        for part, name, value in self._kept.values():
            if _kept_by(part).get(name) is not value:
                setattr(part, name, value)

    def _sign(self, value: Any) -> Any:
        """What two values have in common that are the same to a recorded step."""
        if isinstance(value, Tensor):
            self._held.append(value)
            return value.data_ptr() if _is_plain(value) else id(value)
        if isinstance(value, FILLED) and id(value) not in self._filled:
            self._filled[id(value)] = value, _copied(value)
        if isinstance(value, dict):
            return [(repr(key), self._sign(one)) for key, one in value.items()]
        if isinstance(value, SEVERAL):
            return [self._sign(one) for one in value]
        return repr(value) if isinstance(value, PLAIN) else type(value)


def _of(network: nn.Module) -> Iterator[tuple[str, nn.Module, str, Any]]:
    """The name of a part, the part, and the name and the value of something that it keeps."""
    for place, part in network.named_modules():
        for name, value in _kept_by(part).items():
            if not (isinstance(value, Tensor) and f"{name}{MADE_FROM}" in part._parameters):
                yield place, part, name, value


def _kept_by(part: nn.Module) -> dict[str, Any]:
    """What a part keeps itself, beside weights and parts, by name."""
    buffers = dict(part._buffers.items())  # a scripted part has a dictionary of its own kind
    return buffers | {name: value for name, value in vars(part).items() if name not in EVERY_MODULE}


def _contents(network: nn.Module, held: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Those of the tensors that no file of the network keeps, each with a copy of its numbers."""
    in_file = {one.data_ptr() for one in network.state_dict().values() if _is_plain(one)}
    return [
        (one, one.detach().clone())
        for one in held
        if _is_plain(one) and one.is_leaf and not one.is_inference()
        if one.data_ptr() not in in_file and all(one.stride())
    ]


def _copied(value: Any) -> Any:
    """What is in a list or the like, in a plain one."""
    return dict(value) if isinstance(value, dict) else list(value)


def _members(value: Any) -> list[int]:
    """Which objects are in it, keys among them; another order is another list."""
    return [id(one) for one in (*value, *(value.values() if isinstance(value, dict) else ()))]


def _is_plain(value: object) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided and not value.is_quantized
