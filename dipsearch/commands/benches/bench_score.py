"""``dipsearch bench stopping``, ``ranking`` and ``replay``: how right the score is, with the clean pictures in hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import InputError
from . import bench_options as shared

if TYPE_CHECKING:
    from ...bench.recordings.recorder import Job

ARCHIVE = shared.FOLDER / "recordings.npz"

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", help="Of the standard pictures; bundled ones when absent."),
]
Damages = Annotated[
    str | None, typer.Option("--damages", metavar="NAME,NAME…", help="Which damages; all when absent.")
]
Large = Annotated[
    bool,
    typer.Option(
        "--large", help="Nine whole pictures of 512 × 512 with four kinds of noise, on a CUDA device."
    ),
]
Device = Annotated[
    str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda or cuda:N, of all fits.")
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--steps", metavar="N", min=100, help="Iterations of a recording, at most; 1200, or 10000 if large."
    ),
]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="N", min=1, help="Processes; one per core when absent.")
]
Recordings = Annotated[
    Path | None,
    typer.Option("--recordings", metavar="FOLDER", help="Where recordings are kept; made when missing."),
]
RecordedOnly = Annotated[
    bool, typer.Option("--recorded-only", help="Fit nothing: tables from the recordings that are there.")
]


def stopping(
    data: Data = None,
    damages: Damages = None,
    networks: shared.Networks = None,
    seeds: shared.Seeds = 1,
    steps: Steps = None,
    workers: Workers = None,
    large: Large = False,
    device: Device = "auto",
    recordings: Recordings = None,
    recorded_only: RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Stopping rules on the same recorded fits: how far below its own peak each stops. Resumable.

    A fit is recorded well beyond its stop, which takes hours for everything on two cores; what is recorded is not
    recorded again. Also packs all curves into recordings.npz, for `bench replay`.
    """
    kept = recordings or shared.FOLDER / f"recordings{_ending(large)}"
    jobs = _recorded(data, damages, networks, seeds, steps, workers, large, device, kept, recorded_only)

    from ...bench.recordings.archive import read_entries, write_archive
    from ...bench.recordings.score_tables import stopping_markdown, stopping_rows

    entries = read_entries(jobs, folder=kept)
    rows = stopping_rows(entries)
    title = "Stopping: loss below the fit's own peak in dB, mean · median / 95th percentile / largest"
    write_archive(out / f"{ARCHIVE.stem}{_ending(large)}.npz", entries)
    _publish(f"stopping{_ending(large)}", title, rows, stopping_markdown(rows), out=out, page=page)


def ranking(
    data: Data = None,
    damages: Damages = None,
    networks: shared.Networks = None,
    seeds: shared.Seeds = 1,
    steps: Steps = None,
    workers: Workers = None,
    large: Large = False,
    device: Device = "auto",
    recordings: Recordings = None,
    recorded_only: RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Criteria for choosing a network, on `bench stopping`'s recordings. Resumable."""
    kept = recordings or shared.FOLDER / f"recordings{_ending(large)}"
    jobs = _recorded(data, damages, networks, seeds, steps, workers, large, device, kept, recorded_only)

    from ...bench.recordings.archive import read_entries
    from ...bench.recordings.score_tables import ranking_markdown, ranking_rows

    ranked = ranking_rows(read_entries(jobs, folder=kept))
    title = "Ranking: Kendall's τ with the true PSNR, mean ± sd over cases · regret in dB, mean / largest"
    _publish(f"ranking{_ending(large)}", title, ranked, ranking_markdown(ranked), out=out, page=page)


def replay(
    archive: Annotated[Path, typer.Argument(metavar="FILE", help="Of recorded curves.")] = ARCHIVE,
    window: Annotated[
        int, typer.Option("--window", metavar="N", help="Check points in the running median.")
    ] = 5,
    floor: Annotated[
        int, typer.Option("--floor", metavar="N", min=1, help="No stop before this iteration.")
    ] = 200,
    patience: Annotated[
        int, typer.Option("--patience", metavar="N", min=1, help="Iterations without a better score.")
    ] = 300,
    patience_share: Annotated[
        float, typer.Option("--patience-share", metavar="X", help="The same as a share of the iteration.")
    ] = 0.5,
) -> None:
    """Judge the default stopping rule with other settings, beside the known rules, on recorded curves: in seconds."""
    if window < 1 or window % 2 == 0:
        raise InputError(f"--window is {window}", "it is an odd number", "write for example --window 5")

    from ...bench.recordings.archive import read_archive
    from ...bench.recordings.score_tables import (
        ranking_markdown,
        ranking_rows,
        stopping_markdown,
        stopping_rows,
    )
    from ...fitting import ValidationMinimum

    entries = read_archive(archive)
    rule = ValidationMinimum(window=window, floor=floor, patience=patience, patience_share=patience_share)
    name = f"window {window}, floor {floor}, patience {patience} or {patience_share:g} t"
    print(stopping_markdown(stopping_rows(entries, extra={name: rule})))
    print()
    print(ranking_markdown(ranking_rows(entries)))


def _recorded(
    data: Path | None,
    damages: str | None,
    networks: str | None,
    seeds: int,
    steps: int | None,
    workers: int | None,
    large: bool,
    device: str,
    recordings: Path,
    recorded_only: bool,
) -> list[Job]:
    """The jobs of a table, all recorded, or as many as there are."""
    steps = (10_000 if large else 1200) if steps is None else steps

    from ...bench.cases.damages import LARGE, SMALL
    from ...bench.cases.standard_pictures import picture_sources
    from ...bench.recordings.recorder import CONTESTANTS, PUBLISHED, make_jobs, make_recordings

    jobs = make_jobs(
        picture_sources(data, large=large),
        shared.known(damages, LARGE if large else SMALL, option="--damages"),
        shared.known(
            networks, [PUBLISHED, *CONTESTANTS] if large else list(CONTESTANTS), option="--networks"
        ),
        range(seeds),
        most_steps=steps,
    )
    if not recorded_only:
        place = _device(device, large=large)
        make_recordings(
            jobs,
            folder=recordings,
            workers=workers or ((os.cpu_count() or 1) if place == "cpu" else 1),
            device=place,
            watch=shared.say,
        )
    if not any((recordings / job.file).exists() for job in jobs):
        raise InputError(
            f"{recordings} holds no recording of these pictures",
            "a table is made of recordings",
            "leave out --recorded-only to make them",
        )
    return jobs


def _device(word: str, *, large: bool) -> str:
    """Where the fits run; the large benchmark takes weeks on a CPU, which has to be asked for."""
    from ...run.devices import choose_devices

    place = choose_devices(word, workers=1)[0]
    if large and place == "cpu" and word != "cpu":
        raise InputError(
            "no CUDA device is at hand for the large benchmark",
            "its fits have 10,000 iterations of 512 × 512, which takes weeks on a CPU",
            "run it where there is a GPU, or say --device cpu if you mean it",
        )
    return place


def _ending(large: bool) -> str:
    return "-large" if large else ""


def _publish(name: str, title: str, rows: Sequence[Any], table: str, *, out: Path, page: Path) -> None:
    shared.refuse_no_rows(rows, name=name)
    about, file = shared.about_now(), out / f"{name}.json"
    shared.write_json(file, about | {"rows": [asdict(row) for row in rows]})
    versions = f"dipsearch {about['versions']['dipsearch']}, torch {about['versions']['torch']}"
    text = f"## {title}\n\n`{about['command']}`, {about['date']}, {versions}.\n\n{table}"
    shared.publish(text, file=file, section=name, page=page)
