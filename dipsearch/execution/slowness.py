"""Slowness: how many times as long as its processor time work takes here, since the machine does other work, too.

The system says how long a thread had a processor and how long it waited for one. Waiting for a disk is no part of it,
nor is the time in which the machine was suspended or a debugger held the process: they say nothing of what comes later.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

SCHEDULED = Path("/proc/thread-self/schedstat")
"""Of Linux: nanoseconds of this thread on a processor, and nanoseconds for which it was ready and had none."""


@dataclass(frozen=True)
class Share:
    """What this thread has had of the processors, in seconds since any moment.

    Args:
        worked: on one of them.
        waited: for one of them.
    """

    worked: float
    waited: float

    def slowness(self) -> float:
        """How many times as long as its processor time the work since then has taken; 1 at the least."""
        now = share()
        return 1.0 + max(0.0, now.waited - self.waited) / max(now.worked - self.worked, 1e-3)

    def own_slowness(self) -> float | None:
        """The same of a thread that mostly sleeps; ``None`` where the system does not say what it has waited for.

        One that worked for 2 ms twice a second took 2.0 to 2.2 times as long as its processor time on a busy machine,
        one that worked on end 1.6 to 1.9 times; at the least priority it was 31 to 32 and 26 to 30 times.
        """
        return self.slowness() if SCHEDULED.exists() else None


def share() -> Share:
    """What it is now. Where the system does not say, all is waiting that is not work of the process."""
    try:
        worked, waited, *_ = SCHEDULED.read_text().split()
        return Share(int(worked) / 1e9, int(waited) / 1e9)
    except (OSError, ValueError):
        used = time.process_time()
        return Share(used, time.monotonic() - used)
