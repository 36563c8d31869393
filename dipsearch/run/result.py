"""The outcome on disk: the restored pictures, the architecture, the ensemble, the card and ``result.json``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..delivery.answer_words import little_words
from ..delivery.answers import finished
from ..delivery.card import card
from ..delivery.delivering import Delivery
from ..delivery.finalists import Finalist, Verdict
from ..delivery.picture_outputs import write_picture
from ..delivery.search_gain import SearchGain
from ..errors import FormatError
from ..execution.busy import gpu_busy_share
from ..field_names import renamed
from ..files import dispensable, write_text
from ..library import (
    Architecture,
    ArchitectureFit,
    StackMember,
    provenance_now,
    write_architecture,
    write_preset,
    write_stack,
)
from ..library.warm_words import start_record
from ..problem import Case, film_names, image_digest, stacks_of, write_film
from ..trials.trial import Trial
from ..trials.trial_files import read_arrays
from ..trials.true_quality import finite, mean, true_psnr_and_ssim
from .outcome import Outcome
from .result_file import RESULT_FILE
from .task_preset import FILE, LEAST_PICTURES, task_preset

if TYPE_CHECKING:
    from .finishing import Finished
    from .run import Run

SCORE_UNIT = "estimated PSNR in dB, without a reference"

IN_FINALISTS = {"estimated_psnr": "score", "error": "score_error"}
"""What the result calls fields of ``Finalist``."""


def write_outputs(
    run: Run, finished: Finished, *, interrupted: bool, notes: Sequence[str], warn: Callable[[str], None]
) -> Outcome:
    """Write everything that a search ends with, and return its outcome.

    Args:
        run: the search.
        finished: what is delivered, and which candidate is chosen.
        interrupted: whether somebody asked it to finish early.
        notes: what went wrong on the way.
        warn: hears of what cannot be written beside the pictures.

    Raises:
        ResourceError: a picture cannot be written; all else is dispensable.
    """
    folder, deliveries = run.folder, finished.deliveries
    trials, lacking = run.trials(), list[str]()
    pictures = [
        write_picture(
            case,
            choice,
            delivery,
            picture,
            second_members=finished.rescored.candidates(),
            folder=folder,
            alone=len(deliveries) == 1,
            lacking=lacking,
        )
        for case, choice, delivery, picture in zip(
            run.cases, finished.choices, deliveries, finished.pictures, strict=True
        )
    ]
    stacks = stacks_of(run.cases)
    films = film_names(stacks)
    for path, numbers in stacks.items():
        stack = [(finished.choices[number].answer.image, run.cases[number]) for number in numbers]
        with dispensable(lacking):
            write_film(folder / "best" / films[path], stack)
    verdict, there = finished.verdict, [delivery for delivery in deliveries if delivery is not None]
    winner = None if verdict is None else next(e for e in trials if e.number == verdict.number)
    result = _result(run, trials, winner, pictures)
    result |= {
        "interrupted": interrupted,
        "warnings": [*run.notes, *notes, *_engine_notes(trials), *_little(result)],
        "details": list(run.details),
        "finalists": [] if verdict is None else _finalists(verdict),
        "search_gain": None if finished.gain is None else _numbers(finished.gain),
    }
    if winner is not None and verdict is not None:
        result["best"]["chosen_because"] = verdict.because
        bounds = {finalist.number: finalist.at_least for finalist in verdict.finalists}
        result["best"]["at_least"] = finite(bounds.get(winner.number))
        if winner.genome is not None:
            try:
                with dispensable(lacking):
                    _write_architecture(run, winner, split=finished.pictures[0].split.kind)
            except FormatError as error:  # its record is damaged, and its picture is there
                result["warnings"].append(f"there is no best/architecture.yaml: {error}")
            if len(run.cases) >= LEAST_PICTURES:
                try:
                    with dispensable(lacking):
                        write_preset(folder / FILE, task_preset(run, winner))
                except FormatError as error:
                    result["warnings"].append(f"there is no {FILE}: {error}")
        if len(there) == len(run.cases):
            result["best"] |= _measured_winner(run.cases, there, winner.number)
            with dispensable(lacking):
                write_stack(
                    folder / "best" / "stack.yaml", {one.name: _stack_members(one, trials) for one in there}
                )
    with dispensable(lacking):
        write_text(folder / "best" / "card.md", card(result, winner))
    result["warnings"] += lacking
    with dispensable(lacking):
        said = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False)
        write_text(folder / RESULT_FILE, said + "\n")
    for sentence in lacking:
        warn(sentence)
    images = tuple(choice.answer.image for choice in finished.choices)
    return Outcome(folder, result, interrupted, images, tuple(run.cases))


def _result(
    run: Run,
    trials: Sequence[Trial],
    winner: Trial | None,
    pictures: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    from .. import __version__

    request, first = run.request, pictures[0]
    counts = {
        state: sum(trial.state == state for trial in trials)
        for state in ("complete", "resting", "pruned", "failed")
    }
    return {
        "task": run.cases[0].problem.task,
        "image": first["source"] if len(pictures) == 1 else [picture["source"] for picture in pictures],
        "shape": list(run.cases[0].problem.image_shape),
        "seed": request.seed,
        "device": run.plan.devices[0],
        "workers": len(run.plan.devices),
        "engine": winner and winner.engine,
        "precision": winner and winner.precision,
        "tf32": winner and _tf32(winner, device=run.plan.devices[0]),
        "space": request.space,
        "sampler": request.sampler,
        "budget_seconds": request.budget_seconds,
        "seconds": round(run.seconds, 1),
        "gpu_busy_share": finite(gpu_busy_share(run.spans, seconds=run.seconds)),
        "trials": counts,
        "best": None
        if winner is None
        else {
            "number": winner.number,
            "digest": winner.digest,
            "score": winner.estimated_psnr,
            "score_unit": SCORE_UNIT,
            "step": winner.step,
            "ended": winner.ended,
            "seconds": winner.seconds,
        },
        "stack": _mean_ensemble(pictures),
        "delivered": first["delivered"],
        "answers": first["answers"],
        "delivered_psnr": mean([picture["delivered_psnr"] for picture in pictures]),
        "delivered_ssim": mean([picture["delivered_ssim"] for picture in pictures]),
        "delivered_psnr_luma": mean([picture["delivered_psnr_luma"] for picture in pictures]),
        "baselines": _mean_baselines(pictures),
        "uncertainty": first["uncertainty"],
        "split": first["split"],
        "simulated": any(case.simulation is not None for case in run.cases),
        "reference": all(case.reference is not None for case in run.cases),
        "pictures": list(pictures),
        "noise": _noise(run),
        "plan": [list(line) for line in run.plan.lines],
        "known": dict(run.known) or None,
        "start": start_record(request.start, {trial.number: trial.start for trial in trials}),
        "version": __version__,
    }


def _mean_baselines(pictures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What other methods reach on average, those that every picture has, and when the last of them was ready."""
    if len(pictures) == 1:
        return dict(pictures[0]["baselines"])
    found: dict[str, Any] = {}
    for name in pictures[0]["baselines"]:
        rows = [picture["baselines"].get(name) for picture in pictures]
        if None not in rows:
            found[name] = {
                "psnr": mean([row["psnr"] for row in rows]),
                "seconds": max(row["seconds"] for row in rows),
                "score": mean([row["score"] for row in rows]),
                "standard_error": None,
            }
    return found


