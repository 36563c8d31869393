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
from math import comb
from pathlib import Path
from statistics import mean, stdev
from time import strftime
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau, wasserstein_distance
from torch import Tensor

from dipsearch.bench.shared.machine import command_line, versions
from dipsearch.bench.tabular import Table
from dipsearch.bench.tabular.recorded.table_cases import PICTURES, prepared
from dipsearch.network import Genome, build, make_input
from dipsearch.problem import Problem

DRAWN, SEED = 10, 0

STRIP = (0.05, 0.10)
"""Radii of the ring of low frequencies, in cycles per pixel."""

ENERGY = 0.99
SMALLEST = 1e-12
Spectrum = NDArray[np.float64]


def proxies(genome: Genome, problem: Problem, *, pilot: Tensor | None, seed: int) -> dict[str, float]:
    """Every proxy of a candidate on one measurement, by name; lower is better.

    Formulas as in ISNAS-DIP and its code, with one correction: the distance of two histograms is the Wasserstein
    distance of the values themselves.
    """
    output = problem.operator.A(untrained_output(genome, problem, pilot=pilot, seed=seed))
    ours, theirs = _spectrum(output), _spectrum(problem.y)
    ring = _radius(ours.shape[-2:])
    strip = (ring >= STRIP[0]) & (ring < STRIP[1])
    difference = (_decibels(ours) - _decibels(theirs)) ** 2
    return {
        "strip-mse": float(difference[..., strip].mean()),
        "db-mse": float(difference.mean()),
        "strip-emd": float(
            np.mean([wasserstein_distance(a[strip], b[strip]) for a, b in zip(ours, theirs, strict=True)])
        ),
        "bandwidth": _bandwidth(ours.mean(axis=0), ring),
    }


def untrained_output(genome: Genome, problem: Problem, *, pilot: Tensor | None, seed: int) -> Tensor:
    """f_θ(z) before the first step of a fit with this seed, ``(1, C, H, W)``."""
    _, channels, height, width = problem.image_shape
    stride = 2**genome.depth
    rows, columns = (-(-side // stride) * stride for side in (height, width))
    z = make_input(genome, height=rows, width=columns, seed=seed, pilot=pilot)
    network = build(genome, channels=channels, seed=seed)
    network.train()
    with torch.no_grad():
        output: Tensor = network(z.contiguous(memory_format=torch.channels_last))
    return output[..., :height, :width]


def _spectrum(image: Tensor) -> Spectrum:
    values = image[0].double().numpy()
    power = np.abs(np.fft.fft2(values, norm="forward")) ** 2
    return np.asarray(np.fft.fftshift(power, axes=(-2, -1)))


def _decibels(power: Spectrum) -> Spectrum:
    return np.asarray(10 * np.log(np.maximum(power, SMALLEST)))  # the natural logarithm, as in their code


def _radius(shape: tuple[int, ...]) -> Spectrum:
    rows, columns = (np.fft.fftshift(np.fft.fftfreq(size)) for size in shape)
    return np.hypot(rows[:, None], columns[None, :])


def _bandwidth(power: Spectrum, ring: Spectrum) -> float:
    order = np.argsort(ring, axis=None)
    energy = np.cumsum(power.ravel()[order])
    reached = int(np.searchsorted(energy, ENERGY * energy[-1]))
    return float(ring.ravel()[order][min(reached, order.size - 1)])


def best_of_drawn(values: list[float]) -> float:
    """The expected largest of `DRAWN` values that are drawn without being put back."""
    of = comb(len(values), DRAWN)
    return sum(value * comb(place, DRAWN - 1) / of for place, value in enumerate(sorted(values)))


def rows_of(table: Table, picture: Any, task: str) -> list[dict[str, Any]]:
    """One row for each proxy."""
    there, fits = prepared(picture, task), table.case(picture.name, task).fits
    quality, measured = [], []
    for one in table.genomes:
        fit = fits.get((one.digest, SEED))
        if one.genome.kind == "known" or fit is None or not len(fit.psnr):
            continue
        measured.append(proxies(one.genome.genome, there.problem, pilot=there.pilot, seed=SEED))
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
    about = {
        "command": command_line(),
        "date": strftime("%Y-%m-%d"),
        "versions": versions(),
        "seeds": f"{SEED} of the untrained weights and inputs, and of the fits that are looked up",
        "table": table.checksum[:12],
    }
    head = "".join(f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in about.items())
    lines = ",\n  ".join(json.dumps(row) for row in rows)
    asked.out.write_text(f'{{\n{head} "rows": [\n  {lines}\n ]\n}}\n')
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
