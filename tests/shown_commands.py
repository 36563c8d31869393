"""The commands that a page shows, each made short enough for a test, and somebody who types them one after the other.

A command is taken from the text and changed by the rules of ``SHORTER``, and by nothing else.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from dipsearch.commands.main import run

ROOT = Path(__file__).parent.parent
VERBS = ("search", "restore", "report", "dashboard", "show", "degrade", "library", "bench")
PROGRAM = r"(?:^|`)(?:python cli\.py|dipsearch)"
COMMAND = re.compile(rf"{PROGRAM} ((?:{'|'.join(VERBS)})\b(?: [^`\n#]*)?)(?=[`\n#])", re.MULTILINE)
TARGET = re.compile(r"^(make [a-z]+)", re.MULTILINE)
VARIANT = re.compile(r"`python cli\.py ([^`]+)`[^`]*\(also `(--[^`]+)`\)")

ONE_SHORT_FIT = "--trials 1 --steps 50 --space tiny.yaml"
SHORTER = (
    # The networks of these two are used by later commands: one small candidate however long it takes, not a time.
    (r"^(search .*(?:\bpicture\.png|\bpictures/).*)$", rf"\1 {ONE_SHORT_FIT}"),
    # The first `restore` stays as it is; all others, and all searches, have seconds instead of minutes and hours.
    (r" --budget \S+", ""),
    (r"^(search (?!.* --trials ).*)$", r"\1 --budget 2s"),
    (r"^(restore (?!studies/picture-inpaint other\.png --task inpaint$).*)$", r"\1 --budget 2s"),
    (r"\bsample:(\w+)(@\d+)?", r"sample:\1@48"),
    # Nobody else is there.
    (r"--cluster \S+", "--cluster local:2"),
    # Names that stand for any study.
    (r"^(report) studies/first studies/second$", r"\1 studies/picture-inpaint studies/enlarge"),
    (r"\bstudies/first\b", "studies/picture-inpaint"),
    (r"\bstudies/NAME\b", "studies/enlarge"),
    (r"(studies/|--name )large\b", r"\1enlarge"),
)  # fmt: skip
MAKE_WITH = {
    "BIN": str(Path(sys.executable).parent),
    "IMAGE": "sample:astronaut@48",
    "BUDGET": "2s",
    "NAME": "demo",
}
"""Variables of the Makefile."""


def shown(page: Path) -> list[str]:
    """The commands of a page in its order, without the program's name; ``make …`` as it stands."""
    text = page.read_text(encoding="utf-8")
    found = [(at.start(), at[1].strip()) for pattern in (COMMAND, TARGET) for at in pattern.finditer(text)]
    # Options that stand beside a command in the text: where two contradict each other the last one counts.
    found += [(at.end(), " ".join(f"{at[1]} {at[2]}".split())) for at in VARIANT.finditer(text)]
    return list(dict.fromkeys(words for _, words in sorted(found)))


def shorter(words: str) -> str:
    """A command that takes seconds."""
    if "--help" in words:
        return words
    for pattern, replacement in SHORTER:
        words = re.sub(pattern, replacement, words)
    return words


@dataclass(frozen=True)
class Ran:
    """What a command came to: its exit code, and what it said."""

    code: int
    out: str
    err: str


class Reader:
    """Somebody who types commands in the current folder, one after the other; what is the same when short once."""

    def __init__(self, commands: Iterable[str]) -> None:
        self._commands = iter(dict.fromkeys(map(shorter, commands)))
        self._ran: dict[str, Ran] = {}

    def up_to(self, words: str) -> Ran:
        """What comes of a command after all that stand before it."""
        while shorter(words) not in self._ran:
            command = next(self._commands)
            self._ran[command] = Ran(-1, "", "it ended with a traceback")
            self._ran[command] = made(command) if command.startswith("make ") else typed(command)
        return self._ran[shorter(words)]


def typed(words: str) -> Ran:
    """One command, in this process: PyTorch is imported once for all of them."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(shlex.split(words))
    return Ran(code, out.getvalue(), err.getvalue())


def made(words: str) -> Ran:
    """A target of the Makefile, without the installation, in a process of its own."""
    variables = [f"{name}={value}" for name, value in MAKE_WITH.items()]
    done = subprocess.run(
        [*shlex.split(words), "-f", str(ROOT / "Makefile"), "-o", ".venv/.installed", *variables],
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
