"""What several benches share: options, each described once, lists of words, and how rows and pages are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from ...errors import InputError
from ...files import write_text
from .. import parsing
from ..parsing import Word

if TYPE_CHECKING:
    from ...bench.shared.row_file import RowFile

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
CROP_HELP = "Side of the middle that is taken; larger pictures are halved before."
Crop = Annotated[int, typer.Option("--crop", metavar="N", min=16, help=CROP_HELP)]
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
Seconds = Annotated[int, typer.Option("--seconds", metavar="N", min=1, help="Budget of each search.")]
Networks = Annotated[
    str | None, typer.Option("--networks", metavar="NAME,NAME…", help="Which networks; all when absent.")
]
Device = Annotated[str, typer.Option("--device", metavar="cpu|cuda[:N]|mps", help="Where the networks run.")]
Sizes = Annotated[
    str, typer.Option("--sizes", metavar="N,N…", help="Sides of the square picture, in pixels.")
]
Workers = Annotated[int, typer.Option("--workers", metavar="N", min=1, help="Processes of a search.")]
Seeds = Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="Seeds per picture, from 0 on.")]
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


def refuse_none(value: float | None, *, option: str, example: int) -> None:
    """Raise InputError where a number was typed that is not above 0."""
    if value is not None and not value > 0:
        raise InputError(f"{option} is {value:g}", "it is above 0", f"write for example {option} {example}")


def place_of(device: str) -> str:
    """The device that is meant by what was typed, as PyTorch names it.

    Raises:
        ResourceError: it is not there, or cannot be used.
    """
    from ...run.devices import choose_devices

    return choose_devices(device, workers=1)[0]


def about_now() -> dict[str, Any]:
    """What stands beside rows that are measured now: the command of this process, the date, the versions."""
    import time

    from ...bench.shared.machine import command_line, versions

    return {"command": command_line(), "date": time.strftime("%Y-%m-%d"), "versions": versions()}


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write what was measured to a file that people may read, too."""
    import json

    write_text(file, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def publish(text: str, *, file: Path, section: str, page: Path, rows: int | None = None) -> None:
    """Write a section of a page, and say so.

    Args:
        text: of the section, Markdown.
        file: with what the section was made of; it is there already.
        rows: how many the file holds, where that is worth saying.
    """
    from ...bench import write_section

    write_section(page, section, text)
    held = f"{file}" if rows is None else f"{rows} rows in {file},"
    print(f"written: {held} and the section {section} of {page}")


class Section(Protocol):
    """What makes the section of a page from rows."""

    def __call__(self, rows: tuple[Any, ...], /, *, command: str, date: str) -> str: ...


def publish_rows(file: RowFile[Any], made: Section, *, section: str, page: Path) -> None:
    """Write the section that is made of all rows of a file, whoever measured them, and say so."""
    command, date = file.measured_by
    text = made(file.rows, command=command, date=date)
    publish(text, rows=len(file.rows), file=file.path, section=section, page=page)


def say(line: str) -> None:
    """Print a line at once, for whoever watches or follows a log."""
    print(line, flush=True)


def known(text: str | None, among: Sequence[Word], *, option: str) -> list[Word]:
    """The words of a list as it was typed, each once; all that there are where nothing was typed.

    Raises:
        InputError: one of them is not among these.
    """
    typed = among if text is None else words(text)
    return list(dict.fromkeys(parsing.one_of(word, among, option=option) for word in typed))


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


def numbers(text: str, *, least: int, option: str) -> list[int]:
    """The whole numbers of a list as it was typed, each once.

    Raises:
        InputError: something else, or one below the least.
    """
    try:
        found = list(dict.fromkeys(int(word) for word in words(text)))
    except ValueError:
        found = []
    if not found or min(found) < least:
        raise InputError(
            f"{option} is {text!r}",
            f"it is whole numbers, at least {least}",
            f"write for example {option} {least},{2 * least or 1}",
        )
    return found
