"""The preset of a search of several pictures: its best network, with what speaks for it on each of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from ..delivery.search_gain import KNOWN
from ..errors import FormatError
from ..library import PictureEvidence, Preset, paired_evidence
from ..network import cost
from ..problem import image_digest
from ..trials.objective import estimated_psnr
from ..trials.trial import Trial, ranked
from ..trials.trial_files import VALIDATION_MSE, read_arrays, suffix
from .run import Run

FILE = "best/preset.yaml"

LEAST_PICTURES = 2
"""Of one picture an architecture file says everything."""

AFTER_ALL = 100
"""The rank: dipsearch's own presets, which were compared on more pictures, come before."""


def task_preset(run: Run, winner: Trial) -> Preset:
    """The winner as a preset, beside the best other network that was known before and fitted to the same pictures.

    Raises:
        FormatError: the curves of the winner are missing or damaged.
    """
    from .. import __version__

    assert winner.genome is not None, "networks of one's own are no presets"
    count = len(run.cases)
    ours = picture_estimates(run, winner)
    against, theirs = _rival(run, winner)
    pictures = [
        PictureEvidence(image_digest(case.problem.y), tuple(case.problem.y.shape), estimate, other)
        for case, estimate, other in zip(run.cases, ours, theirs, strict=True)
    ]
    shape = tuple(run.cases[0].problem.image_shape)
    task = run.cases[0].problem.task
    origin = "known before" if winner.operator == KNOWN else "made by the search"
    return Preset(
        name="preset",
        title=f"The best network for {count} pictures, {winner.genome.label}",
        tasks=(task,),
        rank=AFTER_ALL,
        published=False,
        iterations=max(winner.step or 1, 1),
        channels=shape[1],
        parameters=cost(winner.genome, image_shape=shape).parameters,
        source=f"candidate {winner.number} of the study {run.request.name}, {origin}; {task}, {count} pictures, seed "
        f"{run.request.seed}, {datetime.now(UTC).date().isoformat()}, dipsearch {__version__}",
        genome=winner.genome,
        evidence=paired_evidence(against, pictures),
    )


def picture_estimates(run: Run, trial: Trial) -> list[float]:
    """What a candidate is estimated to reach on each picture of its search, in dB, as it was ranked.

    Raises:
        FormatError: its curves are missing, damaged, or of fewer pictures.
    """
    arrays = read_arrays(run.folder, trial.number, "fit.npz")
    found = []
    for place in range(len(run.cases)):
        end = suffix(place)
        try:
            at = np.flatnonzero(arrays[f"step{end}"] == arrays[f"chosen{end}"])
            found.append(round(estimated_psnr(float(arrays[f"{VALIDATION_MSE}{end}"][at[-1]])), 4))
        except (KeyError, IndexError) as error:
            raise FormatError(
                f"the curves of candidate {trial.number} say nothing of picture {place + 1}",
                "there is a check point at the iteration that was chosen",
                "restore the study from a copy",
            ) from error
    return found


def _rival(run: Run, winner: Trial) -> tuple[str | None, Sequence[float | None]]:
    """The name and the estimates of the best known network but the winner; ``None`` where none was fitted to all."""
    names = {genome.digest: name for name, genome in run.plan.queue}
    for trial in ranked(run.trials()):
        if trial.operator != KNOWN or trial.genome is None or trial.number == winner.number:
            continue
        try:
            return names.get(trial.genome.digest, trial.genome.label), picture_estimates(run, trial)
        except FormatError:  # its record is damaged, which the search has said; the next one stands for it
            continue
    return None, [None] * len(run.cases)
