"""What one's own network keeps between steps: told apart before a step of it is recorded, and put back afterwards.

The GPU is the stand-in of ``test_recording``; the last test is for a real one.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
import torch
from torch import nn

from dipsearch.fitting import Compute, Step, make_engine
from dipsearch.fitting.cuda_graph import CudaGraphEngine, recorded
from dipsearch.fitting.engine import EagerEngine
from dipsearch.network import OwnNetwork

from .test_engine import needs_cuda, parts
from .test_recording import INVALID, Gpu
from .test_recording import gpu as gpu


class Own(nn.Module):
    """Two convolutions, and something that is kept between steps."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(32, 4, 3, padding=1), nn.Conv2d(4, 3, 1)
        self.keep()

    def keep(self) -> None:
        """Make it."""

    def go_on(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.last(torch.relu(self.go_on(self.first(z)))))


class Rebinds(Own):
    def keep(self) -> None:
        self.register_buffer("mean", torch.zeros(()))

    def go_on(self, x: torch.Tensor) -> torch.Tensor:
        self.mean = 0.9 * self.mean + 0.1 * x.detach().mean()
        return x - self.mean


class RebindsHidden(Rebinds):
    def keep(self) -> None:
        self.register_buffer("mean", torch.zeros(()), persistent=False)


class RebindsPlain(Rebinds):
    def keep(self) -> None:
        self.mean = torch.zeros(())


class InPlace(Own):
    def keep(self) -> None:
        self.register_buffer("mean", torch.zeros(()))
        self.seen = torch.zeros(())  # which no file keeps

    def go_on(self, x: torch.Tensor) -> torch.Tensor:
        self.mean.mul_(0.9).add_(0.1 * x.detach().mean())
        self.seen.add_(1)
        return x - self.mean / self.seen


class Counts(Own):
    def keep(self) -> None:
        self.t = 0

    def go_on(self, x: torch.Tensor) -> torch.Tensor:
        self.t += 1
        return x * (1 + 1 / self.t)


class Alternates(Own):
    def keep(self) -> None:
        self.even = True

    def go_on(self, x: torch.Tensor) -> torch.Tensor:
        self.even = not self.even
        return x if self.even else -x


class Remembers(Own):
    def keep(self) -> None:
        self.last_means: deque[torch.Tensor] = deque(maxlen=2)

    def go_on(self, x: torch.Tensor) -> torch.Tensor:
        self.last_means.append(x.detach().mean())
        return x - sum(self.last_means)


class Appends(nn.Module):
    def __init__(self, skips: list[torch.Tensor]) -> None:
        super().__init__()
        self.skips = skips

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.skips.append(x)
        return x


class Reads(Appends):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.skips[-1]


class Shares(Own):
    """Two parts have the same list."""

    def keep(self) -> None:
        skips: list[torch.Tensor] = []
        self.encoder, self.decoder = Appends(skips), Reads(skips)

    def go_on(self, x: torch.Tensor) -> torch.Tensor:
        return self.decoder(2 * self.encoder(x))


class Gathers(Own):
    """Keeps means in a list within a dictionary, and whether it has seen something in a set."""

    def keep(self) -> None:
        self.kept: dict[str, list[torch.Tensor]] = {"means": []}
        self.seen: set[str] = set()

    def go_on(self, x: torch.Tensor) -> torch.Tensor:
        self.kept["means"].append(x.detach().mean())
        self.kept[str(len(self.kept))] = []
        self.seen.add(str(len(self.kept)))
        return x - sum(self.kept["means"]) / (len(self.kept) + len(self.seen))


class SaysMore(Own):
    """Whose file has more than tensors."""

    def get_extra_state(self) -> dict[str, int]:
        return {"version": 1}

    def set_extra_state(self, state: dict[str, int]) -> None:
        pass


class Spectral(Own):
    """A layer of which makes its weights anew in each pass, from others."""

    def keep(self) -> None:
        nn.utils.spectral_norm(self.first)


