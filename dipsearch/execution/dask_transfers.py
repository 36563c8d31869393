"""The transfers: what travels between a study's folder and the workers of a cluster of Dask's, each thing once.

Problems and pilots go from the folder to whoever needs them; how to go on with fits stays where it was made until it is
asked for, and the folder has what the last checkpoint brought.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FormatError
from ..files import write_bytes
from .dask_membership import Member
from .dask_worker import OWN, Kept, kept_names
from .task import Slice, Task

if TYPE_CHECKING:
    import distributed


@dataclass(eq=False)
class State:
    """How to go on with some fits: a future of ``Kept``, and the worker that made them."""

    future: distributed.Future[Any]
    member: Member

    @property
    def there(self) -> bool:
        """Whether it can still be had. What Dask would have to compute once more cannot."""
        status = self.future.status
        return status == "finished" or (status == "pending" and not self.member.gone)


@dataclass
class Transfers:
    """Sees to it that things are where they are needed.

    Args:
        folder: of the study.
        packed: the user's own parts.

    Attributes:
        states: of the fits in each place, the newest that a worker keeps.
    """

    folder: Path
    packed: bytes
    states: dict[str, State] = field(default_factory=dict)
    _files: dict[str, tuple[object, distributed.Future[Any]]] = field(default_factory=dict)
    _due: set[str] = field(default_factory=set)  # places whose state is newer than the folder's

    def stamps(self, task: Task) -> dict[str, object]:
        """The files that a task needs, but for its fits', each with what tells it from later ones of that name.

        Raises:
            FormatError: one of them is not there.
        """
        own = set(kept_names(task.place)) if isinstance(task, Slice) else set()
        return {OWN: 0, **{name: self._stamp(name) for name in task.reads if name not in own}}

    def file(self, client: distributed.Client, name: str, stamp: object) -> distributed.Future[Any]:
        """A file, on its way to the workers."""
        there = self._files.get(name)
        if there is None or there[0] != stamp or there[1].status != "finished":
            content = self.packed if name == OWN else (self.folder / name).read_bytes()
            there = self._files[name] = stamp, client.scatter(content, hash=False)
        return there[1]

    def state(self, client: distributed.Client, place: str, member: Member) -> State | None:
        """How to go on with fits on a worker that did not make them; ``None``: they begin anew."""
        if (found := self.states.get(place)) is not None:
            if found.there:
                return found
            self.states.pop(place)
        stored = Kept(kept_names(place), self.folder)
        if not (self.folder / stored.names[0]).exists():
            return None
        return State(client.scatter(stored, workers=[member.address], hash=False), member)

    def leaves(self, place: str, state: State, *, kept: bool) -> None:
        """A worker has advanced the fits in a place.

        Args:
            kept: it has written how to go on with them; otherwise it does so when it forgets them.
        """
        self.states[place] = state
        if kept:
            self._due.add(place)

    def checkpoint(self, *, within: float) -> None:
        """Bring the newest states into the folder; what does not come in this time is brought by the next checkpoint.

        Args:
            within: seconds that it may take.

        Raises:
            ResourceError: the folder does not take them.
        """
        until = time.monotonic() + within
        for place in [*self._due]:
            state, left = self.states.get(place), until - time.monotonic()
            if state is None or not state.there or left <= 0:
                continue
            try:
                kept = state.future.result(timeout=left)
            except Exception:  # its worker is gone, or busy with something else
                continue
            # What was made along the way may be ahead of its state, and never behind.
            written(self.folder, kept.read(), kept_names(place)[::-1])
            self._due.discard(place)

    def drop(self, member: Member) -> None:
        """Count with nothing any more that a worker had."""
        member.has.clear()
        self.states = {place: state for place, state in self.states.items() if state.member is not member}

    def clear(self) -> None:
        """Let go of everything that is on the workers."""
        for table in (self.states, self._files, self._due):
            table.clear()

    def _stamp(self, name: str) -> object:
        try:
            found = (self.folder / name).stat()
        except OSError as error:
            raise FormatError(
                f"{self.folder / name} cannot be read ({error.strerror})",
                "a study's folder holds its measurements",
                "restore the file, or search again under another name",
            ) from error
        return found.st_mtime_ns, found.st_size


def written(folder: Path, files: Mapping[str, bytes], names: tuple[str, ...]) -> None:
    """Write the files that a task left, of those names that it may leave."""
    for name in names:
        if name in files:
            write_bytes(folder / name, files[name], durable=False)
