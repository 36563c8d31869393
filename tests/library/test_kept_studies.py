"""The user's own library: kept, listed, removed; duplicates, damaged and foreign files are refused in a sentence."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dipsearch.errors import InputError
from dipsearch.library import preset, read_preset
from dipsearch.library.kept_presets import keep_preset
from dipsearch.library.kept_studies import (
    MOST_TRIED,
    PLACE,
    keep_study,
    kept_networks,
    library_folder,
    readable_studies,
    remove_study,
)
from dipsearch.library.kept_study_file import KeptNetwork, KeptPicture, KeptStudy
from dipsearch.library.measurement_features import FEATURES
from dipsearch.library.presets import FOLDER


def study(name: str = "first", *, task: str = "denoise", seed: int = 0) -> KeptStudy:
    genome = preset("dipsearch_pilot_16")
    networks = (
        KeptNetwork(replace(genome, learning_rate=0.02 + seed / 1000), 30.5, 210),
        KeptNetwork(genome, 30.0, 180, "dipsearch_pilot_16"),
    )
    picture = KeptPicture("0123456789ab", (1, 3, 64, 48), dict.fromkeys(FEATURES, 0.5))
    return KeptStudy(name, task, seed, "2026-01-01T00:00:00+00:00", "0.1.0", (picture,), networks)


def test_a_study_is_kept_read_back_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    assert readable_studies(folder) == ((), ())
    keep_study(study(), folder=folder)
    assert readable_studies(folder) == ((study(),), ())
    remove_study("first", folder=folder)
    assert readable_studies(folder) == ((), ())
    with pytest.raises(InputError, match="no study or preset 'first'; it has none"):
        remove_study("first", folder=folder)


def test_the_same_study_and_the_same_name_are_refused(tmp_path: Path) -> None:
    keep_study(study(), folder=tmp_path)
    with pytest.raises(InputError, match="in the library already, as first"):
        keep_study(study("second"), folder=tmp_path)
    with pytest.raises(InputError, match="another study or preset of the name first"):
        keep_study(study("First", seed=1), folder=tmp_path)
    assert len(readable_studies(tmp_path)[0]) == 1


def test_the_advice_on_what_is_there_already_can_be_pasted(tmp_path: Path) -> None:
    keep_study(study("my cat"), folder=tmp_path)
    with pytest.raises(InputError) as refused:
        keep_study(study("second"), folder=tmp_path)
    assert "library remove 'my cat' to add it anew" in refused.value.fix
    found = read_preset(FOLDER / "dipsearch_pilot_16.yaml")
    keep_preset(found, name="our cats", folder=tmp_path)
    with pytest.raises(InputError) as refused:
        keep_preset(found, name="others", folder=tmp_path)
    assert "library remove 'our cats' to add it anew" in refused.value.fix


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(task="paint"), "task"),
        (lambda c: c["networks"][0]["genome"].pop("norm"), "norm"),
        (lambda c: c["pictures"][0]["features"].pop("noise"), "the features are"),
        (lambda c: c["pictures"][0].update(digest="../../etc"), "digest"),
        (lambda c: c.update(networks=[]), "networks"),
        (lambda c: c["networks"][0].update(name="dipsearch_pilot_16"), "a network occurs twice"),
        (lambda c: c["networks"].append(c["networks"][0]), "a network occurs twice"),
    ],
)
def test_damaged_files_are_named_and_left_out_and_keep_their_names(
    change: object, words: str, tmp_path: Path
) -> None:
    keep_study(study(), folder=tmp_path)
    file = keep_study(study("second", seed=1), folder=tmp_path)
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)  # type: ignore[operator]
    file.write_text(json.dumps(content), encoding="utf-8")
    there, left_out = readable_studies(tmp_path)
    assert [one.name for one in there] == ["first"]
    assert len(left_out) == 1 and left_out[0].startswith("second of your library is left out")
    assert words in left_out[0]
    with pytest.raises(InputError, match="another study or preset of the name second"):
        keep_study(study("second", seed=2), folder=tmp_path)
    keep_study(study("third", seed=3), folder=tmp_path)
    remove_study("second", folder=tmp_path)
    there, left_out = readable_studies(tmp_path)
    assert [one.name for one in there] == ["first", "third"] and left_out == ()


def test_a_copy_under_another_name_counts_once(tmp_path: Path) -> None:
    file = keep_study(study(), folder=tmp_path)
    (tmp_path / "second.json").write_bytes(file.read_bytes())
    there, left_out = readable_studies(tmp_path)
    assert [one.name for one in there] == ["first"]
    assert left_out == ("second of your library is left out: it is the study first once more",)


def test_a_search_tries_the_best_of_each_study_of_its_task_once() -> None:
    studies = (study("a"), study("b"), study("c", seed=1), study("d", task="sr"), study("e", seed=2))
    found = kept_networks((*studies, study("f", seed=3)), "denoise")
    assert [name for name, _ in found] == ["library:a", "library:c", "library:e"]
    assert len(found) == MOST_TRIED
    assert kept_networks(studies, "inpaint") == ()


def test_a_file_is_no_library_and_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.touch()
    assert readable_studies(file) == ((), (f"your library {file} is left out: it is a file, and no folder",))


def test_the_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(PLACE, str(tmp_path / "mine"))
    assert library_folder() == tmp_path / "mine"
    monkeypatch.setenv(PLACE, "~/mine")  # of a .env file, or of a systemd unit
    assert library_folder() == Path.home() / "mine"
    monkeypatch.delenv(PLACE)
    assert library_folder().parts[-2:] == ("dipsearch", "library")


def test_without_a_home_directory_the_folder_is_the_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv(PLACE, raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    with pytest.raises(InputError, match=f"no home directory.*set {PLACE}"):
        library_folder()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert library_folder() == tmp_path / "dipsearch" / "library"
    monkeypatch.setenv(PLACE, str(tmp_path / "mine"))
    assert library_folder() == tmp_path / "mine"


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")
