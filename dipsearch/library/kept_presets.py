"""Kept presets: preset files in a person's own library, whose networks later searches of their tasks try.

They lie beside the kept studies as ``NAME.yaml``. A search of several pictures leaves one, and it can be handed on: it
holds digests of pictures and estimates, and no picture.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from dipsearch.calling import program
from dipsearch.errors import FormatError, InputError

from .presets import Preset, read_preset, write_preset


def keep_preset(found: Preset, *, name: str, folder: Path) -> Path:
    """Write a preset into the library; return its file.

    Raises:
        InputError: its network, or something else of its name, is there already.
    """
    for other in readable_presets(folder)[0]:
        if other.genome == found.genome:
            raise InputError(
                f"the network is in the library already, as {other.name}",
                "each network is tried once",
                f"remove it with {program()} library remove {shlex.quote(other.name)} to add it anew",
            )
    taken = {file.stem.casefold() for file in folder.glob("*") if file.suffix in (".json", ".yaml")}
    if name.casefold() in taken:
        raise InputError(
            f"the library has something else of the name {name}",
            "studies and presets are kept by their names",
            "choose another one with --name",
        )
    file = folder / f"{name}.yaml"
    write_preset(file, found)
    return file


def readable_presets(folder: Path) -> tuple[tuple[Preset, ...], tuple[str, ...]]:
    """The presets of the library that can be read, by name, and a sentence on each that is left out."""
    found, left_out = [], []
    for file in preset_files(folder):
        try:
            found.append(read_preset(file))
        except FormatError as error:
            left_out.append(f"{file.stem} of your library is left out: {error}")
    return tuple(found), tuple(left_out)


def preset_files(folder: Path) -> list[Path]:
    """The files, by name; there is none where there is no folder."""
    return [file for file in sorted(folder.glob("*.yaml")) if not file.name.startswith(".")]
