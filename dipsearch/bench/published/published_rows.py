"""The rows of the literature's table: one method on one picture of one set."""

from __future__ import annotations

from dataclasses import dataclass

COMMAND = "bench published"

SEARCH = "search"
"""What made a row that is an answer of our search, in the place of a rival's name."""

OURS = {"dipsearch": "delivered", "networks": "networks", "first": "first"}
"""The methods that one search of ours measures together, with what they are among its answers."""


@dataclass(frozen=True)
class PublishedRow:
    """What one method made of one picture.

    Args:
        task, set, picture, method: which cell of which table; a rival has its short name.
        psnr: in dB over all pixels and channels; ``None`` where it is infinite or unknown.
        psnr_y: of the luma without 4 pixels on each side; ``None`` where the task is not measured so.
        seconds: on the clock; of ``first`` until the search had it, of our others the whole search.
        device: where the networks ran, by the name of the chip; of a rival the processor.
        budget: of the search, in seconds; ``None`` for a rival.
        at_once: searches that shared the device.
        gpu_busy_share: of a search's time, where it says so; ``None`` elsewhere.
        seed: of the damage and of the method.
        version: of the program.
        note: which of its answers a search delivered, and the like.
        measurement: the digest of what was measured.
    """

    task: str
    set: str
    picture: str
    method: str
    psnr: float | None
    psnr_y: float | None
    seconds: float | None
    device: str
    budget: int | None
    at_once: int
    gpu_busy_share: float | None
    seed: int
    version: str
    note: str
    measurement: str

    @property
    def group(self) -> tuple[object, ...]:
        """The answers of one search belong together; a rival's row stands for itself."""
        maker = SEARCH if self.method in OURS else self.method
        return self.task, self.set, self.picture, maker, self.budget, self.seed
