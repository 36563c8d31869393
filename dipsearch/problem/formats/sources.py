"""Sources: what a person may write where a picture is asked for: a path, ``sample:NAME`` or ``sample:NAME@SIDE``.

Samples lie inside the installed scikit-image package and are read without network: NAME is the file without
its suffix, or scikit-image's function for it (``sample:cat``). Pictures that it would have to download do not
exist here. With @SIDE the sample is reduced until its longer side has that many pixels: small pictures for demos
and tests on machines without a GPU.
"""

from __future__ import annotations

import difflib
import re
from importlib.util import find_spec
from pathlib import Path

from ...errors import InputError

PREFIX = "sample:"
SMALLEST_SAMPLE = 16  # pixels of the longer side

# Functions of skimage.data whose name is not that of their file.
FUNCTION_NAMES = {
    "cat": "chelsea",
    "clock": "clock_motion",
    "colorwheel": "color",
    "immunohistochemistry": "ihc",
    "shepp_logan_phantom": "phantom",
}


def plane_of(source: str | Path) -> tuple[Path, int | None]:
    """Return the file behind a source, and of ``FILE[3]`` the number of the plane in it."""
    path = Path(source)
    match = re.fullmatch(r"(.+)\[(\d{1,6})\]", str(source))
    return (path, None) if match is None or path.exists() else (Path(match[1]), int(match[2]))


def is_sample(source: str | Path) -> bool:
    """Say whether ``source`` names a sample picture rather than a file."""
    return str(source).startswith(PREFIX)


def origin(source: str | Path) -> str:
    """A source in full, to be told apart from others of the same name: a sample as it is, or an absolute path."""
    return str(source) if is_sample(source) else str(Path(source).resolve())


def sample_path(source: str) -> Path:
    """Return the file behind ``sample:NAME``.

    Raises:
        InputError: no such sample; the message lists the near names and all.
    """
    name = source.removeprefix(PREFIX).partition("@")[0]
    files = _files()
    path = files.get(FUNCTION_NAMES.get(name, name))
    if path is not None:
        return path
    near = [PREFIX + match for match in difflib.get_close_matches(name.lower(), files, n=3, cutoff=0.5)]
    raise InputError(
        f"there is no sample picture {name!r}",
        "bundled are " + ", ".join(sorted(files)),
        "did you mean " + " or ".join(near) + "?" if near else "choose one of them",
    )


def sample_side(source: str | Path) -> int | None:
    """Return the side to which ``sample:NAME@SIDE`` asks to be reduced; None for any other source.

    Raises:
        InputError: SIDE is not a whole number of at least 16.
    """
    _, at, side = str(source).partition("@")
    if not is_sample(source) or not at:
        return None
    if not (side.isascii() and side.isdigit() and int(side) >= SMALLEST_SAMPLE):
        raise InputError(
            f"the sample is {source!r}",
            f"behind @ stands the longer side in pixels, at least {SMALLEST_SAMPLE}",
            "write for example sample:astronaut@128",
        )
    return int(side)


def file_of_same_name(path: str, source: str) -> str:
    """Return ``path``, or, when it is a folder, the file in it that is named like the picture ``source``.

    So one option serves several pictures, each with a mask or a reference of its own.

    Raises:
        InputError: the folder does not hold exactly one such file.
    """
    if not Path(path).is_dir():
        return path
    stem = plane_of(source)[0].stem if not is_sample(source) else picture_name(source)
    matches = same_stem(Path(path), stem)
    if len(matches) != 1:
        raise InputError(
            f"the folder {path} holds {len(matches)} files named {stem}",
            "it has to hold exactly one for each picture",
            "rename the files after the pictures, or name one file",
        )
    return str(matches[0])


def is_reserved(name: str) -> bool:
    """Whether Windows takes a file of this name for a device."""
    return (
        re.fullmatch(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])", name.partition(".")[0].strip())
        is not None
    )


def same_stem(folder: Path, stem: str) -> list[Path]:
    """The files of a folder that are named ``stem`` but for their suffix; where there is none, in whatever case."""
    files = sorted(folder.iterdir())
    exact = [file for file in files if file.stem == stem]
    return exact or [file for file in files if file.stem.casefold() == stem.casefold()]


def picture_name(source: str | Path) -> str:
    """Return the name of a picture: the file's without suffix, or the sample's."""
    if is_sample(source):
        return str(source).removeprefix(PREFIX).replace("@", "-")
    path, plane = plane_of(source)
    return path.stem if plane is None else f"{path.stem}-{plane:04d}"


def _files() -> dict[str, Path]:
    specification = find_spec("skimage")
    if specification is None or specification.origin is None:
        return {}
    folder = Path(specification.origin).parent / "data"
    return {path.stem: path for path in folder.iterdir() if path.suffix in (".png", ".jpg")}
