"""``dipsearch bench patches``: what the settings of similar patches are worth, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ...errors import InputError
from .. import parsing
from . import bench_options as shared

FILE, SECTION = "patches.json", "patches"
BENCH_TASKS = ("denoise", "inpaint", "sr")
SMALLEST = 32


def patches(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FOLDER", help="Of clean pictures, beside coffee, chelsea and rocket of scikit-image."
        ),
    ] = None,
    pictures: Annotated[
        str | None,
        typer.Option("--pictures", metavar="NAME,NAME…", help="Only these of the FOLDERs; all when absent."),
    ] = None,
    tasks: shared.Tasks = "denoise,inpaint,sr",
    crop: Annotated[
        int,
        typer.Option(
            "--crop",
            metavar="N",
            min=SMALLEST,
            help="Side of the middle of a picture at half its size.",
        ),
    ] = 128,
    recorded_only: shared.RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Vary the settings of similar patches one at a time, and measure quality and time. Resumable.

    Rows that are there are not made again, unless the settings or the picture have changed.
    """
    kinds = shared.known(tasks, BENCH_TASKS, option="--tasks")
    given = () if recorded_only or not sources else parsing.expand_sources(sources)
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    from ...bench.cases.half_size_crops import refuse_namesakes
    from ...bench.cases.rival_case import clean_sources
    from ...bench.patches import patch_settings
    from ...bench.patches.patch_rows import COMMAND, PatchRow, patches_markdown
    from ...bench.patches.patch_variants import VARIANTS
    from ...bench.shared.row_file import RowFile
    from ...patches import answer

    about = shared.about_now()
    file = RowFile(out / FILE, PatchRow, command=COMMAND, about=about)
    if not recorded_only:
        chosen = [*patch_settings.BUNDLED, *_named(clean_sources(given) if given else [], pictures)]
        refuse_namesakes(chosen, side=crop)
        wanted = patch_settings.Tuning(chosen, crop, kinds, VARIANTS, answer)
        patch_settings.measure_settings(wanted, file, say=shared.say)
    shared.publish_rows(file, patches_markdown, section=SECTION, page=page)


def _named(sources: Sequence[str], names: str | None) -> list[str]:
    """The pictures of these names."""
    if names is None:
        return list(sources)
    wanted = shared.words(names)
    there = {Path(source).stem for source in sources}
    for name in wanted:
        if name not in there:
            raise InputError(
                f"there is no picture {name!r} in the folders given",
                "--pictures names files without their suffix",
                f"they are {', '.join(sorted(there)[:12])}" if there else "give the folder that holds it",
            )
    return [source for source in sources if Path(source).stem in wanted]
