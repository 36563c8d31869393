"""Recordings for policies: many networks with a pilot, each fitted to its end on small crops of the same few pictures.

A policy that hands out time sees of a fit its score and its picture so far; what it would have seen at any moment of
any order of slices follows from these recordings, with the clean picture in hand for the judgement afterwards. A fit
ends where its own rule ends it. Of its pictures those values are kept that were not measured exactly.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..files import replacing, write_text
from ..fitting import Check, Ended, FixedLength, data_consistent, default_rule, fit
from ..fitting.memory import keep_freed_memory
from ..library import preset
from ..network import Genome, cost
from ..network.space import load_space
from ..patches import answer
from ..planning.budget import SHORT_PATIENCE
from ..problem import Problem, Split, make_split, psnr
from ..problem.formats.sources import picture_name
from ..problem.randomness import generator_for
from .damages import DAMAGES
from .standard_pictures import half_size_crop

SIDE, TIMED_SIDE = 64, 128
"""Of the crops, and of those that the time of a step is measured on, which is what is replayed."""

EVERY, KEPT = 10, 20
"""Iterations between check points, and between pictures that are kept."""

MOST_STEPS = 600

TUNING = ("sample:coffee", "sample:chelsea", "sample:rocket", "set14/monarch.png", "set14/pepper.png")
FRESH = ("kodak/kodim19.png", "kodak/kodim20.png", "set5/butterfly.png")
"""Pictures that constants of a policy are chosen on, and others that show whether they hold; files are in a folder."""

DAMAGE_NAMES = ("gaussian-25-clipped", "missing-50")

PRESETS = ("dipsearch_pilot_32", "dipsearch_pilot_bilinear_32", "dipsearch_pilot_16", "dipsearch_pilot_48")
"""In the order in which a search tries them; the first one is what others are compared with."""

DEAREST = 1.5
"""The most multiply-adds and kept activations of a random network, in those of the first preset: a search's gate."""


@dataclass(frozen=True)
class PolicyJob:
    """One fit to record.

    Args:
        source: of the picture.
        damage: by name.
        network: by name.
    """

    source: str
    damage: str
    network: str

    @property
    def picture(self) -> str:
        """The picture's name."""
        return picture_name(self.source).lower()

    @property
    def file(self) -> str:
        """The recording's."""
        return f"{self.picture}-{self.damage}-{self.network}.npz"


def make_networks(count: int, *, seed: int = 0) -> dict[str, Genome]:
    """Networks with a pilot by name: the presets, then random ones of the skip space that a search could afford."""
    found = {name: preset(name) for name in PRESETS}
    space, generator = load_space("skip"), np.random.default_rng(seed)
    usual = cost(found[PRESETS[0]], image_shape=(1, 3, TIMED_SIDE, TIMED_SIDE))
    while len(found) < count:
        genome = space.genome(space.repair({"input_kind": "pilot"}, generator))
        asked = cost(genome, image_shape=(1, 3, TIMED_SIDE, TIMED_SIDE))
        if (
            asked.multiply_adds <= DEAREST * usual.multiply_adds
            and asked.saved_bytes <= DEAREST * usual.saved_bytes
        ):
            found[f"skip-{len(found) - len(PRESETS):02}"] = genome
    return dict(list(found.items())[:count])


def policy_jobs(data: Path, *, networks: Sequence[str]) -> list[PolicyJob]:
    """All fits, those on tuning pictures first.

    Args:
        data: folder of the pictures that are files.
    """
    sources = [name if name.startswith("sample:") else str(data / name) for name in (*TUNING, *FRESH)]
    return [PolicyJob(*of) for of in ((s, d, n) for s in sources for d in DAMAGE_NAMES for n in networks)]


def record_fits(
    jobs: Sequence[PolicyJob],
    *,
    folder: Path,
    workers: int,
    watch: Callable[[str], None] = lambda line: None,
) -> None:
    """Record the fits that ``folder`` lacks, and measure the networks' speed where that is not known.

    Args:
        workers: processes, one thread each.
        watch: told about each recording.

    Raises:
        InputError: a picture cannot be read, or is too small.
    """
    count = len({job.network for job in jobs})
    _measure_speeds(make_networks(count), folder / "speeds.json", watch)
    todo = [job for job in jobs if not (folder / job.file).exists()]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=one_thread) as pool:
        running = [pool.submit(_record, job, folder, count) for job in todo]
        for done, future in enumerate(as_completed(running), start=1):
            watch(f"{done} of {len(todo)}: {future.result()}")


def read_speeds(folder: Path) -> dict[str, float]:
    """Processor seconds of one iteration on a crop of ``TIMED_SIDE`` pixels, by network; empty before any is known."""
    path = folder / "speeds.json"
    known: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return known


def _measure_speeds(networks: dict[str, Genome], path: Path, watch: Callable[[str], None]) -> None:
    known = read_speeds(path.parent)
    one_thread()
    problem = DAMAGES[DAMAGE_NAMES[0]].make(half_size_crop(TUNING[0], side=TIMED_SIDE), 0)
    for name, genome in networks.items():
        if name not in known:
            known[name] = round(seconds_per_step(genome, problem), 5)
            write_text(path, json.dumps(known, indent=1) + "\n")
            watch(f"{name}: {known[name]:.3f} s for an iteration")


