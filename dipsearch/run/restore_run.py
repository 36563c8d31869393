"""Restoring from files: what an earlier search found is used on new pictures, each read and written in its turn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..calling import program
from ..delivery.answers import Choice, unchanged
from ..delivery.delivering import Delivery
from ..delivery.picture_outputs import answer_rows, delivered_word, point_estimate
from ..errors import InputError
from ..execution.runner import Asked
from ..execution.slowness import share
from ..fitting.compute import USUAL, Compute
from ..library import preset, preset_names, read_network, read_stack
from ..network import Genome
from ..plain_files import inside
from ..problem import Case, TaskOptions
from ..request_words import StartWord
from ..trials.true_quality import true_psnr_and_ssim
from .devices import choose_devices
from .one_by_one import Made, OneByOne, Restorations, Turn
from .outcome import Callback
from .restorable import Opened, look_over
from .restorer import Restorer
from .result_file import RESULT_FILE


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
    resume: bool = False,
) -> Restorations:
    """Restore pictures with an architecture, or with all members of a study's ensemble.

    They are restored in turn, as many at a time as keep the workers busy, and written at once. Of several, those that
    cannot be restored cost the others nothing. Who asks to finish gets what there is of those at work.

    Args:
        target: an ``architecture.yaml`` or ``preset.yaml``, a study's folder, or the name of a published network.
        sources: pictures, stacks, or planes of these.
        options: the task and what is known of the damage.
        out: the folder for the results, each in the format of its picture; or, of one picture, a file.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        workers: processes; ``None``: one per core or GPU.
        seed: of the splits and the fits.
        budget_seconds: wall time for everything, shared among the pictures by their size; ``None``: every fit ends by
            itself.
        callback: hears what happens.
        compute: by what means.
        started: ``time.monotonic()`` from which the budget counts; by default now.
        start: what networks begin from: "warm", "cold" or "auto".
        resume: leave out pictures that have a finished result of the same networks, options and seed in ``out``.

    Returns:
        Its ``rows`` have per picture ``name, source, restored, delivered, psnr, ssim, score, members, answers, seconds,
        interrupted``; PSNR and SSIM are ``None`` without a reference, the score where it is not finite. ``members`` is
        0 where no network was fitted, ``seconds`` count from the beginning of its turn, ``answers`` is as in
        ``result.json``, and ``interrupted`` says that somebody asked to finish early.

    Raises:
        DipsearchError: something cannot be used; nothing was written. Or the system refuses: what was written stays.
    """
    started, since = time.monotonic() if started is None else started, share()
    genomes = genomes_of(target)
    devices = choose_devices(device, workers=workers)
    given, asked = look_over(sources, options, out=out), Asked()
    jobs = len(genomes) * sum(len(one.sources) for one in given.restorables)
    devices = devices[: max(1, jobs)]
    with Restorer(
        genomes, devices, seed, callback, compute, start=start, asked=asked, since=since
    ) as restorer:

        def work(opened: Sequence[Opened], turn: Turn) -> list[Made | None]:
            pairs = [list(zip(one.restorable.names, one.cases, strict=True)) for one in opened]
            at_work = {name: case for some in pairs for name, case in some if not case.left_alone}
            others = iter(restorer.restore([*at_work.values()], [*at_work], turn) if at_work else ())
            made = list[Made | None]()
            for one, some in zip(opened, pairs, strict=True):
                images, rows = [], []
                for name, case in some:
                    seconds = time.monotonic() - turn.started
                    choice, delivery = (
                        (unchanged(case.problem, seconds=seconds), None) if case.left_alone else next(others)
                    )
                    images.append(choice.answer.image)
                    row = _row(name, case, choice, delivery, file=one.file, seconds=seconds)
                    rows.append({**row, "interrupted": asked.once and not case.left_alone})
                made.append((images, rows))
            return made

        return OneByOne(
            given,
            options,
            seed,
            callback,
            started,
            budget_seconds,
            request=repr((sorted(genome.digest for genome in genomes), start, compute.precision)),
            resume=resume,
            at_once=-(-len(devices) // len(genomes)),
            asked=asked,
        ).run(work)


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
                    f"{path} has no network: none was fitted to its end",
                    "restore uses the networks that a search found",
                    f"its {RESULT_FILE} warns why; go on with {program()} search --resume and a larger --budget, "
                    "or name an architecture.yaml",
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