class Lazy(Own):
    """Makes a table when it is first called, and keeps it."""

    def keep(self) -> None:
        self.table: torch.Tensor | None = None
        self.ready = False

    def go_on(self, x: torch.Tensor) -> torch.Tensor:
        if self.table is None:
            self.table, self.ready = torch.linspace(0, 1, x.shape[-1]).to(x), True
        return x + self.table


class Within(nn.Module):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList([part])

    def forward(self, z: torch.Tensor) -> Any:
        return self.parts[0](z)


def own_step(module: nn.Module, device: str = "cpu", size: int = 24) -> Step:
    problem, split = parts(device, size)
    return Step(OwnNetwork(module), problem, split=split, seed=1)


def record(step: Step) -> Any:
    problem, split = parts()
    return recorded(step, problem, split=split)


CHANGES = {
    "another tensor in the place of mean": Rebinds,
    "another tensor in the place of mean in": RebindsHidden,
    "another tensor in the place of mean in its": RebindsPlain,
    "changes t in": Counts,
    "changes even in": Alternates,
    "changes last_means in": Remembers,
    "changes encoder.skips in": Shares,
    "changes kept in": Gathers,
}


@pytest.mark.parametrize(("said", "module"), CHANGES.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_what_a_recording_could_not_follow_is_not_recorded(said: str, module: type[Own], gpu: Gpu) -> None:
    step = own_step(module())
    engine = record(step)
    assert isinstance(engine, EagerEngine) and said in engine.reason
    assert not gpu.asked_for  # nothing was captured
    fresh = own_step(module())
    engine.advance(4)
    with fresh.drawing():
        for _ in range(4):
            fresh()
    assert torch.equal(engine.step.output, fresh.output)  # what the warm-up had changed is as it was


@pytest.mark.parametrize("module", [Own, InPlace, Lazy, SaysMore, Spectral])
def test_what_stays_in_its_place_is_recorded(module: type[Own], gpu: Gpu) -> None:
    step = own_step(module())
    engine = record(step)
    assert isinstance(engine, CudaGraphEngine) and engine.reason == ""
    if module is InPlace:
        assert float(step.network.seen) == 1  # the stand-in of a recording makes its step
    if module is Lazy:
        assert step.network.table is not None


def test_after_a_failed_capture_what_no_file_keeps_is_as_it_was_before_the_warm_up(gpu: Gpu) -> None:
    gpu.errors = [INVALID]
    step = own_step(InPlace())
    engine = record(step)
    assert isinstance(engine, EagerEngine) and engine.reason.startswith("recording failed")
    assert float(step.network.seen) == 0


def test_the_part_is_named(gpu: Gpu) -> None:
    assert "changes parts.0.t in its forward pass" in record(own_step(Within(Counts()))).reason
    inside = record(own_step(Within(Rebinds()))).reason
    assert "in the place of parts.0.mean" in inside and "self.mean.copy_" in inside


def test_a_genome_has_no_such_memory(gpu: Gpu) -> None:
    from .test_engine import step_of

    assert isinstance(record(step_of()), CudaGraphEngine)


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("module", [Rebinds, Counts, Shares, InPlace, Lazy, Spectral])
def test_on_a_gpu_ones_own_memory_goes_on_as_in_eager_steps(
    module: type[Own], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    problem, split = parts("cuda", 64)
    found = {}
    for word in ("eager", "auto"):
        network = OwnNetwork(module(), jitter=0.0)
        engine = make_engine(Compute(word, "fp32"), network, problem, split=split, seed=0)
        found[word] = engine.advance(12)
        assert engine.name == (
            "cuda_graph" if word == "auto" and module in (InPlace, Lazy, Spectral) else "eager"
        )
    assert found["auto"].loss == pytest.approx(found["eager"].loss, rel=1e-5)
    assert torch.allclose(found["auto"].image, found["eager"].image, atol=1e-5)
