"""A study made by hand: the numbers of five candidates, one small picture, and no fit."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from dipsearch.library import presets_for
from dipsearch.network import Genome, Scale
from dipsearch.problem import TaskOptions, load_case, write_image
from dipsearch.run import PictureRecord, Request, StudyRecord, Trial
from dipsearch.trials.request import write_request

MakeStudy = Callable[..., StudyRecord]


def genome(width: int = 8, *, depth: int = 2) -> Genome:
    return Genome(
        scales=tuple(
            Scale(
                channels_down=width * 2**index,
                channels_up=width,
                kernel_down=3,
                kernel_up=3,
                channels_skip=4 * (index % 2),
                kernel_skip=1 if index % 2 else None,
            )
            for index in range(depth)
        ),
        upsampling="nearest",
        downsampling="stride",
        activation="leaky_relu",
        norm="batch",
        padding="reflect",
        up_1x1=True,
        output="sigmoid",
        input_kind="uniform",
        input_channels=4,
        input_scale=0.1,
        jitter=0.03,
        learning_rate=0.01,
        averaging=0.99,
        loss="mse",
    )


def trials() -> tuple[Trial, ...]:
    """Five candidates: two complete, one pruned, one failed, one running."""
    (_, known), *_ = presets_for("inpaint")
    small, large = genome(8), genome(16, depth=3)
    return (
        Trial(
            number=0,
            state="complete",
            genome=known,
            digest=known.digest,
            estimated_psnr=25.0,
            step=400,
            ended="it rose",
            seconds=30.0,
            operator="known",
            worker=0,
            started=100.0,
            finished=130.0,
            psnr=24.5,
        ),
        Trial(
            number=1,
            state="complete",
            genome=large,
            digest=large.digest,
            estimated_psnr=27.5,
            step=600,
            ended="it rose",
            seconds=50.0,
            operator="crossover",
            parents=(0,),
            worker=1,
            started=101.0,
            finished=151.0,
            psnr=27.0,
        ),
        Trial(
            number=2,
            state="pruned",
            genome=small,
            digest=small.digest,
            estimated_psnr=20.0,
            step=100,
            seconds=8.0,
            reason="it was 3 dB behind",
            operator="mutation",
            parents=(0, 1),
            started=131.0,
            finished=139.0,
        ),
        Trial(
            number=3,
            state="failed",
            genome=large,
            digest=large.digest,
            reason="<script>alert(1)</script>",
            operator="random",
            started=140.0,
            finished=141.0,
        ),
        Trial(number=4, state="running", genome=small, digest=small.digest, started=152.0),
    )


RESULT: dict[str, Any] = {
    "task": "inpaint",
    "image": "cat.png",
    "shape": [1, 3, 24, 32],
    "seed": 0,
    "device": "cpu",
    "space": "skip",
    "sampler": "genetic",
    "budget_seconds": 120.0,
    "seconds": 117.6,
    "trials": {"complete": 2, "pruned": 1, "failed": 1},
    "best": {"digest": "abc", "score": 27.5, "step": 600, "ended": "it rose", "psnr": 27.0, "ssim": 0.81},
    "stack": {"members": [1, 0], "score": 28.0, "psnr": 27.9, "ssim": 0.85},
    "delivered": "stack",
    "delivered_psnr": 27.9,
    "delivered_ssim": 0.85,
    "answers": [
        {
            "name": "ensemble",
            "words": "the mean of the best networks",
            "estimate": 28.0,
            "at_least": None,
            "standard_error": None,
            "error_beside_first": None,
            "flattered": False,
            "share": 1.0,
            "psnr": 27.9,
            "ssim": 0.85,
            "seconds": 117.0,
        }
    ],
    "baselines": {"similar patches": {"psnr": 26.5, "seconds": 0.4}},
    "reference": True,
    "warnings": ["50.0 % of the pixels are missing"],
    "version": "0.1.0",
}


@pytest.fixture
def curve_writer() -> Callable[..., None]:
    """Writes the curves of a candidate into a study's folder."""
    return write_curves


@pytest.fixture
def result() -> dict[str, Any]:
    """The result of the study made by hand."""
    return RESULT


