"""What choosing untrained networks by spectral proxies before a search would bring, on the table of recorded fits.

    python benchmarks/screening.py [--out benchmarks/screening.json]

The random genomes and mutants of the table are ranked by each proxy of ISNAS-DIP (Arican et al., CVPR 2022), and the
better half is kept. A row has Kendall's τ of a proxy with the true PSNR in the end, and the expected PSNR of the best
of ten that are drawn from the kept half, over that of ten drawn from all. Nothing is chosen by it, so the test pictures
of the table count, too.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from math import comb
from pathlib import Path
from statistics import mean, stdev
from typing import Any
from unittest import mock

import torch
from scipy.stats import kendalltau

from dipsearch.bench.recordings.proxies import proxies
from dipsearch.bench.tabular import Table
from dipsearch.bench.tabular.recorded.table_cases import PICTURES, prepared
from dipsearch.network import make_input

DRAWN, SEED = 10, 0


def best_of_drawn(values: list[float]) -> float:
    """The expected largest of `DRAWN` values that are drawn without being put back."""
    of = comb(len(values), DRAWN)
    return sum(value * comb(place, DRAWN - 1) / of for place, value in enumerate(sorted(values)))


def rows_of(table: Table, picture: Any, task: str) -> list[dict[str, Any]]:
    """One row for each proxy."""
    there, fits = prepared(picture, task), table.case(picture.name, task).fits
    pilot = partial(make_input, pilot=there.pilot)
    quality, measured = [], []
    for one in table.genomes:
        fit = fits.get((one.digest, SEED))
        if one.genome.kind == "known" or fit is None or not len(fit.psnr):
            continue
        with mock.patch("dipsearch.bench.recordings.proxies.make_input", pilot):
            measured.append(proxies(one.genome.genome, there.problem, seed=SEED))
        quality.append(float(fit.psnr[-1]))
    rows = []
    for name in measured[0]:
        order = sorted(range(len(quality)), key=lambda place, name=name: measured[place][name])
        kept = [quality[place] for place in order[: len(order) // 2]]
        tau = kendalltau([-one[name] for one in measured], quality).statistic
        gain = best_of_drawn(kept) - best_of_drawn(quality)
        row = {"picture": picture.name, "task": task, "proxy": name, "genomes": len(quality)}
        rows.append({**row, "kendall_tau": round(float(tau), 3), "gain_db": round(gain, 3)})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/screening.json"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    table = Table.read("benchmarks/table.npz")
    rows = [
        row
        for task in ("denoise", "inpaint")
        for picture in PICTURES
        for row in rows_of(table, picture, task)
    ]
    lines = ",\n  ".join(json.dumps(row) for row in rows)
    asked.out.write_text(f'{{\n "rows": [\n  {lines}\n ]\n}}\n')
    for task in ("denoise", "inpaint"):
        for name in dict.fromkeys(row["proxy"] for row in rows):
            mine = [row for row in rows if (row["task"], row["proxy"]) == (task, name)]
            print(
                task,
                name,
                *(
                    f"{key} {mean(values):+.2f} ± {stdev(values) / len(values) ** 0.5:.2f}"
                    for key in ("kendall_tau", "gain_db")
                    for values in [[row[key] for row in mine]]
                ),
            )


if __name__ == "__main__":
    main()
