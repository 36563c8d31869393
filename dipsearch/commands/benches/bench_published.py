"""``dipsearch bench published``: the literature's pictures and protocols, ours beside the published figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import InputError
from .. import parsing
from ..options import Device
from . import bench_options as shared

FILE, SECTION = "published.json", "published"


def published(
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            help="With the folders standard9, set5, set14 and inpainting11 of clean pictures.",
        ),
    ] = None,
    rows: Annotated[
        str, typer.Option("--rows", metavar="ROW,ROW…", help="Which tasks of the table.")
    ] = "denoise,sr4,sr8,inpaint",
    sets: Annotated[
        str | None, typer.Option("--sets", metavar="SET,SET…", help="Which sets; all when absent.")
    ] = None,
    pictures: Annotated[
        str | None,
        typer.Option("--pictures", metavar="NAME,NAME…", help="Which pictures of them; all when absent."),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            "--methods",
            metavar="NAME,NAME…",
            help="dipsearch, networks, first (the three come from one search), bm3d, simplest; all when absent.",
        ),
    ] = None,
    seconds: Annotated[
        int, typer.Option("--seconds-per-picture", metavar="S", min=1, help="Budget of each search.")
    ] = 60,
    at_once: Annotated[
        int, typer.Option("--at-once", metavar="K", min=1, help="Searches that run at the same time.")
    ] = 1,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the damage and of every method.")] = 0,
    device: Device = "auto",
    recorded_only: shared.RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Restore the literature's pictures, and stand beside its figures. Resumable after every picture.

    Rows that are there are not made again. BM3D is measured where its package is installed.
    """
    parsing.device_word(device)
    if data is None and not recorded_only:
        raise InputError(
            "no folder of pictures was given",
            "it holds the folders standard9, set5, set14 and inpainting11",
            "write for example --data pictures, or --recorded-only to make the page alone",
        )
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    from ...bench.published.parallel_searches import begin_search
    from ...bench.published.published_rows import COMMAND, PublishedRow
    from ...bench.published.published_run import METHODS, PublishedRun, measure_published
    from ...bench.published.published_table import published_markdown
    from ...bench.published.published_tasks import chosen_pictures
    from ...bench.rivals.rivals import chosen_methods
    from ...bench.shared.machine import machine_name
    from ...bench.shared.row_file import RowFile
    from ...run.devices import choose_devices

    names = chosen_methods(shared.words(methods) if methods else None, among=METHODS)
    about = shared.about_now()
    file = RowFile(out / FILE, PublishedRow, command=COMMAND, about=about)
    if data is not None and not recorded_only:
        chosen = chosen_pictures(
            data,
            rows=shared.words(rows),
            sets=shared.words(sets) if sets else None,
            pictures=shared.words(pictures) if pictures else None,
        )
        devices = choose_devices(device, workers=None)
        # Searches that share the cores of one processor divide them; on a GPU each takes what it wants.
        workers = max(1, len(devices) // at_once) if devices[0] == "cpu" else None
        wanted = PublishedRun(
            pictures=chosen,
            methods=names,
            seconds=seconds,
            at_once=at_once,
            seed=seed,
            device=machine_name(devices[0]),
            processor=machine_name("cpu"),
            begin=begin_search(seconds=seconds, device=device, workers=workers),
        )
        if count := len(wanted.searches(file)):
            print(_how_long(count, seconds=seconds, at_once=at_once, machine=wanted.device), flush=True)
        measure_published(wanted, file, say=shared.say)
    shared.publish_rows(file, published_markdown, section=SECTION, page=page)


def _how_long(count: int, *, seconds: int, at_once: int, machine: str) -> str:
    """What is about to happen, in one line, before hours go by."""
    whole = -(-count // at_once) * seconds
    length = (
        f"{whole / 3600:.1f} h" if whole > 7200 else f"{whole / 60:.0f} min" if whole > 120 else f"{whole} s"
    )
    pictures = f"{count} picture{'s' if count > 1 else ''} × {seconds} s"
    together = f", {at_once} at once" if at_once > 1 else ""
    return f"{pictures}{together} on {machine}: about {length}; every row is kept as soon as it is there"
