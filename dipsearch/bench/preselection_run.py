"""Evidence for the pre-selection: the recorded fits of known networks, and the features of what they were fitted to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ..library.measurement_features import features_of
from ..patches import answer
from .damages import DAMAGES
from .policy_archive import RecordedCase, RecordedFit, read_policy_archive
from .policy_recording import EVERY, PRESETS, SIDE, policy_jobs
from .preselection_rows import PreselectionRow
from .standard_pictures import half_size_crop


def evidence_rows(
    archive: Path,
    data: Path,
    *,
    has: Callable[[tuple[object, ...], str], bool] = lambda group, measurement: False,
    watch: Callable[[str], None] = lambda line: None,
) -> Iterator[list[PreselectionRow]]:
    """The rows of each case that are not there yet.

    Args:
        archive: of recorded fits, what ``bench policies`` writes.
        data: folder of the pictures that are files.
        has: whether there are rows of a group and a measurement.
        watch: told about each case.

    Raises:
        DipsearchError: the archive or a picture cannot be read.
    """
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()[:12]
    sources = {job.picture: job.source for job in policy_jobs(data, networks=PRESETS)}
    for case in read_policy_archive(archive):
        if case.picture in sources and not has((case.picture, case.damage), digest):
            yield _rows(case, sources[case.picture], digest)
            watch(f"{case.picture} {case.damage}")


def _rows(case: RecordedCase, source: str, digest: str) -> list[PreselectionRow]:
    damage = DAMAGES[case.damage]
    problem = damage.make(half_size_crop(source, side=SIDE), 0)
    features = features_of(problem, answer(problem)).to_dict()
    found = []
    for fit in case.fits:
        if fit.network in PRESETS:
            psnr, steps = delivered(fit)
            found.append(
                PreselectionRow(
                    case.picture, case.damage, damage.task, fit.network, psnr, steps, digest, **features
                )
            )
    return found


def delivered(fit: RecordedFit) -> tuple[float, int]:
    """PSNR in dB and iteration of what a recorded fit delivers: the check point that has its best score."""
    place = int(np.nanargmin(np.abs(fit.validation_mse - fit.best_validation_mse[-1])))
    return round(float(fit.psnr[place]), 3), EVERY * (place + 1)


def picture_names(rows: Sequence[PreselectionRow]) -> list[str]:
    """The pictures of some rows, in their order."""
    return list(dict.fromkeys(row.picture for row in rows))
