"""The page in a real browser: it opens without a network, and what can be clicked does what it says."""

from dataclasses import replace
from pathlib import Path

import pytest

from dipsearch.problem import read_image
from dipsearch.report import write_page

pytestmark = pytest.mark.browser

READY = ".viewer[data-view]"  # the page's policy forbids code made out of text, so conditions are selectors


@pytest.fixture
def written(full_study) -> Path:
    return write_page(full_study)


def viewer(opened, name: str) -> str:
    return opened.page.evaluate(f"document.querySelector('.viewer').dataset.{name}")


def frame(opened) -> list[float]:
    """Where the picture lies in every canvas (left, top, width), in shares of the canvas: linked, so the same."""
    opened.page.wait_for_timeout(60)
    found = opened.page.evaluate(
        "[...document.querySelectorAll('.viewer canvas')].map((c) => c.dataset.frame.split(' ').map(Number))"
    )
    assert len(found) == 6
    for other in found:
        assert other == pytest.approx(found[0], abs=0.021)  # canvases are whole pixels high
    return found[0]


def pixel(opened, selector: str, across: float, down: float) -> list[int]:
    return opened.page.evaluate(
        """([selector, across, down]) => {
          const canvas = document.querySelector(selector), context = canvas.getContext("2d");
          return [...context.getImageData(canvas.width * across, canvas.height * down, 1, 1).data];
        }""",
        [selector, across, down],
    )


def click_point(opened, plot: str, *, trace: str, index: int) -> None:
    """Click the mark of point ``index`` of the trace that bears this name."""
    place = opened.page.locator(f"#plot-{plot}")
    place.scroll_into_view_if_needed()
    opened.page.wait_for_selector(f"#plot-{plot} .main-svg", state="attached")
    across, down = opened.page.evaluate(
        """([plot, name, index]) => {
          const place = document.getElementById(`plot-${plot}`), layout = place._fullLayout;
          const trace = place.data.find((one) => one.name === name);
          const box = place.getBoundingClientRect();
          return [box.left + layout._size.l + layout.xaxis.d2p(trace.x[index]),
                  box.top + layout._size.t + layout.yaxis.d2p(trace.y[index])];
        }""",
        [plot, trace, index],
    )
    opened.page.mouse.move(across + 1, down)
    opened.page.mouse.move(across, down)
    opened.page.wait_for_timeout(80)
    opened.page.mouse.click(across, down)
    opened.page.wait_for_selector("#candidate:not([hidden])")


def test_it_opens_without_a_network_and_without_complaints(visit, written) -> None:
    opened = visit(written)
    opened.draw_everything()
    assert opened.complaints == []
    assert {address.split(":")[0] for address in opened.requests} <= {"file", "data", "blob"}
    drawn = opened.page.evaluate("[...document.querySelectorAll('.plot')].map((plot) => plot.id)")
    assert drawn == [
        f"plot-{name}"
        for name in (
            *("curves", "cost", "anytime", "quality", "agreement", "history"),
            *("tree", "importances", "parallel", "timeline"),
        )
    ]
    assert opened.page.locator("h1").inner_text() == 'cat <b>&</b> "friends" 🐱'


def test_the_divider_uncovers_one_picture_and_then_the_other(visit, written, full_study) -> None:
    opened = visit(written)
    opened.page.wait_for_selector(READY)
    opened.page.select_option("select.left", "reference")
    restored = read_image(full_study.pictures[0].restored).pixels
    reference = full_study.pictures[0].reference
    column, row = 20, 10
    for split, expected in ((0, restored), (100, reference)):
        opened.page.evaluate(
            """(split) => { const range = document.querySelector("input.divider"); range.value = split;
            range.dispatchEvent(new Event("input")); }""",
            split,
        )
        opened.page.wait_for_timeout(60)
        shown = pixel(opened, "canvas.compare", (column + 0.5) / 32, (row + 0.5) / 24)[:3]
        assert shown == [round(float(value) * 255) for value in expected[0, :, row, column]]
    opened.page.focus("input.divider")
    opened.page.keyboard.press("ArrowLeft")
    opened.page.wait_for_timeout(60)
    assert float(viewer(opened, "split")) == pytest.approx(0.995)


