"""What a request names: pictures, space and devices; and, of a study to be resumed, what it was begun with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import StudyError
from ..execution.executor import WorkerSpec
from ..network import SearchSpace, load_space
from ..planning.representative import Crop
from ..problem import Case, image_digest, in_lines, load_case, planes_together, unique_names
from ..proposal.storage import refuse_taken_name
from ..trials.claim import REQUEST_FILE
from ..trials.problem_files import SEARCHED, WHOLE, problem_path, read_box, read_problem
from ..trials.request import Request, read_request
from ..trials.storage_url import whole_address
from .devices import choose_devices, expected_gpus
from .head_start import HeadStart


@dataclass(frozen=True, eq=False)
class Gathered:
    """All that a search starts from.

    Args:
        request: with the address of its storage in full.
        folder: the study's.
        names: of the pictures, each once.
        cases: the pictures.
        space: that genomes are drawn from.
        devices: of the workers.
        begun: what the candidates of a study to be resumed were fitted to; ``None``: the study is new.
        kept_as: the study's name in its storage: its folder's, unless that was renamed or copied since.
        notes: what a person should know of the devices and the pictures.
    """

    request: Request
    folder: Path
    names: Sequence[str]
    cases: Sequence[Case]
    space: SearchSpace
    devices: tuple[str, ...]
    begun: Sequence[Crop] | None
    kept_as: str
    notes: Sequence[str]

    @property
    def details(self) -> list[str]:
        """The numbers behind the notes on the pictures."""
        return of_each(self.names, self.cases, [case.details for case in self.cases])


def gather(
    request: Request,
    *,
    folder: Path,
    resume: bool,
    cases: Sequence[Case] | None,
    workers: Sequence[WorkerSpec] | None,
    ahead: HeadStart | None,
) -> Gathered:
    """Read what a request names, and refuse what cannot be used.

    Args:
        folder: the study's, which need not be there.
        resume: go on with the study that is there.
        cases: the pictures, where they do not come from the sources of the request.
        workers: of a cluster; ``None``: those of this machine.
        ahead: starts these as soon as it is known where they work.

    Raises:
        DipsearchError: something cannot be used; nothing was begun.
    """
    then = read_request(folder / REQUEST_FILE) if resume else request
    if resume:
        _check_request(then, request)
    request = replace(request, storage=whole_address(then.storage or request.storage, given=request.storage))
    if ahead is not None:
        if gpus := expected_gpus(request.device, workers=request.workers):
            # Before this process asks for a GPU's context itself, which takes as long.
            ahead.begin(gpus, besides=1)
        else:
            ahead.prepare()
    notes = list[str]()
    if workers is None:
        devices = choose_devices(request.device, workers=request.workers, tell=notes.append)
    else:
        devices = tuple(one.device for one in workers)
    space = load_space(request.space)
    if cases is None:
        cases = [load_case(source, request.options, seed=request.seed) for source in request.sources]
    names = unique_names([case.name for case in cases])
    notes += of_each(names, cases, [case.notes for case in cases])
    begun = None
    if resume:
        _check_pictures(folder, names, cases)
        begun = [_begun_on(folder, name) for name in names]
    elif request.storage is not None:
        refuse_taken_name(request.name, request.storage)
    return Gathered(request, folder, names, cases, space, devices, begun, then.name, notes)


def of_each(
    names: Sequence[str],
    cases: Sequence[Case],
    sentences: Sequence[Sequence[str]],
    *,
    alone: bool | None = None,
) -> list[str]:
    """The sentences on each picture, with its name where there are several; planes that agree have one."""
    said = [(name, sentence) for name, some in zip(names, sentences, strict=True) for sentence in some]
    stacks = planes_together(names, [case.source for case in cases])
    return in_lines(said, stacks, alone=len(names) == 1 if alone is None else alone)


def _check_request(then: Request, request: Request) -> None:
    """Refuse to go on with a study by another request than the one that it was begun with."""
    if difference := then.differs_from(request):
        raise StudyError(
            f"the study '{request.name}' was asked for something else: {difference}",
            "its candidates would not be comparable with new ones",
            "give the same options as before, or search under another --name",
        )


def _check_pictures(folder: Path, names: Sequence[str], cases: Sequence[Case]) -> None:
    for name, case in zip(names, cases, strict=True):
        then = read_problem(problem_path(folder, kind=WHOLE, name=name))
        if then.y.shape != case.problem.y.shape or image_digest(then.y) != image_digest(case.problem.y):
            raise StudyError(
                f"the image {case.source} is not the one that this study was begun with",
                "its candidates would not be comparable with new ones",
                "restore the image, or search under another --name",
            )


def _begun_on(folder: Path, name: str) -> Crop:
    """What the candidates of a study to be resumed were fitted to."""
    path = problem_path(folder, kind=SEARCHED, name=name)
    return Crop(read_problem(path), read_box(path))
