"""Fit known networks alone to the same noisy pictures, and write their true PSNR: the rows of found_networks.json.

    python benchmarks/found_networks.py PICTURE… [--sigma 25] [--networks NAME,NAME…] [--workers 2] [--out FILE]

Of each picture the middle 128 × 128 pixels at half size are used. Fits stop by themselves and go on with all of the
measurement, as in a search; rows that are there are not made again.
"""

from __future__ import annotations

import argparse
import json
import math
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

SIDE, SEED, NOISE_SEED = 128, 0, 17
NETWORKS = "dipsearch_pilot_32,dipsearch_pilot_bilinear_32,dipsearch_pilot_bilinear_32x4"
KEYS = ("picture", "sigma", "network")


def fitted(job: tuple[str, float, str]) -> dict[str, Any]:
    """One row."""
    import torch
    import torch.nn.functional as F

    import dipsearch as ds

    torch.set_num_threads(1)
    source, sigma, network = job
    half = F.avg_pool2d(ds.read_image(source).pixels, 2)
    top, left = ((length - SIDE) // 2 for length in half.shape[-2:])
    x = half[..., top : top + SIDE, left : left + SIDE].clamp(0, 1)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(SEED + NOISE_SEED))
    y = ((x + sigma / 255 * noise).clamp(0, 1) * 255).round() / 255
    problem = ds.Problem(y, noise=ds.Gaussian(sigma / 255), data_range=(0, 1))
    found = ds.fit(problem, ds.preset(network), seed=SEED, device="cpu", start="cold")
    error = float((found.image.clamp(0, 1) - x).square().mean())
    name = source.removeprefix("sample:").rsplit("/", 1)[-1].split(".")[0]
    return {
        "picture": name,
        "sigma": sigma,
        "network": network,
        "psnr": round(-10 * math.log10(error), 3),
        "steps": int(found.curves.step[-1]),
    }


def measured_now() -> dict[str, Any]:
    """What stands beside rows where there are none yet."""
    from time import strftime

    from dipsearch.bench.shared.machine import command_line, versions

    seeds = f"{SEED} of every fit, {SEED + NOISE_SEED} of the noise"
    about = {"command": command_line(), "date": strftime("%Y-%m-%d"), "versions": versions(), "seeds": seeds}
    return {**about, "rows": []}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--sigma", type=float, default=25.0)
    parser.add_argument("--networks", default=NETWORKS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/found_networks.json"))
    asked = parser.parse_args()
    content = json.loads(asked.out.read_text()) if asked.out.exists() else measured_now()
    there = {tuple(row[key] for key in KEYS) for row in content["rows"]}
    jobs = [
        (picture, asked.sigma, network)
        for picture in asked.pictures
        for network in asked.networks.split(",")
        if (Path(picture.removeprefix("sample:")).stem, asked.sigma, network) not in there
    ]
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        for row in pool.map(fitted, jobs):
            content["rows"].append(row)
            asked.out.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
            print(*row.values())


if __name__ == "__main__":
    main()
