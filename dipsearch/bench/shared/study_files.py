"""The files of a study, judged from outside: can each of them be read, and was a picture delivered.

A search may have been killed at any moment; whatever lies in its folder then must be whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import load_file

from ...errors import FormatError
from ...problem import read_image

TEMPORARY = ".writing-"
"""How the names of files begin that were being written, beside their final places."""


def leftovers(folder: Path) -> int:
    """How many temporary files lie in a folder."""
    return sum(1 for _ in folder.rglob(f"{TEMPORARY}*"))


def unreadable(folder: Path) -> list[str]:
    """Sentences on the files that cannot be read in full; temporary ones are not looked at."""
    found = []
    for path in sorted(folder.rglob("*")):
        read = READERS.get(path.suffix)
        if read is None or path.name.startswith(TEMPORARY) or not path.is_file():
            continue
        try:
            read(path)
        except Exception as error:  # whatever a reader raises, the file cannot be read
            found.append(f"{path.relative_to(folder)} cannot be read ({error or type(error).__name__})")
    return found


def read_delivery(folder: Path) -> dict[str, Any]:
    """The result of a study whose picture was delivered.

    Raises:
        FormatError: there is no result, or a restored picture is missing, damaged, or not finite.
    """
    file = folder / "result.json"
    if not file.is_file():
        raise FormatError(f"there is no {file.name}")
    try:
        result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        restored = [folder / picture["restored"] for picture in result["pictures"]]
        pixels = [read_image(path).pixels for path in restored]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FormatError(
            f"{file.name} or its picture cannot be read: {error or type(error).__name__}"
        ) from error
    if not pixels or not all(bool(torch.isfinite(picture).all()) for picture in pixels):
        raise FormatError("the restored picture is not finite")
    return result


def _arrays(path: Path) -> None:
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            _ = file[name]


def _json(path: Path) -> None:
    json.loads(path.read_text(encoding="utf-8"))


def _json_lines(path: Path) -> None:
    # Such a file grows line by line. Its last line may be torn, as a journal's may: no record before is lost.
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        json.loads(line)


def _yaml(path: Path) -> None:
    yaml.safe_load(path.read_text(encoding="utf-8"))


def _page(path: Path) -> None:
    if not path.read_text(encoding="utf-8").rstrip().endswith("</html>"):
        raise ValueError("its end is missing")


READERS: dict[str, Callable[[Path], object]] = {
    ".npz": _arrays,
    ".json": _json,
    ".jsonl": _json_lines,
    ".yaml": _yaml,
    ".html": _page,
    ".safetensors": load_file,
    ".png": read_image,
    ".tif": read_image,
}
