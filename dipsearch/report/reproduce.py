"""Everything that is needed to run a study again: the command, the seed, the versions, the request."""

from __future__ import annotations

import platform
import shlex
from importlib.metadata import PackageNotFoundError, version

from ..errors import DipsearchError
from ..library import read_architecture
from ..run import Request, StudyRecord

_PACKAGES = ("torch", "numpy", "optuna", "plotly")


def search_command(request: Request) -> str:
    """The command line that asks for ``request``, quoted for a shell."""
    options = request.options
    words = ["dipsearch", "search", "--task", options.task, *request.sources]
    flags: list[tuple[str, object]] = [
        ("--mask", options.mask),
        ("--invert-mask", options.invert_mask),
        ("--missing", None if options.missing is None else f"{options.missing:g}"),
        ("--sigma", None if options.sigma is None else f"{options.sigma:g}"),
        ("--photons", None if options.photons is None else f"{options.photons:g}"),
        ("--factor", options.factor if options.task == "sr" else None),
        ("--kernel", options.kernel),
        ("--reference", options.reference),
        ("--simulate", options.simulate),
        ("--data-range", None if options.data_range is None else f"{options.data_range:g}"),
        ("--axes", options.axes),
        ("--space", request.space),
        ("--sampler", request.sampler),
        ("--budget", None if request.budget_seconds is None else f"{request.budget_seconds:g}s"),
        ("--trials", request.trials),
        ("--steps", request.steps),
        ("--workers", request.workers),
        ("--device", request.device),
        ("--cluster", request.cluster),
        ("--engine", request.engine),
        ("--precision", request.precision),
        ("--start", request.start),
        ("--order", request.order),
        ("--seed", request.seed),
        ("--name", request.name),
    ]
    for flag, value in flags:
        if value is True:
            words.append(flag)
        elif value is not None and value is not False:
            words += [flag, str(value)]
    if options.value_range is not None:
        words += ["--range", *(f"{value:g}" for value in options.value_range)]
    return shlex.join(words)


def restore_command(record: StudyRecord) -> str:
    """The command line that reuses what the study found on another picture."""
    options = record.request.options
    kernel = "" if options.kernel is None else f" --kernel {shlex.quote(options.kernel)}"
    return f"dipsearch restore {shlex.quote(str(record.folder))} IMAGE --task {options.task}{kernel}"


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
