"""A study whose folder was renamed or copied is gone on with; one whose record is gone is not begun anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import optuna
import pytest

from dipsearch.commands.main import run as command
from dipsearch.errors import StudyError
from dipsearch.run import read_study
from dipsearch.run.slice_log import read_slices

from .test_slices import place as place
from .test_slices import run
from .test_study_side import Ear, request


@pytest.mark.parametrize(("move", "database"), [(shutil.move, True), (shutil.copytree, False)])
def test_a_renamed_study_goes_on_with_its_candidates(place: Path, database: bool, move: object) -> None:
    storage = f"sqlite:///{place / 'studies.db'}" if database else None
    first = run(place, request(place, steps=20, storage=storage), Ear())
    before = read_study(first.folder, storage=storage).trials
    renamed = place / "studies" / "renamed"
    move(first.folder, renamed)  # type: ignore[operator]
    seen = len([*read_slices(renamed)])
    asked = request(place, steps=20, trials=3, name="renamed", storage=storage)
    again = run(place, asked, Ear(), resume=True)
    after = read_study(renamed, storage=storage).trials
    assert again.folder == renamed and again.result["trials"]["complete"] == 3
    assert [trial.number for trial in after] == [0, 1, 2]
    assert [t.estimated_psnr for t in after[:2]] == [t.estimated_psnr for t in before]
    assert {row.candidate for row in [*read_slices(renamed)][seen:]} == {2}
    assert not (renamed / "owner.lock").exists()
    if storage is not None:
        assert optuna.get_all_study_names(storage) == ["study"]


def test_a_study_without_its_journal_is_not_begun_anew(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(place, request(place, steps=20), Ear()).folder
    (folder / "journal.log").unlink()
    there = sorted(folder.rglob("*"))
    monkeypatch.chdir(place)
    assert command(["search", "--resume", "--name", "study", "--trials", "3"]) == 2
    said = capsys.readouterr().err
    assert "the study was begun under the name 'study'" in said and "has none of that name" in said
    assert sorted(folder.rglob("*")) == there
    (folder / "journal.log").touch()
    with pytest.raises(StudyError, match=r"journal\.log has none of that name"):
        run(place, request(place, steps=20, trials=3), Ear(), resume=True)
    assert (folder / "journal.log").read_bytes() == b""


def test_a_study_is_not_begun_anew_in_another_database(place: Path) -> None:
    run(place, request(place, steps=20, trials=1, storage=f"sqlite:///{place / 'one.db'}"), Ear())
    other = f"sqlite:///{place / 'two.db'}"
    with pytest.raises(StudyError, match=r"two\.db has none of that name"):
        run(place, request(place, steps=20, storage=other), Ear(), resume=True)
    assert optuna.get_all_study_names(other) == []


def test_a_search_that_was_killed_before_its_first_candidate_goes_on(place: Path) -> None:
    folder = run(place, request(place, steps=20, trials=1), Ear()).folder
    (folder / "journal.log").unlink()
    shutil.rmtree(folder / "trials")
    again = run(place, request(place, steps=20, trials=1), Ear(), resume=True)
    assert again.result["trials"]["complete"] == 1
    assert [trial.number for trial in read_study(folder).trials] == [0]
