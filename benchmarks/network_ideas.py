"""Fit the first known network of a task and its variations, one idea each: the rows of network_ideas.json.

    python benchmarks/network_ideas.py PICTURE… [--ideas NAME,NAME…] [--tasks denoise,inpaint] [--out FILE]
    python benchmarks/network_ideas.py --table [--out FILE]

Of each picture the middle 64 × 64 pixels at half size are damaged. All fits of a case have the same measurement, split,
pilots and seed, end by their own rule or after the usual 400 iterations, and go on with all of the measurement.
"Equal cost" is what a fit would deliver after the processor time that the unchanged network took to its chosen
iteration; the time of an iteration is measured in turns with the unchanged network's. Rows that are there are not made
again, and what stands beside them stays. `--table` prints the means.
"""

from __future__ import annotations

import argparse
import json
import math
from functools import cache
from pathlib import Path
from statistics import mean, median, stdev
from time import process_time, strftime
from typing import Any
from unittest import mock

import torch
from network_variations import IDEAS, PLAIN, Idea
from torch import Tensor

import dipsearch as ds
from dipsearch.bench.cases.damages import DAMAGES
from dipsearch.bench.cases.half_size_crops import half_size_crop
from dipsearch.bench.shared.machine import command_line, versions
from dipsearch.fitting import data_consistent, step
from dipsearch.fitting.ongoing import OngoingFit
from dipsearch.network import build
from dipsearch.patches import answer
from dipsearch.problem.formats.sources import picture_name

SIDE, SEED, STEPS = 64, 0, 400
TASKS = {
    "denoise": ("gaussian-25-clipped", "dipsearch_pilot_bilinear_32x4"),
    "inpaint": ("missing-50", "dipsearch_pilot_32"),
}
BLOCKS, BLOCK = 6, 10
"""Iterations that are timed of each of two networks, in turns: the load of the machine changes within seconds."""


@cache
def case(source: str, task: str) -> tuple[Tensor, ds.Problem, Any]:
    """The clean crop, what was measured, and the split of all fits to it."""
    clean = half_size_crop(source, side=SIDE)
    problem = DAMAGES[TASKS[task][0]].make(clean, SEED)
    return clean, problem, ds.make_split(problem, seed=SEED)


@cache
def pilot(problem: ds.Problem, *, split: Any = None) -> Tensor:
    """Similar patches say the same of all fits to a case."""
    return answer(problem, split=split)


def changed(idea: Idea) -> Any:
    """Inside this block fits are made with the idea."""

    def built(genome: ds.Genome, *, channels: int, seed: int, lean: bool = False) -> torch.nn.Module:
        generator = build(genome, channels=channels, seed=seed, lean=lean)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return idea.network(generator).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    return mock.patch.multiple(step, build=built, Adam=idea.optimiser)


def cost_ratio(idea: Idea, source: str, task: str) -> float:
    """Processor time of its first iterations over those of the unchanged network."""
    _, problem, split = case(source, task)
    fits = []
    for one in (PLAIN, idea):
        with changed(one):
            genome = one.genome(ds.preset(TASKS[task][1]))
            limits = {"seed": SEED, "max_steps": STEPS, "pilot": pilot(problem, split=split)}
            fits.append(OngoingFit(genome, problem, split=split, **limits))
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(BLOCKS):
        for fit, spent in zip(fits, seconds, strict=True):
            begun = process_time()
            fit.advance(BLOCK)
            spent.append(process_time() - begun)
    return median(later / before for before, later in zip(*seconds, strict=True))


