"""A signal that comes while PyTorch is being imported is answered as any later one."""

import os
import signal
import time
from dataclasses import replace

import pytest

from dipsearch import early_signals
from dipsearch.commands import parsing
from dipsearch.commands.main import run
from dipsearch.delivery.first_answers import INTERRUPTED_SECONDS
from dipsearch.early_signals import heard_early, listening_early
from dipsearch.errors import InputError
from dipsearch.execution.runner import Asked
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


def test_one_that_comes_before_the_workers_are_there_is_answered_at_once(capsys):
    with interruptible() as asked:
        sent()
        assert asked.by == "SIGTERM" and capsys.readouterr().err == HEARD
        with interruptible(object(), Asked()) as later:  # whose scheduler says it, on the display
            sent()
            assert later.once and capsys.readouterr().err == ""


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