def seconds_per_step(genome: Genome, problem: Problem) -> float:
    """The fastest of a few: other work on the machine slows down the others."""
    times = [time.process_time()]

    def look(check: Check, image: Tensor) -> None:
        times.append(time.process_time())

    fit(
        genome,
        problem,
        split=make_split(problem, seed=0),
        seed=0,
        max_steps=24,
        check_every=3,
        watch=look,
        pilot=problem.y,
    )
    return float(np.diff(times)[1:].min()) / 3


def one_thread() -> None:
    """Make this process compute with one thread, as a worker of a search does."""
    torch.set_num_threads(1)
    keep_freed_memory()


@dataclass(frozen=True, eq=False)
class _Case:
    problem: Problem
    split: Split
    clean: Tensor
    pilot: Tensor
    wanted: NDArray[np.bool_]

    def values(self, image: Tensor) -> NDArray[np.float16]:
        return image.reshape(-1).numpy()[self.wanted].astype(np.float16)


@lru_cache(maxsize=1)
def _case(source: str, damage: str) -> _Case:
    clean = half_size_crop(source, side=SIDE)
    problem = DAMAGES[damage].make(clean, 0)
    split, extra = surer_split(make_split(problem, seed=0), clean, problem)
    # Measured exactly means delivered exactly: nothing is to be learned there.
    known = extra if problem.exact is None else torch.maximum(problem.exact.float(), extra)
    wanted = known.expand_as(clean).reshape(-1).numpy() == 0
    return _Case(problem, split, clean, answer(problem, split=split), wanted)


def surer_split(split: Split, clean: Tensor, problem: Problem) -> tuple[Split, Tensor]:
    """The split with a score as sure as that of a picture of ``TIMED_SIDE`` pixels, which the replay stands for.

    It has as many hidden pixels, some of them missing ones of which only the score is told; or less noise.

    Returns:
        It, and 1 at the pixels that were added, ``(1, 1, H, W)``.
    """
    times = (TIMED_SIDE / SIDE) ** 2
    extra = torch.zeros(1, 1, *clean.shape[-2:])
    if split.kind != "held-out":
        quieter = clean + (split.score_target - clean) / times**0.5
        return replace(split, score_target=quieter, score_offset=split.score_offset / times), extra
    missing = torch.nonzero(problem.observed.reshape(-1) == 0).reshape(-1)
    wanted = round((times - 1) * float(split.score_weight.sum()))
    chosen = torch.randperm(len(missing), generator=generator_for("policies", 0))[:wanted]
    extra.view(-1)[missing[chosen]] = 1
    weight = torch.maximum(split.score_weight, extra)
    return replace(
        split, score_weight=weight, score_target=torch.where(extra > 0, clean, split.score_target)
    ), extra


@dataclass
class _Watched:
    """What is recorded of a fit while it runs; the best iterate is that which the rule would deliver."""

    case: _Case
    rows: list[tuple[float, ...]] = field(default_factory=list)
    pictures: list[NDArray[np.float16]] = field(default_factory=list)
    recent: deque[tuple[Check, Tensor]] = field(default_factory=lambda: deque(maxlen=4))

    def __post_init__(self) -> None:
        self.rule = default_rule(self.case.split, patience=SHORT_PATIENCE)
        self.memory, self.best = self.rule.init(), (Check(0, np.nan, np.nan), self.case.pilot * np.nan)

    def see(self, check: Check, image: Tensor) -> Ended | None:
        self.recent.append((check, image))
        self.memory, decision = self.rule.update(self.memory, check)
        if decision.best is not None:
            self.best = self.recent[-1 - min(decision.best, len(self.recent) - 1)]
        truth = psnr(data_consistent(image, self.case.problem), self.case.clean)
        self.rows.append(
            (
                check.validation_mse,
                truth,
                self.memory.best_value,
                self.best[0].step,
                self.best[0].validation_mse,
            )
        )
        if check.step % KEPT == 0:
            self.pictures.append(self.case.values(self.best[1]))
        return decision.ended


def _record(job: PolicyJob, folder: Path, count: int) -> str:
    case, started = _case(job.source, job.damage), time.process_time()
    watched = _Watched(case)
    fit(
        make_networks(count)[job.network],
        case.problem,
        split=case.split,
        seed=0,
        max_steps=MOST_STEPS,
        rule=FixedLength(MOST_STEPS),  # the fit asks nobody else once its rule ends it
        check_every=EVERY,
        watch=watched.see,
        pilot=case.pilot,
    )
    score, truth, smooth, best_step, best_score = np.array(watched.rows, dtype=np.float32).T
    with replacing(folder / job.file) as temporary:
        np.savez_compressed(
            temporary,
            allow_pickle=False,
            score=score,
            psnr=truth,
            smooth=smooth,
            best_step=best_step.astype(np.int32),
            best_score=best_score,
            pictures=np.stack(watched.pictures),
            clean=case.values(case.clean),
            pilot=case.values(case.pilot),
            pilot_score=np.array(case.split.validation_mse(case.problem.view(case.pilot)).item()),
        )
    best, image = watched.best
    return (
        f"{job.picture} {job.damage} {job.network}: {psnr(data_consistent(image, case.problem), case.clean):.2f} dB "
        f"from iteration {best.step} of {len(score) * EVERY}, {time.process_time() - started:.0f} s"
    )
