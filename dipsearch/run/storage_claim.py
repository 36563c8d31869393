"""The claim on a study in a database: its folder may have been copied, and one search at a time writes its candidates.

The study says who holds it and when they last said so. It is taken over from a process of this machine that is gone,
and from any that has not been heard of for longer than a database is waited for.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field

import optuna

from ..errors import StorageLost, StudyError
from ..trials.holder import Holder

HOLDER = "holder"
"""The attribute of the study; ``None`` in it: nobody."""

SAY_SECONDS = 60.0
"""Between two times at which the holder says that it is there; each is a question and an answer of the database."""

STALE_SECONDS = 900.0
"""A holder that has said nothing for so long is gone: a database is waited for 300 s, and a slice is over in 10."""

AGAIN_SECONDS = 0.5
"""After that whoever has come sees whether another one has come at the same moment; the later of them has it."""


@dataclass
class StorageClaim:
    """A study in a database that is this process's until it is released.

    Args:
        study: Optuna's.
        holder: this process.
        notes: sentences for a person on whom it was taken over from.
    """

    study: optuna.Study
    holder: Holder
    notes: tuple[str, ...] = ()
    _said: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        before, seen = self._there()
        if before is not None:
            same = (before.host, before.pid) == (
                self.holder.host,
                os.getpid(),
            )  # its number is this one's now
            if before.may_live and not same and time.time() - seen < STALE_SECONDS:
                raise self._held(before)
            self.notes = (f"the study was being worked on by {before}, which is gone: it is taken over",)
        self._say()
        if not self.holder.new:
            time.sleep(AGAIN_SECONDS)
            there, _ = self._there()
            if there is not None and there != self.holder:
                raise self._held(there)

    def keep(self) -> None:
        """Say now and then that this process is there.

        Raises:
            StorageLost: another one has taken the study over, since this one was not heard of.
        """
        if time.monotonic() - self._said < SAY_SECONDS:
            return
        there, _ = self._there()
        if there is not None and there != self.holder:
            lost = StorageLost(
                f"the study '{self.study.study_name}' was taken over by {there}",
                f"nothing had been heard of this process for {STALE_SECONDS / 60:.0f} min",
                "wait for that one",
            )
            from ..proposal.patient_storage import PatientStorage  # only who has a database pays for it

            if isinstance(self.study._storage, PatientStorage):
                self.study._storage.give_up(lost)
            raise lost
        self._say()

    def release(self) -> None:
        """Let others have it."""
        if self._there()[0] == self.holder:
            self.study.set_user_attr(HOLDER, None)

    def _held(self, holder: Holder) -> StudyError:
        return StudyError(
            f"the study '{self.study.study_name}' is being worked on by {holder}, as its database says",
            "one search at a time has a study, also where its folder was copied",
            "wait for it, or stop it and go on by --resume, or search under another --name",
        )

    def _say(self) -> None:
        self.study.set_user_attr(HOLDER, {**asdict(self.holder), "seen": time.time()})
        self._said = time.monotonic()

    def _there(self) -> tuple[Holder | None, float]:
        """Who holds it, and when they said so last, in Unix seconds."""
        found = dict(self.study.user_attrs.get(HOLDER) or {})
        seen = found.pop("seen", 0.0)
        return (Holder(**found), seen) if found else (None, seen)