def _mean_ensemble(pictures: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The ensemble over all pictures; ``None`` where one has none."""
    ensembles = [picture["stack"] for picture in pictures if picture["stack"] is not None]
    if len(ensembles) < len(pictures):
        return None
    means = {name: mean([ensemble[name] for ensemble in ensembles]) for name in ("score", "psnr", "ssim")}
    known = [one["at_least"] if one["score"] is None else one["score"] for one in ensembles]
    bound = mean(known) if means["score"] is None else None
    return {"members": ensembles[0]["members"], **means, "at_least": bound}


def _finalists(verdict: Verdict) -> list[dict[str, Any]]:
    return [renamed(_numbers(finalist), IN_FINALISTS) for finalist in verdict.finalists]


def _numbers(found: Finalist | SearchGain) -> dict[str, Any]:
    return {
        name: finite(value) if isinstance(value, float) else value for name, value in asdict(found).items()
    }


def _tf32(winner: Trial, *, device: str) -> dict[str, bool] | None:
    """Where CUDA rounded 32-bit factors to 10 bits; ``None`` on other devices, which never do."""
    if not device.startswith("cuda"):
        return None
    return {"convolutions": winner.precision != "fp32", "matrix_products": False}


def _engine_notes(trials: Sequence[Trial]) -> list[str]:
    """Why candidates were fitted by another engine, or less exactly, than was asked for."""
    reasons = Counter(e.engine_note for e in trials if e.engine_note)
    begun = sum(e.state != "waiting" for e in trials)
    return [
        f"{count} of {begun} candidates did not run as was asked: {reason}"
        for reason, count in reasons.most_common(3)
    ]


def _little(result: Mapping[str, Any]) -> list[str]:
    said = little_words(result)
    return [said] if said else []


def _measured_winner(
    cases: Sequence[Case], deliveries: Sequence[Delivery], number: int
) -> dict[str, float | None]:
    """PSNR and SSIM of the winner on every picture, the means; ``None`` where it was not fitted to one of them."""
    found: list[dict[str, float | None]] = []
    for case, delivery in zip(cases, deliveries, strict=True):
        member = delivery.members.get(number)
        image = None if member is None else finished(member.output.delivered, case.problem)
        found.append(
            {} if image is None else true_psnr_and_ssim(image, case.reference, data_range=case.data_range)
        )
    return {name: mean([one.get(name) for one in found]) for name in ("psnr", "ssim")}


def _noise(run: Run) -> dict[str, Any]:
    case = run.cases[0]
    noise, gate = case.problem.noise, case.diagnosis
    return {
        "kind": noise.kind,
        "sigma": noise.sigma,
        "sigma_in_file": None if noise.sigma is None else noise.sigma * abs(case.ends[1] - case.ends[0]),
        "gain": noise.gain,
        "offset": noise.offset,
        "read_sigma": noise.read_sigma,
        "share": noise.share,
        "sigma_by_place": None if noise.places is None else [list(row) for row in noise.places],
        "sigma_by_channel": None
        if noise.channels is None
        else [noise.sigma_of(channel) for channel in range(len(noise.channels))],
        "source": noise.source,
        "gate": None if gate is None else gate.to_dict(),
    }


def _write_architecture(run: Run, winner: Trial, *, split: str) -> None:
    folder = run.folder
    curves = read_arrays(folder, winner.number, "fit.npz")
    assert winner.genome is not None
    write_architecture(
        folder / "best" / "architecture.yaml",
        Architecture(
            genome=winner.genome,
            fit=ArchitectureFit(
                task=run.cases[0].problem.task,
                step=winner.step or 0,
                loss_at_stop=float(curves["chosen_loss"]),
                split=split,
                estimated_psnr=winner.estimated_psnr or 0.0,
                ended=winner.ended or "",
            ),
            provenance=provenance_now(
                images=[(image_digest(case.problem.y), tuple(case.problem.y.shape)) for case in run.cases],
                seed=run.request.seed,
                seconds=winner.seconds or 0.0,
                device=run.plan.devices[0],
                study=run.request.name,
            ),
        ),
    )


def _stack_members(delivery: Delivery, trials: Sequence[Trial]) -> list[StackMember]:
    genomes = {trial.number: trial.genome for trial in trials}
    return [
        StackMember(number, weight, genome)
        for number, weight in zip(delivery.ensemble.members, delivery.ensemble.weights, strict=True)
        if (genome := genomes[number]) is not None
    ]
