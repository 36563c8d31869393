"""``dipsearch show``: an architecture or a study in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from . import options as shared
from . import parsing

if TYPE_CHECKING:
    from ..run import StudyRecord

_USUAL_SHAPE = (1, 3, 256, 256)


def show(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|STUDY",
            help="An architecture.yaml or preset.yaml, a study (folder or name), or a known network's name.",
        ),
    ],
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WIDTHxHEIGHT", help="Count the cost for pictures of this size."),
    ] = None,
    top: Annotated[
        int, typer.Option("--top", metavar="N", min=1, help="Show at most N candidates of a study.")
    ] = 20,
    storage: shared.Storage = None,
) -> None:
    """Print an architecture as a table with its cost, or the candidates of a study, best first."""
    pixels = None if size is None else parsing.picture_size(size)
    found = parsing.architecture_or_study(what)
    of_study = Path(found).is_dir()
    if (size is not None) if of_study else (storage is not None):
        raise InputError(
            f"{'--size' if of_study else '--storage'} was given, and {what} is {'a study' if of_study else 'none'}",
            "--size counts the cost of a network, and --storage says where a study is kept",
            "leave it out",
        )
    if of_study:
        folder = parsing.study_folder(found)

        from ..run import read_study

        _show_study(read_study(folder, storage=parsing.storage_url(storage)), top=top)
    else:
        _show_architecture(found, pixels)


def _show_study(record: StudyRecord, *, top: int) -> None:
    from ..report import candidate_cells, candidate_rows, number_rows, result_rows, state_words
    from .console import print_pairs, print_table

    print_pairs((("study", f"{record.folder}: {state_words(record)}"),))
    if record.result is not None:
        print_pairs(result_rows(record.result))
    rows = candidate_rows(record)
    if rows:
        headings, cells = candidate_cells(rows[:top])
        print()
        print_table(headings, cells)
    if len(rows) > top:
        print(f"and {len(rows) - top} more: --top {len(rows)}")
    if rows:
        print()
        print_pairs(number_rows(record))
    print_pairs(("caution", sentence) for sentence in record.missing)


def _show_architecture(found: str, pixels: tuple[int, int] | None) -> None:
    from ..library import Preset, preset, preset_names, read_network
    from ..report import architecture_rows, cost_rows, gene_rows, preset_rows, scale_rows
    from ..report.wording import plural
    from ..yaml_files import shorten, suggestion
    from .console import print_pairs, print_table

    about: tuple[tuple[str, str], ...] = ()
    shape: tuple[int, ...] = _USUAL_SHAPE
    if found in preset_names():
        genome = preset(found)
    elif not (Path(found).suffix or Path(found).exists()):
        raise InputError(
            f"there is neither a study nor a known network {shorten(found)}",
            "a study is given by its folder, or by its name where that lies in studies/",
            suggestion(found, preset_names()) or f"known networks are {', '.join(preset_names())}",
        )
    else:
        network = read_network(found)
        genome = network.genome
        if isinstance(network, Preset):
            about = preset_rows(network)
            of_pictures = network.evidence.pictures if network.evidence else ()
            shape = of_pictures[0].shape if of_pictures else (1, network.channels, *shape[2:])
        else:
            about = architecture_rows(network)
            shape = network.provenance.images[0].shape if network.provenance.images else shape
    if pixels is not None:
        shape = (*shape[:2], pixels[1], pixels[0])
    print_pairs((("network", genome.label), ("genome", genome.digest), *about))
    print()
    print_table(("scale", "down", "up", "skip"), scale_rows(genome))
    print()
    print_pairs(gene_rows(genome))
    size = f"{shape[3]} × {shape[2]} pixels, {plural(shape[1], 'channel')}"
    print_pairs((("cost at", size), *cost_rows(genome, shape)))
