"""The rows of the comparison on operators: one for every method and measurement, and one for the score of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from scipy.stats import kendalltau
from torch import Tensor

from ... import __version__
from ...problem import psnr, ssim
from ...problem.metrics import WINDOW
from ...trials.true_quality import finite
from .operator_cases import OperatorCase

COMMAND = "bench operators"

FIRST, DELIVERED, ALONE, DIP, SCORE = "first answer", "delivered", "networks alone", "dip-oracle", "score"
"""Names of methods that are neither classical nor a network of the benchmark."""

NETWORK = "network "
"""How the method of a network begins; its name follows."""

FEWEST = 3
"""Networks below which an order of them says nothing."""


@dataclass(frozen=True)
class OperatorRow:
    """What one method made of one measurement.

    Args:
        operator, picture: what was measured.
        method: classical, "first answer", "delivered", "networks alone", "dip-oracle", "network NAME", or "score",
            which speaks of the networks together.
        limit: seconds of a search, iterations of a fit, at the most; ``None`` for what needs neither.
        psnr: in dB over all pixels and channels; of a network where the default rule stops, of "score" that of the
            network whose score is best there.
        ssim: ``None`` where it is not known.
        stop_loss_db: how far the stop of a network is below the peak of its own fit; of "score" the median over them.
        kendall_tau: of "score", between the networks' scores where they stop and their PSNR there.
        estimate: of the PSNR, without the clean picture; that of A x.
        seconds: on the clock.
        seed: of the noise, the mask and the method.
        version: of the program.
        measurement: the digest of what was measured.
    """

    operator: str
    picture: str
    method: str
    limit: int | None
    psnr: float | None
    ssim: float | None
    stop_loss_db: float | None
    kendall_tau: float | None
    estimate: float | None
    seconds: float | None
    seed: int
    version: str
    measurement: str

    @property
    def group(self) -> tuple[object, ...]:
        """Every row stands for itself."""
        return self.operator, self.picture, self.method, self.limit, self.seed

    @property
    def case(self) -> tuple[str, str, int]:
        """What rows of the same measurement share."""
        return self.operator, self.picture, self.seed


def group_of(case: OperatorCase, method: str, *, limit: int | None) -> tuple[object, ...]:
    """The group of the row that a method has in a case."""
    return case.instrument.name, case.picture, method, limit, case.seed


def image_row(
    case: OperatorCase,
    method: str,
    image: Tensor,
    *,
    seconds: float,
    limit: int | None = None,
    estimate: float | None = None,
) -> OperatorRow:
    """The row of a restored image (1, C, H, W), which is cut to [0, 1] whatever made it."""
    shown = image.detach().cpu().clamp(0, 1)
    large = min(case.clean.shape[-2:]) >= WINDOW
    return row_of(
        case,
        method,
        limit=limit,
        psnr=psnr(shown, case.clean),
        ssim=ssim(shown, case.clean) if large else None,
        estimate=estimate,
        seconds=seconds,
    )


def row_of(
    case: OperatorCase,
    method: str,
    *,
    limit: int | None,
    psnr: float | None,
    ssim: float | None = None,
    stop_loss_db: float | None = None,
    kendall_tau: float | None = None,
    estimate: float | None = None,
    seconds: float | None = None,
) -> OperatorRow:
    """A row of a case; numbers that are not finite become ``None``."""
    return OperatorRow(
        operator=case.instrument.name,
        picture=case.picture,
        method=method,
        limit=limit,
        psnr=finite(psnr),
        ssim=finite(ssim),
        stop_loss_db=finite(stop_loss_db),
        kendall_tau=finite(kendall_tau),
        estimate=finite(estimate),
        seconds=finite(seconds),
        seed=case.seed,
        version=f"dipsearch {__version__}",
        measurement=case.digest,
    )


def score_row(case: OperatorCase, rows: Sequence[OperatorRow], *, limit: int) -> OperatorRow | None:
    """How right the score is about the networks of a case; ``None`` while too few of them were fitted.

    Args:
        rows: of any cases.
        limit: iterations of the fits.
    """
    networks = [
        row
        for row in rows
        if row.method.startswith(NETWORK) and row.limit == limit and row.measurement == case.digest
    ]
    if len(networks) < FEWEST:
        return None
    # A network that never learned anything has the worst score and the worst picture.
    expected, true = (
        np.array([-np.inf if value is None else value for value in values])
        for values in ([row.estimate for row in networks], [row.psnr for row in networks])
    )
    chosen = networks[int(np.argmax(expected))]
    losses = [row.stop_loss_db for row in networks if row.stop_loss_db is not None]
    return row_of(
        case,
        SCORE,
        limit=limit,
        psnr=chosen.psnr,
        stop_loss_db=median(losses) if losses else None,
        kendall_tau=float(kendalltau(expected, true).statistic),
        estimate=chosen.estimate,
    )
