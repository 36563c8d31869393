"""``dipsearch bench answers``: whether what a search delivers is the best of the answers that it had."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from .. import parsing
from . import bench_options as shared

FILE, SECTION, RIVALS = "answers.json", "answers", "rivals.json"


def answers(
    sources: shared.Sources = None,
    crop: shared.Crop = 128,
    tasks: shared.Tasks = "denoise,inpaint,sr",
    damage: shared.Damage = None,
    seconds: shared.Seconds = 60,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the damage and of the search.")] = 0,
    workers: shared.Workers = 2,
    most: Annotated[
        int | None,
        typer.Option("--most", metavar="N", min=1, help="Only the first N pictures; all when absent."),
    ] = None,
    recorded_only: shared.RecordedOnly = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Search on damaged crops of clean pictures, and record every answer: is the delivered one the best? Resumable.

    Searches whose rows are there are not made again. BM3D's row is made where bm3d is installed.
    """
    given = () if recorded_only else parsing.expand_sources(sources or ())
    shared.refuse_missing_rows(out / FILE, recorded_only=recorded_only)

    from ...bench.answers.answer_rows import COMMAND, AnswerRow
    from ...bench.answers.answer_run import Questions, ask
    from ...bench.answers.answer_table import answers_markdown, bm3d_of_rivals
    from ...bench.cases.half_size_crops import refuse_namesakes
    from ...bench.cases.rival_case import clean_sources
    from ...bench.cases.rival_damages import chosen_damages
    from ...bench.rivals.own_search import run_search
    from ...bench.rivals.rival_rows import COMMAND as RIVAL_COMMAND
    from ...bench.rivals.rival_rows import RivalRow
    from ...bench.shared.machine import machine_name
    from ...bench.shared.row_file import RowFile, read_rows

    damages = chosen_damages(shared.words(tasks), shared.words(damage) if damage else None)
    about = {"machine": machine_name("cpu")} | shared.about_now()
    file = RowFile(out / FILE, AnswerRow, command=COMMAND, about=about)
    rivals = out / RIVALS
    others = read_rows(rivals, RivalRow, command=RIVAL_COMMAND) if rivals.is_file() else []
    bm3d = bm3d_of_rivals(others)
    if not recorded_only:
        clean = clean_sources(given)[:most]
        refuse_namesakes(clean, side=crop)
        wanted = Questions(clean, crop, damages, seconds, seed, workers, run_search(workers), known=bm3d)
        ask(wanted, file, say=shared.say)
    shared.publish_rows(file, partial(answers_markdown, bm3d=bm3d), section=SECTION, page=page)
