"""The comparison of studies in a real browser: it opens without a network and shuts nobody out."""

from dataclasses import replace
from pathlib import Path

import pytest

from dipsearch.report import write_comparison

pytestmark = pytest.mark.browser


@pytest.fixture
def compared(full_study) -> Path:
    """Two genetic runs that differ in their seed, and a random one that is worse."""

    def run(name: str, *, shift: float, seed: int, sampler: str):
        request = replace(full_study.request, name=name, seed=seed, sampler=sampler)
        moved = tuple(
            replace(e, estimated_psnr=e.estimated_psnr + shift if e.estimated_psnr is not None else None)
            for e in full_study.trials
        )
        return replace(full_study, request=request, trials=moved)

    return write_comparison(
        [
            run("first", shift=0.0, seed=0, sampler="genetic"),
            run("second", shift=0.8, seed=1, sampler="genetic"),
            run("<b>third</b>", shift=-1.0, seed=0, sampler="random"),
        ]
    )


def test_it_opens_without_a_network_and_without_complaints(visit, compared, screenshot) -> None:
    for name, settings in (("light", {}), ("dark", {"dark": True}), ("phone", {"width": 390, "height": 844})):
        opened = visit(compared, **settings)
        opened.draw_everything()
        assert opened.complaints == []
        assert {address.split(":")[0] for address in opened.requests} <= {"file", "data", "blob"}
        assert opened.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert opened.page.locator(".plot .main-svg").count() >= 2
        assert opened.page.locator("td", has_text="<b>third</b>").count() == 1
        screenshot(opened, f"comparison-{name}")


@pytest.mark.parametrize("dark", [False, True])
def test_nobody_is_shut_out(visit, compared, axe, dark: bool) -> None:
    opened = visit(compared, dark=dark, script=axe)
    opened.draw_everything()
    assert opened.barriers() == []