def test_dragging_moves_the_divider_and_then_the_enlarged_picture(visit, written) -> None:
    opened = visit(written)
    opened.page.wait_for_selector(READY)
    box = opened.page.locator("canvas.compare").bounding_box()
    middle = box["y"] + box["height"] / 2
    opened.page.mouse.move(box["x"] + box["width"] / 2, middle)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + box["width"] * 0.2, middle, steps=4)
    opened.page.mouse.up()
    assert float(viewer(opened, "split")) == pytest.approx(0.2, abs=0.01)
    opened.page.click("button.in")
    box = opened.page.locator("canvas.compare").bounding_box()  # the page may have scrolled
    middle = box["y"] + box["height"] / 2
    before = [float(part) for part in viewer(opened, "view").split()]
    opened.page.mouse.move(box["x"] + box["width"] * 0.6, middle)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=4)
    opened.page.mouse.up()
    opened.page.wait_for_timeout(60)
    after = [float(part) for part in viewer(opened, "view").split()]
    assert after[0] - before[0] == pytest.approx(0.1 / 1.5, abs=0.01)


def test_all_panes_show_the_same_part(visit, written) -> None:
    opened = visit(written)
    opened.page.wait_for_selector(READY)
    assert frame(opened) == [0, 0, 1]
    opened.page.click("button.in")
    opened.page.click("button.in")
    enlarged = frame(opened)
    assert enlarged[2] == 2.25
    opened.page.focus("canvas.compare")
    for key in ("ArrowRight", "ArrowDown"):
        opened.page.keyboard.press(key)
    moved = frame(opened)
    assert moved[:2] == pytest.approx([enlarged[0] - 0.1, enlarged[1] - 0.1], abs=0.021)
    pane = opened.page.locator("figure[data-layer=restored] canvas")
    pane.hover()
    opened.page.mouse.wheel(0, -200)
    assert frame(opened)[2] > 2.25
    opened.page.keyboard.press("0")
    assert frame(opened) == [0, 0, 1]


def test_single_pixels_can_be_seen_and_read(visit, written, full_study) -> None:
    opened = visit(written)
    opened.page.wait_for_selector(READY)
    box = opened.page.locator("canvas.compare").bounding_box()
    column, row = 7, 5
    opened.page.mouse.move(
        box["x"] + box["width"] * (column + 0.5) / 32, box["y"] + box["height"] * (row + 0.5) / 24
    )
    opened.page.wait_for_timeout(60)
    words = opened.page.locator(".readout").inner_text().split(" · ")
    reference = full_study.pictures[0].reference[0, :, row, column]
    assert words[0] == "x 7, y 5"
    assert f"reference {' '.join(str(round(float(value) * 255)) for value in reference)}" in words
    assert [word.split()[0] for word in words[1:]] == [
        *("measured", "restored", "reference", "error", "uncertainty"),
    ]
    opened.page.click("button.one")
    opened.page.wait_for_timeout(60)
    assert float(viewer(opened, "view").split()[2]) == pytest.approx(box["width"] / 32, abs=0.01)


def test_doubt_is_laid_over_the_restoration_only(visit, written) -> None:
    opened = visit(written)
    opened.page.wait_for_selector(READY)
    panes = {name: f"figure[data-layer={name}] canvas" for name in ("restored", "reference")}
    where = [((column + 0.5) / 32, (row + 0.5) / 24) for column in range(0, 32, 5) for row in range(0, 24, 5)]
    before = {name: [pixel(opened, pane, *at) for at in where] for name, pane in panes.items()}
    opened.page.check(".overlay input")
    opened.page.wait_for_timeout(60)
    after = {name: [pixel(opened, pane, *at) for at in where] for name, pane in panes.items()}
    assert after["reference"] == before["reference"]
    assert sum(a != b for a, b in zip(after["restored"], before["restored"], strict=True)) >= 10


def test_a_click_on_the_tree_shows_that_candidate(visit, written) -> None:
    opened = visit(written)
    click_point(opened, "tree", trace="complete", index=4)
    panel = opened.page.locator("#candidate")
    assert panel.locator("h2").inner_text() == "Candidate 4"
    assert panel.locator("svg.network").count() == 1
    assert "learning rate: 0.04 → 0.01" in panel.inner_text()
    panel.locator("button.candidate").first.click()
    opened.page.wait_for_selector("#candidate[data-number='3']")


def test_a_click_on_a_curve_shows_that_candidate(visit, written) -> None:
    opened = visit(written)
    best = opened.page.evaluate(
        "JSON.parse(document.querySelector('[data-plot=plot-curves]').textContent).data.at(-1).customdata[0]"
    )
    click_point(opened, "curves", trace=f"candidate {best}", index=20)
    number = int(opened.page.evaluate("document.querySelector('#candidate').dataset.number"))
    assert 0 <= number < 12


