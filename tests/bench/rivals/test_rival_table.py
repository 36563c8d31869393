"""The page of the comparison: methods as rows, pictures as columns, the strongest rival in bold."""

import dataclasses

from dipsearch.bench.rivals.rival_rows import RivalRow, Side, damage_table, rivals_markdown, summary_table


def row(picture: str, method: str, psnr: float | None, side: Side = "rival") -> RivalRow:
    return RivalRow(picture, "denoise", "sigma25", method, psnr, 0.9, 4.0, "v 1", 4.5, 0, side, "abc")


ROWS = [
    row("a", "dipsearch 20 s", 30.5, "ours"),
    row("b", "dipsearch 20 s", 29.0, "ours"),
    row("a", "wavelets", 28.0),
    row("b", "wavelets", 31.0),
    row("a", "BM3D", 30.0),
    row("b", "BM3D", 30.0),
    row("a", "oracle", 40.0, "oracle"),
]


def test_the_strongest_rival_is_bold_and_ours_where_it_is_better() -> None:
    lines = damage_table(ROWS).splitlines()
    assert lines[0] == "| method | a | b | mean | SSIM | CPU |"
    assert lines[2:] == [
        "| dipsearch 20 s | **30.50** | 29.00 | 29.75 | 0.900 | 4.0 |",
        "| BM3D | **30.00** | 30.00 | **30.00** | 0.900 | 4.0 |",
        "| wavelets | 28.00 | **31.00** | 29.50 | 0.900 | 4.0 |",
        "| oracle | 40.00 | – | – | – | 4.0 |",
    ]


def test_of_seeds_the_median_counts_beside_their_spread_and_gaps_are_dashes() -> None:
    others = [dataclasses.replace(row("a", "BM3D", p), seed=n, cpu_s=None) for n, p in ((1, 32.0), (2, 30.5))]
    table = damage_table([row("a", "BM3D", 30.0), *others, row("b", "BM3D", None)])
    assert table.splitlines()[2] == "| BM3D | **30.50** (2.00) | – | – | 0.900 | 4.0 |"


def test_seconds_on_the_clock_stand_in_brackets() -> None:
    first = dataclasses.replace(row("a", "first answer", 29.0, "ours"), cpu_s=None, wall_s=6.25, ssim=None)
    assert damage_table([first]).splitlines()[2] == "| first answer | 29.00 | 29.00 | – | (6.2) |"


def test_there_is_a_table_for_each_damage_in_their_order() -> None:
    later = dataclasses.replace(row("a", "bicubic", 24.0), task="sr", damage="x4", version="v 2")
    page = rivals_markdown([later, *ROWS], command="bench rivals x", date="2026-11-26")
    assert page.index("### denoise: noise of σ 25") < page.index("### sr: enlarged 4 times")
    assert "`bench rivals x`, 2026-11-26." in page and "Versions: v 1, v 2." in page
    assert "Nothing was measured yet." in rivals_markdown([], command="c", date="d")


def test_the_short_table_names_the_strongest_rival_of_each_measurement() -> None:
    once = row("a", "networks alone 20 s", 29.5, "ours")  # not measured on b
    assert summary_table([*ROWS, once]).splitlines() == [
        "| picture | damage | dipsearch 20 s | strongest rival |",
        "|---|---|---|---|",
        "| a | noise of σ 25 | **30.50** | BM3D 30.00 |",
        "| b | noise of σ 25 | 29.00 | wavelets **31.00** |",
    ]


def test_in_the_short_table_seeds_are_medians_and_no_measurements() -> None:
    more = [
        dataclasses.replace(row("a", "wavelets", psnr), seed=seed) for seed, psnr in ((1, 33.0), (2, 27.0))
    ]
    twice = [dataclasses.replace(row("a", "networks alone 20 s", 29.5, "ours"), seed=seed) for seed in (0, 1)]
    lines = summary_table([*ROWS, *more, *twice]).splitlines()
    assert lines[0] == "| picture | damage | dipsearch 20 s | strongest rival |"
    assert lines[2] == "| a | noise of σ 25 | **30.50** | BM3D 30.00 |"