def fitted(idea: Idea, source: str, task: str, *, ratio: float, equal: int | None) -> dict[str, Any]:
    """One row.

    Args:
        equal: the iteration that the unchanged network chose; ``None``: this is that network.
    """
    clean, problem, split = case(source, task)
    course: list[tuple[int, float, float]] = []

    def watch(check: ds.Check, image: Tensor) -> None:
        course.append((check.step, check.validation_mse, ds.psnr(data_consistent(image, problem), clean)))

    begun = process_time()
    with changed(idea), mock.patch("dipsearch.api.fitted.answer", pilot):
        genome = idea.genome(ds.preset(TASKS[task][1]))
        found = ds.fit(
            problem,
            genome,
            seed=SEED + idea.seed,
            split=split,
            steps=STEPS,
            watch=watch,
            device="cpu",
            start="cold",
        )
    affordable = found.step if equal is None else idea.iterations(equal, ratio)
    seen = [one for one in course if one[0] <= affordable] or course[:1]
    return {
        "picture": picture_name(source),
        "task": task,
        "psnr": round(ds.psnr(found.image, clean), 3),
        "psnr_at_equal_cost": round(min(seen, key=lambda one: one[1])[2], 3),
        "chosen": found.step,
        "steps": int(found.curves.step[-1]),
        "cost_ratio": round(ratio, 3),
        "processor_seconds": round(process_time() - begun, 2),
    }


def measured_now() -> dict[str, Any]:
    """What stands beside rows that are made from now on."""
    return {
        "command": command_line(),
        "date": strftime("%Y-%m-%d"),
        "versions": versions(),
        "seeds": f"{SEED} of all, but of “other seed”",
    }


def write_rows(out: Path, rows: list[dict[str, Any]], *, about: dict[str, Any]) -> None:
    """A row is a line."""
    head = "".join(
        f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n" for key, value in about.items()
    )
    lines = ",\n  ".join(json.dumps(one) for one in rows)
    out.write_text(f'{{\n{head} "rows": [\n  {lines}\n ]\n}}\n', encoding="utf-8")


def record(pictures: list[str], names: list[str], tasks: list[str], out: Path) -> None:
    """Make the rows that are not there, idea by idea."""
    about = json.loads(out.read_text()) if out.exists() else measured_now()
    rows = about.pop("rows", [])
    there = {(row["idea"], row["picture"], row["task"]): row for row in rows}
    for name in ["unchanged", *names]:
        for task in tasks:
            ratio = next((row["cost_ratio"] for key, row in there.items() if key[::2] == (name, task)), None)
            for source in pictures:
                key = (name, picture_name(source), task)
                if key in there:
                    continue
                idea = PLAIN if name == "unchanged" else IDEAS[name]
                if ratio is None:
                    ratio = 1.0 if idea.as_dear else cost_ratio(idea, source, task)
                plain = there.get(("unchanged", *key[1:]))
                equal = None if plain is None else plain["chosen"]
                row = {"idea": name, **fitted(idea, source, task, ratio=ratio, equal=equal)}
                there[key] = row
                rows.append(row)
                write_rows(out, rows, about=about)
                print(*row.values(), flush=True)


def print_table(rows: list[dict[str, Any]]) -> None:
    """Mean gains over the unchanged network, with standard errors over pictures."""
    plain = {(row["picture"], row["task"]): row for row in rows if row["idea"] == "unchanged"}
    for name in dict.fromkeys(row["idea"] for row in rows):
        for task in TASKS:
            mine = [row for row in rows if (row["idea"], row["task"]) == (name, task)]
            if len(mine) < 2:
                continue
            cells = [name, task, str(len(mine))]
            for column in ("psnr", "psnr_at_equal_cost"):
                gains = [row[column] - plain[row["picture"], task][column] for row in mine]
                cells.append(f"{mean(gains):+.2f} ± {stdev(gains) / math.sqrt(len(gains)):.2f}")
            sooner = mean(row["chosen"] / plain[row["picture"], task]["chosen"] for row in mine)
            print("|", " | ".join([*cells, f"{mine[0]['cost_ratio']:.2f}", f"{sooner:.2f}"]), "|")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", nargs="*")
    parser.add_argument("--ideas", default=",".join(IDEAS))
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/network_ideas.json"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    record(asked.pictures, asked.ideas.split(","), asked.tasks.split(","), asked.out)
    if asked.table:
        print_table(json.loads(asked.out.read_text())["rows"])


if __name__ == "__main__":
    main()
