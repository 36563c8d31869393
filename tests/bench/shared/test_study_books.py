"""The books of a study from outside: what is finished, how far candidates came, and what a kill costs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from safetensors.torch import save_file

from dipsearch.bench.shared.study_books import Books, SliceLine, faults_between, read_books
from dipsearch.errors import FormatError


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Four candidates: complete, pruned, failed, and under way, with 230 iterations reported and 210 saved."""
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
    made = optuna.create_study(study_name="mine", storage=storage, direction="maximize")
    for state in ("COMPLETE", "PRUNED", "FAIL"):
        trial = made.ask()
        trial.report(25.0, 150)
        values = 30.5 if state == "COMPLETE" else None
        made.tell(trial, values, state=optuna.trial.TrialState[state])
    made.ask().report(25.0, 230)
    made.enqueue_trial({})
    write_curve(tmp_path, 0, 400)
    write_state(tmp_path, 3, 210)
    return tmp_path


def write_curve(folder: Path, number: int, last: int) -> None:
    place = folder / "trials" / f"{number:04d}"
    place.mkdir(parents=True)
    np.savez(place / "fit.npz", step=np.arange(10, last + 1, 10))


def write_state(folder: Path, number: int, step: int) -> None:
    place = folder / "trials" / f"{number:04d}"
    place.mkdir(parents=True, exist_ok=True)
    words = torch.frombuffer(bytearray(json.dumps({"fits": [{"step": step}]}).encode()), dtype=torch.uint8)
    save_file({"json": words, "0/rows": torch.zeros(2, 4)}, place / "state.safetensors")


def test_states_steps_and_what_is_saved_are_read(study: Path) -> None:
    books = read_books(study, name="mine")
    assert books.finished == {0: ("COMPLETE", 30.5), 1: ("PRUNED", 25.0)}
    assert books.under_way == {3} and books.failed == {2}
    assert books.known == {0: 400, 1: 150, 2: 150, 3: 230} and books.kept == {3: 210}
    assert (books.lost, books.looks) == (20, 2)


def test_a_fit_under_way_that_was_never_saved_is_lost_whole(study: Path) -> None:
    (study / "trials" / "0003" / "state.safetensors").unlink()
    assert read_books(study, name="mine").lost == 230


def test_books_that_were_not_opened_are_empty_and_reading_makes_no_file(tmp_path: Path) -> None:
    assert read_books(tmp_path, name="mine") == Books()
    (tmp_path / "journal.log").touch()
    assert read_books(tmp_path, name="mine") == Books()
    assert [path.name for path in tmp_path.iterdir()] == ["journal.log"]


def test_a_torn_end_of_the_journal_hides_nothing(study: Path) -> None:
    whole = read_books(study, name="mine")
    with (study / "journal.log").open("a") as journal:
        journal.write('{"op_code": 6, "trial_')
    assert read_books(study, name="mine") == whole


def test_nothing_is_lost_when_candidates_go_on_and_finish() -> None:
    slices = (SliceLine(1, 0, 210), SliceLine(1, 210, 230), SliceLine(2, 0, 50))
    before = Books(
        {0: ("COMPLETE", 30.5)}, frozenset({1, 2}), known={1: 230}, kept={1: 210}, slices=slices[:1]
    )
    after = Books(
        {0: ("COMPLETE", 30.5), 1: ("PRUNED", None)}, frozenset({2}), known={1: 400, 2: 50}, slices=slices
    )
    assert faults_between(before, after) == []


def test_more_than_a_slice_is_a_loss() -> None:
    slices = (SliceLine(1, 0, 50), SliceLine(1, 50, 100), SliceLine(1, 100, 140))
    books = Books(under_way=frozenset({1}), known={1: 140}, kept={1: 100}, slices=slices)
    assert books.lost == 40 and faults_between(books, books) == []
    fault = "candidate 1 was under way and lost 140 iterations, its longest slice had 50"
    assert faults_between(replace(books, kept={}), books) == [fault]


def test_what_an_earlier_kill_cost_does_not_count_again() -> None:
    slices = (SliceLine(1, 0, 300), SliceLine(1, 250, 280))
    assert Books(under_way=frozenset({1}), known={1: 300}, kept={1: 260}, slices=slices).lost == 20


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            {"finished": {0: ("COMPLETE", 30.0)}},
            "candidate 0 was ('COMPLETE', 30.5) and is ('COMPLETE', 30.0)",
        ),
        ({"finished": {}}, "candidate 0 was ('COMPLETE', 30.5) and is None"),
        (
            {"under_way": frozenset(), "failed": frozenset({1})},
            "candidate 1 was under way and counts as failed",
        ),
        ({"under_way": frozenset()}, "candidate 1 was under way and is gone"),
        ({"known": {1: 100}}, "candidate 1 was under way with 210 iterations saved and went on at 100"),
        (
            {"slices": (SliceLine(1, 0, 200), SliceLine(1, 200, 400))},
            "candidate 1 was under way with 210 iterations saved and went on at 0",
        ),
    ],
)
def test_every_loss_is_named(change: dict[str, object], fault: str) -> None:
    before = Books({0: ("COMPLETE", 30.5)}, frozenset({1}), known={1: 230}, kept={1: 210})
    after = replace(before, **{"known": {1: 400}} | change)  # type: ignore[arg-type]
    assert faults_between(before, after) == [fault]


def test_slices_are_read_but_for_a_torn_end_and_another_form_is_refused(study: Path) -> None:
    file = study / "slices.jsonl"
    line = '{"candidate": 3, "worker": 0, "before": %d, "after": %d, "why": "a look"}\n'
    file.write_text(line % (0, 110) + line % (110, 240) + '{"cand')
    books = read_books(study, name="mine")
    assert books.slices == (SliceLine(3, 0, 110), SliceLine(3, 110, 240))
    assert books.known[3] == 240 and books.lost == 30
    file.write_text('{"number": 3}\n')
    with pytest.raises(FormatError, match="holds a line without candidate, before, after"):
        read_books(study, name="mine")
