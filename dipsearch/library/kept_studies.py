"""Kept studies: what a person's own searches have found, as further evidence and further known networks.

``dipsearch library add`` writes a file for each study into a folder of the user's, ``$DIPSEARCH_LIBRARY`` or where the
system keeps data of programs. Nothing leaves the machine, and a file holds no picture: features of the measurement, its
digest, and the best networks with their scores.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from dipsearch.calling import program
from dipsearch.errors import FormatError, InputError
from dipsearch.network import Genome
from dipsearch.yaml_files import shorten, suggestion

from .kept_presets import preset_files
from .kept_study_file import KeptStudy, read_kept_study, write_kept_study
from .presets import Preset

PLACE = "DIPSEARCH_LIBRARY"
"""The environment variable that names the folder."""

DATA_PLACES = {"win32": ("LOCALAPPDATA", "AppData/Local"), "darwin": ("", "Library/Application Support")}
"""The variable that names where programs keep data, and where that is below the home directory otherwise; elsewhere the
XDG base directories hold."""

MOST_TRIED = 3
"""Networks of the user's own studies that a search tries: a fit each, which a short budget has few of."""


def library_folder() -> Path:
    """Where the user's own library lies; it need not exist.

    Raises:
        InputError: no folder is named, and the user has no home directory, as in many containers.
    """
    variable, below = DATA_PLACES.get(sys.platform, ("XDG_DATA_HOME", ".local/share"))
    data = variable and os.environ.get(variable)
    try:
        if given := os.environ.get(PLACE):
            return Path(given).expanduser()  # no shell has read the `~` of a file of settings
        return Path(data or Path.home() / below) / "dipsearch" / "library"
    except RuntimeError as error:
        raise InputError(
            "there is no place for a library: this user has no home directory",
            f"it is the folder that {PLACE} names, or one below the home directory",
            f"set {PLACE} to a folder",
        ) from error


def keep_study(study: KeptStudy, *, folder: Path | None = None) -> Path:
    """Write a study into the library; return its file.

    Raises:
        InputError: the study, or something else of its name, is there already.
    """
    folder = library_folder() if folder is None else folder
    for other in readable_studies(folder)[0]:
        if other.identity == study.identity:
            raise InputError(
                f"the study is in the library already, as {other.name}",
                "each study counts once",
                f"remove it with {program()} library remove {shlex.quote(other.name)} to add it anew",
            )
    for other_file in (*_study_files(folder), *preset_files(folder)):
        _refuse_name(study.name, other_file.stem)
    file = folder / f"{study.name}.json"
    write_kept_study(file, study)
    return file


def _refuse_name(name: str, other: str) -> None:
    if name.casefold() == other.casefold():
        raise InputError(
            f"the library has another study or preset of the name {other}",
            "they are kept by their names",
            "choose another one with --name",
        )


def _study_files(folder: Path) -> list[Path]:
    """The files, by name; there is none where there is no folder."""
    return [file for file in sorted(folder.glob("*.json")) if not file.name.startswith(".")]


def readable_studies(folder: Path | None = None) -> tuple[tuple[KeptStudy, ...], tuple[str, ...]]:
    """The studies of the library, by name and once each, and a sentence on each file that is left out."""
    folder = library_folder() if folder is None else folder
    found: dict[tuple[object, ...], KeptStudy] = {}
    left_out = [f"your library {folder} is left out: it is a file, and no folder"] if folder.is_file() else []
    for file in _study_files(folder):
        try:
            study = read_kept_study(file)
        except FormatError as error:
            left_out.append(f"{file.stem} of your library is left out: {error}")
            continue
        if (other := found.setdefault(study.identity, study)) is not study:
            left_out.append(
                f"{study.name} of your library is left out: it is the study {other.name} once more"
            )
    return tuple(found.values()), tuple(left_out)


def remove_study(name: str, *, folder: Path | None = None) -> None:
    """Remove a study or a preset from the library, also one that cannot be read.

    Raises:
        InputError: there is none of this name.
    """
    folder = library_folder() if folder is None else folder
    files = {file.stem: file for file in (*folder.glob("*.json"), *preset_files(folder))}
    if name not in files:
        raise InputError(
            f"the library has no study or preset {shorten(name)}",
            f"it has {', '.join(sorted(files)) or 'none'}",
            suggestion(name, files) or f"see {program()} library list",
        )
    files[name].unlink()


def kept_networks(
    studies: tuple[KeptStudy, ...], task: str, *, presets: tuple[Preset, ...] = ()
) -> tuple[tuple[str, Genome], ...]:
    """The networks of the user's own library that a search of this task tries, by name.

    Presets come first, which were chosen on several pictures, then the best of each study. dipsearch's own presets are
    not among them: a search tries those anyway.
    """
    own = [
        (place, study.name, one)
        for study in studies
        if study.task == task
        for place, one in enumerate(one for one in study.networks if one.name is None)
    ]
    found = {one.genome.digest: (f"library:{one.name}", one.genome) for one in presets if task in one.tasks}
    for place, name, one in sorted(own, key=lambda each: each[0]):
        label = f"library:{name}" if place == 0 else f"library:{name}-{place + 1}"
        found.setdefault(one.genome.digest, (label, one.genome))
    return tuple(found.values())[:MOST_TRIED]
