"""A patient storage: a database that goes away for a while does not end a search.

Every call is made again, with growing pauses, until the database answers or patience runs out. A commit whose
answer was lost may have been carried out: what it was to lead to is looked for before it is made again. Only one
process writes a study, which makes that certain. When patience has run out, the trials can still be read, as they
were read last, and every other call ends in `StorageLost` at once.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Container, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError, SQLAlchemyError

from ..errors import StorageLost, first_line
from .patience import Patience

T = TypeVar("T")
P = ParamSpec("P")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between attempts."""


def _passed_on(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[PatientStorage, P], T]:
    """That method of the storage behind, called patiently."""

    def call(self: PatientStorage, /, *given: P.args, **named: P.kwargs) -> T:
        passed: Callable[P, T] = getattr(self._cached, method.__name__)
        return self._patiently(lambda: passed(*given, **named))

    return call


class PatientStorage(BaseStorage):
    """Optuna's storage in a database, which is waited for when it goes away.

    Args:
        storage: the database; its engine should ping connections before it uses them.
        name: its address for people, without a password.
        patience: how long it is waited for.
    """

    def __init__(self, storage: RDBStorage, *, name: str, patience: Patience) -> None:
        self._cached = get_storage(storage)  # which keeps what cannot change any more, as create_study does
        self._engine, self._name, self._patience = storage.engine, name, patience
        self._trials: dict[int, list[FrozenTrial]] = {}  # by study, as they were read last
        self._newest: dict[int, int] = {}  # by study, the identity of the trial that was made last
        self._lost: StorageLost | None = None
        event.listen(storage.engine, "handle_error", _as_gone)
        logger = storage.engine.pool.logger
        if isinstance(logger, logging.Logger):  # it would show the traceback of every connection that broke
            logger.setLevel(logging.CRITICAL + 1)

    def _patiently(self, call: Callable[[], T], *, made: Callable[[], T | None] = lambda: None) -> T:
        """Call until it works; before another attempt ``made`` looks for what the last one has led to."""
        if self._lost is not None:
            raise self._lost
        try:
            return call()
        except _Gone as error:
            reason = str(error)
        except (StorageInternalError, SQLAlchemyError) as error:
            raise self._refused(error) from error
        if self._patience.seconds > 0:
            self._patience.tell(
                f"the database {self._name} does not answer ({reason}): it is asked again for up to "
                f"{self._patience.seconds:.0f} s"
            )
        began, pause = time.monotonic(), FIRST_PAUSE
        while (waited := time.monotonic() - began) < self._patience.seconds and not self._patience.ended():
            time.sleep(min(pause, self._patience.seconds - waited))
            pause = min(2 * pause, LONGEST_PAUSE)
            try:
                found = made()
                result = call() if found is None else found
            except _Gone as error:
                reason = str(error)
                continue
            except (StorageInternalError, SQLAlchemyError) as error:
                raise self._refused(error) from error
            self._patience.tell(f"the database answers again after {time.monotonic() - began:.1f} s")
            return result
        self._lost = StorageLost(
            f"the database {self._name} has not answered for {time.monotonic() - began:.0f} s",
            f"it says: {reason}",
            "go on by --resume when it is there again",
        )
        raise self._lost

    def _refused(self, error: Exception) -> StorageLost:
        """What the database understood and did not do; waiting would change nothing."""
        cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
        self._lost = StorageLost(
            f"the database {self._name} refuses to go on",
            f"it says: {first_line(getattr(cause, 'orig', None) or cause)}",
            "mend it, and go on by --resume",
        )
        return self._lost

    def give_up(self, lost: StorageLost) -> None:
        """Write nothing any more: from now on every call that is not about its trials as last read ends in this."""
        self._lost = lost

    def remove_session(self) -> None:
        """Close the connections; another call connects anew."""
        self._engine.dispose()

    # What is written. An attribute, a parameter or an intermediate value that is written twice is there once.

    delete_study = _passed_on(BaseStorage.delete_study)
    set_study_user_attr = _passed_on(BaseStorage.set_study_user_attr)
    set_study_system_attr = _passed_on(BaseStorage.set_study_system_attr)
    set_trial_param = _passed_on(BaseStorage.set_trial_param)
    set_trial_intermediate_value = _passed_on(BaseStorage.set_trial_intermediate_value)
    set_trial_user_attr = _passed_on(BaseStorage.set_trial_user_attr)
    set_trial_system_attr = _passed_on(BaseStorage.set_trial_system_attr)

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        def made() -> int | None:
            try:
                return None if study_name is None else self._cached.get_study_id_from_name(study_name)
            except KeyError:
                return None

        return self._patiently(lambda: self._cached.create_new_study(directions, study_name), made=made)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        if study_id not in self._newest:
            self.get_all_trials(study_id, deepcopy=False)
        newest = self._newest[study_id]

        def made() -> int | None:
            trials = self._cached.get_all_trials(study_id, deepcopy=False)
            return max((trial._trial_id for trial in trials if trial._trial_id > newest), default=None)

        number = self._patiently(lambda: self._cached.create_new_trial(study_id, template_trial), made=made)
        self._newest[study_id] = number
        return number

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        def made() -> bool | None:
            return self._cached.get_trial(trial_id).state == state or None

        return self._patiently(
            lambda: self._cached.set_trial_state_values(trial_id, state, values), made=made
        )

    # What is read.

    get_study_id_from_name = _passed_on(BaseStorage.get_study_id_from_name)
    get_study_name_from_id = _passed_on(BaseStorage.get_study_name_from_id)
    get_study_directions = _passed_on(BaseStorage.get_study_directions)
    get_study_user_attrs = _passed_on(BaseStorage.get_study_user_attrs)
    get_study_system_attrs = _passed_on(BaseStorage.get_study_system_attrs)
    get_all_studies = _passed_on(BaseStorage.get_all_studies)
    get_trial_id_from_study_id_trial_number = _passed_on(BaseStorage.get_trial_id_from_study_id_trial_number)
    get_best_trial = _passed_on(BaseStorage.get_best_trial)
    get_trial = _passed_on(BaseStorage.get_trial)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        if self._lost is None or study_id not in self._trials:
            try:
                trials = self._patiently(lambda: self._cached.get_all_trials(study_id, deepcopy=False))
            except StorageLost:
                if study_id not in self._trials:
                    raise
            else:
                self._trials[study_id] = trials
                self._newest[study_id] = max((trial._trial_id for trial in trials), default=-1)
        wanted = [trial for trial in self._trials[study_id] if states is None or trial.state in states]
        return copy.deepcopy(wanted) if deepcopy else wanted


class _Gone(Exception):
    """The database did not answer; not SQLAlchemy's, so that Optuna neither catches nor reports it."""


def _as_gone(context: ExceptionContext) -> _Gone | None:
    """What SQLAlchemy raises in the place of a driver's error; ``None``: what it would have raised."""
    error = context.sqlalchemy_exception  # there is none for Ctrl-C, which invalidates a connection as well
    gone = isinstance(error, DBAPIError) and (
        error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError, InternalError))
    )
    # After a ping that fails, SQLAlchemy connects anew by itself.
    return _Gone(first_line(context.original_exception)) if gone and not context.is_pre_ping else None
