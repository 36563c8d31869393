"""The page of the patch methods: settings against the default."""

from __future__ import annotations

from dataclasses import replace

from dipsearch.bench.patches.patch_rows import PatchRow, patches_markdown, settings_table

ROW = PatchRow(
    variant="default",
    task="denoise",
    damage="sigma25",
    picture="a@128",
    pixels=100_000,
    psnr=30.0,
    cpu_s=2.0,
    wall_s=2.5,
    machine="AMD",
    version="dipsearch 1",
    measurement="abc",
)
ROWS = [
    replace(ROW, variant="older", psnr=None),
    replace(ROW, variant="patch 6", psnr=30.25, cpu_s=3.0),
    replace(ROW, variant="patch 6", picture="b@128", psnr=27.95, cpu_s=3.0),
    ROW,
    replace(ROW, picture="b@128", psnr=28.0),
    replace(ROW, variant="patch 4", psnr=29.5, cpu_s=1.0),
]


def test_settings_stand_against_the_default_on_the_pictures_of_both() -> None:
    assert settings_table(ROWS).splitlines()[2:] == [
        "| default | 29.00 | – | 20.0 | 2 |",
        "| patch 4 | 29.50 | -0.50 (-0.50 to -0.50) | 10.0 | 1 |",
        "| patch 6 | 29.10 | +0.10 (-0.05 to +0.25) | 30.0 | 2 |",
        "| older | – | – | 20.0 | 1 |",
    ]


def test_tasks_have_tables_of_their_own() -> None:
    rows = [replace(ROW, task="sr", damage="x4"), *ROWS, replace(ROW, machine="Intel")]
    page = patches_markdown(rows, command="bench patches x", date="2026-11-26")
    order = [
        "### denoise: noise of σ 25",
        "a@128, b@128.",
        "### sr: enlarged 4 times",
    ]
    assert sorted(order, key=page.index) == order
    assert "`bench patches x`, 2026-11-26." in page and "Versions: dipsearch 1, on AMD, Intel." in page


def test_without_rows_it_says_so() -> None:
    assert "Nothing was measured yet." in patches_markdown([], command="c", date="d")
    assert "against the default" not in patches_markdown([], command="c", date="d")
