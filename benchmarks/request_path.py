"""How many files one request walks through, and how often it comes back to one that it had left.

    python benchmarks/request_path.py [COMMIT…]

One ``search`` command (a part of coffee of 48 x 48 pixels, half of them missing, two candidates, one worker) is
followed in the main thread of the parent process by ``sys.setprofile``, with the code of each commit and with that of
this folder. A way leads from a file to another one, both in the rooms that a search is made of, whose function it calls
with an argument that carries the request; properties are read like fields and are no ways. Whoever reads along goes
each way once, in the order of the calls, and comes back; to be at a file again is a return. Two readings:

    request   the argument is the request, or holds it in at most three steps (a session, a run, a scheduler)
    nouns     it is any object of a class of these rooms (a plan, a trial, a worker's task as well)

The rows go into ``request_path.json`` beside this file.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import CodeType, FrameType

import numpy as np
from PIL import Image
from skimage.data import coffee

ROOT = Path(__file__).resolve().parent.parent
BEFORE = ("83e4351", "d8bab6a^")
"""The last commit whose room ``search`` had 48 files, as when they were first counted, and the one before it was
divided."""

ROOMS = (
    *("commands", "search"),  # as they were
    *("run", "trials", "planning", "proposal", "execution", "delivery"),  # what the latter became
)
COMMAND = "commands/search.py"
OPTIONS = "--task inpaint in.png --mask mask.png --trials 2 --workers 1 --steps 60 --device cpu --seed 0 --name path"
DEEPEST = 3
MOST = 8
"""Files that a row names."""

Function = tuple[str, str]
Edges = dict[Function, dict[Function, dict[str, bool]]]


class Follower:
    """Notes which function calls which, and what it is handed, for ``sys.setprofile``.

    Attributes:
        edges: by caller, what it called in the order of the first calls, and in which readings the request went along.
    """

    def __init__(self, package: Path) -> None:
        self._package = str(package) + os.sep
        self._known: dict[CodeType, Function | None] = {}
        self.edges: Edges = {}

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        called = self._function(frame.f_code) if event == "call" else None
        if called is None:
            return
        before = frame.f_back
        while before is not None and self._function(before.f_code) is None:
            before = before.f_back
        caller = None if before is None else self._function(before.f_code)
        if caller is not None:
            carried = self.edges.setdefault(caller, {}).setdefault(called, {"request": False, "nouns": False})
            if not all(carried.values()):
                given = _arguments(frame)
                carried["request"] |= any(_holds_request(each, DEEPEST) for each in given)
                carried["nouns"] |= any(_room(type(each)) in ROOMS for each in given)

    def _function(self, code: CodeType) -> Function | None:
        """The file within the package and the name; ``None`` for all other code."""
        if code not in self._known:
            ours = code.co_filename.startswith(self._package) and code.co_name != "<module>"
            name = code.co_filename.removeprefix(self._package)
            self._known[code] = (name.replace(os.sep, "/"), code.co_qualname) if ours else None
        return self._known[code]


def _arguments(frame: FrameType) -> list[object]:
    """What a function was given; nothing for a property, which reads like a field."""
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    local = frame.f_locals
    given = [local.get(name) for name in names]
    if given and isinstance(inspect.getattr_static(type(given[0]), code.co_name, None), property):
        return []
    return given


def _room(kind: type) -> str:
    package, _, rest = kind.__module__.partition(".")
    return rest.partition(".")[0] if package == "dipsearch" else ""


def _holds_request(value: object, steps: int) -> bool:
    kind = type(value)
    if not _room(kind):
        return False
    if kind.__name__ == "Request":
        return True
    attributes: dict[str, object] = getattr(value, "__dict__", {})
    return steps > 0 and any(_holds_request(each, steps - 1) for each in list(attributes.values()))


def follow(package: Path, out: Path, arguments: list[str]) -> int:
    """Run a command in this process, and write which function called which."""
    from dipsearch.commands.main import run

    follower = Follower(package)
    sys.setprofile(follower)
    try:
        code = run(arguments)
    finally:
        sys.setprofile(None)
    rows = [
        (*caller, *called, carried)
        for caller, all_ in follower.edges.items()
        for called, carried in all_.items()
    ]
    out.write_text(json.dumps(rows))
    return code


def edges_of(checkout: Path) -> Edges:
    """Follow the command with the code in a folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        picture = coffee()[100:148, 200:248].copy()
        measured = np.random.default_rng(0).random((48, 48)) < 0.5
        picture[~measured] = 0
        Image.fromarray(picture).save(folder / "in.png")
        Image.fromarray((measured * 255).astype(np.uint8)).save(folder / "mask.png")
        out = folder / "edges.json"
        line = [sys.executable, __file__, "--follow", str(checkout / "dipsearch"), str(out)]
        subprocess.run(
            [*line, "search", *OPTIONS.split()],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(checkout)},
        )
        edges: Edges = {}
        for file, function, to_file, to_function, carried in json.loads(out.read_text()):
            edges.setdefault((file, function), {})[to_file, to_function] = carried
        return edges


