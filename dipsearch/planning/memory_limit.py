"""The memory limit: how much memory one candidate may take, so that none is started that does not fit.

What is free when a search starts is shared by the workers of each device. A candidate whose predicted peak is
larger is not proposed, and refused where it was asked for: on most systems, running out of memory ends the whole
process, and with it the work of a worker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..fitting.free_memory import free_bytes
from ..network import Genome
from ..network.peak_memory import fits_in, memory_bytes

SHARE = 0.9
"""Of the free memory that is given to candidates; predictions are off by a tenth."""

WORKER = {"cpu": 300 * 10**6, "cuda": 600 * 10**6}
"""Bytes that a worker takes before its first fit: PyTorch's libraries, on a GPU its context."""

WATCHING = 40 * 10**6
"""Bytes that the rules which only watch a fit hold at most, outputs of the last iterations above all."""

Named = tuple[tuple[str, Genome], ...]


@dataclass(frozen=True)
class MemoryLimit:
    """The memory that candidates have.

    Args:
        image_shape: (1, C, H, W) of the largest picture that a candidate has to be fitted to in the end.
        free: bytes on the tightest device; ``None``: nobody says.
        candidate: bytes that one candidate may take there; ``None``: no limit.
        device: kind of the device, "cpu", "cuda" or "mps".
    """

    image_shape: tuple[int, int, int, int] = (1, 3, 1, 1)
    free: int | None = None
    candidate: int | None = None
    device: str = "cpu"

    def fits(self, genome: Genome, *, image_shape: tuple[int, int, int, int] | None = None) -> bool:
        """Whether the predicted peak of a candidate is within the limit, by default on the largest picture."""
        shape = image_shape or self.image_shape
        return self.candidate is None or fits_in(
            self.candidate, genome, image_shape=shape, device=self.device
        )

    def refusal(self, genome: Genome, *, image_shape: tuple[int, int, int, int]) -> str | None:
        """Why a candidate is not started on a picture; ``None`` when it fits."""
        if self.candidate is None or self.fits(genome, image_shape=image_shape):
            return None
        needed = memory_bytes(genome, image_shape=image_shape, device=self.device)
        return (
            f"it is too large for this machine: about {in_words(needed)} of memory, "
            f"{in_words(self.candidate)} are there for a candidate"
        )

    @property
    def sentence(self) -> str:
        """For the plan."""
        if self.free is None or self.candidate is None:
            return "this system does not say how much is free: no limit"
        return f"{in_words(self.free)} free, at most {in_words(self.candidate)} per candidate"


UNLIMITED = MemoryLimit()


def memory_limit_of(
    devices: Sequence[str],
    *,
    image_shape: tuple[int, int, int, int],
    free: Callable[[str], int | None] = free_bytes,
) -> MemoryLimit:
    """The memory limit of a search whose workers sit on `devices`, one each, on the tightest of them.

    Args:
        devices: "cpu", "cuda:0", … ; as often as there are workers.
        image_shape: of the largest picture.
        free: tells the free bytes of a device.
    """
    kind = devices[0].partition(":")[0]
    found: list[tuple[int, int]] = []
    for device, workers in Counter(devices).items():
        if (bytes_free := free(device)) is not None:
            each = int(SHARE * bytes_free / workers) - WORKER.get(kind, 0) - WATCHING
            found.append((max(0, each), bytes_free))
    if not found:
        return MemoryLimit(image_shape, device=kind)
    candidate, bytes_free = min(found)
    return MemoryLimit(image_shape, bytes_free, candidate, kind)


def those_that_fit(
    networks: Sequence[tuple[str, Genome]], memory_limit: MemoryLimit
) -> tuple[Named, tuple[str, ...]]:
    """Known networks that fit into memory, and the names of the others."""
    fitting = tuple((name, genome) for name, genome in networks if memory_limit.fits(genome))
    names = {name for name, _ in fitting}
    return fitting, tuple(name for name, _ in networks if name not in names)


def in_words(size: int) -> str:
    """Bytes as a person reads them: "9.8 GB", "350 MB"."""
    return f"{size / 1e9:.3g} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
