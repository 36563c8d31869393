"""Hostile and damaged files, made of sound ones by a seed: what strangers and full disks make of a study."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

DIGITS = "@digits@"
VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 7, 1e308, -1e308, 1e-320, float("nan"), float("inf"), 2**70, DIGITS,
    "", "x" * 3000, "\x1b]0;owned\x07\x1b[31mred", "\u202egnp.exe", "\ud800", "\u2028\r\n\x00",
    "<script>alert(1)</script>", "{{ 7 * 7 }}", "%s%n", "con", "C:\\x\\..\\y",
    "../../outside/secret.png", "{outside}/secret.png", "/etc/passwd", "sample:../../x", "sample:astronaut@16",
    "array:../../outside/secret", "//stranger.invalid/share/x.png", "tcp://stranger.invalid:8786",
    "sqlite:////{outside}/made.db", "postgresql+psycopg://stranger.invalid:5432/studies",
    [], {}, [[]], {"a": {"b": [1]}}, [1, "2", None],
)  # fmt: skip

_WORDS = [value for value in VALUES if isinstance(value, str) and "\ud800" not in value]

Mutate = Callable[[random.Random, Path, Path], None]


def mutate(random_: random.Random, root: Path, outside: Path, files: list[Path] | None = None) -> str:
    """Change one to three files below ``root``; return what was done.

    Args:
        random_: decides.
        root: a copy of something sound.
        outside: a folder that nobody has to look into.
        files: those that may be changed; by default all.
    """
    done = []
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        there = [
            path for path in files or sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()
        ]
        if not there:
            break
        # A study has more files of candidates than of its own; each kind has its turn.
        kinds = sorted({each.name for each in there})
        kind = random_.choice(kinds)
        path = random_.choice([each for each in there if each.name == kind])
        ways = [*_BY_SUFFIX.get(path.suffix, ()) * 3, *_ANY]
        way = random_.choice(ways)
        try:
            way(random_, path, outside)
        except (
            ValueError,
            IndexError,
            yaml.YAMLError,
            zipfile.BadZipFile,
            EOFError,
            RecursionError,
        ):  # what an earlier one left
            way = _flipped
            way(random_, path, outside)
        done.append(f"{way.__name__} {path.relative_to(root)}")
    return "; ".join(done)


def _truncated(random_: random.Random, path: Path, outside: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: random_.choice((0, 1, len(content) // 2, max(0, len(content) - 3)))])


def _flipped(random_: random.Random, path: Path, outside: Path) -> None:
    content = bytearray(path.read_bytes() or b"x")
    for _ in range(random_.choice((1, 3, 30))):
        content[random_.randrange(len(content))] = random_.choice(
            (0, 0x1B, 0x80, 0xFF, random_.randrange(256))
        )
    path.write_bytes(bytes(content))


def _inserted(random_: random.Random, path: Path, outside: Path) -> None:
    content = path.read_bytes()
    at = random_.randrange(len(content) + 1)
    deep = (b"[" * 5000, b'{"a":' * 3000, b"9" * 5000)
    new = random_.choice((*deep, b"\xff\xfe", b"\x1b[2J", b"\n---\n", b"!!python/object:os.x ", b"&a "))
    path.write_bytes(content[:at] + new + content[at:])


def _removed(random_: random.Random, path: Path, outside: Path) -> None:
    path.unlink()


def _replaced(random_: random.Random, path: Path, outside: Path) -> None:
    """Something else in the place of a file."""
    path.unlink()
    way = random_.randrange(7)
    if way == 0:
        path.mkdir()
    elif way == 1 and hasattr(os, "mkfifo"):
        os.mkfifo(path)
    elif way == 2:
        path.symlink_to(outside / ("secret.png" if path.suffix == ".png" else "secret.json"))
    elif way == 3:
        path.symlink_to(outside / "nowhere")
    elif way == 4:
        path.symlink_to(path)
    elif way == 5:
        path.symlink_to("/dev/zero")
    else:
        shutil.copy(outside / "secret.json", path)


def _leaf(random_: random.Random, path: Path, outside: Path) -> None:
    """Another value somewhere in JSON or YAML, a key less, a key more, or the same under another name."""
    text = path.read_text(encoding="utf-8")
    content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    nan = "NaN" if path.suffix == ".json" else ".nan"
    path.write_bytes(_written(changed(random_, content, outside), nan=nan))


def _line(random_: random.Random, path: Path, outside: Path) -> None:
    """The same in a line of a journal or a log; or lines are lost, doubled, or in another order."""
    lines = path.read_bytes().splitlines(keepends=True)
    if not lines:
        return
    at, way = random_.randrange(len(lines)), random_.randrange(6)
    if way == 0:
        del lines[at]
    elif way == 1:
        lines.insert(random_.randrange(len(lines)), lines[at])
    elif way == 2:
        random_.shuffle(lines)
    else:
        lines[at] = _written(changed(random_, json.loads(lines[at]), outside), nan="NaN") + b"\n"
    path.write_bytes(b"".join(lines))


def _arrays(random_: random.Random, path: Path, outside: Path) -> None:
    """Other arrays: of another type or shape, under another name, missing, not finite, pickled, or far too large."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    key = random_.choice(sorted(arrays))
    array, way = arrays[key], random_.randrange(12)
    if way == 0:
        del arrays[key]
    elif way == 1:
        arrays[f"{key}_other"] = arrays.pop(key)
    elif way == 2:
        arrays[key] = array.astype(random_.choice(("f2", "f8", "c16", "i8", "u1", "U9", "S3", "?")))
    elif way == 3:
        arrays[key] = array[..., None] if random_.random() < 0.5 else array.ravel()
    elif way == 4:
        arrays[key] = array[:0] if array.ndim else array[None][:0]
    elif way == 5:
        arrays[key] = np.full(array.shape, random_.choice((np.nan, np.inf, 1e300, -1.0, 0.0)))
    elif way == 6:
        arrays[key] = np.array([{"a": 1}, open], dtype=object)
    elif way == 7:
        arrays[key] = np.array(random_.choice(_WORDS))
    elif way == 8:
        arrays[key] = np.full((), random_.choice((-1, 0, 2**62, 3)))
    elif way == 9:
        arrays[key] = np.array(
            [random_.choice((-1, 0, 1, 2**40)) for _ in range(random_.choice((1, 3, 4, 5)))]
        )
    elif way == 10:
        arrays[key] = array.astype("f4")[..., : max(1, array.shape[-1] // 2)] if array.ndim else array
    if way < 11:
        np.savez(path, allow_pickle=True, **arrays)
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, each in arrays.items():
            archive.writestr(f"{name}.npy", _declared(random_) if name == key else _npy(each))


def _huge(random_: random.Random, path: Path, outside: Path) -> None:
    """A picture that declares other sizes than it has."""
    content = bytearray(path.read_bytes())
    if len(content) > 24:
        sizes = ((2**31 - 1, 2**31 - 1), (0, 0), (1, 1), (60000, 60000), (28, 33))
        content[16:24] = struct.pack(">II", *random_.choice(sizes))
    path.write_bytes(bytes(content))


def changed(random_: random.Random, content: Any, outside: Path) -> Any:
    """A copy of plain values of which one is another."""
    places = list(_places(content))
    if not places:
        return _value(random_, outside)
    at, key = random_.choice(places)
    way = random_.randrange(8)
    if way == 0 and isinstance(at, dict):
        del at[key]
    elif way == 1 and isinstance(at, dict):
        at[random_.choice(("other", "\x1b[1m", "__class__", "", key.upper()))] = at[key]
    elif way == 2 and isinstance(at, dict):
        at[f"{key}s"] = at.pop(key)
    elif way == 3 and isinstance(at, list):
        at.extend(at[:] * random_.choice((1, 30)))
    elif way == 4:
        deep: Any = at[key]
        for _ in range(random_.choice((1, 10, 900))):
            deep = [deep] if random_.random() < 0.7 else {"a": deep}
        at[key] = deep
    else:
        at[key] = _value(random_, outside)
    return content


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    items: Any = content.items() if isinstance(content, dict) else ()
    items = enumerate(content) if isinstance(content, list) else items
    for key, value in items:
        yield content, key
        yield from _places(value)


def _value(random_: random.Random, outside: Path) -> Any:
    value = random_.choice(VALUES)
    return value.replace("{outside}", str(outside)) if isinstance(value, str) else value


def _written(content: Any, *, nan: str) -> bytes:
    text = json.dumps(content, default=str).replace(f'"{DIGITS}"', "9" * 5000)
    return text.replace("NaN", nan).replace("Infinity", "Infinity" if nan == "NaN" else ".inf").encode()


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _declared(random_: random.Random) -> bytes:
    huge = (((2**40,), "<f4"), ((2**20, 2**20, 3), "<f8"))
    shape, kind = random_.choice((*huge, ((-1, 4), "<f4"), ((3,), "|O"), ((9,), "<V9")))
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", len(header))
        + header.encode()
        + bytes(random_.choice((0, 64)))
    )


_ANY: tuple[Mutate, ...] = (_truncated, _flipped, _inserted, _removed, _replaced)
_BY_SUFFIX: dict[str, tuple[Mutate, ...]] = {
    ".json": (_leaf, _leaf, _leaf), ".yaml": (_leaf, _leaf, _leaf), ".log": (_line, _line, _line),
    ".jsonl": (_line, _line), ".npz": (_arrays, _arrays, _arrays), ".png": (_huge,),
}  # fmt: skip
