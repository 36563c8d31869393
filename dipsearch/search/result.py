"""The outcome on disk: the restored pictures, the architecture, the stack, the card and ``result.json``.

Here, after everything was decided, the references are used for the first time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..files import write_text
from ..fitting import put_back
from ..library import Architecture, ArchitectureFit, provenance_now, write_architecture
from ..problem import Case, image_digest, natural_suffix, psnr, psnr_luma, psnr_peak, ssim, write_image
from ..yaml_files import dump_yaml
from .candidate import read_arrays
from .delivering import Delivery
from .evaluation import Evaluation, ranked
from .objective import estimated_psnr
from .outcome import Outcome

if TYPE_CHECKING:
    from .finishing import Baseline, Finished
    from .session import Session

SCORE_UNIT = "estimated PSNR in dB, without a reference"


def write_outputs(
    session: Session,
    finished: Finished,
    *,
    interrupted: bool,
    notes: Sequence[str],
) -> Outcome:
    """Write everything that a search ends with, and return its outcome.

    Args:
        session: the search.
        finished: its deliveries and the classical restorations.
        interrupted: whether somebody asked it to finish early.
        notes: what went wrong on the way.
    """
    folder, deliveries, baselines = session.folder, finished.deliveries, finished.baselines
    evaluations = session.evaluations()
    best = ranked(evaluations)
    pictures = [
        _picture(case, delivery, baselines.get(delivery.name), folder=folder, alone=len(deliveries) == 1)
        for case, delivery in zip(session.cases, deliveries, strict=True)
    ]
    winner = next(e for e in best if e.number == _winner(session, deliveries, best))
    result = _result(session, evaluations, winner, pictures, interrupted=interrupted, notes=notes)
    result["best"] |= _measured_winner(session.cases, deliveries, winner.number)
    _write_architecture(session, winner, split=deliveries[0].split)
    stacks = {delivery.name: _stack_entry(delivery, evaluations) for delivery in deliveries}
    write_text(
        folder / "best" / "stack.yaml",
        dump_yaml({"format": "dipsearch/stack/1", "pictures": stacks}),
    )
    write_text(folder / "best" / "card.md", card(result, winner))
    write_text(
        folder / "result.json", json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )
    return Outcome(folder, result, interrupted)


def _winner(session: Session, deliveries: Sequence[Delivery], best: Sequence[Evaluation]) -> int:
    """The candidate to export: best on average; where crops were searched, best of those fitted to the whole."""
    if session.plan.crop is None:
        return best[0].number
    scores: dict[int, list[float]] = {}
    for delivery in deliveries:
        scores.setdefault(delivery.best.number, []).append(estimated_psnr(delivery.best.score))
    return max(scores, key=lambda number: (len(scores[number]), sum(scores[number])))


def _picture(
    case: Case, delivery: Delivery, baseline: Baseline | None, *, folder: Path, alone: bool
) -> dict[str, Any]:
    """Write one restored picture; return its part of the result."""
    place = folder / "best" if alone else folder / "best" / delivery.name
    channels = delivery.image.shape[1]
    file = place / f"restored{natural_suffix(channels, case.bits)}"
    write_image(file, delivery.image, bits=case.bits)
    classical = {}
    if baseline is not None:
        with np.load(baseline.file, allow_pickle=False) as arrays:
            image = torch.from_numpy(arrays["x"])
        classical[baseline.name] = {"psnr": _db(image, case.reference), "seconds": round(baseline.seconds, 2)}
    return {
        "name": delivery.name,
        "source": case.source,
        "restored": str(file.relative_to(folder)),
        "delivered": delivery.chosen,
        "delivered_psnr": _db(delivery.image, case.reference),
        "delivered_ssim": _similarity(delivery.image, case.reference),
        "delivered_psnr_luma": _luma(delivery.image, case.reference),
        "delivered_psnr_peak": _peak(delivery.image, case.reference),
        "best": {
            "number": delivery.best.number,
            "score": _finite(estimated_psnr(delivery.best.score)),
            "psnr": _db(delivery.best_image, case.reference),
            "ssim": _similarity(delivery.best_image, case.reference),
        },
        "stack": {
            "members": list(delivery.stack.members),
            "weights": [round(weight, 4) for weight in delivery.stack.weights],
            "score": _finite(estimated_psnr(delivery.stack.score)),
            "psnr": _db(delivery.stacked, case.reference),
            "ssim": _similarity(delivery.stacked, case.reference),
        },
        "baselines": classical,
    }


def _result(
    session: Session,
    evaluations: Sequence[Evaluation],
    winner: Evaluation,
    pictures: Sequence[dict[str, Any]],
    *,
    interrupted: bool,
    notes: Sequence[str],
) -> dict[str, Any]:
    from .. import __version__

    request, first = session.request, pictures[0]
    counts = {
        state: sum(evaluation.state == state for evaluation in evaluations)
        for state in ("complete", "pruned", "failed")
    }
    return {
        "task": request.options.task,
        "image": first["source"] if len(pictures) == 1 else [picture["source"] for picture in pictures],
        "shape": list(session.cases[0].problem.image_shape),
        "seed": request.seed,
        "device": session.plan.devices[0],
        "workers": len(session.plan.devices),
        "space": request.space,
        "sampler": request.sampler,
        "budget_seconds": request.budget_seconds,
        "seconds": round(session.seconds, 1),
        "trials": counts,
        "best": {
            "number": winner.number,
            "digest": winner.digest,
            "score": winner.score,
            "score_unit": SCORE_UNIT,
            "step": winner.step,
            "ended": winner.ended,
            "seconds": winner.seconds,
        },
        "stack": {
            "members": first["stack"]["members"],
            "score": _mean([picture["stack"]["score"] for picture in pictures]),
            "psnr": _mean([picture["stack"]["psnr"] for picture in pictures]),
            "ssim": _mean([picture["stack"]["ssim"] for picture in pictures]),
        },
        "delivered": first["delivered"],
        "delivered_psnr": _mean([picture["delivered_psnr"] for picture in pictures]),
        "delivered_ssim": _mean([picture["delivered_ssim"] for picture in pictures]),
        "delivered_psnr_luma": _mean([picture["delivered_psnr_luma"] for picture in pictures]),
        "baselines": first["baselines"],
        "reference": all(case.reference is not None for case in session.cases),
        "pictures": list(pictures),
        "noise": _noise(session),
        "plan": [list(line) for line in session.plan.lines],
        "interrupted": interrupted,
        "warnings": [*session.notes, *notes],
        "version": __version__,
    }


def _measured_winner(
    cases: Sequence[Case], deliveries: Sequence[Delivery], number: int
) -> dict[str, float | None]:
    """PSNR and SSIM of the winner on every picture, the means; ``None`` where it was not fitted to one of them."""
    found: dict[str, list[float | None]] = {"psnr": [], "ssim": []}
    for case, delivery in zip(cases, deliveries, strict=True):
        image = delivery.images.get(number)
        image = None if image is None else put_back(image, case.problem)
        found["psnr"].append(None if image is None else _db(image, case.reference))
        found["ssim"].append(None if image is None else _similarity(image, case.reference))
    return {name: _mean(values) for name, values in found.items()}


def _noise(session: Session) -> dict[str, Any]:
    noise = session.cases[0].problem.noise
    return {"kind": noise.kind, "sigma": noise.sigma, "source": noise.source}


def _write_architecture(session: Session, winner: Evaluation, *, split: str) -> None:
    folder = session.folder
    curves = read_arrays(folder, winner.number, "fit.npz")
    assert winner.genome is not None
    write_architecture(
        folder / "best" / "architecture.yaml",
        Architecture(
            genome=winner.genome,
            fit=ArchitectureFit(
                task=session.request.options.task,
                step=winner.step or 0,
                loss_at_stop=float(curves["chosen_loss"]),
                split=split,
                score=winner.score or 0.0,
                ended=winner.ended or "",
            ),
            provenance=provenance_now(
                images=[
                    (image_digest(case.problem.y), tuple(case.problem.y.shape)) for case in session.cases
                ],
                seed=session.request.seed,
                seconds=winner.seconds or 0.0,
                device=session.plan.devices[0],
                study=session.request.name,
            ),
        ),
    )


def _stack_entry(delivery: Delivery, evaluations: Sequence[Evaluation]) -> list[dict[str, Any]]:
    genomes = {evaluation.number: evaluation.genome for evaluation in evaluations}
    return [
        {"number": number, "weight": round(weight, 6), "genome": genome.to_nested()}
        for number, weight in zip(delivery.stack.members, delivery.stack.weights, strict=True)
        if (genome := genomes[number]) is not None
    ]


def card(result: Mapping[str, Any], winner: Evaluation) -> str:
    """A page in Markdown that says what the result is, for whoever finds the folder later."""
    best, stack = result["best"], result["stack"]
    label = winner.genome.label if winner.genome else "?"
    lines = [
        f"# {result['task']}: {result['image']}",
        "",
        f"Delivered: the {_DELIVERED[result['delivered']]}, after {result['seconds']:.0f} s on "
        f"{result['workers']} × {result['device']}.",
        "",
        "| | estimated PSNR without a reference | PSNR against the reference |",
        "|---|---|---|",
        f"| best candidate (number {best['number']}) | {_cell(best['score'])} | {_cell(best['psnr'])} |",
        f"| stack of {len(stack['members'])} | {_cell(stack['score'])} | {_cell(stack['psnr'])} |",
        f"| delivered | | {_cell(result['delivered_psnr'])} |",
    ]
    lines += [f"| {name} | | {_cell(baseline['psnr'])} |" for name, baseline in result["baselines"].items()]
    lines += [
        "",
        f"The architecture: {label} (genome {best['digest']}), stopped at iteration {best['step']}: {best['ended']}.",
        "",
        f"Candidates: {result['trials']['complete']} complete, {result['trials']['pruned']} given up early, "
        f"{result['trials']['failed']} failed. Space {result['space']}, sampler {result['sampler']}, "
        f"seed {result['seed']}, dipsearch {result['version']}.",
    ]
    if result["warnings"]:
        lines += ["", "Worth knowing:", "", *(f"- {warning}" for warning in result["warnings"])]
    return "\n".join(lines) + "\n"


_DELIVERED = {
    "best": "best candidate",
    "stack": "stack",
    "refit": "refit of its members to all of the measurement",
}


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} dB"


def _db(image: Tensor, reference: Tensor | None) -> float | None:
    return None if reference is None else _finite(psnr(image, reference))


def _similarity(image: Tensor, reference: Tensor | None) -> float | None:
    return None if reference is None else _finite(ssim(image, reference))


def _luma(image: Tensor, reference: Tensor | None) -> float | None:
    if reference is None or reference.shape[1] != 3 or min(reference.shape[-2:]) < 16:
        return None
    return _finite(psnr_luma(image, reference))


def _peak(image: Tensor, reference: Tensor | None) -> float | None:
    return None if reference is None else _finite(psnr_peak(image, reference))


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 4) if known and len(known) == len(values) else None
