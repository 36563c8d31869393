"""Streams that outlive their readers: whoever closes a terminal, or reads no further, ends no search.

A search delivers its picture whether or not anybody hears of it. What cannot be written any more, to a terminal that
is gone, a pipe without a reader or a file on a full disk, is dropped from then on. Who may not lose it, as a program
that reads JSON, asks why.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO


def nowhere() -> TextIO:
    """A stream for what was closed before the program began (``>&-``)."""
    return Path(os.devnull).open("w", encoding="utf-8")


class LastingStream:
    """A text stream that drops what its file does not take.

    Args:
        stream: what is written to, as long as it can be.

    ``refused`` is why what was written last, or something before, was dropped; ``None``: nothing was.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.refused: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or drop."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._drop(error)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write all, or drop them."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush, or drop what is not written yet."""
        try:
            self._stream.flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        """Let all that follows go nowhere, and what waits in a buffer, which Python flushes when it ends."""
        self.refused = self.refused or error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        with suppress(OSError):  # it is no file
            os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


@contextmanager
def lasting_streams() -> Iterator[None]:
    """Let nothing that is printed within the block end it."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (LastingStream(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
