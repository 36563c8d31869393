"""A real browser for the pages: Chromium without a network, and a study that has something of everything.

Skipped, with the reason, where there is no Chromium. Screenshots are kept in `.artifacts/`, for people.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dipsearch.network import Genome
from dipsearch.run import StudyRecord
from dipsearch.yaml_files import dump_yaml

ARTIFACTS = Path(__file__).parents[3] / ".artifacts"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Opened:
    """A page in the browser, with what it complained about and what it asked the network for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def barriers(self) -> list[tuple[str, list[str]]]:
        """What axe-core, which must be on the page, calls serious or critical: the rule, and where."""
        found = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            (violation["id"], [node["html"][:120] for node in violation["nodes"][:3]])
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
        ]

    def click_mark(self, mark: str, *, shows: str) -> None:
        """Click the mark of a figure until ``shows`` matches; a busy browser may miss the pointer's first arrival."""
        place = self.page.locator(mark).first
        for _ in range(20):
            place.scroll_into_view_if_needed()
            box = place.bounding_box()
            # Right of its middle: a mark on the axis is only answered inside of the axes.
            across, down = box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2
            self.page.mouse.move(across + 1, down)
            self.page.mouse.move(across, down)
            self.page.wait_for_timeout(200)
            self.page.mouse.click(across, down)
            self.page.wait_for_timeout(800)
            if self.page.locator(shows).count():
                return
        raise AssertionError(f"no click on {mark} led to {shows}")

    def draw_everything(self) -> None:
        """Scroll through the page, as a reader would, until every figure is drawn."""
        for index in range(self.page.locator(".plot").count()):
            plot = self.page.locator(".plot").nth(index)
            plot.scroll_into_view_if_needed()
            plot.locator(".main-svg").first.wait_for(state="attached")
        self.page.evaluate("scrollTo(0, 0)")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no chromium here; on Debian: apt-get install chromium")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Opened]]:
    """Open an address; ``online`` lets this machine's own servers through, and never anything else."""
    contexts = []

    def go(
        address: str | Path,
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        online: bool = False,
        script: str = "",
    ) -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            offline=not online,
            bypass_csp=bool(script),
        )
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.set_default_timeout(30_000)
        opened.page.on(
            "console", lambda m: opened.complaints.append(m.text) if m.type in ("error", "warning") else None
        )
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        if script:
            opened.page.add_init_script(script)
        opened.page.goto(address.as_uri() if isinstance(address, Path) else address)
        return opened

    yield go
    for context in contexts:
        context.close()


@pytest.fixture
def screenshot() -> Callable[[Opened, str], Path]:
    """Keep a picture of a whole page."""

    def keep(opened: Opened, name: str) -> Path:
        ARTIFACTS.mkdir(exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        opened.page.screenshot(path=path, full_page=True)
        return path

    return keep


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which `.ci/run` fetches."""
    path = os.environ.get("DIPSEARCH_AXE")
    if not path or not Path(path).is_file():
        pytest.skip("axe-core is not here; .ci/run fetches it where npm is installed")
    return Path(path).read_text(encoding="utf-8")


@pytest.fixture
def full_study(
    make_study: Callable[..., StudyRecord],
    genome_of: Callable[..., Genome],
    curve_writer: Callable[..., None],
) -> StudyRecord:
    """Fourteen candidates, twelve of them complete and bred in a line, an ensemble of two, and a failure."""
    record = make_study('cat <b>&</b> "friends" 🐱')
    template = record.trials[1]
    complete = []
    for number in range(12):
        network = genome_of(4 + 2 * (number % 3), depth=2 + number % 2)
        network = replace(network, learning_rate=0.01 * (1 + number % 4))
        complete.append(
            replace(
                template,
                number=number,
                genome=network,
                digest=network.digest,
                estimated_psnr=22.0 + (number * 7 % 12) / 2,
                psnr=21.5 + (number * 7 % 12) / 2,
                seconds=20.0 + number,
                worker=number % 2,
                started=100.0 + 30 * (number // 2),
                finished=128.0 + 30 * (number // 2),
                parents=(number - 1, number - 2) if number > 1 else (),
                operator="crossover" if number > 1 else "known",
            )
        )
        curve_writer(record.folder, number)
    rest = [
        replace(record.trials[2], number=12, parents=(5,)),
        replace(record.trials[3], number=13),
    ]
    members = [{"number": 1, "weight": 0.75}, {"number": 0, "weight": 0.25}]
    ensemble = dump_yaml({"format": "dipsearch/stack/1", "pictures": {"cat": members}})
    (record.folder / "best" / "stack.yaml").write_text(ensemble)
    deviation = np.random.default_rng(0).random((24, 32), dtype=np.float32) / 10
    np.savez(record.folder / "best" / "uncertainty.npz", deviation=deviation)
    entry = {"name": "cat", "restored": "best/restored.png", "uncertainty": {"file": "best/uncertainty.npz"}}
    finalists = [
        {
            "number": 11,
            "score": 27.0,
            "standard_error": 0.0,
            "score_error": 0.2,
            "seeds": 2,
            "split": "second",
        },
        {
            "number": 5,
            "score": 26.8,
            "standard_error": 0.1,
            "score_error": 0.2,
            "seeds": 2,
            "split": "second",
        },
    ]
    result = {**(record.result or {}), "pictures": [entry], "finalists": finalists}
    return replace(record, result=result, trials=(*complete, *rest))
