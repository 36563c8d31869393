"""On what ``fit`` computes: a GPU that is there and not full, and another way where its memory is short. Stand-ins."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import dipsearch as ds
from dipsearch.api import fitted
from dipsearch.errors import ResourceError
from dipsearch.run import devices

from .test_fitted import GENOME, module

FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nmore")


@pytest.fixture
def problem() -> ds.Problem:
    return ds.Problem(np.random.default_rng(0).random((16, 16)), noise=ds.Gaussian(0.3))


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def install(free: float) -> None:
        monkeypatch.setattr(devices, "count_gpus", lambda: (1, ""))
        monkeypatch.setattr("dipsearch.api.asked.count_gpus", lambda: (1, ""))
        monkeypatch.setattr(devices, "free_bytes", lambda name: int(1e9 * free))
        monkeypatch.setattr(devices, "_trouble", lambda name: "")

    return install


def test_a_gpu_that_is_full_is_not_used_and_that_is_said(
    problem: ds.Problem, one_gpu: Callable[[float], None]
) -> None:
    one_gpu(0.2)
    with pytest.warns(
        UserWarning, match=r"cuda:0 has 0\.2 GB free, others have taken the rest; it is not used"
    ):
        done = ds.fit(problem, GENOME, steps=10)
    assert np.array_equal(done.image, ds.fit(problem, GENOME, steps=10, device="cpu").image)


def test_a_gpu_that_is_not_there_is_refused_in_words(
    problem: ds.Problem, one_gpu: Callable[[float], None]
) -> None:
    one_gpu(70.0)
    with pytest.raises(
        ResourceError, match="'cuda:7'; this machine has 1 CUDA devices; use device=\"auto\" or cpu"
    ):
        ds.fit(problem, GENOME, steps=10, device="cuda:7")


def test_what_a_driver_says_that_is_too_old_is_passed_on(
    problem: ds.Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def available() -> bool:
        warnings.warn(
            "CUDA initialization: The NVIDIA driver on your system is too old. Update it", stacklevel=1
        )
        return False

    monkeypatch.setattr(torch.cuda, "is_available", available)
    with pytest.raises(ResourceError, match="NVIDIA driver on your system is too old"):
        ds.fit(problem, GENOME, steps=10, device="cuda")


class Short:
    """A fit that has too little memory in some ways."""

    def __init__(self, *enough: tuple[str, bool], error: Exception = FULL) -> None:
        self.enough, self.error, self.tried = enough, error, list[tuple[str, bool]]()

    def __call__(self, place: str, *given: Any, compute: Any, **more: Any) -> Any:
        self.tried.append((place, compute.lean))
        if self.tried[-1] not in self.enough:
            raise self.error
        return self.tried[-1]


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[Short], list[str]]:
    def install(short: Short) -> list[str]:
        given_back: list[str] = []
        monkeypatch.setattr(fitted, "choose_devices", lambda word, workers, tell: ("cuda:0",))
        monkeypatch.setattr(fitted, "_fitted_on", short)
        monkeypatch.setattr(fitted, "give_back_memory", given_back.append)
        return given_back

    return install


def test_where_the_memory_of_a_gpu_is_short_it_is_the_lean_way_and_then_the_cpu(
    problem: ds.Problem, on_gpu: Callable[[Short], list[str]]
) -> None:
    short = Short(("cpu", False))
    given_back = on_gpu(short)
    with pytest.warns(UserWarning, match="begins again") as said:
        assert ds.fit(problem, GENOME, start="cold") == ("cpu", False)
    assert short.tried == [("cuda:0", False), ("cuda:0", True), ("cpu", False)]
    assert given_back == ["cuda:0", "cuda:0"]
    assert [str(one.message) for one in said] == [
        "'cuda:0' has not enough memory (CUDA out of memory. Tried to allocate 2.00 GiB); "
        f"the fit begins again {how}"
        for how in ("in the way that needs less memory", "on 'cpu'")
    ]


def test_a_judged_fit_is_kept_where_there_is_no_memory_to_go_on_with_all_data(
    problem: ds.Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*given: Any, **more: Any) -> Any:
        raise FULL

    judged = ds.fit(problem, GENOME, steps=20, device="cpu", all_data=False)
    monkeypatch.setattr(fitted, "fit_all_data", no_memory)
    with pytest.warns(UserWarning, match="does not go on with all data: OutOfMemoryError: CUDA out") as said:
        done = ds.fit(problem, GENOME, steps=20, device="cpu")
    assert len(said) == 1 and done.fit.full is None and np.array_equal(done.image, judged.image)


def test_nor_does_the_pilot_of_all_data_begin_the_fit_anew(
    problem: ds.Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pilot(given: ds.Problem, **more: Any) -> torch.Tensor:
        if not more:
            raise FULL
        return answer(given, **more)

    answer, piloted = fitted.answer, replace(GENOME, input_kind="pilot", pilot_scale=1.0)
    judged = ds.fit(problem, piloted, steps=20, device="cpu", all_data=False)
    monkeypatch.setattr(fitted, "answer", pilot)
    with pytest.warns(UserWarning, match="does not go on with all data: OutOfMemoryError: CUDA out") as said:
        done = ds.fit(problem, piloted, steps=20, device="cpu")
    assert len(said) == 1 and done.fit.full is None and np.array_equal(done.image, judged.image)


def test_cuda_is_the_gpu_that_pytorch_uses_already(
    problem: ds.Problem, one_gpu: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    one_gpu(70.0)
    monkeypatch.setattr(devices, "count_gpus", lambda: (4, ""))
    monkeypatch.setattr(fitted, "_fitted_on", lambda place, *given, **more: place)
    assert ds.fit(problem, GENOME, device="cuda") == "cuda:0"
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 2)
    assert ds.fit(problem, GENOME, device="cuda") == "cuda:2"
    assert ds.fit(problem, GENOME, device="cuda:1") == "cuda:1"


def test_a_module_of_ones_own_is_fitted_on_mps_only_where_that_is_asked_for(
    problem: ds.Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "count_gpus", lambda: (0, ""))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(fitted, "_fitted_on", lambda place, *given, **more: place)
    assert [ds.fit(problem, one) for one in (GENOME, module())] == ["mps", "cpu"]
    assert ds.fit(problem, module(), device="mps") == "mps"


def test_a_module_has_no_lean_way(problem: ds.Problem, on_gpu: Callable[[Short], list[str]]) -> None:
    short = Short(("cpu", False))
    on_gpu(short)
    with pytest.warns(UserWarning, match="on 'cpu'"):
        ds.fit(problem, module(), start="cold")
    assert short.tried == [("cuda:0", False), ("cpu", False)]


@pytest.mark.parametrize("error", [FULL, RuntimeError("no such kernel")])
def test_where_nothing_helps_it_is_said_as_it_is(
    error: Exception, problem: ds.Problem, on_gpu: Callable[[Short], list[str]]
) -> None:
    short = Short(error=error)
    on_gpu(short)
    with pytest.raises(type(error)) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds.fit(problem, GENOME, start="cold")
    assert caught.value is error and len(short.tried) == (3 if error is FULL else 1)
