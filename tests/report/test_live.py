"""The dashboard without a browser: which studies there are, what is refused, and that nothing is changed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dipsearch.commands.main import run
from dipsearch.report.studies import Watched, find_studies, pulse, study_rows

pytest.importorskip("dash")
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
