"""A whole search whose database goes away in the middle, and whether anything is lost by it.

    python benchmarks/database_gone.py

Needs PostgreSQL's programs, `dipsearch[postgres]` and pytest, for the tests' server is used. It is stopped for 30
seconds in the middle of a search of three minutes, and later all connections are terminated three times. The search
has to end as any other, with a picture; no traceback may be printed; the database has to have every candidate that was
advanced. What was seen goes into `database_gone.json` beside this file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dipsearch.bench.shared.machine import versions  # noqa: E402
from dipsearch.run.study_record import read_study  # noqa: E402
from tests.postgres_server import PostgresServer  # noqa: E402

BUDGET, STOPPED_AT, GONE, TERMINATED_AT = 180, 45, 30, (100, 115, 130)
WORDS = (
    f"search sample:coffee@96 --task inpaint --missing 50 --workers 2 --seed 0 --budget {BUDGET}s --name gone"
)


def main() -> None:
    """Search, take the database away, and compare."""
    server = PostgresServer()
    try:
        server.start()
        with tempfile.TemporaryDirectory() as folder:
            found = interrupted(server, Path(folder))
    finally:
        server.remove()
    (ROOT / "benchmarks" / "database_gone.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def interrupted(server: PostgresServer, folder: Path) -> dict[str, object]:
    """The search and its interruptions; what is left of it."""
    began, ended_connections = time.monotonic(), []
    log = folder / "log"
    with log.open("wb") as written:
        words = [sys.executable, str(ROOT / "cli.py"), *WORDS.split(), "--storage", server.url]
        search = subprocess.Popen(words, cwd=folder, stdout=written, stderr=subprocess.STDOUT)
        try:
            wait_until(began + STOPPED_AT)
            server.stop()
            wait_until(began + STOPPED_AT + GONE)
            server.start()
            for moment in TERMINATED_AT:
                wait_until(began + moment)
                ended_connections.append(server.terminate_connections())
            code = search.wait(timeout=2 * BUDGET)
        finally:
            search.kill()
    seconds = time.monotonic() - began
    study = folder / "studies" / "gone"
    said = log.read_text()
    slices = [json.loads(line) for line in (study / "slices.jsonl").read_text().splitlines()]
    advanced = {one["candidate"] for one in slices}
    recorded = {one.number for one in read_study(study, storage=server.url).trials}
    result = json.loads((study / "result.json").read_text())
    return {
        "command": "python benchmarks/database_gone.py",
        "search": f"python cli.py {WORDS} --storage postgresql://…",
        "stopped_at_s": STOPPED_AT,
        "stopped_for_s": GONE,
        "terminated_at_s": TERMINATED_AT,
        "connections_terminated": ended_connections,
        "exit_code": code,
        "seconds": round(seconds, 1),
        "traceback": "Traceback" in said,
        "said": [
            line.strip() for line in said.splitlines() if line.strip().startswith("the database answers")
        ],
        "candidates": len(advanced),
        "candidates_in_the_database": len(recorded),
        "nothing_lost": advanced == recorded and sum(result["trials"].values()) == len(recorded),
        "longest_pause_s": longest_pause(slices),
        "delivered_psnr_db": round(result["delivered_psnr"], 2),
        "versions": versions(),
    }


def longest_pause(slices: list[dict[str, float]]) -> float:
    """Seconds in which no worker began a slice."""
    begun = sorted(one["began"] for one in slices)
    return round(max(after - before for before, after in pairwise(begun)), 1)


def wait_until(moment: float) -> None:
    """Sleep until that time of the monotonic clock."""
    time.sleep(max(0.0, moment - time.monotonic()))


if __name__ == "__main__":
    main()
