"""What a search leaves of one picture: the restored picture, the map of its uncertainty, and their numbers.

Here, after everything was decided, the references are used for the first time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..files import dispensable, replacing
from ..problem import Case, restored_suffix, write_image, write_restored
from ..trials.delivered_file import write_delivered
from ..trials.objective import estimated_psnr
from ..trials.problem_files import SplitProblem
from ..trials.request import ARRAY
from ..trials.true_quality import finite, true_luma, true_peak, true_psnr_and_ssim
from .answers import Choice, finished
from .bootstrap import Standing
from .delivering import Delivery
from .uncertainty import Uncertainty, calibration, full_scale, uncertainty


def write_picture(
    case: Case,
    choice: Choice,
    delivery: Delivery | None,
    picture: SplitProblem,
    *,
    second_members: Sequence[int],
    folder: Path,
    alone: bool,
    lacking: list[str],
) -> dict[str, Any]:
    """Write the files of one restored picture below ``best``, and measure it.

    Args:
        case: its source and, if there is one, its reference.
        choice: what is delivered, and what else there was.
        delivery: what networks led to; ``None`` where nothing was fitted.
        picture: its problem, with the split that the search used.
        second_members: the candidate behind each fit to the second split.
        folder: the study's.
        alone: there is no other picture, so that the files need no folder of their own.
        lacking: takes sentences on what cannot be written beside it.

    Returns:
        The part of ``result.json`` that belongs to it.

    Raises:
        ResourceError: the picture itself cannot be written.
    """
    place, truth, relative_to = (
        picture_folder(folder, picture.name, alone=alone),
        case.reference,
        case.data_range,
    )
    image, (black, white) = choice.answer.image, case.ends
    file = place / f"{restored_kind(case)}{restored_suffix(case)}"
    write_restored(file, image, case)
    if case.source.startswith(ARRAY):
        with dispensable(lacking):
            write_delivered(folder, picture.name, image)
    rows = answer_rows(choice, truth, data_range=relative_to)
    delivered = next(row for row in rows if row["name"] == choice.chosen)
    doubt = None
    with dispensable(lacking):
        doubt = _uncertainty(
            uncertainty_of(choice, delivery, picture), image, truth, place=place, folder=folder
        )
    return {
        "name": picture.name,
        "source": case.source,
        "restored": str(file.relative_to(folder)),
        "delivered": delivered_word(choice, delivery),
        "delivered_psnr": delivered["psnr"],
        "delivered_ssim": delivered["ssim"],
        "delivered_psnr_luma": delivered["psnr_luma"],
        "delivered_psnr_peak": true_peak(image, truth),
        "answers": rows,
        "best": None
        if delivery is None
        else _best(delivery, finished(delivery.best_image, picture.problem), truth, data_range=relative_to)
        | _level(choice, "best", delivery.best.validation_mse),
        "stack": None
        if delivery is None
        else _ensemble(delivery, finished(delivery.combined, picture.problem), truth, data_range=relative_to)
        | _level(choice, "ensemble", delivery.ensemble.validation_mse),
        "second_stack": None
        if delivery is None
        else _second_ensemble(
            delivery.second, picture, truth, candidates=second_members, data_range=relative_to
        ),
        "baselines": _first(choice, rows[0]),
        "range": {"black": black, "white": white, "psnr": relative_to * abs(white - black)},
        "split": picture.split.to_dict(),
        "uncertainty": doubt,
    }


def restored_kind(case: Case) -> str:
    """What a restored picture's file is called: what nobody asked to be simulated must not be taken for one."""
    return "simulated-restored" if case.simulation == "unasked" else "restored"


def picture_folder(folder: Path, name: str, *, alone: bool) -> Path:
    """Where the files of a restored picture lie in a study's folder."""
    return folder / "best" if alone else folder / "best" / name


def uncertainty_of(choice: Choice, delivery: Delivery | None, picture: SplitProblem) -> Uncertainty | None:
    """How far what is delivered may be off in every pixel; ``None`` where nothing differs from it.

    The networks that it was chosen from have a voice, and so has the first answer to the same part of the measurement.

    Args:
        choice: what is delivered.
        delivery: the networks' outputs; ``None`` where nothing was fitted.
        picture: the problem, and the split that all were judged with.
    """
    voices = [] if delivery is None else [member.output.judged for member in delivery.members.values()]
    voices += [answer.judged for answer in choice.answers if answer.name == "first"]
    return uncertainty(
        choice.answer.judged,
        voices,
        picture.problem,
        split=picture.split,
        validation_mse=choice.validation_mse,
    )


def delivered_word(choice: Choice, delivery: Delivery | None) -> str:
    """What ``result.json`` calls the chosen answer: an ensemble by how it came to be."""
    return delivery.chosen if choice.chosen == "ensemble" and delivery is not None else choice.chosen


