"""Evidence: what of a finished study goes into the user's library.

Its pictures are described by their features, and its best networks are kept with what the study estimated of them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ..calling import program
from ..errors import FormatError, StudyError
from ..library import presets_for, starters_for
from ..library.kept_study_file import MOST_NETWORKS, KeptNetwork, KeptPicture, KeptStudy
from ..library.measurement_features import features_of
from ..network import load_space
from ..patches import first_guess
from ..plain_files import inside
from ..problem import image_digest
from ..proposal.study import SPACE_FILE
from ..trials.first_files import read_first
from ..trials.problem_files import WHOLE, problem_path, read_problem
from ..trials.trial import Trial
from .known_networks import within
from .study_record import StudyRecord


def evidence_of(record: StudyRecord, *, name: str) -> KeptStudy:
    """What the library keeps of a study.

    Args:
        record: the study.
        name: by which it is kept.

    Raises:
        StudyError: it has not delivered, or no network of it can be used.
        FormatError: a part of it is damaged.
    """
    folder = record.folder
    if record.result is None:
        damaged = next((words for words in record.missing if words.startswith("the result")), "")
        raise StudyError(
            f"the study {folder.name} has no outcome that can be read" + (f" ({damaged})" if damaged else ""),
            "the library takes finished studies",
            f"finish it with {program()} search --resume, or restore its result.json",
        )
    from .. import __version__

    usable = [e for e in record.ranked() if e.genome is not None and e.step is not None]
    # A search refuses repeats, and a sampler of the user's may propose them: of a network its best fit counts.
    found: dict[str | None, Trial] = {}
    for e in usable:
        found.setdefault(e.digest, e)
    best = list(found.values())
    if not best:
        why = next((words for words in record.missing if "candidate" in words), "none was finished")
        raise StudyError(
            f"the study {folder.name} has no network that can be kept ({why})",
            "the library takes networks with their scores",
            "search longer, or restore its journal.log from a copy",
        )
    task = str(record.result["task"])
    presets = _presets_by_digest(folder, task)
    networks = tuple(
        KeptNetwork(
            e.genome, round(float(e.estimated_psnr or 0.0), 4), e.step or 0, presets.get(e.genome.digest)
        )
        for e in best[:MOST_NETWORKS]
        if e.genome is not None
    )
    pictures = tuple(_picture(folder, picture.name) for picture in record.pictures)
    return KeptStudy(
        name=name,
        task=task,
        seed=record.request.seed,
        added=datetime.now(UTC).isoformat(timespec="seconds"),
        version=str(record.result.get("version") or __version__),
        pictures=pictures,
        networks=networks,
    )


def _picture(folder: Path, name: str) -> KeptPicture:
    problem = read_problem(problem_path(folder, kind=WHOLE, name=name))
    first = read_first(folder, name)
    image = first_guess(problem) if first is None else first.image
    if tuple(image.shape) != tuple(problem.image_shape):
        raise FormatError(
            f"the first answer to {name} in {folder.name} has the shape {tuple(image.shape)}",
            f"the picture has {tuple(problem.image_shape)}",
            "restore the study from a copy",
        )
    features = features_of(problem, image).to_dict()
    return KeptPicture(image_digest(problem.y), tuple(problem.image_shape), features)


def _presets_by_digest(folder: Path, task: str) -> dict[str, str]:
    """Names of the presets by the digests of what a search fitted for them.

    A space may fix settings of the fit, and moves the presets there. A network of the search that differs from a preset
    in such a setting alone is none: it may owe its score to it, and says nothing of the preset.
    """
    presets = (*starters_for(task), *presets_for(task))
    found = {genome.digest: name for name, genome in presets}
    file = inside(folder, SPACE_FILE)
    if file.exists():
        moved = within(presets, load_space(file))
        found = {genome.digest: name for name, genome in moved} | found
    return found
