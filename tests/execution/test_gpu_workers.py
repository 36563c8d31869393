"""Workers on a GPU: several fits and pictures in one, several workers on one, GPUs by UUID, and one that broke."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dipsearch.execution import worker as worker_module
from dipsearch.execution.executor import WorkerDied, WorkerSpec
from dipsearch.execution.local_processes import LocalProcesses
from dipsearch.execution.picture_fits import PictureFits, taken_up
from dipsearch.execution.task import Advanced, Picture
from dipsearch.execution.worker import REMEMBERED, Worker
from dipsearch.network import OwnNetwork
from dipsearch.problem import TaskOptions, write_image
from dipsearch.run import Request, Silent, run_search
from dipsearch.trials.problem_files import write_problem

from ..fitting.test_loop import inpainting, picture
from .studies import PATCHES, PICTURE, a_slice, advanced, done, study, wait_for

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
pytestmark = [pytest.mark.gpu, needs_cuda]

DEVICE = "cuda:0"


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(study(tmp_path / "study"), DEVICE)


def scores(found: list[Advanced]) -> list[float]:
    return [score for one in found for _, score in one.pictures[0].curve]


def test_more_fits_than_a_worker_remembers_take_turns_and_are_all_recorded(
    worker: Worker, tmp_path: Path
) -> None:
    places = [f"trials/{number:04d}" for number in range(REMEMBERED["cuda"] + 2)]
    found: dict[str, list[Advanced]] = {place: [] for place in places}
    for turn in range(3):
        for place in places:
            found[place] += advanced(worker, a_slice(place, at=20 * turn), slices=1)
    assert {one.engine for slices in found.values() for one in slices} == {"cuda_graph"}
    assert {slices[-1].steps for slices in found.values()} == {60}
    alone = advanced(Worker(study(tmp_path / "other"), DEVICE), a_slice(), slices=3)
    for slices in found.values():
        assert scores(slices) == pytest.approx(scores(alone), rel=0.05, abs=1e-4)


def test_fits_to_several_pictures_are_advanced_together(worker: Worker) -> None:
    other = Picture("inputs/search-other.npz", split_seed=0)
    write_problem(worker.folder / other.problem, inpainting(40, 32))
    found = advanced(worker, a_slice(pictures=(PICTURE, other)), slices=2)
    assert [len(one.pictures) for one in found] == [2, 2]
    assert {one.engine for one in found} == {"cuda_graph"}


def test_a_fit_from_a_gpu_goes_on_on_a_cpu_and_back(worker: Worker) -> None:
    advanced(worker, a_slice(), slices=1)
    (there,) = advanced(Worker(worker.folder, "cpu"), a_slice(at=20), slices=1)
    assert (there.steps, there.engine) == (40, "eager")
    (back,) = advanced(Worker(worker.folder, DEVICE), a_slice(at=40), slices=1)
    assert (back.steps, back.engine) == (60, "cuda_graph")


def test_before_the_lean_way_other_fits_are_put_aside(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    advanced(worker, a_slice("trials/0001"), slices=1, keep=False)

    def crowded(
        task: object, pictures: object, folder: object, *, compute: object, own: object
    ) -> PictureFits:
        if worker.remembers("trials/0001"):
            torch.empty(2**50, dtype=torch.uint8, device=DEVICE)
        return taken_up(task, pictures, folder, compute=compute)

    monkeypatch.setattr(worker_module, "taken_up", crowded)
    (found,) = advanced(worker, a_slice(), slices=1)
    assert (found.lean, found.engine) == (False, "cuda_graph")
    (again,) = advanced(worker, a_slice("trials/0001", at=20), slices=1)
    assert again.steps == 40


def test_two_processes_share_a_gpu(tmp_path: Path) -> None:
    specs = [WorkerSpec(0, DEVICE), WorkerSpec(1, DEVICE)]
    with LocalProcesses(study(tmp_path), specs) as executor:
        futures = [executor.submit(a_slice(f"trials/{number:04d}"))[1] for number in range(2)]
        wait_for(executor, *futures, seconds=180)
        found = [future.result() for future in futures]
    assert [one.engine for one in found if isinstance(one, Advanced)] == ["cuda_graph"] * 2


@pytest.mark.parametrize("name", ["uuid", "number"])
def test_a_process_finds_its_gpu_by_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    uuid = f"GPU-{torch.cuda.get_device_properties(0).uuid}"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", uuid if name == "uuid" else "0")
    with LocalProcesses(study(tmp_path), [WorkerSpec(0, DEVICE)]) as executor:
        found = done(executor, a_slice())
        done(executor, PATCHES)
    assert isinstance(found, Advanced) and found.engine == "cuda_graph"


class Breaks(torch.nn.Module):
    """A network that leaves its process without the GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(32, 3, 1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Read where nothing is, which the device notices later."""
        torch.zeros(1, device=z.device)[torch.tensor([10**6], device=z.device)]
        return torch.sigmoid(self.layer(z))


def test_a_process_whose_gpu_is_beyond_use_is_replaced(tmp_path: Path) -> None:
    with LocalProcesses(study(tmp_path), [WorkerSpec(0, DEVICE)]) as executor:
        _, broken = executor.submit(a_slice("trials/0001", network=OwnNetwork(Breaks())))
        wait_for(executor, broken, seconds=180)
        assert isinstance(broken.exception(), WorkerDied)
        found = done(executor, a_slice())
    assert isinstance(found, Advanced) and found.steps == 20


@pytest.fixture
def noisy(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "noisy.png"
    clean = picture(96, 96)
    write_image(file, (clean + 0.1 * torch.randn(clean.shape)).clamp(0, 1))
    yield file


@pytest.mark.slow
def test_a_search_says_how_busy_the_gpu_was(tmp_path: Path, noisy: Path) -> None:
    asked = Request((str(noisy),), TaskOptions("denoise", sigma=25.5), name="busy", budget_seconds=30.0)
    outcome = run_search(asked, root=tmp_path / "studies", resume=False, callback=Silent())
    assert outcome.result["device"] == DEVICE
    assert 0 < outcome.result["gpu_busy_share"] <= 1
    assert outcome.result["trials"]["failed"] == 0
    assert outcome.result["engine"] == "cuda_graph"


@pytest.mark.slow
def test_a_fit_goes_on_beyond_the_usual_limit_where_its_score_still_rises(tmp_path: Path) -> None:
    """Slices without an end, as a search with a clock asks for."""
    worker = Worker(study(tmp_path), DEVICE)
    endless = replace(a_slice().limits, max_steps=10**6, patience=10**6)
    found = advanced(worker, a_slice(limits=endless, steps=4000), slices=1)
    assert found[0].steps == 4000 and found[0].pictures[0].ended is None
