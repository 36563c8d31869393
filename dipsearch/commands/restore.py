"""``dipsearch restore``: use what a search has found on another picture."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from .. import request_words
from ..errors import InputError
from . import options as shared
from . import parsing
from .exit_codes import INTERRUPTED, SOME_REFUSED
from .lasting_imports import SEARCHING, import_to_last


def restore(
    architecture: Annotated[
        str,
        typer.Argument(
            metavar="ARCHITECTURE|STUDY",
            help="An architecture.yaml, a study (its ensemble is fitted), or a published network's name.",
        ),
    ],
    sources: shared.Sources,
    task: shared.TaskWord,
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
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER|FILE",
            help="Where the results go, each in the format of its picture; of one picture or stack also a file.",
        ),
    ] = Path("restored"),
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="DURATION", help="Time for everything; none when absent."),
    ] = None,
    workers: shared.Workers = None,
    device: shared.Device = "auto",
    engine: shared.Engine = "auto",
    precision: shared.Precision = "tf32",
    start: shared.Start = "auto",
    seed: shared.Seed = 0,
    sgld: Annotated[
        int | None,
        typer.Option(
            "--sgld",
            metavar="ITERATIONS",
            min=20,
            max=parsing.LARGEST,
            help="Average a long fit with disturbed weights instead of stopping one (usual: 20000).",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Leave out pictures whose results of the same networks and options are there."
        ),
    ] = False,
    verbose: shared.Verbose = False,
    quiet: shared.Quiet = False,
    json: shared.Json = False,
) -> None:
    """Restore IMAGE with an architecture that was found before; every fit still stops by itself.

    Exit code: 0; 2 for what you can mend; 3 where some of several pictures could not be restored; 130 where it was
    ended early.
    """
    started = time.monotonic()  # the budget pays for the imports below, too
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
    pictures = parsing.expand_sources(sources, leave_out=(mask, reference))
    budget_seconds = None if budget is None else parsing.seconds(budget)
    parsing.device_word(device)
    start_word = parsing.one_of(start, request_words.STARTS, option="--start")
    engine_word = parsing.one_of(engine, parsing.ENGINES, option="--engine")
    precision_word = parsing.one_of(precision, parsing.PRECISIONS, option="--precision")
    if sgld is not None and (workers is not None or start_word != "auto"):
        raise InputError(
            f"{'--workers' if workers is not None else '--start'} was given beside --sgld",
            "one long fit is made in this process, from random weights",
            "leave it out",
        )
    found = parsing.architecture_or_study(architecture)

    from ..fitting import Compute, Langevin
    from ..report import restored_rows
    from ..run import run_restore, run_sampling
    from .console import listening, print_json, print_pairs, words_of

    with listening(words_of(verbose=verbose), quiet=quiet, json=json) as callback:
        if sgld is not None:
            results = run_sampling(
                found,
                pictures,
                options,
                out=out,
                device=device,
                seed=seed,
                langevin=Langevin.of_length(sgld),
                budget_seconds=budget_seconds,
                compute=Compute(engine_word, precision_word),
                started=started,
                callback=callback,
                resume=resume,
            )
        else:
            results = run_restore(
                found,
                pictures,
                options,
                out=out,
                device=device,
                workers=workers,
                seed=seed,
                budget_seconds=budget_seconds,
                compute=Compute(engine_word, precision_word),
                started=started,
                callback=callback,
                start=start_word,
                resume=resume,
            )
    if json:
        print_json(results.rows, kept="what was restored is written")
    elif not quiet:
        print_pairs(restored_rows(results.rows))
    if results.ended_by:
        raise typer.Exit(INTERRUPTED)
    if results.refused:
        raise typer.Exit(SOME_REFUSED)