def answer_rows(choice: Choice, reference: Tensor | None, *, data_range: float = 1.0) -> list[dict[str, Any]]:
    """All answers, simplest first: what the score expects of each, and what it is against the reference."""
    best = max(choice.found, key=lambda standing: standing.estimated_psnr)
    beside_first = choice.beside_first or (None,) * len(choice.answers)
    return [
        {
            "name": answer.name,
            "words": answer.words,
            "estimate": point_estimate(standing),
            "at_least": finite(standing.at_least),
            "standard_error": finite(standing.standard_error)
            if standing.at_least is best.at_least is None
            else None,
            "error_beside_first": finite(apart)
            if standing.at_least is choice.found[0].at_least is None
            else None,
            "flattered": choice.fitted and answer.name == choice.chosen,
            "share": round(choice.shares.get(answer.name, 0.0), 4),
            **true_psnr_and_ssim(answer.image, reference, data_range=data_range),
            "psnr_luma": true_luma(answer.image, reference),
            "seconds": round(answer.seconds, 1),
        }
        for answer, standing, apart in zip(choice.answers, choice.found, beside_first, strict=True)
    ]


def point_estimate(standing: Standing) -> float | None:
    """An estimated PSNR in dB as a number for people; ``None`` where only a bound is known, or nothing."""
    return None if standing.at_least is not None else finite(standing.estimated_psnr)


def _level(choice: Choice, name: str, mse: float) -> dict[str, Any]:
    """The score of a network or an ensemble, as far as the answer that it is tells how far that is luck.

    An ensemble of one is no answer of its own.
    """
    standings = {answer.name: one for answer, one in zip(choice.answers, choice.found, strict=True)}
    there = standings.get(name, standings.get("best"))
    bound = None if there is None else finite(there.at_least)
    return {"score": None if bound is not None else finite(estimated_psnr(mse)), "at_least": bound}


def _first(choice: Choice, measured: Mapping[str, Any]) -> dict[str, Any]:
    """The bar that networks have to clear, as a table of methods holds it; ``measured`` is its row of the answers."""
    answer = choice.answers[0]
    if answer.name != "first" or answer.made == "by a quick method":
        return {}
    row = {
        "psnr": measured["psnr"],
        "seconds": round(answer.seconds, 2),
        "score": measured["estimate"],
        "standard_error": measured["standard_error"],
    }
    return {"similar patches": row}


def _best(
    delivery: Delivery, image: Tensor, reference: Tensor | None, *, data_range: float
) -> dict[str, Any]:
    return {
        "number": delivery.best.number,
        **true_psnr_and_ssim(image, reference, data_range=data_range),
    }


def _second_ensemble(
    second: Delivery | None,
    picture: SplitProblem,
    reference: Tensor | None,
    *,
    candidates: Sequence[int],
    data_range: float,
) -> dict[str, Any] | None:
    """What the second split led to; a candidate is there once for each of its seeds that has a weight."""
    if second is None:
        return None
    return _ensemble(second, finished(second.combined, picture.problem), reference, data_range=data_range) | {
        "members": [candidates[index] for index in second.ensemble.members]
    }


def _ensemble(
    delivery: Delivery, image: Tensor, reference: Tensor | None, *, data_range: float
) -> dict[str, Any]:
    return {
        "members": list(delivery.ensemble.members),
        "weights": [round(weight, 4) for weight in delivery.ensemble.weights],
        "score": finite(estimated_psnr(delivery.ensemble.validation_mse)),
        **true_psnr_and_ssim(image, reference, data_range=data_range),
    }


def _uncertainty(
    found: Uncertainty | None, restored: Tensor, reference: Tensor | None, *, place: Path, folder: Path
) -> dict[str, Any] | None:
    """Write the map as numbers and as a picture; return what is known of it."""
    if found is None:
        return None
    white = full_scale(found.deviation)
    with replacing(place / "uncertainty.npz") as temporary:
        np.savez_compressed(temporary, deviation=found.deviation, white=np.array(white))
    write_image(place / "uncertainty.png", torch.from_numpy(found.deviation / white).clamp(0, 1)[None, None])
    compared = None if reference is None else calibration(found, restored, reference)
    open_to_doubt = found.deviation > 0
    return {
        "file": str((place / "uncertainty.npz").relative_to(folder)),
        "image": str((place / "uncertainty.png").relative_to(folder)),
        "white": round(white, 4),
        "scale": finite(found.scale),
        "mean": round(float(found.deviation[open_to_doubt].mean()), 6) if open_to_doubt.any() else 0.0,
        "restored": round(float(open_to_doubt.mean()), 6),
        "rank_correlation": finite(compared.rank_correlation) if compared else None,
        "within_one": finite(compared.within_one) if compared else None,
        "within_two": finite(compared.within_two) if compared else None,
    }
