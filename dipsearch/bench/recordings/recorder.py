"""The recorder: makes the recordings that a benchmark still lacks, several at a time, and can be interrupted anywhere.

A folder holds one file per picture, damage, network and seed; what is there is not made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...errors import FormatError, StudyError
from ...files import replacing, write_text
from ...fitting import fit
from ...problem import make_split, psnr
from ...problem.formats.sources import picture_name
from ...trials.trial_files import read_npz
from ..cases.damages import DAMAGES
from ..shared.worker_pool import worker_pool
from .contestants import contestant
from .recording import Outputs, read_recording, record, write_recording
from .replays import default_choice

SECOND = 1
"""Added to the seed for the second split and its fits."""

SCORING = 2
"""Goes up with every change of splits and scores that recordings do not survive."""

FINALISTS = 2
"""Networks of a case that are fitted once more with a second split."""


@dataclass(frozen=True)
class Job:
    """One recording.

    Args:
        source: of the picture.
        damage, network: names in ``DAMAGES`` and of contestants.
        seed: of everything that is random.
        most_steps: iterations at the most.
    """

    source: str
    damage: str
    network: str
    seed: int
    most_steps: int

    @property
    def picture(self) -> str:
        """The picture's name."""
        return picture_name(self.source).lower()

    @property
    def file(self) -> str:
        """The recording's."""
        return f"{self.picture}-{self.damage}-{self.network}-{self.seed}.npz"

    @property
    def second_file(self) -> str:
        """That of the fit with the second split."""
        return f"{self.picture}-{self.damage}-{self.network}-{self.seed}-second.npz"


def make_jobs(
    sources: Sequence[str],
    damages: Sequence[str],
    networks: Sequence[str],
    seeds: Sequence[int],
    *,
    most_steps: int,
) -> list[Job]:
    """All combinations, picture by picture, so that an interrupted run leaves complete pictures."""
    return [
        Job(source, damage, network, seed, most_steps)
        for seed in seeds
        for source in sources
        for damage in damages
        for network in networks
    ]


def make_recordings(
    jobs: Sequence[Job],
    *,
    folder: Path,
    workers: int,
    device: str = "cpu",
    watch: Callable[[str], None] = lambda line: None,
) -> None:
    """Make the recordings that ``folder`` lacks, then the second fits of each case's best two.

    Args:
        workers: processes, one thread each.
        device: of all fits.
        watch: told about each recording.

    Raises:
        StudyError: the folder's recordings cannot be mixed with these.
    """
    check_folder(folder, jobs)
    first = [(job, False) for job in jobs if not (folder / job.file).exists()]
    _run(first, folder, workers=workers, device=device, watch=watch)
    finalists = [job for case in cases_of(jobs).values() for job in best_of(case, folder=folder)]
    second = [(job, True) for job in finalists if not (folder / job.second_file).exists()]
    _run(second, folder, workers=workers, device=device, watch=watch)


def cases_of(jobs: Sequence[Job]) -> dict[tuple[str, str, int], list[Job]]:
    """The jobs that share a measurement: by picture, damage and seed."""
    cases: dict[tuple[str, str, int], list[Job]] = {}
    for job in jobs:
        cases.setdefault((job.picture, job.damage, job.seed), []).append(job)
    return cases


def best_of(case: Sequence[Job], *, folder: Path) -> list[Job]:
    """The recorded jobs of a case with the best scores where the default rule stops."""
    scored = []
    for job in case:
        if (folder / job.file).exists():
            recording, _ = read_recording(folder / job.file)
            choice = default_choice(recording)
            if choice is not None:
                scored.append((choice.validation_mse, job.network, job))
    return [job for _, _, job in sorted(scored, key=lambda row: row[:2])[:FINALISTS]]


def read_second(path: Path) -> tuple[float, Outputs]:
    """The score of a fit with the second split, and its image, twice: here it does not go on with all data.

    Raises:
        FormatError: the file is missing or damaged.
    """
    arrays = read_npz(path)
    image = torch.from_numpy(arrays["judged"].astype(np.float32))
    return float(arrays["score"]), Outputs(image, image)


def check_folder(folder: Path, jobs: Sequence[Job]) -> None:
    """Note what the recordings of a new folder have in common; refuse to mix them with others in an old one.

    Raises:
        StudyError: its recordings have another length, or were scored in another way.
    """
    path, steps = folder / "settings.json", max(job.most_steps for job in jobs)
    if not path.exists():
        write_text(path, json.dumps({"most_steps": steps, "scoring": SCORING}) + "\n")
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
        length, scoring = there["most_steps"], there.get("scoring")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            f"{path} does not say what its recordings have in common ({error or type(error).__name__})",
            "it was written beside the first of them",
            "repair it, or give another folder",
        ) from error
    if length != steps:
        raise StudyError(
            f"the recordings in {folder} have at most {length} iterations, and {steps} are asked for",
            "recordings of one table have the same length",
            f"give --steps {length}, or another folder",
        )
    if scoring != SCORING:
        raise StudyError(
            f"the recordings in {folder} were scored in another way than this version scores",
            "recordings of one table have the same score",
            "give another folder",
        )


def _run(
    todo: Sequence[tuple[Job, bool]],
    folder: Path,
    *,
    workers: int,
    device: str,
    watch: Callable[[str], None],
) -> None:
    with worker_pool(workers) as pool:
        running = [pool.submit(_second if second else _first, job, folder, device) for job, second in todo]
        for count, future in enumerate(as_completed(running), start=1):
            watch(f"{count} of {len(todo)}: {future.result()}")


def _first(job: Job, folder: Path, device: str) -> str:
    damage = DAMAGES[job.damage]
    clean = damage.clean(job.source)
    recording, outputs = record(
        contestant(job.network),
        damage.make(clean, job.seed),
        clean,
        seed=job.seed,
        most_steps=job.most_steps,
        device=device,
    )
    write_recording(folder / job.file, recording, outputs)
    return (
        f"{job.picture} {job.damage} {job.network}: peak {float(recording.psnr.max()):.2f} dB, "
        f"stopped at {psnr(outputs.judged, clean):.2f}, with all of y {psnr(outputs.full, clean):.2f}, "
        f"{recording.seconds:.0f} s"
    )


def _second(job: Job, folder: Path, device: str) -> str:
    damage, seed = DAMAGES[job.damage], job.seed + SECOND
    clean = damage.clean(job.source)
    problem = damage.make(clean, job.seed)
    done = fit(
        contestant(job.network),
        problem.to(device),
        split=make_split(problem, seed=seed).to(device),
        seed=seed,
        max_steps=job.most_steps,
    )
    image = done.image.cpu()
    with replacing(folder / job.second_file) as temporary:
        np.savez_compressed(
            temporary, judged=image.numpy().astype(np.float16), score=np.array(done.validation_mse)
        )
    return f"{job.picture} {job.damage} {job.network}, second split: {psnr(image, clean):.2f} dB"