@pytest.fixture
def genome_of() -> Callable[..., Genome]:
    """Makes small genomes: ``width`` channels that double on the way down, a skip on every other scale."""
    return genome


@pytest.fixture
def make_study(tmp_path: Path) -> MakeStudy:
    """Build a study of one small picture; keywords replace what it consists of."""

    def make(name: str = "cat-inpaint", *, with_files: bool = True, **changes: Any) -> StudyRecord:
        folder = tmp_path / "study"
        folder.mkdir()
        generator = torch.Generator().manual_seed(0)
        source = tmp_path / "cat.png"
        write_image(source, torch.rand(1, 3, 24, 32, generator=generator))
        options = TaskOptions(task="inpaint", missing=50)
        picture = PictureRecord("cat", load_case(str(source), options, seed=0), None, None)
        if with_files:
            restored = folder / "best" / "restored.png"
            write_image(restored, torch.rand(1, 3, 24, 32, generator=generator))
            picture = replace(picture, restored=restored)
            write_curves(folder, 1)
        whole: dict[str, Any] = {
            "folder": folder,
            "request": Request(sources=(str(source),), options=options, name=name, budget_seconds=120.0),
            "trials": trials(),
            "result": RESULT,
            "pictures": (picture,),
            **changes,
        }
        return StudyRecord(**whole)

    return make


def write_curves(folder: Path, number: int, *, outputs: bool = True) -> None:
    """A fit of 650 iterations whose error is least at 600, and the outputs at two of them."""
    place = folder / "trials" / f"{number:04d}"
    place.mkdir(parents=True, exist_ok=True)
    steps = np.arange(10, 660, 10)
    score = 10 ** (-(20 + 7.5 * np.minimum(steps, 600) / 600) / 10) + 1e-4 * (steps > 600)
    np.savez(
        place / "fit.npz",
        step=steps,
        loss=score / 2,
        validation_mse=score,
        seconds=steps / 10.0,
        chosen=np.array(600),
        chosen_loss=np.array(score[59] / 2),
    )
    if outputs:
        np.savez(place / "trajectory.npz", step=np.array([100, 600]), x=np.zeros((2, 3, 24, 32), np.float16))


@pytest.fixture
def now() -> float:
    """The moment at which the studies on disk are looked at."""
    return time.time()


@pytest.fixture
def studies(tmp_path: Path, now: float) -> Path:
    """A folder of studies on disk: one running, one done, one killed, one empty, one damaged."""
    root = tmp_path / "studies"
    source = tmp_path / "cat.png"
    write_image(source, torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(0)))
    options = TaskOptions(task="inpaint", missing=50)
    for name in ("running", "done", "killed", "empty"):
        request = Request(sources=(str(source),), options=options, name=name, budget_seconds=120.0)
        write_request(root / name / "study.yaml", request)
    for name in ("running", "done", "killed"):
        add_candidate(root / name, number=0, score=25.0)
        live_study(root / name).ask()
    (root / "done" / "result.json").write_text(json.dumps(RESULT))
    os.utime(root / "killed" / "journal.log", (now - 3600, now - 3600))
    (root / "damaged").mkdir()
    (root / "damaged" / "study.yaml").write_text("[")
    return root


@pytest.fixture
def finish_candidate() -> Callable[..., None]:
    """Adds a finished candidate to a study on disk, as a search would."""
    return add_candidate


def live_study(folder: Path) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    return optuna.create_study(
        study_name=folder.name, storage=storage, direction="maximize", load_if_exists=True
    )


def add_candidate(folder: Path, *, number: int, score: float) -> None:
    notes = {
        "genome": genome(8 + 4 * number).to_nested(),
        "score": score,
        "step": 600,
        "ended": "it rose",
        "seconds": 5.0,
        "worker": 0,
        "operator": "random",
    }
    live_study(folder).add_trial(optuna.create_trial(value=score, user_attrs=notes))
    write_curves(folder, number)
    place = folder / "trials" / f"{number:04d}"
    np.savez(place / "output.npz", x=np.full((1, 3, 24, 32), 0.5, np.float32))