def test_a_click_on_a_thin_curve_finds_its_candidate(visit, full_study) -> None:
    # One thin curve far from the others: the eleventh candidate's, moved away by its file.
    import numpy as np

    worst = full_study.ranked()[-1].number
    path = full_study.folder / "trials" / f"{worst:04d}" / "fit.npz"
    arrays = dict(np.load(path))
    np.savez(path, **{**arrays, "validation_mse": arrays["validation_mse"] * 10})
    opened = visit(write_page(full_study))
    starts = opened.page.evaluate(
        "JSON.parse(document.querySelector('[data-plot=plot-curves]').textContent).data[0].meta"
    )
    click_point(
        opened,
        "curves",
        trace="7 other candidates",
        index=starts["starts"][starts["numbers"].index(worst)] + 30,
    )
    assert opened.page.locator("#candidate h2").inner_text() == f"Candidate {worst}"


def test_everything_can_be_reached_with_the_keyboard(visit, written) -> None:
    opened = visit(written)
    opened.page.locator("#candidates button.candidate").first.focus()
    opened.page.keyboard.press("Enter")
    opened.page.wait_for_selector("#candidate:not([hidden])")
    first = opened.page.evaluate("document.querySelector('#candidate').dataset.number")
    opened.page.keyboard.press("ArrowRight")
    opened.page.wait_for_selector(f"#candidate:not([data-number='{first}'])")
    opened.page.keyboard.press("Escape")
    assert opened.page.locator("#candidate").is_hidden()
    assert opened.page.evaluate("document.activeElement.dataset.candidate") == first


@pytest.mark.parametrize(("shows", "traces"), [("fitted", 5)])
def test_what_watched_is_shown_on_demand(visit, written, shows: str, traces: int) -> None:
    opened = visit(written)
    opened.draw_everything()
    count = (
        f"document.getElementById('plot-curves').data"
        f".filter((trace) => trace.meta?.shown === '{shows}' && trace.visible === true).length"
    )
    assert opened.page.evaluate(count) == 0
    button = opened.page.locator(f"button.on-demand[data-shows={shows}]")
    for expected in (traces, 0):
        button.click()
        opened.page.wait_for_timeout(500)
        assert opened.page.evaluate(count) == expected
        assert button.get_attribute("aria-pressed") == str(expected > 0).lower()


def test_light_dark_and_a_telephone(visit, written, screenshot) -> None:
    papers = {}
    for name, settings in (
        ("light", {}),
        ("dark", {"dark": True}),
        ("phone", {"width": 390, "height": 844}),
    ):
        opened = visit(written, **settings)
        opened.draw_everything()
        papers[name] = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert opened.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        assert screenshot(opened, f"page-{name}").stat().st_size > 50_000
    assert papers["light"] == papers["phone"] != papers["dark"]
    opened.page.click("button.theme")
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == papers["dark"]


@pytest.mark.parametrize("dark", [False, True])
def test_nobody_is_shut_out(visit, written, axe, dark: bool) -> None:
    opened = visit(written, dark=dark, script=axe)
    opened.draw_everything()
    opened.page.locator("#candidates button.candidate").first.click()
    opened.page.wait_for_selector("#candidate:not([hidden])")
    assert opened.barriers() == []


def test_two_thousand_candidates_open_at_once(visit, full_study, curve_writer) -> None:
    complete = full_study.ranked()
    many = tuple(
        replace(
            complete[n % 12],
            number=n,
            estimated_psnr=20 + (n * 37 % 2000) / 300,
            parents=(n - 2,) if n > 1 else (),
        )
        for n in range(2000)
    )
    curve_writer(full_study.folder, 12, outputs=False)
    for number in range(13, 2000):
        (full_study.folder / "trials" / f"{number:04d}").symlink_to("0012")
    path = write_page(replace(full_study, trials=many))
    assert path.stat().st_size < 20e6
    opened = visit(path)
    opened.page.wait_for_selector(READY)
    assert float(viewer(opened, "painted")) < 3000  # milliseconds since the page was asked for
    opened.draw_everything()
    assert opened.complaints == []
    opened.page.click("button.more")
    assert opened.page.locator("#candidates tbody tr:visible").count() == 2000


def test_every_column_and_every_link_can_be_seen_or_is_hinted_at(visit, written) -> None:
    opened = visit(written)
    beyond = "(place) => place.scrollWidth - place.clientWidth"
    for width in (360, 1400, 2560):
        opened.page.set_viewport_size({"width": width, "height": 900})
        assert opened.page.locator("nav").evaluate(beyond) <= 0
        table = opened.page.locator("#candidates .wide")
        if width > 1000:
            assert table.evaluate(beyond) <= 0
        else:
            assert "linear-gradient" in table.evaluate("(place) => getComputedStyle(place).backgroundImage")
