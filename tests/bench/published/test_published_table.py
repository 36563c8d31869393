"""The literature's table: ours beside published figures, and no mean that hides what is missing."""

from __future__ import annotations

from dataclasses import replace

from dipsearch.bench.published.published_rows import PublishedRow
from dipsearch.bench.published.published_table import published_markdown
from dipsearch.bench.published.published_tasks import SETS

ROW = PublishedRow(
    task="denoise",
    set="standard9",
    picture="F16",
    method="dipsearch",
    psnr=33.0,
    psnr_y=None,
    seconds=61.25,
    device="GPU",
    budget=60,
    at_once=1,
    gpu_busy_share=None,
    seed=0,
    version="dipsearch 9",
    note="",
    measurement="abc",
)


def lines_of(*rows: PublishedRow) -> list[str]:
    return published_markdown(rows, command="bench published", date="today").splitlines()


def cells(lines: list[str], begin: str) -> list[str]:
    (line,) = (line for line in lines if line.startswith(f"| {begin} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def whole(method: str, level: float, **changes: object) -> list[PublishedRow]:
    return [
        replace(ROW, picture=name, method=method, psnr=level + index, **changes)  # type: ignore[arg-type]
        for index, name in enumerate(SETS["standard9"])
    ]


def test_a_whole_set_stands_beside_what_was_published() -> None:
    quick = whole("dipsearch", 29.0)
    quick[0] = replace(quick[0], seconds=25.0)
    assert "57 (25–61)" in published_markdown(quick, command="bench published", date="today")
    rows = [*whole("nlm", 28.0, budget=None), *whole("dipsearch", 29.0), *whole("first", 27.0, seconds=4.0)]
    lines = lines_of(*rows)
    assert cells(lines, "task, set")[1:] == [
        "dipsearch 1 min", "first answer", "rivals, measured", "Deep Image Prior, published", "others, published",
    ]  # fmt: skip
    assert cells(lines, "noise of σ 25, standard9")[1:] == [
        "33.00", "31.00", "non-local means 32.00", "31.00", "CBM3D 31.42, non-local means 30.26",
    ]  # fmt: skip
    assert cells(lines, "method")[1:] == [*SETS["standard9"], "mean", "seconds", "measured on"]
    assert cells(lines, "dipsearch 1 min") == [
        "dipsearch 1 min", *(f"{29 + index:.2f}" for index in range(9)), "33.00", "61", "GPU",
    ]  # fmt: skip
    assert cells(lines, "first answer")[-3:] == ["31.00", "4.0", "GPU"]
    assert cells(lines, "CBM3D, published")[-3:] == ["31.42", "–", "–"]


def test_a_mean_over_a_part_of_the_set_says_so() -> None:
    lines = lines_of(ROW, replace(ROW, picture="Lena", psnr=32.0), replace(ROW, picture="House", psnr=None))
    assert cells(lines, "noise of σ 25, standard9")[1] == "32.50 (2 of 9)"
    found = cells(lines, "dipsearch 1 min")
    assert found[2] == "33.00" and found[3] == "–" and found[-3] == "32.50 (2 of 9)"


def test_seeds_are_averaged_and_budgets_are_not() -> None:
    lines = lines_of(ROW, replace(ROW, seed=1, psnr=33.5), replace(ROW, budget=240, psnr=34.0))
    assert cells(lines, "dipsearch 1 min")[2] == "33.25"
    assert cells(lines, "dipsearch 4 min")[2] == "34.00"
    assert cells(lines, "task, set")[1:3] == ["dipsearch 4 min", "dipsearch 1 min"]


def test_enlarged_pictures_are_compared_by_their_luma() -> None:
    row = replace(ROW, task="sr4", set="set5", picture="bird", psnr=29.0, psnr_y=31.0, at_once=3)
    lines = lines_of(row)
    found = cells(lines, "dipsearch 1 min")
    assert found[2] == "31.00" and found[-4:] == ["31.00 (1 of 5)", "29.00 (1 of 5)", "61", "GPU"]
    assert lines[-1] == "Measured on GPU (dipsearch 9); searches at the same time on one device: 3."


def test_published_single_figures_are_there() -> None:
    row = replace(ROW, task="inpaint", set="inpainting11", picture="house", psnr=38.0)
    found = cells(lines_of(row), "Deep Image Prior, published")
    assert found[3] == "39.16" and found[-3:] == ["33.48", "–", "–"]


def test_tasks_come_in_their_order_and_only_those_that_were_measured() -> None:
    inpaint = replace(ROW, task="inpaint", set="inpainting11", picture="man")
    headings = [line for line in lines_of(inpaint, ROW) if line.startswith("### ")]
    assert headings == ["### noise of σ 25: standard9", "### half of the pixels missing: inpainting11"]


def test_pictures_on_several_devices_are_told_apart() -> None:
    rows = [ROW, replace(ROW, picture="Lena"), replace(ROW, picture="House", device="CPU")]
    assert cells(lines_of(*rows), "dipsearch 1 min")[-1] == "GPU (2), CPU (1)"


def test_nothing_is_a_page_too() -> None:
    assert lines_of()[-1] == "Nothing was measured yet."
