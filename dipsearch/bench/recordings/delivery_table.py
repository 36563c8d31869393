"""The delivery's table: ways of making one image from the fits of a case, against the best single fit.

That fit is one of a part of the data, chosen with the reference among images as they were judged at the stop, before
any of them went on with all of y; a gain is in dB over it. For
inpainting the images of networks are compared before the observed pixels are put back; what similar patches or a
classical method made has them in it, so there the rows with all of them put back are the fair ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ...fitting import combine, data_consistent, make_ensemble
from ...fitting.ensemble import ensemble_weights, error_products, scoring_products
from ...problem import psnr
from ..cases.damages import DAMAGES, PUT_BACK, group_name, group_order, groups_of
from ..shared.sections import crossed
from .fitted_case import FittedCase
from .score_tables import deviation

FIRST, DEFAULT = "similar patches", "delivered by a search"


@dataclass(frozen=True)
class DeliveryRow:
    """What a way of delivering gains over the best single fit of a part of the data, chosen with the reference.

    Args:
        task, damage: which cases; "all" where they are put together.
        method: its name.
        gain_mean_db, gain_sd_db, gain_min_db: over the cases.
        cases: measurements.
    """

    task: str
    damage: str
    method: str
    gain_mean_db: float
    gain_sd_db: float
    gain_min_db: float
    cases: int


def delivery_rows(cases: Sequence[FittedCase]) -> list[DeliveryRow]:
    """One row per damage and method, and per method over everything."""
    gains: dict[tuple[str, str, str], list[float]] = {}
    for case in cases:
        damage, task = case.damage, DAMAGES[case.damage].task
        images = delivered(case)
        best = max(psnr(image, case.clean) for image in case.every)
        for method, image in images.items():
            for group in groups_of(damage):
                gains.setdefault((*group, method), []).append(psnr(image, case.clean) - best)
        if case.problem.exact is None or task == "sr":
            continue
        # Exact measurements are delivered as they are: what counts then is what lies between them.
        best = max(psnr(data_consistent(image, case.problem), case.clean) for image in case.every)
        for method, image in images.items():
            gain = psnr(data_consistent(image, case.problem), case.clean) - best
            gains.setdefault((task, damage + PUT_BACK, method), []).append(gain)
    return [
        DeliveryRow(
            *key,
            gain_mean_db=round(float(np.mean(values)), 4),
            gain_sd_db=round(deviation(values), 4),
            gain_min_db=round(float(np.min(values)), 4),
            cases=len(values),
        )
        for key, values in sorted(gains.items(), key=lambda item: group_order(item[0][:2]))
    ]


def delivered(case: FittedCase) -> Mapping[str, Tensor]:
    """The image that each way of delivering makes of a case."""
    judged = [one.judged for one in case.outputs]
    full = [one.full for one in case.outputs]
    weights = _weights(case, judged)
    products = scoring_products(judged, case.problem, split=case.split)
    ways = {
        "chosen": judged[0],
        "chosen, all of y": full[0],
        "stack": combine(judged, weights),
        "stack, all of y": combine(full, weights),
        DEFAULT: case.choice.answer.image,
        "stack of three, all of y": combine(full[:3], _weights(case, judged[:3])),
        "mean of three, all of y": combine(full[:3], [1 / len(full[:3])] * len(full[:3])),
        "stack without a ridge, all of y": combine(full, ensemble_weights(products)),
        "stack weighed on the fitted part": combine(judged, _on_the_fitted_part(case, judged)),
        FIRST: case.first.image,
        "classical method": case.classical,
    }
    if case.second:
        images = [image for _, image in case.second]
        again = make_ensemble(images, case.problem, split=case.second_split, members=range(len(images)))
        other = combine([images[index] for index in again.members], again.weights)
        ways["mean of the stacks of two splits"] = (ways["stack, all of y"] + other) / 2
    return ways


def _weights(case: FittedCase, images: Sequence[Tensor]) -> list[float]:
    found = make_ensemble(images, case.problem, split=case.split, members=range(len(images)))
    by_member = dict(zip(found.members, found.weights, strict=True))
    return [by_member.get(index, 0.0) for index in range(len(images))]


def _on_the_fitted_part(case: FittedCase, images: Sequence[Tensor]) -> list[float]:
    where = case.split.fit_weight.bool().expand_as(case.split.fit_target)
    rows = np.stack([case.problem.view(image)[where].double().numpy() for image in images])
    products = error_products(rows, case.split.fit_target[where].double().numpy())
    return [float(weight) for weight in ensemble_weights(products)]


def delivery_markdown(rows: Sequence[DeliveryRow]) -> str:
    """Mean gain in dB, its spread over the cases and the smallest one: methods against damages."""
    cells = {}
    for row in rows:
        most = max(other.cases for other in rows if (other.task, other.damage) == (row.task, row.damage))
        fewer = "" if row.cases == most else f" of {row.cases}"
        cells[row.method, f"{group_name(row.task, row.damage)} ({most})"] = (
            f"{row.gain_mean_db:+.2f} ± {row.gain_sd_db:.2f} (min {row.gain_min_db:+.2f}){fewer}"
        )
    return crossed("method", cells)