def ways(edges: Edges, reading: str) -> dict[str, list[str]]:
    """By file, those that the request goes on to from there, in order."""
    found: dict[str, list[str]] = {}
    start = next(caller for caller in edges if caller[0] == COMMAND and caller[1] == "search")
    read = {start}

    def visit(function: Function) -> None:
        for called, carried in edges.get(function, {}).items():
            if not carried[reading] or called[0].partition("/")[0] not in ROOMS:
                continue
            if called[0] != function[0] and called[0] not in found.setdefault(function[0], []):
                found[function[0]].append(called[0])
            if called not in read:
                read.add(called)
                visit(called)

    visit(start)
    return found


def walk(onward: dict[str, list[str]], file: str = COMMAND, been: set[str] | None = None) -> Iterator[str]:
    """The files in the order in which they are come to, each time again that one is come back to."""
    been = set() if been is None else been
    yield file
    if file not in been:
        been.add(file)
        for other in onward.get(file, []):
            yield from walk(onward, other, been)
            yield file


def row(code: str, edges: Edges, reading: str) -> dict[str, object]:
    """What is counted of one way."""
    onward = ways(edges, reading)
    path = list(walk(onward))
    returns = Counter(path)
    returns.subtract(set(path))
    pairs = {(file, other) for file, others in onward.items() for other in others}
    return {
        "code": code,
        "reading": reading,
        "files": len(set(path)),
        "ways": len(pairs),
        "returns": sum(returns.values()),
        "most_returned": {
            file: {
                "returns": number,
                "goes_on_to": len(onward.get(file, [])),
                "come_to_from": sum(other == file for _, other in pairs),
            }
            for file, number in returns.most_common(MOST)
            if number
        },
        "call_each_other": sorted(
            f"{one} and {other}" for one, other in pairs if one < other and (other, one) in pairs
        ),
        "path": " > ".join(file.removesuffix(".py") for file in path),
    }


def main(commits: list[str]) -> None:
    """Follow the command with each code, and write the rows."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        checkouts = {"today": ROOT}
        for commit in commits:
            archive = subprocess.run(
                ["git", "-C", str(ROOT), "archive", commit], check=True, capture_output=True
            )
            checkouts[commit] = Path(name) / commit
            with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
                tar.extractall(checkouts[commit], filter="data")
        for code, checkout in checkouts.items():
            edges = edges_of(checkout)
            rows += [row(code, edges, reading) for reading in ("request", "nouns")]
    for each in rows:
        print(
            *(
                f"{key} {each[key]}"
                for key in ("code", "reading", "files", "ways", "returns", "most_returned")
            )
        )
    document = {"command": f"search {OPTIONS}", "rooms": ROOMS, "rows": rows}
    (ROOT / "benchmarks" / "request_path.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--follow"]:
        sys.exit(follow(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]))
    main(sys.argv[1:] or list(BEFORE))
