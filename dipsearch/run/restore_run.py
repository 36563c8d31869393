"""Restoring: use what an earlier search found on a new picture.

Similar patches answer first. One architecture is fitted with its stopping rule active; a study's ensemble is fitted
member by member and weighed anew, since which network suits a picture best is for the picture to say. Polishing and
the choice among the answers are those of a search.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..calling import option, program
from ..delivery.answers import Answer, Choice, only, unchanged
from ..delivery.delivering import Delivery
from ..delivery.first_answers import quick_words
from ..delivery.picture_outputs import answer_rows, delivered_word, point_estimate
from ..delivery.shares import FIRST
from ..errors import InputError
from ..execution.at_once import answer_at_once
from ..execution.executor import WorkerSpec
from ..execution.local_processes import LocalProcesses
from ..execution.runner import Asked, Runner
from ..execution.slowness import share
from ..fitting.compute import USUAL, Compute
from ..fitting.precision import less_precise
from ..library import preset, preset_names, read_network, read_stack
from ..network import Genome
from ..plain_files import inside
from ..planning.budget import FIRST_SHARE, SLACK
from ..planning.plan import ENDLESS, MAX_STEPS
from ..problem import (
    Case,
    TaskOptions,
    in_lines,
    left_out,
    planes_together,
    unique_names,
)
from ..request_words import StartWord
from ..trials.first_files import KeptFirst
from ..trials.own_parts import NOTHING, OwnParts, operators_of
from ..trials.problem_files import WHOLE, problem_path, write_problem
from ..trials.trial import Trial
from ..trials.true_quality import true_psnr_and_ssim
from .devices import choose_devices, most_threads, threads_each
from .gathered import of_each
from .outcome import Callback
from .restorable import restorable
from .restoration import HURRIED_WORDS, Restoration, choice_seconds, writing_seconds
from .result_file import RESULT_FILE
from .signals import interruptible

MOST_DELIVERY = 0.3
"""Of a budget, what is kept back for the choice among the answers and for writing, as a search does."""

Outcomes = list[tuple[Choice, Delivery | None]]


@dataclass(frozen=True, eq=False)
class Restored:
    """What a restoration led to.

    Args:
        outcomes: of each picture what is delivered, and what the networks led to; ``None`` where none was fitted.
        trials: the networks that were begun.
        asked: whether somebody asked it to finish early.
    """

    outcomes: Outcomes
    trials: tuple[Trial, ...]
    asked: Asked = field(default_factory=Asked)


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
    callback: Callback,
    compute: Compute = USUAL,
    started: float | None = None,
    start: StartWord = "auto",
) -> list[dict[str, Any]]:
    """Restore pictures with an architecture, or with all members of a study's ensemble.

    Args:
        target: an ``architecture.yaml`` or ``preset.yaml``, a study's folder, or the name of a published network.
        sources: the pictures.
        options: the task and what is known of the damage.
        out: the folder for the results, each in the format of its picture; or, of one picture, a file.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        workers: processes; ``None``: one per core or GPU.
        seed: of the splits and the fits.
        budget_seconds: wall time for everything; ``None``: every fit ends by itself.
        callback: hears what happens.
        compute: by what means.
        started: ``time.monotonic()`` from which the budget counts; by default now.
        start: what networks begin from: "warm", "cold" or "auto".

    Returns:
        Per picture: ``name, source, restored, delivered, psnr, ssim, score, members, answers, seconds, interrupted``;
        PSNR and SSIM are ``None`` without a reference, the score where it is not finite. ``members`` is 0 where no
        network was fitted, ``answers`` is as in ``result.json``, and ``interrupted`` says that somebody asked to
        finish early.

    Raises:
        DipsearchError: something cannot be used; nothing was written.
    """
    started, since = time.monotonic() if started is None else started, share()
    genomes = genomes_of(target)
    choose_devices(device, workers=workers)
    pictures = restorable(sources, options, out=out, seed=seed)
    cases, names, files = pictures.cases, pictures.names, pictures.files
    for note in of_each(names, cases, [case.notes for case in cases]):
        callback.note(note)
    for note in dict.fromkeys(left_out(file, case) for file, case in zip(files, cases, strict=True)):
        if note:
            callback.note(note)
    for sentence in of_each(names, cases, [case.details for case in cases]):
        callback.detail(sentence)
    work = Restored([], ())
    if at_work := [case for case in cases if not case.left_alone]:
        work = restored(
            genomes,
            at_work,
            device=device,
            workers=workers,
            seed=seed,
            budget_seconds=budget_seconds,
            callback=callback,
            compute=compute,
            started=started,
            start=start,
            slowness=since.slowness(),
        )
    others = iter(work.outcomes)
    found: Outcomes = [
        (unchanged(case.problem, seconds=time.monotonic() - started), None)
        if case.left_alone
        else next(others)
        for case in cases
    ]
    pictures.write_stacks([choice.answer.image for choice, _ in found])
    if work.asked.once:
        callback.note(f"{work.asked.by}: finished early, with what there was by then")
    rows = []
    for number, (choice, delivery) in enumerate(found):
        pictures.write(number, choice.answer.image)
        seconds = time.monotonic() - started
        row = _row(names[number], cases[number], choice, delivery, file=files[number], seconds=seconds)
        rows.append({**row, "interrupted": work.asked.once and not cases[number].left_alone})
    return rows


def restored(
    genomes: Sequence[Genome],
    cases: Sequence[Case],
    *,
    device: str,
    workers: int | None,
    seed: int,
    budget_seconds: float | None,
    callback: Callback,
    compute: Compute = USUAL,
    started: float,
    own: OwnParts = NOTHING,
    start: StartWord = "auto",
    slowness: float = 1.0,
) -> Restored:
    """Restore pictures with some networks.

    Args:
        genomes: each is fitted to every picture.
        cases: the pictures.
        device, workers, seed, budget_seconds, callback, compute, started, start: as in ``run_restore``.
        own: the operators of the pictures that have their own.
        slowness: how much longer than its processor time anything takes here, since the machine does other work, too.
    """
    devices = choose_devices(device, workers=workers)
    names = unique_names([case.name for case in cases])
    jobs = len(genomes) * len(cases)
    devices = devices[: max(1, jobs)]
    for why in dict.fromkeys(less_precise(compute.precision, torch.device(one)) for one in devices):
        if why:
            callback.note(why)
    until = float("inf")
    if budget_seconds is not None:
        delivery = choice_seconds([case.problem for case in cases]) + writing_seconds(cases)
        until = budget_seconds * (1 - SLACK) - min(delivery * slowness, MOST_DELIVERY * budget_seconds)
        gone = time.monotonic() - started
        if until - gone <= gone and (
            there := _at_once(cases, names, devices[0], callback, started, started + until)
        ):
            return Restored(there, ())  # a worker would take as long to begin as this process did
    with tempfile.TemporaryDirectory(prefix="dipsearch-") as temporary:
        folder = Path(temporary)
        for name, case in zip(names, cases, strict=True):
            write_problem(problem_path(folder, kind=WHOLE, name=name), case.problem)
        # A single network gets all cores; several get one each, which is the better use of them.
        threads = threads_each(len(devices), hurried=budget_seconds is not None) if devices[0] == "cpu" else 1
        specs = [WorkerSpec(index, one, threads=threads) for index, one in enumerate(devices)]
        with (
            operators_of(folder, own),
            LocalProcesses(folder, specs, own) as executor,
            interruptible(executor) as asked,
        ):
            runner = Runner(folder, tuple(names), seed, executor, started, callback.note, asked, until)
            restoration = Restoration(
                runner,
                callback,
                genomes,
                [case.problem for case in cases],
                MAX_STEPS[cases[0].problem.task] if budget_seconds is None else ENDLESS,
                compute,
                start,
                stacks=planes_together(names, [case.source for case in cases]),
            )
            runner.heard = restoration.heard
            return Restored(restoration.run(), restoration.trials(), asked)


def _at_once(
    cases: Sequence[Case], names: Sequence[str], device: str, callback: Callback, started: float, until: float
) -> Outcomes:
    """What similar patches make of pictures in this process; empty where they have no answer."""
    found: Outcomes = []
    firsts, stacks = dict[str, KeptFirst](), planes_together(names, [case.source for case in cases])
    for index, case in enumerate(cases):
        left = FIRST_SHARE * (until - time.monotonic()) / (len(cases) - index)
        there = answer_at_once(case, device=device, threads=most_threads(), tell=callback.note, left=left)
        if there is None:
            return []
        answer = Answer(FIRST, there.image, there.image, time.monotonic() - started, there.made)
        firsts[names[index]] = there
        found.append((only(answer, case.problem), None))
    changed = {name: firsts[name] for name, case in zip(names, cases, strict=False) if not case.left_alone}
    hurried = [(name, HURRIED_WORDS) for name, first in changed.items() if first.made == "hurried"]
    for sentence in in_lines([*quick_words(changed), *hurried], stacks, alone=len(firsts) == 1):
        callback.note(sentence)
    callback.note(
        f"there is no time for networks: the first answer is delivered; give a larger {option('budget')}"
    )
    return found


def genomes_of(target: str | Path) -> list[Genome]:
    """The architectures that ``target`` stands for.

    Raises:
        DipsearchError: there is no such thing.
    """
    path = Path(target)
    if path.is_dir():
        ensemble = "best/stack.yaml"
        if not (path / ensemble).exists():
            if (path / RESULT_FILE).exists():
                raise InputError(
                    f"{path} has no network: similar patches answered before one was fitted",
                    "restore uses the networks that a search found",
                    f"go on with {program()} search --resume and a larger --budget, or name an architecture.yaml",
                )
            raise InputError(
                f"{path} has no best/stack.yaml",
                "a study has one once it has delivered",
                f"finish it with {program()} search --resume, or name an architecture.yaml",
            )
        members = (one for stack in read_stack(inside(path, ensemble)).values() for one in stack)
        if found := list({member.genome.digest: member.genome for member in members}.values()):
            return found
        raise InputError(
            f"{path} has networks of one's own, which no file holds",
            "a file holds the genome of a search space's network",
            "fit one's own networks with dipsearch.fit",
        )
    if path.suffix in (".yaml", ".yml") or path.exists():
        return [read_network(path).genome]
    if str(target) in preset_names():
        return [preset(str(target))]
    raise InputError(
        f"'{target}' is neither a file, nor a study's folder, nor a published network",
        f"published are {', '.join(preset_names())}",
        "correct the path",
    )


def _row(
    name: str, case: Case, choice: Choice, delivery: Delivery | None, *, file: Path, seconds: float
) -> dict[str, Any]:
    image, truth = choice.answer.image, case.reference
    return {
        "name": name,
        "source": case.source,
        "restored": str(file),
        "delivered": delivered_word(choice, delivery),
        "score": point_estimate(choice.standing),
        **true_psnr_and_ssim(image, truth, data_range=case.data_range),
        "members": 0 if delivery is None else len(delivery.ensemble.members),
        "answers": answer_rows(choice, truth, data_range=case.data_range),
        "seconds": round(seconds, 1),
        "reference": truth is not None,
    }
