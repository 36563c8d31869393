"""The dashboard in a real browser: what a search finds appears by itself, and nothing that was chosen is lost."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("dash")


@pytest.fixture
def server(studies: Path) -> Iterator[str]:
    """The dashboard of the studies on disk, renewed every second."""
    from werkzeug.serving import make_server

    from dipsearch.report.live import make_app

    running = make_server("127.0.0.1", 0, make_app(studies, refresh=1.0).server, threaded=True)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()


def test_the_list_leads_to_a_study(visit, server, screenshot) -> None:
    opened = visit(server + "/", online=True)
    opened.page.wait_for_selector("text=cannot be read", timeout=60_000)
    assert opened.page.locator("tbody tr").count() == 5
    assert opened.page.locator(".badge.running").inner_text() == "running"
    screenshot(opened, "live-list")
    opened.page.click("a:has-text('running')")
    opened.page.wait_for_selector("text=candidate 0, estimated 25.00 dB", timeout=60_000)
    assert opened.complaints == []
    assert {address.split("/")[2] for address in opened.requests if address.startswith("http")} == {
        server.split("/")[2]
    }


def test_a_new_candidate_appears_and_zoom_and_choice_stay(
    visit, server, studies, finish_candidate, screenshot
) -> None:
    opened = visit(server + "/study/running", online=True)
    opened.page.wait_for_selector("text=candidate 0, estimated 25.00 dB", timeout=60_000)
    opened.page.wait_for_selector("#live-history .point", timeout=60_000, state="attached")
    opened.page.locator("#live-history").scroll_into_view_if_needed()
    assert opened.page.locator("#live-candidate").inner_text().startswith("The best so far, candidate 0,")
    opened.click_mark("#live-history .points path", shows="#live-candidate p:text-matches('^Candidate 0,')")
    ranges = "document.querySelector('#live-history .js-plotly-plot')._fullLayout.yaxis.range"
    opened.page.locator('#live-history .modebar-btn[data-attr="zoom"][data-val="in"]').dispatch_event("click")
    opened.page.wait_for_timeout(500)
    zoomed = opened.page.evaluate(ranges)
    finish_candidate(studies / "running", number=2, score=28.0)
    opened.page.wait_for_selector("text=candidate 2, estimated 28.00 dB", timeout=60_000)
    opened.page.wait_for_timeout(300)
    assert opened.page.evaluate(ranges) == pytest.approx(zoomed)
    assert zoomed[0] > 24.2 and zoomed[1] < 26  # the new candidate lies outside of what was zoomed to
    assert opened.page.locator("#live-candidate").inner_text().startswith("Candidate 0,")
    assert "candidate 1" in opened.page.locator("#live-workers").inner_text()
    assert opened.complaints == []
    screenshot(opened, "live-study")


@pytest.mark.parametrize("dark", [False, True])
def test_nobody_is_shut_out_of_the_live_pages(visit, server, axe, dark: bool) -> None:
    opened = visit(server + "/", online=True, dark=dark, script=axe)
    opened.page.wait_for_selector("text=cannot be read", timeout=60_000)
    assert opened.barriers() == []
    opened.page.click("a:has-text('running')")
    opened.page.wait_for_selector("text=candidate 0, estimated 25.00 dB", timeout=60_000)
    opened.page.wait_for_selector("#live-history .point", timeout=60_000, state="attached")
    assert opened.barriers() == []
