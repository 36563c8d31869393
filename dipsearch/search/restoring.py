"""Restoring: use what an earlier search found on a new picture.

One architecture is fitted with its stopping rule active; a study's stack is fitted member by member and
weighed anew, since which network suits a picture best is for the picture to say.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import FormatError, InputError
from ..fitting import EngineWord, Precision
from ..fitting.precision import DEFAULT
from ..library import preset, preset_names, read_architecture
from ..network import Genome
from ..problem import Case, TaskOptions, load_case, natural_suffix, psnr, ssim, write_image
from ..yaml_files import read_yaml
from .baselines import classical
from .blending import Blended, Classical, blended
from .budget import PATIENCE, PIXELS_PER_SECOND, SLACK
from .delivering import deliver, fitted_members, prepared_whole
from .messages import Broken, Done, FitJob, Progress
from .objective import Limits, estimated_psnr
from .outcome import Listener, Snapshot, WorkerState
from .plan import MAX_STEPS
from .prepared import WHOLE, Prepared, problem_path, write_problem
from .session import choose_devices, cores, unique_names
from .study import Settings
from .workers import Pool, Seat

TICK = 0.25


def run_restore(
    target: str | Path,
    sources: Sequence[str],
    options: TaskOptions,
    *,
    out: Path,
    device: str,
    workers: int | None,
    seed: int,
    budget_seconds: float | None,
    listener: Listener,
    engine: EngineWord = "auto",
    precision: Precision = DEFAULT,
    started: float | None = None,
) -> list[dict[str, Any]]:
    """Restore pictures with an architecture, or with all members of a study's stack.

    Args:
        target: an ``architecture.yaml``, a study's folder, or the name of a published network.
        sources: the pictures.
        options: the task and what is known of the damage.
        out: the folder for ``NAME.png``.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        workers: processes; ``None``: one per core or GPU.
        seed: of the splits and the fits.
        budget_seconds: wall time for everything; ``None``: every fit ends by itself.
        listener: hears what happens.
        engine: what makes the steps: "auto", "eager" or "cuda_graph".
        precision: of the convolutions on CUDA.
        started: ``time.monotonic()`` from which the budget counts; by default now.

    Returns:
        Per picture: ``name, source, restored, delivered, psnr, ssim, score, members, blend, seconds``; PSNR and
        SSIM are ``None`` without a reference, ``blend`` where nothing classical is in the result.

    Raises:
        DipsearchError: something cannot be used; nothing was written.
    """
    started = time.monotonic() if started is None else started
    genomes = genomes_of(target)
    devices = choose_devices(device, workers=workers)
    cases = [load_case(source, options, seed=seed) for source in sources]
    names = unique_names([case.name for case in cases])
    refuse_overwriting(names, cases, out=out)
    for case in cases:
        for note in case.notes:
            listener.note(note)
    jobs = len(genomes) * len(cases)
    devices = devices[: max(1, jobs)]
    with tempfile.TemporaryDirectory(prefix="dipsearch-") as temporary:
        folder = Path(temporary)
        for name, case in zip(names, cases, strict=True):
            write_problem(problem_path(folder, kind=WHOLE, name=name), case.problem)
        settings = replace(
            _settings(names, cases, seed=seed, task=options.task), engine=engine, precision=precision
        )
        # A single network gets all cores; several get one each, which is the better use of them.
        threads = max(1, cores() // len(devices)) if devices[0] == "cpu" else 1
        seats = [Seat(index, one, threads=threads) for index, one in enumerate(devices)]
        pixels = sum(case.problem.image_shape[-1] * case.problem.image_shape[-2] for case in cases)
        deadline = None
        if budget_seconds is not None:
            classical_methods = min(2 * pixels / PIXELS_PER_SECOND, 0.1 * budget_seconds)
            deadline = started + budget_seconds * (1 - SLACK) - classical_methods
        with Pool(folder, settings, seats) as pool:
            fits = _Fits(
                folder, pool, listener, genomes, names, seed, MAX_STEPS[options.task], deadline, started
            )
            fits.run()
        results = []
        for name, case in zip(names, cases, strict=True):
            picture = prepared_whole(folder, name, seed=seed)
            delivery = deliver(picture, fitted_members(fits.files(name), picture))
            mixed = blended(delivery, _classical(picture), picture)
            results.append(_written(mixed, case, out=out, seconds=time.monotonic() - started))
    return results


def genomes_of(target: str | Path) -> list[Genome]:
    """The architectures that ``target`` stands for.

    Raises:
        DipsearchError: there is no such thing.
    """
    path = Path(target)
    if path.is_dir():
        stack = path / "best" / "stack.yaml"
        if not stack.exists():
            raise InputError(
                f"{path} has no best/stack.yaml",
                "a study has one once it has delivered",
                "finish it with dipsearch search --resume, or name an architecture.yaml",
            )
        return _stacked(stack)
    if path.suffix in (".yaml", ".yml") or path.exists():
        return [read_architecture(path).genome]
    if str(target) in preset_names():
        return [preset(str(target))]
    raise InputError(
        f"'{target}' is neither a file, nor a study's folder, nor a published network",
        f"published are {', '.join(preset_names())}",
        "correct the path",
    )


def _stacked(path: Path) -> list[Genome]:
    content = read_yaml(path)
    try:
        members = [member for entries in content["pictures"].values() for member in entries]
        genomes = {(genome := Genome.from_nested(member["genome"])).digest: genome for member in members}
    except (KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            f"{path} is not a stack ({error})", "it lists members with their genomes", "restore the file"
        ) from error
    return list(genomes.values())


def refuse_overwriting(names: Sequence[str], cases: Sequence[Case], *, out: Path) -> None:
    """Raise InputError when a result would take the place of its own measurement."""
    for name, case in zip(names, cases, strict=True):
        file = restored_file(out, name, case)
        if file.exists() and file.resolve() == Path(case.source).resolve():
            raise InputError(
                f"the result would be written to {file}",
                "that is the damaged picture itself",
                "choose another folder: --out restored",
            )


def restored_file(out: Path, name: str, case: Case) -> Path:
    """Where the restoration of a picture goes."""
    return out / f"{name}{natural_suffix(case.problem.image_shape[1], case.bits)}"


def _settings(names: Sequence[str], cases: Sequence[Case], *, seed: int, task: str) -> Settings:
    return Settings(
        name="restore",
        storage=None,
        sampler="random",
        seed=seed,
        names=tuple(names),
        max_steps=MAX_STEPS[task],
        patience=PATIENCE,
        trajectory_every=None,
        calibration=None,
        affordable_seconds=None,
        image_shape=cases[0].problem.image_shape,
        usual_steps=MAX_STEPS[task],
    )


@dataclass
class _Fits:
    """All fits of a restoration, handed out to a pool."""

    folder: Path
    pool: Pool
    listener: Listener
    genomes: Sequence[Genome]
    names: Sequence[str]
    seed: int
    max_steps: int
    deadline: float | None
    started: float
    states: dict[int, WorkerState] = field(default_factory=dict)
    done: int = 0
    failed: int = 0

    def run(self) -> None:
        """Do them all, or as many as there is time for."""
        todo = [(number, name) for number in range(len(self.genomes)) for name in self.names]
        rounds = -(-len(todo) // len(self.pool.seats))
        share = None if self.deadline is None else (self.deadline - time.monotonic()) / rounds
        while todo or self.pool.busy():
            for index in self.pool.idle():
                if todo:
                    self.pool.submit(index, self._job(*todo.pop(0), share=share))
            for item in self.pool.poll(TICK):
                self._hear(item)
            self.listener.progress(self._snapshot())

    def files(self, name: str) -> list[tuple[int, Path]]:
        """The fits of one picture that exist."""
        paths = [(number, self._out(number, name)) for number in range(len(self.genomes))]
        return [(number, path) for number, path in paths if path.exists()]

    def _out(self, number: int, name: str) -> Path:
        return self.folder / "fits" / f"{number:04d}-{name}.npz"

    def _job(self, number: int, name: str, *, share: float | None) -> FitJob:
        seconds = share
        if self.deadline is not None and share is not None:
            seconds = max(1.0, min(share, self.deadline - time.monotonic()))
        return FitJob(
            label=f"network {number + 1} of {len(self.genomes)} on {name}",
            genome=self.genomes[number],
            problem=problem_path(self.folder, kind=WHOLE, name=name),
            everything=False,
            seed=self.seed,
            limits=Limits(
                max_steps=self.max_steps,
                seconds=seconds,
                until=None if self.deadline is None else time.time() + self.deadline - time.monotonic(),
                engine=self.pool.settings.engine,
                precision=self.pool.settings.precision,
            ),
            out=self._out(number, name),
        )

    def _hear(self, item: Progress | Done | Broken) -> None:
        if isinstance(item, Progress):
            self.states[item.worker] = WorkerState.of(item)
            return
        self.states[item.worker] = WorkerState(item.worker)
        if isinstance(item, Broken):
            self.failed += 1
            self.listener.note(f"worker {item.worker}: {item.reason}")
        else:
            self.done += 1

    def _snapshot(self) -> Snapshot:
        left = None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
        workers = [self.states.get(index, WorkerState(index)) for index in range(len(self.pool.seats))]
        return Snapshot(
            phase="restoring",
            seconds=time.monotonic() - self.started,
            seconds_left=left,
            workers=tuple(workers),
            complete=self.done,
            pruned=0,
            failed=self.failed,
            best=None,
        )


def _classical(picture: Prepared) -> Classical | None:
    """The classical restorations of a picture; ``None`` where it is too large for the method."""
    try:
        name, full = classical(picture.problem)
        return Classical(name, classical(picture.problem, split=picture.split)[1], full)
    except InputError:
        return None


def _written(mixed: Blended, case: Case, *, out: Path, seconds: float) -> dict[str, Any]:
    delivery, blend = mixed.delivery, mixed.blend
    file = restored_file(out, delivery.name, case)
    write_image(file, delivery.image, bits=case.bits)
    score = delivery.score if blend is None else blend.score
    truth = case.reference
    return {
        "name": delivery.name,
        "source": case.source,
        "restored": str(file),
        "delivered": delivery.chosen,
        "score": round(estimated_psnr(score), 4),
        "psnr": None if truth is None else round(psnr(delivery.image, truth), 4),
        "ssim": None if truth is None else round(ssim(delivery.image, truth), 4),
        "members": len(delivery.stack.members),
        "blend": None if blend is None else {"name": blend.name, "share": round(blend.share, 4)},
        "seconds": round(seconds, 1),
        "reference": truth is not None,
    }
