"""The options that several benches share, each described once, and the check before rows are only read."""

from __future__ import annotations

from collections.abc import Sized
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError

PAGE, FOLDER = Path("BENCHMARKS.md"), Path("benchmarks")

TABLE = FOLDER / "table.npz"
TableFile = Annotated[
    Path,
    typer.Option("--table", metavar="FILE", help="That bench table wrote, with its .json beside it."),
]
Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="FOLDER", help="Of clean pictures, or the pictures themselves."),
]
Crop = Annotated[
    int,
    typer.Option(
        "--crop", metavar="N", help="Side of the middle that is taken; larger pictures are halved before."
    ),
]
Tasks = Annotated[str, typer.Option("--tasks", metavar="TASK,TASK…", help="Which tasks.")]
Damage = Annotated[
    str | None,
    typer.Option(
        "--damage",
        metavar="NAME,NAME…",
        help="sigma25, sigma10, sigma50, poisson30, impulse30; half, text, hole; x4, x2, x8. "
        "The first of each task when absent.",
    ),
]
Seconds = Annotated[int, typer.Option("--seconds", metavar="N", help="Budget of each search.")]
RecordedOnly = Annotated[
    bool, typer.Option("--recorded-only", help="Measure nothing: the page from the rows that are there.")
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the rows go, as JSON.")]
Page = Annotated[Path, typer.Option("--page", metavar="FILE", help="The page whose section is written anew.")]


def refuse_missing_rows(file: Path, *, recorded_only: bool) -> None:
    """Raise InputError where rows are only to be read, and there are none."""
    if recorded_only and not file.is_file():
        raise InputError(
            f"there is no {file}",
            "--recorded-only reads it",
            "leave that out to measure, or give --out",
        )


def refuse_no_rows(rows: Sized, *, name: str) -> None:
    """Raise InputError where a table without a row would take the place of the one that is there."""
    if not len(rows):
        raise InputError(
            f"there is nothing to write into the table {name}",
            "a table with rows is not replaced by an empty one",
            "choose more pictures or networks, or measure some first",
        )


def words(text: str) -> list[str]:
    """The words of a list as it was typed."""
    return [word.strip() for word in text.split(",")]
