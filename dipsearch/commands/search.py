"""``dipsearch search``: find the architecture that restores a picture, and restore it.

The options become a ``Request``; the room ``run`` does everything else. A request can also be read from
a file (``--recipe``, or ``--resume`` without a picture); then only what may change on the way is said anew.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import request_words
from ..errors import InputError
from . import options as shared
from . import parsing
from .lasting_imports import SEARCHING, import_to_last

if TYPE_CHECKING:
    from ..run import Request
    from .console import Words

DEFAULT_BUDGET = "10m"
_MAY_CHANGE = ("budget", "trials", "workers", "device", "engine", "storage", "cluster")
_ABOUT_THE_RUN = ("name", "resume", "recipe", "verbose", "quiet", "json")


def search(
    context: typer.Context,
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="IMAGE", help=shared.SOURCES_HELP, show_default=False)
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", metavar=shared.TASK_WORDS, help=shared.TASK_HELP)
    ] = None,
    mask: shared.Mask = None,
    invert_mask: shared.InvertMask = False,
    missing: shared.Missing = None,
    sigma: shared.Sigma = None,
    photons: shared.Photons = None,
    factor: shared.Factor = None,
    kernel: shared.Kernel = None,
    reference: shared.Reference = None,
    simulate: shared.Simulate = False,
    value_range: shared.Range = None,
    data_range: shared.DataRange = None,
    axes: shared.Axes = None,
    space: Annotated[str, typer.Option("--space", metavar="NAME|FILE", help="The search space.")] = "skip",
    sampler: Annotated[
        str,
        typer.Option("--sampler", metavar="|".join(request_words.SAMPLERS), help="Who proposes candidates."),
    ] = "pilot",
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="DURATION", help="Time for everything: 90s, 10m (default), 1h30m."),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            metavar="N",
            min=1,
            max=parsing.LARGEST,
            help="Finish N candidates; alone or within the budget.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            metavar="N",
            min=1,
            max=parsing.LARGEST,
            help="Iterations of one fit at the most; it stops by itself before.",
        ),
    ] = None,
    workers: shared.Workers = None,
    device: shared.Device = "auto",
    engine: shared.Engine = "auto",
    precision: shared.Precision = "tf32",
    start: shared.Start = "auto",
    order: shared.Order = "auto",
    seed: shared.Seed = 0,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of the study; its folder is studies/NAME.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with study --name; IMAGE and task may be left out then.")
    ] = False,
    recipe: Annotated[
        Path | None,
        typer.Option("--recipe", metavar="FILE", help="Run what a study.yaml asks for, instead of IMAGE."),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            metavar="URL",
            help="A database that keeps the study, for people who keep many; its password is not kept.",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="ADDRESS",
            help="Fit on a Dask cluster: tcp://HOST:8786, or local:4 for four processes here.",
        ),
    ] = None,
    verbose: shared.Verbose = False,
    quiet: shared.Quiet = False,
    json: shared.Json = False,
) -> None:
    """Search the architecture that restores IMAGE best; restore it; keep both in studies/NAME."""
    started = time.monotonic()  # the budget pays for the imports below, too
    if name is not None:
        parsing.study_name(name)
    changes = _limits(budget, trials)
    if workers is not None:
        changes["workers"] = workers
    if storage is not None:
        changes["storage"] = parsing.storage_url(storage)
    if cluster is not None:
        changes["cluster"] = cluster
        if given := [f"--{word}" for word in ("workers", "device") if _typed(context, word)]:
            raise InputError(
                f"{' and '.join(given)} stand beside --cluster {cluster}",
                "a cluster says itself what its workers are",
                "leave them out; --cluster local:4 has four processes",
            )
    if _typed(context, "device"):
        changes["device"] = parsing.device_word(device)
    if _typed(context, "engine"):
        changes["engine"] = parsing.one_of(engine, parsing.ENGINES, option="--engine")
    if resume and name is None:
        raise InputError("--resume was given without --name", "it goes on with one study", "add --name NAME")

    if recipe is not None or (resume and not sources):
        file = recipe or parsing.study_folder(name or "") / parsing.STUDY_FILE
        request = _repeated(_written_request(context, file), changes, file=file)
        written = parsing.study_name(request.name)
        request = replace(request, name=name or parsing.free(written, root=parsing.STUDIES))
    else:
        sampler_word = parsing.one_of(sampler, request_words.SAMPLERS, option="--sampler")
        precision_word = parsing.one_of(precision, parsing.PRECISIONS, option="--precision")
        start_word = parsing.one_of(start, request_words.STARTS, option="--start")
        order_word = parsing.one_of(order, request_words.ORDERS, option="--order")
        pictures = parsing.expand_sources(sources or (), leave_out=(mask, reference))
        import_to_last(*SEARCHING)
        options = shared.task_options(
            task,
            mask=mask,
            invert_mask=invert_mask,
            missing=missing,
            sigma=sigma,
            photons=photons,
            factor=factor,
            kernel=kernel,
            reference=reference,
            simulate=simulate,
            value_range=value_range,
            data_range=data_range,
            axes=axes,
        )

        pictures = shared.with_planes(pictures, options)

        from ..run import Request

        request = Request(
            sources=pictures,
            options=options,
            name=name or parsing.free(parsing.suggested_name(pictures, options.task), root=parsing.STUDIES),
            space=space,
            sampler=sampler_word,
            steps=steps,
            seed=seed,
            precision=precision_word,
            start=start_word,
            order=order_word,
            **(changes if budget or trials else _limits(DEFAULT_BUDGET, None) | changes),
        )
    from .console import words_of

    _run(request, resume=resume, words=words_of(verbose=verbose), quiet=quiet, json=json, started=started)


def _repeated(written: Request, changes: dict[str, Any], *, file: Path) -> Request:
    """The request in a file with its changes; what it wants to be connected to has to be among these."""
    from ..trials.storage_url import whole_address

    cluster, repeated = written.cluster, changes.get("cluster")
    if cluster is not None and repeated is None and not cluster.startswith("local:"):
        raise InputError(
            f"{file} names the cluster {cluster}",
            "an address in a file is not connected to unless it is given again",
            "give it by --cluster, or --cluster local:N for processes of this machine",
        )
    storage = whole_address(written.storage, given=changes.get("storage"))
    return replace(written, **{**changes, "storage": storage})


def _run(request: Request, *, resume: bool, words: Words, quiet: bool, json: bool, started: float) -> None:
    from ..files import dispensable
    from ..report import write_page
    from ..run import read_study, run_search
    from .console import listening, print_json, print_pairs

    with listening(words, quiet=quiet, json=json) as callback:
        outcome = run_search(request, root=parsing.STUDIES, resume=resume, callback=callback, started=started)
        lacking: list[str] = []
        with dispensable(lacking):
            write_page(read_study(outcome.folder, storage=request.storage, cases=outcome.cases))
        for sentence in lacking:
            callback.warn(sentence)
    if json:
        print_json(outcome.result, kept=f"it is kept in {outcome.folder / 'result.json'}")
    elif not quiet:
        print_pairs(words.outcome(outcome))


def _limits(budget: str | None, trials: int | None) -> dict[str, Any]:
    """When the search ends, as it was typed; both: whichever comes first; empty when neither was."""
    if budget is None and trials is None:
        return {}
    return {"budget_seconds": None if budget is None else parsing.seconds(budget), "trials": trials}


def _written_request(context: typer.Context, file: Path) -> Request:
    """The request in ``file``; options that would be ignored beside it are refused."""
    for option in context.params:
        if option not in _MAY_CHANGE and option not in _ABOUT_THE_RUN and _typed(context, option):
            raise InputError(
                f"{_as_typed(option)} was given, and {file} says it already",
                f"beside it only {', '.join('--' + word for word in _MAY_CHANGE)} can be given",
                "leave it out, or write the command out in full",
            )
    parsing.existing_file(str(file), option="--recipe")
    import_to_last(*SEARCHING)

    from ..run import read_request

    return read_request(file)


def _as_typed(option: str) -> str:
    """An option as it stands on the command line."""
    names = {"value_range": "--range", "sources": "a picture"}
    return names.get(option, f"--{option.replace('_', '-')}")


def _typed(context: typer.Context, option: str) -> bool:
    """Whether the option stands on the command line, as opposed to its default."""
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"
