"""A pretended CUDA device: tensors that lie on the CPU, say that they are on ``cuda:0``, and refuse what a GPU refuses.

Nothing is faster or recorded on it; it shows on any machine where tensors of two devices meet, where a tensor of a GPU
is read as an array, and where a generator belongs to another device than what it fills.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

GPU, aten = torch.device("cuda", 0), torch.ops.aten

COPIES = {aten.copy_.default, aten._to_copy.default, aten.copy.default}
INDEXED = {aten.index.Tensor, aten._unsafe_index.Tensor}
INDEXED |= {aten.index_put_.default, aten._index_put_impl_.default}
"""Indices may lie on the CPU; what is indexed decides."""

ARTEFACTS = {aten.sigmoid_backward.default, aten._fused_adam_.default, aten._fused_adam_.tensor_lr}
"""PyTorch's own: the engine of gradients makes the first gradient by itself, past this module, and fused Adam's counts
of steps come from there; on a GPU both lie where they belong."""


class Mixed(RuntimeError):
    """As PyTorch says it of a real device."""


class OnGpu(torch.Tensor):
    """A tensor that says that it is on the device; ``inner`` holds its values."""

    inner: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> OnGpu:
        plain = inner.layout == torch.strided
        where = {"strides": inner.stride(), "storage_offset": inner.storage_offset()} if plain else {}
        made = torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype, device="cpu", **where)
        made.inner = inner
        return made

    device, is_cuda = property(lambda self: GPU), property(lambda self: True)

    def numpy(self, *given: Any, **more: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    __array__ = numpy

    def to(self, *given: Any, **more: Any) -> torch.Tensor:
        return _moved(self, given, more)

    def cpu(self, *given: Any, **more: Any) -> torch.Tensor:
        return self.to("cpu")

    def tolist(self) -> Any:
        return self.inner.tolist()

    def data_ptr(self) -> int:
        return self.inner.data_ptr()

    def untyped_storage(self) -> Any:
        return self.inner.untyped_storage()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
        _refuse_mixed(func, args, tensors)
        device = kwargs.get("device")
        there = device is None or torch.device(device).type == "cuda"
        if device is not None:
            kwargs = {**kwargs, "device": "cpu" if there else device}
        out = func(*tree_map(_inner, args), **tree_map(_inner, kwargs))
        if func is aten.copy_.default:
            return args[0]
        known = {id(one.inner): one for one in tensors if isinstance(one, OnGpu)}

        def outer(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            return known[id(value)] if id(value) in known else OnGpu(value) if there else value

        return tree_map(outer, out)


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, OnGpu) else value


def _refuse_mixed(func: Any, args: Any, tensors: list[torch.Tensor]) -> None:
    if func in COPIES or func in ARTEFACTS or (func in INDEXED and isinstance(args[0], OnGpu)):
        return
    kinds = {isinstance(one, OnGpu) for one in tensors if one.ndim and not one.is_meta}
    if len(kinds) == 2:
        raise Mixed(f"{func}: Expected all tensors to be on the same device, but found cuda:0 and cpu!")


class Generator(torch.Generator):
    """One that says where it is."""

    def __new__(cls, device: Any = "cpu") -> Generator:
        made = super().__new__(cls, "cpu")
        made.there = torch.device(device)
        return made

    def __init__(self, device: Any = "cpu") -> None:
        pass

    device = property(lambda self: self.there)


class _Mode(TorchFunctionMode):
    """Brings tensors there and back, and makes new ones there."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        first = args[0] if args and isinstance(args[0], torch.Tensor) else None
        ours = isinstance(first, OnGpu)
        if func in _SAID and first is not None:
            return _SAID[func](first) if ours else func(*args, **kwargs)
        if func in (torch.Tensor.cuda, torch.Tensor.cpu):
            func, args = torch.Tensor.to, (first, "cuda" if func is torch.Tensor.cuda else "cpu")
        device = kwargs.get("device")
        cuda = device is not None and torch.device(device).type == "cuda"
        generator = kwargs.get("generator")
        if generator is not None and (cuda or (ours and device is None)) != (generator.device.type == "cuda"):
            raise Mixed(f"Expected a generator on the device of the tensor, found {generator.device}")
        if func is torch.Tensor.to:
            return _moved(first, args[1:], kwargs)
        if func in (torch.as_tensor, torch.tensor, torch.asarray) and ours:
            return first
        if cuda:
            with torch._C.DisableTorchFunction():
                made = func(*tree_map(_inner, args), **tree_map(_inner, kwargs | {"device": "cpu"}))
            return OnGpu(made)
        return func(*args, **kwargs)


_SAID = {
    torch.Tensor.device.__get__: lambda x: GPU,
    torch.Tensor.is_cuda.__get__: lambda x: True,
    torch.Tensor.data_ptr: OnGpu.data_ptr,
    torch.Tensor.untyped_storage: OnGpu.untyped_storage,
    torch.Tensor.tolist: OnGpu.tolist,
    torch.Tensor.numpy: OnGpu.numpy,
}


def _moved(x: Any, given: Any, more: dict[str, Any]) -> torch.Tensor:
    """``Tensor.to``, with its ways to say a device, a type or another tensor; no gradient takes this way."""
    device, rest = more.pop("device", None), []
    for one in given:
        if isinstance(one, torch.Tensor):
            device, rest = (GPU if isinstance(one, OnGpu) else one.device), [*rest, one.dtype]
        elif isinstance(one, str | torch.device):
            device = one
        elif isinstance(one, torch.dtype):
            rest.append(one)
    plain = torch.Tensor.to
    changed = plain(x, *rest, **more) if rest or set(more) - {"non_blocking"} else x
    kind = None if device is None else torch.device(device).type
    if kind == "cuda" and not isinstance(x, OnGpu):
        return OnGpu(changed.detach())
    if kind == "cpu" and isinstance(x, OnGpu):
        return changed.inner.clone()
    return plain(changed, "meta") if kind == "meta" else changed


@contextmanager
def pretended_gpu() -> Iterator[torch.device]:
    """Let this process have one CUDA device; fits run eagerly and without fused kernels on it."""
    from dipsearch.fitting import engines
    from dipsearch.fitting.engine import EagerEngine
    from dipsearch.network import fused

    cuda = {
        "is_available": lambda: True, "device_count": lambda: 1, "current_device": lambda: 0,
        "get_device_capability": lambda device=None: (9, 0), "get_device_name": lambda device=None: "pretended",
        "mem_get_info": lambda device=None: (2**36, 2**37), "synchronize": lambda device=None: None,
        "empty_cache": lambda: None, "set_device": lambda device: None,
    }  # fmt: skip
    usual = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with (
            mock.patch.multiple(torch.cuda, **cuda),
            mock.patch.object(torch, "Generator", Generator),
            mock.patch.object(engines, "recorded", EagerEngine),
            mock.patch.object(fused, "compiles", lambda device, stored_in: False),
            _Mode(),
        ):
            yield GPU
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(usual)
