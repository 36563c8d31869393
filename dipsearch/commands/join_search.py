"""``dipsearch worker``: join a study that another process or machine has begun."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as shared
from . import parsing


def worker(
    study: Annotated[str, typer.Option("--study", metavar="NAME", help="The study's name.")],
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            metavar="URL",
            help="Its database; when absent, what studies/NAME or DIPSEARCH_STORAGE says.",
        ),
    ] = None,
    device: shared.Device = "auto",
    quiet: shared.Quiet = False,
) -> None:
    """Work on a study until it is finished; Ctrl-C gives the candidate at hand back."""
    parsing.study_name(study)
    parsing.storage_url(storage)
    parsing.device_word(device)

    from ..report.wording import plural
    from ..run import run_worker
    from .console import listening

    with listening(quiet=quiet) as callback:
        fitted = run_worker(study, storage=storage, device=device, callback=callback, root=parsing.STUDIES)
    if not quiet:
        print(f"fitted {plural(fitted, 'candidate')} of study {study}")
