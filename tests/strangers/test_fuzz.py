"""A thousand hostile or damaged studies, pictures, spaces and journals: one line each, and nothing is reached for.

Set DIPSEARCH_FUZZ to ``FIRST:LAST`` for other seeds than those that are always tried.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer
from optuna.storages import RDBStorage

from dipsearch.commands.main import app, run
from dipsearch.errors import InputError
from dipsearch.problem import read_image, write_image
from dipsearch.report.studies import find_studies, study_rows
from dipsearch.visible import visible
from tests.live_client import asked, renewed
from tests.strangers.conftest import Watch
from tests.strangers.mutations import mutate

FIRST, LAST = (int(word) for word in os.environ.get("DIPSEARCH_FUZZ", "0:200").split(":"))
RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]")


def unseen_on(page: str) -> bool:
    """Whether characters that cannot be seen stand on a page, or in what its scripts are given."""
    given = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, flags=re.S)
    strings = (text for each in given for text in strings_in(json.loads(each)))
    text = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", page, flags=re.S)
    return bool(RAW.search(text)) or any(RAW.search(each) for each in strings)


def strings_in(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for each in [*content, *(content.values() if isinstance(content, dict) else ())]:
            yield from strings_in(each)


def enough(*words: object, **more: object) -> NoReturn:
    raise InputError("everything was read", "the work itself is tested elsewhere", "stop here")


@pytest.fixture
def attempt(
    watch: Watch,
    tmp_path: Path,
    outside: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[str, list[str]], int]:
    """Runs a command and checks all that must never happen, whatever it was given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PGPASSWORD", "secret")
    program = typer.main.get_command(app)  # which takes longer than most commands
    monkeypatch.setattr(typer.main, "get_command", lambda _: program)
    monkeypatch.setattr("dipsearch.run.restorer.Restorer.restore", enough)
    monkeypatch.setattr("dipsearch.run.gathered.load_case", enough)
    monkeypatch.setattr(
        RDBStorage, "__init__", lambda *words, **more: watch.reached.append(f"database {words}")
    )

    def check(what: str, words: list[str]) -> int:
        try:
            watch.at_work = True
            code = run(words)
        finally:
            watch.at_work = False
        out, err = capsys.readouterr()
        told = f"{what}: {words[0]}: {code}: {err}"
        assert code in (0, 2), told
        assert code == 0 or (err.count("\n") == 1 and err.startswith("dipsearch: error: ") and not out), told
        assert "Traceback" not in err, told
        assert visible(out + err, kept="\n") == out + err, told
        assert watch.reached == [], told
        strange = [path for path in watch.written if not _allowed(path, tmp_path)]
        assert strange == [], told
        if (tmp_path / "restored").exists():  # a picture that is left alone is delivered without any work
            assert code == 0 and words[0] == "restore" and "denoise" in words, told
            shutil.rmtree(tmp_path / "restored")
        assert not any(str(outside) in path for path in watch.read), told
        watch.written, watch.read = [], []
        return code

    return check


def _allowed(path: str, tmp_path: Path) -> bool:
    place = Path(path)
    place = place if place.is_absolute() else Path.cwd() / place
    # A page that was asked for, a search's own claim, and the place of results, which is tried and left as it was.
    own = (tmp_path / "pages", tmp_path / "new" / "studies", tmp_path / "restored")
    return any(place.is_relative_to(each) for each in own) or path == os.devnull


def test_studies(
    attempt: Callable[[str, list[str]], int],
    copies: Callable[[], Path],
    sound: Path,
    outside: Path,
    tmp_path: Path,
    watch: Watch,
) -> None:
    page, picture = tmp_path / "pages" / "page.html", str(sound / "clean.png")
    page.parent.mkdir()
    codes = []
    for seed in range(FIRST, LAST):
        random_ = random.Random(seed)
        folder = copies()
        what = f"seed {seed}: {mutate(random_, folder, outside)}"
        words: list[list[str]] = [
            ["show", str(folder)],
            ["report", str(folder), "--out", str(page)],
            ["restore", str(folder), picture, "--task", "inpaint", "--missing", "50", "--quiet"],
            ["show", str(folder / "best" / "architecture.yaml")],
            ["report", str(folder), str(sound / "studies" / "study"), "--out", str(page)],
        ]
        for command in words if seed % 25 == 0 else random_.choices(words, (12, 2, 4, 2, 1)):
            codes.append(attempt(what, command))
        if page.exists():
            assert not unseen_on(page.read_text(encoding="utf-8")), what
            page.unlink()
        watch.at_work = True
        rows = study_rows(find_studies(folder.parent))
        watch.at_work = False
        assert len(rows) == os.path.lexists(folder / "study.yaml"), what
        assert all(visible(row.remark + row.task) == row.remark + row.task for row in rows), what
    assert {0, 2} <= set(codes) or LAST - FIRST < 50


