"""The channels of a picture that are worked on: each different one once, and none that is constant.

A grey picture is often saved as RGB, three times the same, noise included: restored as three channels its
noise would count three times and come back coloured. And a picture in one colour has channels of zeros that
would make every average wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ChannelSet:
    """Which channels are worked on.

    Attributes:
        places: for every channel of the picture its number among those that are worked on; ``None``: it stays as it is.
    """

    places: tuple[int | None, ...]

    @property
    def count(self) -> int:
        """How many channels the picture has."""
        return len(self.places)

    def into(self, x: Tensor) -> Tensor:
        """The channels that are worked on, of a picture (1, C, H, W) whose equal ones are; of another one,
        their means."""
        if self.count != x.shape[1]:
            return x
        numbers = range(max(place for place in self.places if place is not None) + 1)
        groups = [[index for index, place in enumerate(self.places) if place == number] for number in numbers]
        return torch.cat([_mean(x, group) for group in groups], dim=1)

    def back(self, x: Tensor, whole: Tensor | None) -> Tensor:
        """All channels, where x has those that were worked on; what stays as it is comes from ``whole``."""
        planes = []
        for index, place in enumerate(self.places):
            if place is not None:
                planes.append(x[:, place : place + 1])
            else:
                assert whole is not None  # nothing stays as it is where the size changes
                planes.append(whole[:, index : index + 1].to(x))
        return torch.cat(planes, dim=1)

    def sentence(self) -> str:
        """What is done with the channels, for people."""
        same = [place for place in self.places if place is not None]
        said = []
        if len(set(same)) < len(same):
            said.append(
                "all channels are the same, so they are restored as one and written back as they were"
                if len(set(same)) == 1
                else "channels that are the same are restored as one"
            )
        constant = sum(place is None for place in self.places)
        if constant:
            said.append(
                "1 channel is constant and stays as it is"
                if constant == 1
                else f"{constant} channels are constant and stay as they are"
            )
        return "; ".join(said)


def distinct_channels(x: Tensor, *, constant: bool) -> ChannelSet | None:
    """Return what is worked on of (1, C, H, W); ``None`` where that is all.

    Args:
        constant: channels of one value are left as they are, too, unless all are.
    """
    places: list[int | None] = []
    kept: list[int] = []
    for index, plane in enumerate(x[0]):
        if constant and bool((plane == plane[0, 0]).all()):
            places.append(None)
            continue
        same = next((n for n, other in enumerate(kept) if torch.equal(plane, x[0, other])), None)
        if same is None:
            same = len(kept)
            kept.append(index)
        places.append(same)
    if not kept or len(kept) == len(places):
        return None
    return ChannelSet(tuple(places))


def _mean(x: Tensor, group: list[int]) -> Tensor:
    first = x[:, group[0] : group[0] + 1]
    if all(torch.equal(x[:, index : index + 1], first) for index in group[1:]):
        return first
    return x[:, group].mean(1, keepdim=True)
