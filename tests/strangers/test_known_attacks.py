"""What a folder from a stranger can try, one by one: each ends in words, and in nothing else."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.storages import RDBStorage
from PIL import Image

from dipsearch.commands.main import run
from dipsearch.report.page import render
from dipsearch.report.studies import find_studies, study_rows
from dipsearch.run import read_study
from dipsearch.yaml_files import dump_yaml, parse_yaml
from tests.strangers.conftest import Watch

Copies = Callable[[], Path]


def edit_request(folder: Path, **changes: Any) -> None:
    file = folder / "study.yaml"
    content = parse_yaml(file.read_text(encoding="utf-8"), source="study.yaml")
    options = content["options"] | changes.pop("options", {})
    file.write_text(dump_yaml({**content, **changes, "options": options}), encoding="utf-8")


def edit_result(folder: Path, **changes: Any) -> None:
    file = folder / "result.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def shows_the_secret(page: str) -> bool:
    """Whether most of any picture on a page has the grey of the file that nobody has to look at."""
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", page)
    pictures = [Image.open(io.BytesIO(base64.b64decode(each))).convert("RGB") for each in found]
    assert pictures
    return any(float((np.asarray(picture) == 207).mean()) > 0.5 for picture in pictures)


def test_a_sound_study_is_shown_with_its_reference(copies: Copies) -> None:
    record = read_study(copies())
    assert record.missing == ()
    assert record.pictures[0].reference is not None
    assert all(e.psnr is not None for e in record.ranked())


@pytest.mark.parametrize("way", ["source", "reference", "mask", "link", "path", "array"])
def test_a_picture_outside_of_the_folder_reaches_no_page(way: str, copies: Copies, outside: Path) -> None:
    folder, secret = copies(), outside / "secret.png"
    if way == "source":
        edit_request(folder, sources=[str(secret)], options={"missing": 1.0})
    elif way in ("reference", "mask"):
        edit_request(folder, options={"missing": None, way: str(secret)})
    elif way == "array":
        edit_request(folder, sources=["array:../../../outside/secret"])
    elif way == "link":
        (folder / "best" / "restored.png").unlink()
        (folder / "best" / "restored.png").symlink_to(secret)
    else:
        pictures = json.loads((folder / "result.json").read_text())["pictures"]
        edit_result(folder, pictures=[pictures[0] | {"restored": "../../outside/secret.png"}])
    record = read_study(folder)
    assert record.missing and all(str(sentence) for sentence in record.missing)
    assert not shows_the_secret(render(record))
    assert way in ("path", "link") or record.pictures[0].reference is None


def test_a_picture_that_has_changed_since_is_not_taken_for_the_one_that_was_restored(
    copies: Copies, sound: Path
) -> None:
    folder = copies()
    known = json.loads((folder / "sources.json").read_text())
    known["files"] = dict.fromkeys(known["files"], "0" * 64)
    (folder / "sources.json").write_text(json.dumps(known))
    record = read_study(folder)
    assert record.pictures[0].case is not None  # what was measured lies in the folder
    assert record.pictures[0].reference is None
    assert "is not what this study was made from" in record.missing[0]


@pytest.mark.parametrize("verb", ["show", "report"])
def test_a_database_in_a_file_is_neither_connected_to_nor_made(
    verb: str,
    copies: Copies,
    outside: Path,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reached: list[str] = []
    monkeypatch.setattr(RDBStorage, "__init__", lambda self, url, **more: reached.append(url))
    monkeypatch.delenv("DIPSEARCH_STORAGE", raising=False)
    for address in (f"sqlite:///{outside}/made.db", "postgresql://stranger.invalid/studies"):
        folder = copies()
        edit_request(folder, storage=address)
        watch.at_work = True
        assert run([verb, str(folder)]) == 0
        watch.at_work = False
        assert reached == [] and watch.reached == []
        assert not (outside / "made.db").exists()
        said = capsys.readouterr().out if verb == "show" else (folder / "report.html").read_text()
        assert "is not connected to unless it is given again" in said


def test_what_moves_a_cursor_or_turns_text_around_is_written_out(
    copies: Copies, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, evil = copies(), "\x1b]0;owned\x07 \u202egnp.exe \x9b2J"
    edit_result(folder, warnings=[evil], version=evil)
    edit_request(folder, name=evil, sources=[f"{evil}.png"])
    assert run(["show", str(folder)]) == 0
    assert run(["report", str(folder)]) == 0
    out, page = capsys.readouterr().out, (folder / "report.html").read_text(encoding="utf-8")
    for letter in "\x1b\x07\u202e\x9b":
        assert letter not in out and letter not in page
    assert r"\x1b]0;owned\x07 \u202egnp.exe \x9b2J" in out and r"\u202egnp.exe" in page


@pytest.mark.parametrize(
    "changes",
    [
        {"task": 5}, {"image": None}, {"seconds": "long"}, {"trials": [1]}, {"best": {"score": "x"}},
        {"pictures": [{}]}, {"pictures": [{"name": "clean", "restored": 7}]},
        {"answers": [{}]}, {"shape": [1, 3, 10**9, 10**9]}, {"finalists": {"a": 1}}, {"delivered_psnr": 1e300},
        {"plan": [["one"]]}, {"baselines": {"x": None}}, {"split": {"kind": 1}}, {"stack": {"members": "all"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_result_of_wrong_content_is_named_and_the_rest_is_shown(
    changes: dict[str, Any], copies: Copies, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copies()
    edit_result(folder, **changes)
    record = read_study(folder)
    assert record.result is None and len(record.trials) >= 3
    (sentence,) = record.missing
    assert sentence.startswith("the result cannot be read: ") and next(iter(changes)) in sentence
    assert run(["report", str(folder)]) == 0
    assert run(["show", str(folder)]) == 0
    assert "the result cannot be read" in capsys.readouterr().out


def test_a_damaged_array_costs_its_picture_and_no_other(copies: Copies, sound: Path) -> None:
    folder = copies()
    (folder / "best" / "uncertainty.npz").write_bytes(b"PK")
    (folder / "best" / "restored.png").write_bytes(b"no picture")
    (folder / "inputs" / "whole-clean.npz").write_bytes(b"")
    (folder / "sources.json").unlink()
    page = render(read_study(folder))
    assert "the measured picture cannot be read any more" in page
    assert "restored.png cannot be read as a picture" in page
    assert "data:image/png;base64," in page  # the first answer


def test_a_damaged_study_hides_no_other(copies: Copies) -> None:
    root = copies().parent
    for name, content in (("a", b"\xff"), ("b", b"sources: 5"), ("c", b"seed: " + b"9" * 5000), ("d", b"")):
        (root / name).mkdir()
        (root / name / "study.yaml").write_bytes(content)
    rows = {row.name: row for row in study_rows(find_studies(root))}
    assert {name: row.state for name, row in rows.items()} == dict.fromkeys("abcd", "cannot be read") | {
        "study": "finished"
    }
    assert all("study.yaml" in rows[name].remark for name in "abcd")
