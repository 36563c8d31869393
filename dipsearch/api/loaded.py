"""``load``: a result from the folder that it was saved in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ..errors import InputError, StudyError
from ..problem import Problem, read_image
from ..run import read_study
from ..run.picture_record import PictureRecord
from ..trials.delivered_file import read_delivered
from ..trials.own_parts import NOTHING, operators_of
from ..trials.problem_files import WHOLE, problem_path, read_problem
from ..trials.request import ARRAY
from .asked import cases_of, own_operators, problems_of
from .found import Result


def load(folder: str | Path, problem: Problem | Sequence[Problem] | None = None) -> Result:
    """The result that ``Result.save``, or a search of the command line, left in a folder.

    Args:
        folder: the study's.
        problem: what was restored, again, where its operator is one's own, which no file holds.

    Raises:
        DipsearchError: there is no finished study in it.
    """
    if not isinstance(folder, str | os.PathLike):
        raise InputError(
            f"the folder is {folder!r}", "it is the path of a study", 'give for example "runs/photo"'
        )
    own = NOTHING if problem is None else own_operators(cases_of(problems_of(problem)))
    with operators_of(Path(folder), own):
        return _loaded(Path(folder))


def _loaded(place: Path) -> Result:
    record = read_study(place)
    if record.result is None:
        raise StudyError(
            f"the study in {place} has not delivered",
            "a result has its image",
            "finish it with dipsearch search --resume",
        )
    delivered = [(one, one.restored) for one in record.pictures if one.restored is not None]
    if not delivered:
        raise StudyError(
            f"the study in {place} has none of its restored pictures",
            "they lie in best/, under the names of the pictures that it was made of",
            "put them back there, or search again",
        )
    problems = [_problem(place, *one) for one in delivered]
    images = [_image(place, *one) for one in delivered]
    return Result(tuple(problems), tuple(images), record.result, place, _record=record)


def _problem(place: Path, picture: PictureRecord, restored: Path) -> Problem:
    """What was measured, of a picture file the whole where that is known, with the gaps that its restoration has."""
    problem = read_problem(problem_path(place, kind=WHOLE, name=picture.name))
    if picture.case is None or picture.case.source.startswith(ARRAY):
        return problem
    finite = read_image(restored, finite=False).pixels.isfinite().all(dim=1, keepdim=True)
    form = replace(problem.form, gaps=None if bool(finite.all()) else ~finite)
    return replace(problem if picture.case.windows is None else picture.case.whole_problem, form=form)


def _image(place: Path, picture: PictureRecord, restored: Path) -> Tensor:
    """What was delivered, (1, C, H, W) about in [0, 1]: of an array to the bit, of a file as its restoration has it."""
    kept = read_delivered(place, picture.name)
    return picture.read_whole(restored) if kept is None else kept
