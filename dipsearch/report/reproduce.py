"""Everything that is needed to run a study again: the command, the seed, the versions, the request."""

from __future__ import annotations

import platform
import shlex
from importlib.metadata import PackageNotFoundError, version

from ..calling import program
from ..delivery.answer_words import networks_helped
from ..errors import DipsearchError
from ..library import read_architecture
from ..plain_files import inside_or_none
from ..problem import TaskOptions
from ..run import Request, StudyRecord
from ..trials.request import ARRAY

_PACKAGES = ("torch", "numpy", "optuna", "plotly")


def search_command(request: Request) -> str:
    """The command line that asks for ``request`` under another name, since that of a study which is there is refused.

    It is quoted for a shell; empty for what was asked from Python.
    """
    options = request.options
    if _from_python(request):
        return ""
    words = [*program().split(), "search", "--task", options.task, *request.sources]
    flags: list[tuple[str, object]] = [
        ("--mask", options.mask),
        ("--invert-mask", options.invert_mask),
        ("--missing", None if options.missing is None else _exact(options.missing)),
        ("--sigma", None if options.sigma is None else _exact(options.sigma)),
        ("--photons", None if options.photons is None else _exact(options.photons)),
        ("--factor", options.factor if options.task == "sr" else None),
        ("--kernel", options.kernel),
        ("--reference", options.reference),
        ("--simulate", options.simulate),
        ("--data-range", None if options.data_range is None else _exact(options.data_range)),
        ("--axes", options.axes),
        ("--space", request.space),
        ("--sampler", request.sampler),
        ("--budget", None if request.budget_seconds is None else f"{_exact(request.budget_seconds)}s"),
        ("--trials", request.trials),
        ("--steps", request.steps),
        # A cluster says itself what its workers are.
        ("--workers", None if request.cluster else request.workers),
        ("--device", None if request.cluster else request.device),
        ("--cluster", request.cluster),
        ("--engine", request.engine),
        ("--precision", request.precision),
        ("--start", request.start),
        ("--order", request.order),
        ("--seed", request.seed),
        ("--name", f"{request.name[:90]}-again"),
    ]
    for flag, value in flags:
        if value is True:
            words.append(flag)
        elif value is not None and value is not False:
            words += [flag, str(value)]
    if options.value_range is not None:
        words += ["--range", *map(_exact, options.value_range)]
    return shlex.join(words)


def restore_command(record: StudyRecord) -> str:
    """The command line that reuses what the study found on another picture; empty where it has nothing for that."""
    winner = record.winner()
    there = inside_or_none(record.folder, "best/stack.yaml")  # which is what is fitted to other pictures
    if there is None or winner is None or winner.genome is None or _from_python(record.request):
        return ""
    if record.result is not None and not networks_helped(record.result):
        return ""
    options = record.request.options
    return reuse_command(str(record.folder), options)


def _from_python(request: Request) -> bool:
    return any(source.startswith(ARRAY) for source in request.sources)


def reuse_command(folder: str, options: TaskOptions) -> str:
    """The command line that fits what a study's folder has to another picture with the same damage."""
    words = [*program().split(), "restore", folder, "IMAGE", "--task", options.task]
    if options.task == "sr":
        words += ["--factor", str(options.factor)]
    if options.kernel is not None:
        words += ["--kernel", options.kernel]
    return shlex.join(words)


def _exact(value: float) -> str:
    """A number as it is read again."""
    return str(int(value)) if value == int(value) else repr(value)


def version_rows(record: StudyRecord) -> tuple[tuple[str, str], ...]:
    """What the study ran with, as far as it was recorded, and what wrote the page: name and version."""
    try:
        ran = read_architecture(record.folder / "best" / "architecture.yaml").provenance.versions
    except DipsearchError:
        ran = {}
    if not ran and record.result and record.result.get("version"):
        ran = {"dipsearch": str(record.result["version"])}
    here = {name: found for name in _PACKAGES if (found := _version(name))}
    return (
        ("searched with", ", ".join(f"{name} {found}" for name, found in ran.items()) or "not recorded"),
        (
            "page written with",
            ", ".join(
                (
                    *(f"{name} {found}" for name, found in here.items()),
                    f"Python {platform.python_version()}",
                )
            ),
        ),
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
