"""The recorder: makes the recordings that a benchmark still lacks, several at a time, and can be interrupted anywhere.

A folder holds one file per picture, damage, network and seed; what is there is not made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

from ...errors import FormatError, StudyError
from ...files import write_text
from ...library import preset
from ...network import Genome, Scale
from ...problem import psnr
from ...problem.formats.sources import picture_name
from ..cases.damages import DAMAGES
from ..shared.worker_pool import worker_pool
from .recording import record, write_recording


def _scales(width: int, depth: int, *, skip: int = 4) -> tuple[Scale, ...]:
    return (Scale(width, width, channels_skip=skip, kernel_skip=1 if skip else None),) * depth


CONTESTANTS: dict[str, Genome] = {
    "wide": Genome(scales=_scales(40, 4), upsampling="nearest"),
    "narrow": Genome(scales=_scales(8, 4), input_channels=8),
    "group-norm": Genome(scales=_scales(16, 4), norm="group", upsampling="nearest", input_channels=16),
    "no-norm": Genome(scales=_scales(16, 4), norm="none", learning_rate=0.004, input_channels=16),
    "no-sigmoid": Genome(scales=_scales(16, 4), output="none", input_channels=16),
    "slow": Genome(scales=_scales(16, 5), learning_rate=0.001, upsampling="nearest", input_channels=16),
    "fast-no-jitter": Genome(
        scales=_scales(16, 4), learning_rate=0.02, jitter=0.0, upsampling="nearest", input_channels=16
    ),
    "decoder": Genome(scales=_scales(24, 4, skip=0), up_1x1=False, input_channels=16),
}

PUBLISHED = "dip-2018"
"""The network of Deep Image Prior for denoising, which only the large benchmark has the time for."""


def contestant(name: str) -> Genome:
    """The network of this name."""
    return preset("dip_2018_denoise") if name == PUBLISHED else CONTESTANTS[name]


SCORING = 2
"""Goes up with every change of splits and scores that recordings do not survive."""


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
    """Make the recordings that ``folder`` lacks.

    Args:
        workers: processes, one thread each.
        device: of all fits.
        watch: told about each recording.

    Raises:
        StudyError: the folder's recordings cannot be mixed with these.
    """
    check_folder(folder, jobs)
    todo = [job for job in jobs if not (folder / job.file).exists()]
    with worker_pool(workers) as pool:
        running = [pool.submit(_record, job, folder, device) for job in todo]
        for count, future in enumerate(as_completed(running), start=1):
            watch(f"{count} of {len(todo)}: {future.result()}")


def cases_of(jobs: Sequence[Job]) -> dict[tuple[str, str, int], list[Job]]:
    """The jobs that share a measurement: by picture, damage and seed."""
    cases: dict[tuple[str, str, int], list[Job]] = {}
    for job in jobs:
        cases.setdefault((job.picture, job.damage, job.seed), []).append(job)
    return cases


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


def _record(job: Job, folder: Path, device: str) -> str:
    damage = DAMAGES[job.damage]
    clean = damage.clean(job.source)
    recording, judged = record(
        contestant(job.network),
        damage.make(clean, job.seed),
        clean,
        seed=job.seed,
        most_steps=job.most_steps,
        device=device,
    )
    write_recording(folder / job.file, recording, judged)
    return (
        f"{job.picture} {job.damage} {job.network}: peak {float(recording.psnr.max()):.2f} dB, "
        f"stopped at {psnr(judged, clean):.2f}, "
        f"{recording.seconds:.0f} s"
    )
