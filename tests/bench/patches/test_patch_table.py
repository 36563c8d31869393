"""The page of the patch methods: settings against the default, and what a first answer costs."""

from __future__ import annotations

from dataclasses import replace

from dipsearch.bench.patches.patch_rows import PatchRow, patches_markdown, settings_table, speed_table

ROW = PatchRow(
    what="settings",
    variant="default",
    task="denoise",
    damage="sigma25",
    picture="a@128",
    pixels=100_000,
    threads=1,
    psnr=30.0,
    cpu_s=2.0,
    wall_s=2.5,
    peak_mb=None,
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
SPEED = replace(ROW, what="speed", picture="coffee, 256 × 256", psnr=None, peak_mb=80.4, pixels=65_536)


def test_settings_stand_against_the_default_on_the_pictures_of_both() -> None:
    assert settings_table(ROWS).splitlines()[2:] == [
        "| default | 29.00 | – | 20.0 | 2 |",
        "| patch 4 | 29.50 | -0.50 (-0.50 to -0.50) | 10.0 | 1 |",
        "| patch 6 | 29.10 | +0.10 (-0.05 to +0.25) | 30.0 | 2 |",
        "| older | – | – | 20.0 | 1 |",
    ]


def test_costs_go_from_small_to_large() -> None:
    large = replace(SPEED, picture="coffee, 512 × 512", pixels=262_144, peak_mb=None, cpu_s=8.0)
    rows = [large, replace(SPEED, threads=2), replace(SPEED, task="sr"), SPEED]
    assert speed_table(rows).splitlines()[2:] == [
        "| coffee, 256 × 256 | denoise | default | 1 | 30.5 | 2.0 | 2.5 | 80 |",
        "| coffee, 256 × 256 | sr | default | 1 | 30.5 | 2.0 | 2.5 | 80 |",
        "| coffee, 256 × 256 | denoise | default | 2 | 30.5 | 2.0 | 2.5 | 80 |",
        "| coffee, 512 × 512 | denoise | default | 1 | 30.5 | 8.0 | 2.5 | – |",
    ]


def test_tasks_and_machines_have_tables_of_their_own() -> None:
    rows = [replace(ROW, task="sr", damage="x4"), *ROWS, SPEED, replace(SPEED, machine="Intel")]
    page = patches_markdown(rows, command="bench patches x", date="2026-11-26")
    order = [
        "### denoise: noise of σ 25",
        "a@128, b@128.",
        "### sr: enlarged 4 times",
        "### What",
        "AMD:",
        "Intel:",
    ]
    assert sorted(order, key=page.index) == order
    assert "`bench patches x`, 2026-11-26." in page and "Versions: dipsearch 1, on AMD, Intel." in page


def test_without_rows_it_says_so() -> None:
    assert "Nothing was measured yet." in patches_markdown([], command="c", date="d")
    assert "What a first answer costs" not in patches_markdown(ROWS, command="c", date="d")
    assert "against the default" not in patches_markdown([SPEED], command="c", date="d")
