"""A signal that comes while PyTorch is being imported is answered as any later one."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest

from dipsearch import early_signals
from dipsearch.commands import parsing
from dipsearch.commands.main import run
from dipsearch.delivery.first_answers import INTERRUPTED_SECONDS
from dipsearch.early_signals import heard_early, listening_early
from dipsearch.errors import InputError
from dipsearch.execution.executor import WorkerSpec
from dipsearch.execution.runner import Asked, Runner
from dipsearch.problem import TaskOptions
from dipsearch.run.answering import first_until
from dipsearch.run.signals import interruptible
from dipsearch.trials.request import Request

HEARD = (
    "SIGTERM: heard; what there is is delivered first, which takes 2 to 30 s by the size of the picture "
    "(once more: stop at once)\n"
)


def sent(number=signal.SIGTERM):
    os.kill(os.getpid(), number)


def test_the_first_is_remembered_and_said_and_the_work_takes_it_over(capsys):
    before = signal.getsignal(signal.SIGTERM)
    with listening_early():
        sent()
        assert capsys.readouterr().err == HEARD
        with interruptible() as asked:
            assert asked.by == "SIGTERM"
        assert heard_early() == ""
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("executor", [None, object()])
def test_one_is_answered_at_once_where_nobody_looks(executor, capsys):
    with interruptible(executor) as asked:
        sent()
        assert asked.by == "SIGTERM" and capsys.readouterr().err == HEARD
        asked.speak()
        assert capsys.readouterr().err == ""  # once is enough


def test_where_somebody_looks_it_is_said_there(capsys):
    said = []
    with interruptible(object(), Asked(answer=said.append, attended=True)) as asked:
        sent()
        assert asked.once and said == [] and capsys.readouterr().err == ""
        asked.speak()
        assert said == ["SIGTERM"]


def test_what_comes_between_the_last_look_and_the_end_of_the_work_is_answered(tmp_path):
    said = []
    asked = Asked(answer=said.append)
    executor = SimpleNamespace(workers=(WorkerSpec(0, "cpu"),), free=lambda: 1, lost=False)
    runner = Runner(tmp_path, ("cat",), 0, executor, time.monotonic(), said.append, asked)
    with interruptible(executor, asked):
        runner.heard = sent
        runner.work(lambda: None)
        assert said == ["SIGTERM"] and not asked.attended


def test_what_was_said_before_the_work_is_not_said_again():
    with listening_early():
        sent()
        with interruptible() as asked:
            assert asked.once and asked.answered


@pytest.mark.parametrize("ends_well", [True, False])
def test_when_everything_is_written_a_signal_changes_nothing_any_more(ends_well):
    before = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in early_signals.NAMES}
    try:
        with suppress(KeyError), listening_early(last=True):
            if not ends_well:
                raise KeyError
        assert (signal.getsignal(signal.SIGTERM) == signal.SIG_IGN) is ends_well
        with listening_early():  # a program that calls it again
            assert signal.getsignal(signal.SIGTERM) == early_signals._remember
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_second_one_ends_it():
    with listening_early():
        sent()
        with pytest.raises(KeyboardInterrupt):
            sent(signal.SIGINT)


def test_nothing_is_remembered_of_an_earlier_command():
    with listening_early():
        sent()
    with listening_early(), interruptible() as asked:
        assert not asked.once


@pytest.mark.parametrize(
    ("words", "early"), [(["search", "x.png", "--name", "a"], True), (["show", "a"], False)]
)
def test_only_what_delivers_something_listens(words, early, monkeypatch):
    seen = []

    def look(*_, **__):
        seen.append(signal.getsignal(signal.SIGTERM) == early_signals._remember)
        raise InputError("a", "b", "c")

    monkeypatch.setattr(parsing, "study_name", look)
    monkeypatch.setattr(parsing, "architecture_or_study", look)
    assert run(words) == 2
    assert seen == [early]


def test_who_has_asked_already_gets_a_first_answer_soon():
    asked = Request(sources=("x.png",), options=TaskOptions(task="denoise"), name="a", trials=3)
    now = time.monotonic()
    assert first_until(asked, started=now, slowness=1.0) == float("inf")
    assert 0 < first_until(asked, started=now, slowness=1.0, hurry=True) - now < 2 * INTERRUPTED_SECONDS
    short = replace(asked, budget_seconds=10.0)
    assert first_until(short, started=now, slowness=1.0, hurry=True) - now < 10.0
