"""The files outside of a study's folder that its request names: pictures, masks, references, a kernel.

A folder from elsewhere may name any file of this machine, and a page that shows it may be sent back. So a search writes
the digests of the files that it was given into ``sources.json``, and whoever reads the folder looks only at files that
have them: what is in them was known to whoever made the study.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ..errors import DipsearchError, FormatError
from ..files import write_text
from ..json_files import read_json
from ..plain_files import inside, plain_file
from ..problem import TaskOptions
from ..problem.formats.sources import file_of_same_name, is_sample, plane_of
from ..problem.missing import sibling_mask
from ..yaml_files import Strict, validate
from .request import ARRAY, Request

SOURCES_FILE = "sources.json"
BLOCK = 2**20  # bytes that are read at a time


class _File(Strict):
    format: Literal["dipsearch/sources/1"]
    files: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]]


def write_sources(folder: Path, request: Request) -> None:
    """Write the digests of all files that a request names."""
    named = (file for source in request.sources for file in _files(source, request.options))
    files = {file: digest for file in dict.fromkeys(named) if (digest := _digest(file))}
    content = {"format": "dipsearch/sources/1", "files": files}
    write_text(folder / SOURCES_FILE, json.dumps(content, indent=1) + "\n")


def known_sources(folder: Path) -> dict[str, str]:
    """The digests that ``write_sources`` wrote; empty where it did not, or where they cannot be read."""
    try:
        path = inside(folder, SOURCES_FILE)
        return validate(_File, read_json(path), source=str(path)).files
    except FormatError:
        return {}


def is_known(source: str, options: TaskOptions, known: dict[str, str]) -> bool:
    """Whether a picture and all that belongs to it are what a study was made from.

    Args:
        source: of the request.
        options: likewise.
        known: the digests of the study.
    """
    try:
        return all(file in known and _digest(file) == known[file] for file in _files(source, options))
    except (DipsearchError, OSError, ValueError):
        return False


def _files(source: str, options: TaskOptions) -> Iterator[str]:
    """The files of one picture."""
    if source.startswith(ARRAY):
        return
    # A folder of masks or references is not looked into before the picture itself is known.
    if not is_sample(source):
        file = plane_of(source)[0]
        yield str(file)
        if (sibling := sibling_mask(file)) is not None:
            yield str(sibling)
    for path in (options.mask, options.reference):
        if path is not None and not is_sample(path):
            yield file_of_same_name(path, source)
    kernel = options.kernel
    if (
        kernel is not None
        and options.task == "deblur"
        and kernel.partition(":")[0] not in ("gaussian", "motion")
    ):
        yield kernel


def _digest(file: str) -> str:
    """SHA-256 of a file; empty where it cannot be read."""
    if file.startswith(("\\\\", "//")):  # another machine's, which would be told who asks
        return ""
    digest = hashlib.sha256()
    try:
        with plain_file(file) as opened:
            while block := opened.read(BLOCK):
                digest.update(block)
    except (FormatError, OSError):
        return ""
    return digest.hexdigest()
