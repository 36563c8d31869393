"""Devices: which ones are used, which are not and why; the GPUs are stand-ins."""

from __future__ import annotations

import warnings

import pytest
import torch

from dipsearch.errors import ResourceError
from dipsearch.run import devices
from dipsearch.run.devices import choose_devices, cores, free_cores, most_threads, threads_each


class Gpus:
    """Some GPUs, by what is free on them in GB; with a driver that may be too old."""

    def __init__(self, *free: float, warning: str = "", broken: str = "") -> None:
        self.free, self.warning, self.broken = free, warning, broken
        self.asked: list[str] = []

    def install(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(torch.cuda, "is_available", self.available)
        patch.setattr(torch.cuda, "device_count", lambda: len(self.free))
        patch.setattr(devices, "free_bytes", lambda name: int(1e9 * self.free[int(name[-1])]))
        patch.setattr(torch, "ones", self.ones)
        patch.setattr(torch.backends.mps, "is_available", lambda: False)

    def available(self) -> bool:
        if self.warning:
            warnings.warn(self.warning, stacklevel=1)
        return bool(self.free) and not self.warning

    def ones(self, size: int, *, device: str) -> torch.Tensor:
        self.asked.append(device)
        if self.broken:
            raise RuntimeError(self.broken)
        return torch.full((size,), 1.0)


def chosen(gpus: Gpus, patch: pytest.MonkeyPatch, word: str = "auto") -> tuple[tuple[str, ...], list[str]]:
    gpus.install(patch)
    said: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return choose_devices(word, workers=None, tell=said.append), said


def test_without_gpus_there_is_a_process_per_core(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(Gpus(), monkeypatch) == (("cpu",) * cores(), [])


def test_all_gpus_that_are_not_full_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    found, said = chosen(Gpus(70.0, 0.3, 12.0), monkeypatch)
    assert found == ("cuda:0", "cuda:2")
    assert said == ["cuda:1 has 0.3 GB free, others have taken the rest; it is not used"]


def test_a_full_gpu_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(Gpus(70.0, 0.3), monkeypatch, "cuda:1") == (("cuda:1",), [])


def test_where_all_are_full_it_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    found, said = chosen(Gpus(0.0), monkeypatch)
    assert found == ("cpu",) * cores() and len(said) == 1


OLD = (
    "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040). Please update it"
)


def test_a_driver_that_is_too_old_is_said_and_the_cpu_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    found, said = chosen(Gpus(70.0, warning=OLD), monkeypatch)
    assert found == ("cpu",) * cores()
    assert said == [
        "this machine's GPU cannot be used (CUDA initialization: The NVIDIA driver on your system is too old "
        "(found version 11040)); it is not used"
    ]
    with pytest.raises(ResourceError, match="driver on your system is too old"):
        chosen(Gpus(70.0, warning=OLD), monkeypatch, "cuda")


def test_a_gpu_that_this_pytorch_has_no_kernels_for_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Gpus(70.0, broken="CUDA error: no kernel image is available for execution on the device\nmore")
    found, said = chosen(old, monkeypatch)
    assert found == ("cpu",) * cores()
    assert said == [
        "cuda:0 cannot be used (CUDA error: no kernel image is available for execution on the device); it is not used"
    ]
    with pytest.raises(ResourceError, match="no kernel image is available"):
        chosen(old, monkeypatch, "cuda:0")


@pytest.mark.parametrize("word", ["cuda:2", "cuda:GPU-8932f937"])
def test_a_gpu_that_is_not_there_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    with pytest.raises(ResourceError, match="this machine has 2 CUDA devices; use --device auto or cpu"):
        chosen(Gpus(70.0, 70.0), monkeypatch, word)


def test_more_workers_than_gpus_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    Gpus(70.0, 70.0).install(monkeypatch)
    assert choose_devices("auto", workers=3) == ("cuda:0", "cuda:1", "cuda:0")


@pytest.mark.parametrize(("word", "first"), [("auto", "cuda:1"), ("cuda", "cuda:0")])
def test_no_more_gpus_are_asked_than_there_are_workers(
    monkeypatch: pytest.MonkeyPatch, word: str, first: str
) -> None:
    gpus = Gpus(0.1, 70.0, 70.0, 70.0)
    gpus.install(monkeypatch)
    assert choose_devices(word, workers=1) == (first,)
    assert gpus.asked == [f"cuda:{index}" for index in range(int(first[-1]) + 1)]


@pytest.mark.parametrize("visible", ["", "-1"])
def test_hidden_gpus_are_not_there(monkeypatch: pytest.MonkeyPatch, visible: str) -> None:
    """This is PyTorch's own reading of it; without a GPU there is nothing to hide, and nothing to stumble over."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    if not torch.cuda.is_initialized():
        assert choose_devices("auto", workers=1)[0] in ("cpu", "mps")


def test_threads_are_as_many_as_cores_and_as_somebody_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dipsearch.run.devices.cores", lambda: 8)
    monkeypatch.setattr("dipsearch.run.devices.free_cores", lambda: 4)

    def each(said: str) -> list[int]:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
        return [threads_each(workers, hurried=hurried) for workers in (1, 3, 20) for hurried in (False, True)]

    for word in ("", "many", "-1", "16"):
        assert each(word) == [8, 4, 2, 1, 1, 1]
    assert each("1") == [1] * 6
    assert each("3,2") == [3, 3, 2, 1, 1, 1]
    assert each("0") == [1] * 6 and most_threads() == 1
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert most_threads() == 8


def test_cores_that_others_keep_busy_are_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dipsearch.run.devices.cores", lambda: 8)
    monkeypatch.setattr("os.cpu_count", lambda: 16)  # some of which belong to others

    def free(load: float) -> int:
        monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0), raising=False)
        return free_cores()

    assert [free(load) for load in (0.0, 4.0, 16.0, 50.0)] == [8, 6, 1, 1]
    monkeypatch.delattr("os.getloadavg")
    assert free_cores() == 8
