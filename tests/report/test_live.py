"""The dashboard without a browser: which studies there are, what is refused, and that nothing is changed."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from dipsearch.commands.main import run
from dipsearch.report.studies import Watched, find_studies, pulse, state_of, study_rows
from dipsearch.run import read_study
from dipsearch.run.slice_log import SliceRow, append_slice
from dipsearch.trials.holder import LOCK, Holder, written
from tests import live_client

pytest.importorskip("dash")
from dipsearch.report import live_views as views
from dipsearch.report.live import make_app


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
    }


def test_studies_are_listed_with_their_states(studies, now) -> None:
    rows = {row.name: row for row in study_rows(find_studies(studies), now=now)}
    assert {name: row.state for name, row in rows.items()} == {
        "running": "running",
        "done": "finished",
        "killed": "stopped",
        "empty": "waiting",
        "damaged": "cannot be read",
    }
    assert rows["done"].delivered_psnr == 27.9
    assert "study.yaml" in rows["damaged"].remark


def test_a_running_study_tells_its_time_and_its_workers(studies) -> None:
    record = Watched(studies / "running").read()
    started = min(e.started for e in record.trials if e.started)
    found = pulse(record, now=started + 20)
    assert (found.state, found.seconds, found.seconds_left) == ("running", 20.0, 100.0)
    assert [span.number for span in found.working] == [1]


def test_a_resumed_study_has_its_new_budget_since_it_was_resumed(studies) -> None:
    record = Watched(studies / "running").read()
    started = min(e.started for e in record.trials if e.started)
    since = datetime.fromtimestamp(started + 5).astimezone().isoformat(sep=" ", timespec="microseconds")
    (record.folder / LOCK).write_text(
        written(Holder("elsewhere", 7, since, "dipsearch search --resume", False))
    )
    found = pulse(record, now=started + 20)
    assert found.state == "running"
    assert found.seconds == pytest.approx(15, abs=1e-3) and found.seconds_left == pytest.approx(105, abs=1e-3)


def test_a_running_study_tells_who_was_advanced_last(studies, now) -> None:
    folder = studies / "running"
    for row in (
        SliceRow(0, 0, now - 40, now - 30, 0, 200, 24.0, "first look"),
        SliceRow(1, 1, now - 400, now - 390, 0, 10, 20.0, "first look"),  # a worker that has gone
        SliceRow(1, 0, now - 30, now - 25, 0, 60, 24.31, "a new one promises more"),
    ):
        append_slice(folder, row)
    found = pulse(Watched(folder).read(), now=now)
    assert [(span.worker, span.number, span.before, span.after) for span in found.working] == [(0, 1, 0, 60)]
    assert found.seconds == 400
    shown = str(views.workers(found))
    for words in ("candidate 1", "0 to 60", "24.31 dB", "because a new one promises more", "25 s ago"):
        assert words in shown


def test_whether_it_runs_is_told_by_its_books_and_its_holder(studies, now) -> None:
    folder = studies / "killed"  # its journal has not grown for an hour
    assert state_of(folder, now=now) == "stopped"
    assert state_of(folder, now=now, budget=36_000.0) == "running"  # slices of ten hours take minutes
    append_slice(folder, SliceRow(0, 0, now - 9, now - 1, 0, 10, 20.0, "first look"))
    assert state_of(folder, now=now) == "running"
    holder = Holder.me(new=True)
    (folder / "owner.lock").write_text(json.dumps(asdict(holder)))
    assert state_of(folder, now=now) == "running"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (folder / "owner.lock").write_text(json.dumps(asdict(replace(holder, pid=gone.pid))))
    assert state_of(folder, now=now) == "stopped"


def test_another_study_of_the_same_name_is_read_anew(studies, finish_candidate) -> None:
    watched = Watched(studies / "running")
    assert len(watched.read().trials) == 2
    journal = studies / "running" / "journal.log"
    kept = journal.with_name("kept")
    journal.rename(kept)  # which keeps its number from being used again
    finish_candidate(studies / "running", number=0, score=31.0)
    assert [e.estimated_psnr for e in watched.read().trials] == [31.0]


def renewed(client, name: str, seen: str | None = None) -> dict[str, Any]:
    """What a browser at the page of a study is sent at a tick, by the parts of the page."""
    response = live_client.renewed(client, name, seen)
    assert response.status_code == 200, response.text
    return dict(response.json["response"])


def test_only_what_is_new_is_sent(studies, now) -> None:
    folder = studies / "running"
    append_slice(folder, SliceRow(1, 0, now - 9, now - 1, 0, 60, 24.31, "first look"))
    client = make_app(studies).server.test_client()
    first = renewed(client, "running")
    seen = first["live-begun"]["data"]
    assert "layout" in first["live-history"]["figure"]
    again = renewed(client, "running", seen)
    assert set(again) == {"live-head", "live-workers", "live-begun"}
    assert again["live-begun"]["data"] == seen
    append_slice(folder, SliceRow(1, 0, now - 1, now, 60, 90, 25.5, "first look"))
    newer = renewed(client, "running", seen)
    assert newer["live-begun"]["data"] != seen
    assert set(newer) == set(first)
    assert "layout" not in newer["live-history"]["figure"]  # what somebody has zoomed to stays


def test_six_viewers_at_once_have_it_read_once(studies, monkeypatch) -> None:
    readings = []

    def slow(*words, **more):
        readings.append(words)
        time.sleep(0.2)
        return read_study(*words, **more)

    monkeypatch.setattr("dipsearch.report.studies.read_study", slow)
    app = make_app(studies)
    with ThreadPoolExecutor(6) as viewers:
        found = list(
            viewers.map(lambda _: renewed(app.server.test_client(), "done")["live-begun"]["data"], range(6))
        )
    assert len(readings) == 1
    assert len(set(found)) == 1


GARBAGE = {
    "bytes": b"\xff\x00\xfe\n" * 50,
    "brackets": b"[" * 100_000,
    "a list": b"[1, 2]\n",
    "a number": b"7\n",
    "empty": b"",
    "a mapping": b'{"delivered_psnr": "high", "op_code": 99, "best": 3, "pictures": [1], "trials": [], "plan": 5}\n',
    "words": b'{"answers": "x", "stack": [], "image": {}, "baselines": 7, "split": "y", "worker": {}}\n',
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
@pytest.mark.parametrize("file", ["slices.jsonl", "journal.log", "result.json", "study.yaml"])
def test_one_damaged_study_hides_no_other(studies, now, file: str, content: bytes) -> None:
    (studies / "done" / file).write_bytes(content)
    rows = {row.name: row for row in study_rows(find_studies(studies), now=now)}
    assert set(rows) == {"running", "done", "killed", "empty", "damaged"}
    assert rows["running"].state == "running"
    assert "running" in str(views.study_list(tuple(rows.values())))
    client = make_app(studies).server.test_client()
    assert renewed(client, "done")["live-head"]["children"]  # it says what is wrong, or shows what there is
    assert "25.00 dB" in str(renewed(client, "running")["live-head"]["children"])


@pytest.mark.parametrize("what", ["a folder", "zeros"])
def test_a_result_that_is_none_is_remarked(studies, now, what: str) -> None:
    (studies / "empty" / "journal.log").touch()
    result = studies / "empty" / "result.json"
    if what == "a folder":
        result.mkdir()
    else:
        with result.open("wb") as file:
            file.truncate(300_000_000)  # of zeros, without taking that much of the disk
    row = next(row for row in study_rows(find_studies(studies), now=now) if row.name == "empty")
    assert "result.json is" in row.remark
    head = str(renewed(make_app(studies).server.test_client(), "empty")["live-head"]["children"])
    assert "The result of this study cannot be read" in head and "not started" not in head


def test_a_study_whose_request_is_a_link_is_listed_and_not_followed(studies, now, tmp_path) -> None:
    (tmp_path / "secret.yaml").write_text("sources: [secret]")
    for name, target in (
        ("broken", "nowhere"),
        ("strange", tmp_path / "secret.yaml"),
        ("loop", "study.yaml"),
    ):
        (studies / name).mkdir()
        (studies / name / "study.yaml").symlink_to(target)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "study.yaml").write_text("sources: [secret]")
    (studies / "away").symlink_to(tmp_path / "outside")
    rows = {row.name: row for row in study_rows(find_studies(studies), now=now)}
    assert "away" not in rows  # the folder itself lies elsewhere
    assert {rows[name].state for name in ("broken", "strange", "loop")} == {"cannot be read"}
    assert all("study.yaml" in rows[name].remark for name in ("broken", "strange", "loop"))
    assert "secret" not in str(views.study_list(tuple(rows.values())))
    assert rows["running"].state == "running"


def test_looking_changes_nothing(studies) -> None:
    before = snapshot(studies)
    client = make_app(studies).server.test_client()
    assert client.get("/study/running").status_code == 200
    study = Watched(studies / "running")
    assert [e.state for e in study.read().trials] == ["complete", "running"]
    assert study.read() is study.read()  # nothing has changed, so nothing is read again
    assert snapshot(studies) == before


def test_a_torn_journal_is_left_as_it_is(studies) -> None:
    journal = studies / "running" / "journal.log"
    with journal.open("ab") as file:
        file.write(b'{"op_code": 5, "wor')
    before = snapshot(studies)
    assert len(Watched(studies / "running").read().trials) == 2
    assert snapshot(studies) == before


def test_a_study_whose_name_looks_like_an_encoded_one_opens(studies) -> None:
    (studies / "running").rename(studies / "a%2Fb")
    client = make_app(studies).server.test_client()
    (address,) = {f"/study/{quote(name)}" for name in find_studies(studies) if "%" in name}
    assert client.get(address).status_code == 200
    assert "This study has gone." not in str(renewed(client, quote("a%2Fb"))["live-head"]["children"])
    assert client.get("/study/a%2Fb").status_code == 404  # which is a/b


@pytest.mark.parametrize(
    "address",
    [
        "/study/..",
        "/study/../../etc/passwd",
        "/study/..%2f..%2fetc%2fpasswd",
        "/study/%2e%2e/secret",
        "/study/running/journal.log",
        "/study//etc/passwd",
        "/study/outside",
        "/study/<script>",
        "/study/",
        "/etc/passwd",
        "/journal.log",
    ],
)
def test_an_address_that_is_no_study_is_refused(studies, tmp_path, address: str) -> None:
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "study.yaml").write_text("{}")
    (studies / "outside").symlink_to(outside)
    response = make_app(studies).server.test_client().get(address)
    assert response.status_code == 404
    assert "root:" not in response.text


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1:8050", 200), ("localhost", 200), ("evil.example", 403)]
)
def test_only_this_machine_is_answered(studies, host: str, status: int) -> None:
    response = make_app(studies).server.test_client().get("/", headers={"Host": host})
    assert response.status_code == status
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_without_dash_one_line_says_what_to_install(studies, capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "dash", None)
    assert run(["dashboard", str(studies)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install dipsearch[live]" in line


def test_a_folder_that_is_not_there_and_a_port_that_is_taken(tmp_path, capsys, monkeypatch, studies) -> None:
    import socket

    monkeypatch.chdir(tmp_path)
    assert run(["dashboard", "nothing"]) == 2
    assert "nothing is not a study" in capsys.readouterr().err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(["dashboard", str(studies), "--port", str(taken.getsockname()[1])]) == 2
    assert "--port 0" in capsys.readouterr().err


def _hear_ctrl_c() -> None:
    """Tests that were started in the background of a shell ignore Ctrl-C, and so would everything they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_the_command_serves_on_this_machine_and_ends(studies) -> None:
    command = [sys.executable, "-m", "dipsearch", "dashboard", str(studies / "running"), "--port", "0"]
    server = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
        preexec_fn=_hear_ctrl_c,
    )
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith("http://127.0.0.1:") and line.strip().endswith("/study/running")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=30)  # at once on a calm machine
    # Ctrl-C is the usual end; how it is told to a shell depends on where it hits.
    assert server.returncode in (0, 130)
    assert server.stderr is not None
    assert server.stderr.read() == ""
