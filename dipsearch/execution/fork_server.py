"""The fork server: a process that has imported what workers on a CPU need, and that they are forked from.

It lasts as long as this process, so that the workers of a later search are there in a moment. The one that
``multiprocessing`` has is left to the user's own program, whose processes have other modules, folders and threads in
mind and are to hear signals.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver

from .executor import WorkerSpec
from .surroundings import ONE_AT_A_TIME, deaf, surroundings_for, without_main

FORKED = sys.platform == "linux"
"""Whether workers without a GPU are forked from a process that has imported what they need: each of them took 1.9
seconds of a core for that. Apple's libraries do not survive a fork, nor does CUDA, and Windows has none."""

IMPORTED = (f"{__package__}.worker", f"{__package__}.warm_up")
"""What the fork server imports. No thread begins with it, and nothing is computed: so it may be forked."""

_SERVER = forkserver.ForkServer()


def start_fork_server() -> bool:
    """Begin the process that workers without a GPU are forked from, unless it is there; it is not waited for.

    Returns:
        Whether it is there; not where the name of the folder for temporary files is too long for its socket.
    """
    if not FORKED:
        return False
    _SERVER.set_forkserver_preload(list(IMPORTED))
    # It looks for modules where this process does, and nowhere else, or it had another dipsearch than its parent;
    # what is in the path and no text Python does not look at.
    folders = [path for path in sys.path if isinstance(path, str)]
    paths = {"PYTHONPATH": os.pathsep.join(folders), "PYTHONSAFEPATH": "1"}
    with ONE_AT_A_TIME, surroundings_for(WorkerSpec(0, "cpu"), paths), without_main(), deaf():
        try:
            _SERVER.ensure_running()
        except OSError:
            return False
    return True


@contextmanager
def from_own_server() -> Iterator[None]:
    """Start a child of the method "forkserver" from our server.

    ``multiprocessing`` asks one function of its module for a new process; which server that asks cannot be said
    otherwise. Should a Python ask another one, workers come from the server that all programs share, and still work.
    Inside the block a child of this method that another thread of the user's program starts comes from our server, too.
    """
    shared = forkserver.connect_to_new_process
    forkserver.connect_to_new_process = _SERVER.connect_to_new_process
    try:
        yield
    finally:
        forkserver.connect_to_new_process = shared
