"""The holder: who works on a study, as the file ``owner.lock`` in its folder says."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import sys
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ..errors import FormatError
from ..json_files import parse_json
from ..plain_files import inside, plain_bytes
from ..visible import Words
from ..yaml_files import validate
from .storage_url import masked

LOCK = "owner.lock"

MOST_BYTES = 2**20
"""Of the file that names the holder; a command line may be long."""


@dataclass(frozen=True)
class Holder:
    """Who works on a study.

    Args:
        host, pid: the process.
        since: local time with its offset; so exact that no two claims are equal.
        command: how it was started; passwords in addresses are masked.
        new: whether its folder was empty when it came.
    """

    host: str
    pid: int
    since: str
    command: str
    new: bool

    @classmethod
    def me(cls, *, new: bool) -> Holder:
        """This process, from now on."""
        command = re.sub(r"[a-z][a-z0-9+]*://\S+", lambda found: masked(found[0]), shlex.join(sys.argv))
        since = datetime.now().astimezone().isoformat(sep=" ", timespec="microseconds")
        return cls(socket.gethostname(), os.getpid(), since, command, new)

    @property
    def may_live(self) -> bool:
        """False where its process is known to be gone; of another host's nothing is known."""
        return self.host != socket.gethostname() or _lives(self.pid)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since.partition('.')[0]}"


def read_holder(folder: Path) -> Holder | None:
    """Who works on the study in this folder, or did until it stopped without a word; ``None``: nobody."""
    try:
        content = parse_json(plain_bytes(inside(folder, LOCK), most=MOST_BYTES), source=LOCK)
        return Holder(**validate(_Holder, content, source=LOCK).model_dump())
    except FormatError:
        return None


class _Holder(BaseModel):
    """A holder in a file."""

    model_config = ConfigDict(strict=True)

    host: Words
    pid: int = Field(ge=0, lt=2**31)
    since: Words
    command: Words
    new: bool


def written(holder: Holder) -> str:
    """What the file says of a holder."""
    return json.dumps(asdict(holder)) + "\n"


def _lives(pid: int) -> bool:
    if sys.platform == "win32":  # where a signal of 0 would end it
        import ctypes

        opened = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)
        return bool(opened and ctypes.windll.kernel32.CloseHandle(opened))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True
