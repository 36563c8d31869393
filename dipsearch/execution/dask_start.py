"""The start on a cluster of Dask's: somebody has to be there who can do the work, or it is said why nobody is."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..errors import ResourceError
from .dask_client import START_A_CLUSTER, Connection
from .dask_membership import Membership

ARRIVE_SECONDS, ANSWER_SECONDS = 6.0, 60.0
"""How long after the call a worker has for giving a sign of life, so that a refusal takes 10 s at the most; and then
for saying what it is, for which it may have to import PyTorch, or to end a slice of another search. One with other
versions is refused as soon as it has said so, which takes one that is idle a moment."""

OTHERS_SECONDS = 10.0
"""How long the others have after that; they are used whenever they come."""

START_SECONDS = 90.0
"""How long processes of this machine have for being there."""

LOOK_AGAIN = 0.05
"""Seconds between two looks whether somebody has come."""


def first_workers(membership: Membership, connection: Connection) -> None:
    """Wait until there are workers.

    Raises:
        ResourceError: none comes, or none can be used.
    """
    first = float("inf")
    processes = connection.processes
    wanted = 1 if processes is None else processes.count
    while True:
        membership.look(now=True)
        passed, members = time.monotonic() - connection.begun, len(membership.members)
        first = min(first, passed) if members else first
        if members >= wanted and (not membership.undecided or passed > first + OTHERS_SECONDS):
            return
        if len(membership.refused) == membership.known >= wanted:
            raise ResourceError(
                refusals([*membership.refused.values()]),
                "the same versions have to be installed on all workers",
                "install them there, or start the workers from this environment",
            )
        over = processes is not None and not processes.alive
        patience = START_SECONDS if processes else ANSWER_SECONDS if membership.alive else ARRIVE_SECONDS
        if over or passed > patience:
            if members:
                return
            raise ResourceError(
                f"the cluster at {connection.where} has "
                + (f"{membership.known} workers that do not answer" if membership.known else "no workers"),
                "it has to have one that is free",
                START_A_CLUSTER
                if processes
                else f"wait until it has, or start another one: dask worker {connection.where}",
            )
        time.sleep(LOOK_AGAIN)


def refusals(sentences: Sequence[str]) -> str:
    """Why some workers are not used, on a line."""
    return sentences[0] + (f" (and {len(sentences) - 1} more like it)" if len(sentences) > 1 else "")