def test_live_pages(
    copies: Callable[[], Path], sound: Path, outside: Path, tmp_path: Path, watch: Watch
) -> None:
    pytest.importorskip("dash")
    from dipsearch.report.live import make_app

    shown, whole = 0, tmp_path / "studies" / "whole"
    shutil.copytree(sound / "studies" / "study", whole)
    (whole / "study.yaml").write_text((whole / "study.yaml").read_text().replace("study", "whole", 1))
    for seed in range(FIRST, LAST, 5):
        folder = copies()
        client = make_app(folder.parent).server.test_client()
        if seed % 2:  # a page that is open already, when the files are changed under it
            assert renewed(client, "study").status_code == 200
        what = f"seed {seed}: {mutate(random.Random(seed), folder, outside)}"
        watch.at_work = True
        replies = [
            renewed(client, "study"),
            asked(
                client,
                "live-candidate",
                {"live-chosen.data": 0, "live-head.children": []},
                {"url.pathname": "/study/study"},
            ),
            asked(client, "live-list", {"tick.n_intervals": 1, "live-list.id": "live-list"}),
        ]
        beside = renewed(client, "whole")
        watch.at_work = False
        for reply in replies:
            assert reply.status_code in (200, 204), f"{what}: {reply.status_code} {reply.text[:300]}"
            strings = strings_in(reply.json) if reply.status_code == 200 else ()
            assert not any(RAW.search(each) for each in strings), what
        assert beside.status_code == 200 and '"figure"' in beside.text, what  # never hidden by another one
        shown += "live-history" in replies[0].text and "figure" in replies[0].text
        assert watch.reached == [] and watch.written == [], f"{what}: {watch.reached} {watch.written}"
        assert not any(str(outside) in path for path in watch.read), what
        watch.read = []
    assert shown > 0


def test_pictures(
    attempt: Callable[[str, list[str]], int], sound: Path, outside: Path, tmp_path: Path
) -> None:
    pixels = read_image(sound / "clean.png").pixels
    codes = []
    for seed in range(2 * FIRST, 2 * LAST):
        place = tmp_path / "given"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        end = (".png", ".tif", ".jpg")[seed % 3]
        for name in ("picture", "mask", "reference"):
            write_image(place / f"{name}{end}", pixels)
        what = f"seed {seed}: {mutate(random.Random(seed), place, outside)}"
        task = ("denoise", "sr", f"inpaint --mask given/mask{end}", f"deblur --kernel given/mask{end}")[
            seed % 4
        ]
        words = f"restore dip_2018_denoise given/picture{end} --quiet --task {task}"
        with_reference = f" --reference given/reference{end}" if seed % 2 else ""
        codes.append(attempt(what, (words + with_reference).split()))
    # Most go as far as the work, which is refused here; only what needs none is delivered.
    assert codes.count(2) > len(codes) / 2


def test_spaces_and_recipes(
    attempt: Callable[[str, list[str]], int],
    sound: Path,
    outside: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    for seed in range(2 * FIRST, 2 * LAST):
        place = tmp_path / "new" / "given"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        shutil.copy(sound / "tiny.yaml", place / "space.yaml")
        shutil.copy(sound / "studies" / "study" / "study.yaml", place / "recipe.yaml")
        what = f"seed {seed}: {mutate(random.Random(seed), place, outside)}"
        ways: list[Any] = [
            f"search {sound / 'clean.png'} --task denoise --space given/space.yaml --quiet",
            "search --recipe given/recipe.yaml --quiet",
        ]
        attempt(what, random.Random(seed).choice(ways).split())
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["given"], what
