"""``dipsearch bench patches``: what the settings of similar patches are worth, and what a first answer costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from . import bench_options as shared
from . import parsing

FILE, SECTION = "patches.json", "patches"
BENCH_TASKS = ("denoise", "inpaint", "sr")
WHAT = ("settings", "speed")
SMALLEST = 32


def patches(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FOLDER", help="Of clean pictures, beside coffee, chelsea and rocket of scikit-image."
        ),
    ] = None,
    what: Annotated[
        str, typer.Option("--what", metavar="WORD,WORD", help="settings, speed, or both.")
    ] = "settings,speed",
    pictures: Annotated[
        str | None,
        typer.Option("--pictures", metavar="NAME,NAME…", help="Only these of the FOLDERs; all when absent."),
    ] = None,
    tasks: shared.Tasks = "denoise,inpaint,sr",
    crop: Annotated[
        int,
        typer.Option(
            "--crop", metavar="N", help="Settings: side of the middle of a picture at half its size."
        ),
    ] = 128,
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="N,N…", help="Speed: sides of the square picture, in pixels.")
    ] = "128,256,512,1024",
    megapixels: Annotated[
        float | None, typer.Option("--megapixels", metavar="M", help="Speed: of one photo besides.")
    ] = None,
    threads: Annotated[
        int, typer.Option("--threads", metavar="N", help="Speed: that work on the tiles of a large picture.")
    ] = 1,
    recorded_only: shared.RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Vary the settings of similar patches one at a time, and measure time and memory of first answers. Resumable.

    Rows that are there are not made again, unless the settings or the picture have changed.
    """
    parts, kinds = _some(what, WHAT, option="--what"), _some(tasks, BENCH_TASKS, option="--tasks")
    sides = _sides(sizes)
    parsing.at_least(SMALLEST, crop, option="--crop")
    parsing.at_least(1, threads, option="--threads")
    if megapixels is not None and not 0.01 <= megapixels <= 200:
        raise InputError(
            f"--megapixels is {megapixels:g}", "it is 0.01 to 200", "write for example --megapixels 12"
        )
    given = () if recorded_only or not sources else parsing.expand_sources(sources)
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    import time

    from ..bench import patch_settings, patch_speed, write_section
    from ..bench.half_size_crops import refuse_namesakes
    from ..bench.machine import command_line, versions
    from ..bench.patch_rows import COMMAND, PatchRow
    from ..bench.patch_table import patches_markdown
    from ..bench.patch_variants import VARIANTS
    from ..bench.rival_case import clean_sources
    from ..bench.row_file import RowFile
    from ..patches import answer

    date = time.strftime("%Y-%m-%d")
    about = {"command": command_line(), "date": date, "versions": versions()}
    file = RowFile(out / FILE, PatchRow, command=COMMAND, about=about)
    if "settings" in parts and not recorded_only:
        chosen = [*patch_settings.BUNDLED, *_named(clean_sources(given) if given else [], pictures)]
        refuse_namesakes(chosen, side=crop)
        wanted = patch_settings.Tuning(chosen, crop, kinds, VARIANTS, answer)
        patch_settings.measure_settings(wanted, file, say=_say)
    if "speed" in parts and not recorded_only:
        jobs = patch_speed.speed_jobs(kinds, sides, megapixels=megapixels, threads=threads)
        patch_speed.measure_costs(jobs, file, say=_say, measure=patch_speed.fresh_process)
    command, date = file.measured_by
    write_section(page, SECTION, patches_markdown(file.rows, command=command, date=date))
    print(f"written: {len(file.rows)} rows in {out / FILE}, and the section {SECTION} of {page}")


def _say(line: str) -> None:
    print(line, flush=True)


def _some(text: str, words: Sequence[str], *, option: str) -> list[str]:
    """Those of the words that are named, in the order of ``words``."""
    named = [word.strip() for word in text.split(",")]
    for word in named:
        if word not in words:
            raise InputError(
                f"{option} {word!r} is not known",
                f"it is one or more of {', '.join(words)}",
                f"write for example {option} {words[0]}",
            )
    return [word for word in words if word in named]


def _named(sources: Sequence[str], names: str | None) -> list[str]:
    """The pictures of these names."""
    if names is None:
        return list(sources)
    wanted = [name.strip() for name in names.split(",")]
    there = {Path(source).stem for source in sources}
    for name in wanted:
        if name not in there:
            raise InputError(
                f"there is no picture {name!r} in the folders given",
                "--pictures names files without their suffix",
                f"they are {', '.join(sorted(there)[:12])}" if there else "give the folder that holds it",
            )
    return [source for source in sources if Path(source).stem in wanted]


def _sides(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < SMALLEST:
        raise InputError(
            f"--sizes is {text!r}",
            f"it is numbers of pixels, at least {SMALLEST}",
            "write for example --sizes 128,256",
        )
    return sorted(set(numbers))
