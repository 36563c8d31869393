"""Where the outcome of a search lies, and how it is used again: the last rows that a search prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..delivery.answer_words import networks_helped

if TYPE_CHECKING:
    from ..run import Outcome


def file_rows(outcome: Outcome, *, architecture: bool = True) -> tuple[tuple[str, str], ...]:
    """Labels and files that exist.

    Args:
        outcome: of the search.
        architecture: name the architecture file, too.
    """
    folder, network = outcome.folder, outcome.folder / "best" / "architecture.yaml"
    pictures = sorted(folder.glob("best/*restored.*"))
    if not pictures:  # several have folders of their own, beside which the films of stacks lie
        films = [file for file in sorted(folder.glob("best/*")) if file.suffix.lower() in (".tif", ".tiff")]
        pictures = films + sorted(folder.glob("best/*/*restored.*"))
    named = [*pictures, *([network] if architecture else []), folder / "report.html"]
    files = [file for file in named if file.exists()]
    rows = [("look at" if index == 0 else "", str(file)) for index, file in enumerate(files)]
    there = (folder / "best" / "stack.yaml").exists()  # which is what is fitted to other pictures
    if there and networks_helped(outcome.result):
        from ..report.reproduce import reuse_command
        from ..run import read_request
        from ..trials.claim import REQUEST_FILE

        options = read_request(folder / REQUEST_FILE).options
        rows.append(("use it again", reuse_command(str(folder), options)))
    return tuple(rows)
