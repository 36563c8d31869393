"""``dipsearch library``: one's own finished studies as further known networks, kept on this machine alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..visible import visible
from . import options as shared
from . import parsing

library = typer.Typer(
    help="Keep finished studies as further known networks, and as evidence on which to try first; nothing is uploaded.",
    no_args_is_help=True,
)


@library.command()
def add(
    study: Annotated[
        str,
        typer.Argument(metavar="STUDY", help="A study's folder, or its name in studies/; or a preset.yaml."),
    ],
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="By which it is kept; its study's when absent."),
    ] = None,
    storage: shared.Storage = None,
) -> None:
    """Add a finished STUDY: the features of its pictures, and its best networks with their scores.

    Or add the preset that a search of several pictures has left, which anyone can be given.
    """
    if Path(study).is_file():
        _add_preset(Path(study), name=name)
        return
    address = parsing.storage_url(storage)
    folder = parsing.study_folder(study)
    kept = parsing.study_name(name or folder.resolve().name)

    from ..library.kept_studies import keep_study
    from ..report.wording import plural
    from ..run import read_study
    from ..run.study_evidence import evidence_of

    found = evidence_of(read_study(folder, storage=address), name=kept)
    file = keep_study(found)
    print(visible(f"kept: {kept}, {plural(len(found.networks), 'network')} for {found.task}, in {file}"))


def _add_preset(file: Path, *, name: str | None) -> None:
    from ..library.kept_presets import keep_preset
    from ..library.kept_studies import library_folder
    from ..library.presets import read_preset

    found = read_preset(file)
    place = file.resolve().parent
    in_study = place.name == "best" and (place.parent / parsing.STUDY_FILE).is_file()
    kept = parsing.study_name(name or (f"{place.parent.name}-preset" if in_study else file.stem))
    where = keep_preset(found, name=kept, folder=library_folder())
    print(visible(f"kept: {kept}, a preset for {', '.join(found.tasks)}, in {where}"))


@library.command("list")
def listed(json: shared.Json = False) -> None:
    """List the studies of the library with their best networks, and its presets; what cannot be read is named."""
    from ..library.kept_presets import readable_presets
    from ..library.kept_studies import library_folder, readable_studies
    from ..report.anatomy import evidence_words
    from ..report.wording import plural
    from .console import print_json, print_pairs, print_table

    studies, left_out = readable_studies(library_folder())
    presets, more = readable_presets(library_folder())
    for sentence in (*left_out, *more):
        print(visible(f"dipsearch: warning: {sentence}"), file=sys.stderr)
    if json:
        print_json(
            [
                {
                    "name": study.name,
                    "task": study.task,
                    "added": study.added,
                    "pictures": len(study.pictures),
                    "networks": [
                        {
                            "digest": one.genome.digest,
                            "score": one.estimated_psnr,
                            "steps": one.steps,
                            "name": one.name,
                        }
                        for one in study.networks
                    ],
                }
                for study in studies
            ]
            + [
                {
                    "name": one.name,
                    "task": ", ".join(one.tasks),
                    "preset": one.genome.digest,
                    "gain": one.evidence and one.evidence.gain,
                    "p": one.evidence and one.evidence.p,
                }
                for one in presets
            ]
        )
        return
    count = f"{len(studies)} {'study' if len(studies) == 1 else 'studies'}, {plural(len(presets), 'preset')}"
    print_pairs((("library", f"{library_folder()}: {count}"),))
    if studies:
        rows = [
            (
                study.name,
                study.task,
                str(len(study.pictures)),
                study.networks[0].name or study.networks[0].genome.label,
                f"{study.networks[0].estimated_psnr:.2f} dB",
                study.added[:10],
            )
            for study in studies
        ]
        print_table(("study", "task", "pictures", "best network", "estimated", "added"), rows)
    if presets:
        found = [
            (
                one.name,
                ", ".join(one.tasks),
                one.genome.label,
                evidence_words(one.evidence) if one.evidence else "",
            )
            for one in presets
        ]
        print_table(("preset", "task", "network", "evidence"), found)


@library.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="By which it is kept.")],
) -> None:
    """Remove a study or a preset from the library; the study's folder stays as it is."""
    from ..library.kept_studies import remove_study

    remove_study(name)
    print(visible(f"removed: {name}"))
