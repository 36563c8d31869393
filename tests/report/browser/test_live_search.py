"""The dashboard beside a real search, both started by their commands: it shows what was found within ten seconds."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dipsearch.run import read_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]
pytest.importorskip("dash")

SEARCH = (
    "search --task inpaint sample:astronaut@32 --missing 50 --steps 40 --budget 10m --workers 1 --name found"
)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts commands of the program in an empty folder, and ends them after the test."""
    running = []

    def start(words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dipsearch", *words.split()],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate(timeout=30)


def shown(opened) -> set[int]:
    """The numbers of the complete candidates in the page's table."""
    return {
        int(number)
        for number in opened.page.locator(
            "#live-candidates tr:has-text('complete') td:nth-child(2)"
        ).all_inner_texts()
    }


def until(condition: Callable[[], bool], *, seconds: float) -> None:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, f"not within {seconds} s"
        time.sleep(0.1)


def test_a_real_search_is_followed(visit, started, tmp_path, screenshot) -> None:
    search = started(f"{SEARCH} --quiet")
    folder = tmp_path / "studies" / "found"
    until((folder / "journal.log").exists, seconds=240)
    dashboard = started("dashboard studies --port 0")
    assert dashboard.stdout is not None
    address = dashboard.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:")

    opened = visit(address, online=True)
    opened.page.click("a:has-text('found')", timeout=60_000)
    opened.page.wait_for_selector("#live-candidates tr:has-text('complete')", timeout=240_000)
    opened.page.wait_for_selector("#live-history .points path", timeout=60_000, state="attached")
    screenshot(opened, "live-search-begins")

    opened.click_mark("#live-history .points path", shows="#live-candidate p:text-matches('^Candidate ')")
    ranges = "document.querySelector('#live-history .js-plotly-plot')._fullLayout.yaxis.range"
    opened.page.locator('#live-history .modebar-btn[data-attr="zoom"][data-val="in"]').dispatch_event("click")
    opened.page.wait_for_timeout(500)
    zoomed = opened.page.evaluate(ranges)
    chosen = opened.page.locator("#live-candidate p").first.inner_text().split(",")[0]

    before, seen = shown(opened), {}

    def one_more() -> bool:
        for number in shown(opened) - before:
            seen.setdefault(number, time.time())
        return bool(seen)

    until(one_more, seconds=240)
    finished = {e.number: e.finished for e in read_study(folder).trials}
    late = {number: moment - finished[number] for number, moment in seen.items()}
    assert max(late.values()) < 10, late

    assert opened.page.evaluate(ranges) == pytest.approx(zoomed)
    assert opened.page.locator("#live-candidate p").first.inner_text().startswith(f"{chosen},")
    assert "left" in opened.page.locator("#live-head").inner_text()
    assert opened.page.locator("#live-pictures img").count() >= 2
    assert search.poll() is None, "the search was meant to go on"
    assert opened.complaints == []
    screenshot(opened, "live-search")
    opened.page.goto(address)
    opened.page.wait_for_selector(".badge.running")
    screenshot(opened, "live-search-list")
