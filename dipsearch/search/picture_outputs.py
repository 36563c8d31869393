"""What a search leaves of one picture: the restored picture, the map of its uncertainty, and their numbers.

Here, after everything was decided, the references are used for the first time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..files import replacing
from ..problem import Case, natural_suffix, write_image
from .blending import Blend
from .delivering import Delivery
from .judging import Baseline
from .measured import finite, true_luma, true_peak, true_psnr, true_ssim
from .objective import estimated_psnr
from .prepared import Prepared
from .uncertainty import Uncertainty, calibration, full_scale, uncertainty


@dataclass(frozen=True)
class PictureOutputs:
    """The part of ``result.json`` that belongs to one picture, and what a person should know of it."""

    entry: dict[str, Any]
    warnings: tuple[str, ...]


def write_picture(
    case: Case,
    delivery: Delivery,
    picture: Prepared,
    *,
    baseline: Baseline | None,
    blend: Blend | None,
    classical: Tensor | None,
    second_members: Sequence[int],
    folder: Path,
    alone: bool,
) -> PictureOutputs:
    """Write the files of one restored picture below ``best``, and measure it.

    Args:
        case: its source and, if there is one, its reference.
        delivery: what it is restored to.
        picture: its problem, with the split that the search used.
        baseline: the classical restoration, where there is one.
        blend: what is classical in the delivery.
        classical: the classical restoration of the fitted part, where there is one.
        second_members: the candidate behind each fit to the second split.
        folder: the study's.
        alone: there is no other picture, so that the files need no folder of their own.
    """
    place = folder / "best" if alone else folder / "best" / delivery.name
    suffix = natural_suffix(delivery.image.shape[1], case.bits)
    file = place / f"restored{suffix}"
    write_image(file, delivery.image, bits=case.bits)
    entry = {
        "name": delivery.name,
        "source": case.source,
        "restored": str(file.relative_to(folder)),
        "delivered": delivery.chosen,
        "delivered_psnr": true_psnr(delivery.image, case.reference),
        "delivered_ssim": true_ssim(delivery.image, case.reference),
        "delivered_psnr_luma": true_luma(delivery.image, case.reference),
        "delivered_psnr_peak": true_peak(delivery.image, case.reference),
        "best": {
            "number": delivery.best.number,
            "score": finite(estimated_psnr(delivery.best.score)),
            "psnr": true_psnr(delivery.best_image, case.reference),
            "ssim": true_ssim(delivery.best_image, case.reference),
        },
        "stack": _stack(delivery, case.reference),
        "second_stack": _second_stack(delivery.second, case.reference, candidates=second_members),
        "blend": None if blend is None else _blend(blend),
        "baselines": {},
        "split": picture.split.to_dict(),
        "uncertainty": _uncertainty(
            uncertainty_of(delivery, picture, blend=blend, classical=classical),
            delivery.image,
            case.reference,
            place=place,
            folder=folder,
        ),
    }
    if baseline is None:
        return PictureOutputs(entry, ())
    image = baseline.image()
    entry["baselines"] = {
        baseline.name: {
            "psnr": true_psnr(image, case.reference),
            "seconds": round(baseline.seconds, 2),
            "score": finite(baseline.score),
            "ahead": finite(baseline.ahead),
            "standard_error": finite(baseline.standard_error),
        }
    }
    if not baseline.is_better:
        return PictureOutputs(entry, ())
    other = place / f"{baseline.name.replace(' ', '-')}{suffix}"
    write_image(other, image, bits=case.bits)
    sentence = baseline.warning(str(other.relative_to(folder)))
    return PictureOutputs(entry, (sentence if alone else f"{delivery.name}: {sentence}",))


def uncertainty_of(
    delivery: Delivery, picture: Prepared, *, blend: Blend | None = None, classical: Tensor | None = None
) -> Uncertainty | None:
    """How far a delivery may be off in every pixel; ``None`` where nothing differs from it.

    All that it was chosen from has a voice, and so has the classical restoration of the same part. A classical share
    in the delivery has no spread of its own; the scale is that of the blend.

    Args:
        blend: what is classical in the delivery.
        classical: the classical restoration of the fitted part, ``(1, C, H, W)``.
    """
    voices = [member.output.judged for member in delivery.members.values()]
    if classical is not None and bool(torch.isfinite(classical).all()):
        voices.append(classical)
    score = delivery.score if blend is None else blend.score
    return uncertainty(delivery.judged, voices, picture.problem, split=picture.split, score=score)


def _blend(blend: Blend) -> dict[str, Any]:
    return {
        "name": blend.name,
        "share": round(blend.share, 4),
        "score": finite(estimated_psnr(blend.score)),
        "gain": finite(blend.gain_db),
    }


def _second_stack(
    second: Delivery | None, reference: Tensor | None, *, candidates: Sequence[int]
) -> dict[str, Any] | None:
    """What the second split led to; a candidate is there once for each of its seeds that has a weight."""
    if second is None:
        return None
    return _stack(second, reference) | {"members": [candidates[index] for index in second.stack.members]}


def _stack(delivery: Delivery, reference: Tensor | None) -> dict[str, Any]:
    return {
        "members": list(delivery.stack.members),
        "weights": [round(weight, 4) for weight in delivery.stack.weights],
        "score": finite(estimated_psnr(delivery.stack.score)),
        "psnr": true_psnr(delivery.stacked, reference),
        "ssim": true_ssim(delivery.stacked, reference),
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
    return {
        "file": str((place / "uncertainty.npz").relative_to(folder)),
        "image": str((place / "uncertainty.png").relative_to(folder)),
        "white": round(white, 4),
        "scale": finite(found.scale),
        "mean": round(float(found.deviation.mean()), 6),
        "rank_correlation": finite(compared.rank_correlation) if compared else None,
        "within_one": finite(compared.within_one) if compared else None,
        "within_two": finite(compared.within_two) if compared else None,
    }
