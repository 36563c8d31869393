"""A sound study that has ended on a tiny picture, a place for copies of it, and a watch over what a command reaches."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dipsearch.problem import TaskOptions, write_image
from dipsearch.run import Request, Silent, run_search
from tests.tiny_space import SPACE


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture, a space, and ``studies/study`` of both."""
    place = tmp_path_factory.mktemp("sound")
    rows, columns = np.mgrid[0:32, 0:28] / 32
    clean = torch.from_numpy(np.stack([rows, columns, np.sin(6 * rows) * 0.3 + 0.5])).float()[None]
    write_image(place / "clean.png", clean)
    (place / "tiny.yaml").write_text(SPACE)
    asked = Request(
        sources=(str(place / "clean.png"),),
        options=TaskOptions(task="inpaint", missing=50),
        name="study",
        space=str(place / "tiny.yaml"),
        trials=3,
        steps=60,
        workers=1,
        device="cpu",
    )
    run_search(asked, root=place / "studies", resume=False, callback=Silent())
    return place


@pytest.fixture
def copies(sound: Path, tmp_path: Path) -> Callable[[], Path]:
    """Makes fresh copies of the sound study, one at a time, below ``studies``."""
    folder = tmp_path / "studies" / "study"

    def copy() -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(sound / "studies" / "study", folder)
        return folder

    return copy


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that has nothing to do with any study."""
    place = tmp_path / "outside"
    place.mkdir()
    write_image(place / "secret.png", torch.full((1, 3, 32, 28), 0.8125))
    (place / "secret.json").write_text('{"task": "secret", "image": "secret", "seconds": 1}')
    return place


@dataclass
class Watch:
    """What a command reached for, while ``at_work``: addresses, databases, processes, and files that it wrote."""

    at_work: bool = False
    reached: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def hear(self, event: str, words: tuple[Any, ...]) -> None:
        if not self.at_work:
            return
        if event in _REACHING and not (event == "socket.connect" and "AF_UNIX" in str(words)):
            self.reached.append(f"{event} {words}"[:300])
        elif event in _WRITING:
            self.written.extend(str(word) for word in words if isinstance(word, str | os.PathLike))
        elif event == "open" and isinstance(words[0], str | os.PathLike):
            writes = isinstance(words[2], int) and words[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            (self.written if writes else self.read).append(str(words[0]))


_REACHING = {
    "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "sqlite3.connect",
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "pickle.find_class", "urllib.Request",
}  # fmt: skip
_WRITING = {
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.symlink",
    "os.link",
    "os.truncate",
    "os.chmod",
}
_WATCH = Watch()
_LISTENING: list[bool] = []


@pytest.fixture
def watch() -> Iterator[Watch]:
    """The watch, which sees everything that Python does by its audit hook."""
    if not _LISTENING:
        sys.addaudithook(_WATCH.hear)  # it cannot be taken away again
        _LISTENING.append(True)
    gc.collect()  # results of other tests, whose folders are removed with them, are not this one's doing
    _WATCH.reached, _WATCH.written, _WATCH.read = [], [], []
    yield _WATCH
    _WATCH.at_work = False
