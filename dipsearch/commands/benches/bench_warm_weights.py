"""``dipsearch bench warm-weights``: learn the weights that fits of known networks may begin from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import parsing
from . import bench_options as shared

if TYPE_CHECKING:
    from ...bench.warm.warm_training import Way

WAYS: tuple[Way, ...] = ("reptile", "mean")
DEFAULT_NETWORKS = "dipsearch_pilot_32,dipsearch_pilot_bilinear_32,dipsearch_pilot_48"


def warm_weights(
    networks: Annotated[
        str, typer.Option("--networks", metavar="NAME,NAME…", help="Presets that get weights.")
    ] = DEFAULT_NETWORKS,
    way: Annotated[
        str,
        typer.Option(
            "--way", metavar="|".join(WAYS), help="Reptile, or the mean of fits from the same beginning."
        ),
    ] = "reptile",
    lessons: Annotated[
        int, typer.Option("--lessons", metavar="N", min=1, help="Crops that are fitted.")
    ] = 24,
    rounds: Annotated[
        int, typer.Option("--rounds", metavar="N", min=1, help="Over all lessons, of Reptile.")
    ] = 5,
    steps: Annotated[int, typer.Option("--steps", metavar="N", min=1, help="Iterations of each fit.")] = 60,
    recordings: Annotated[
        Path, typer.Option("--recordings", metavar="FOLDER", help="Where the weights so far are kept.")
    ] = shared.FOLDER / "recordings" / "warm",
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the weights go.")] = Path(
        "dipsearch/library/warm"
    ),
) -> None:
    """Learn warm weights from crops of coffee, chelsea, rocket and coins of scikit-image. Resumable.

    With the defaults it takes about twenty minutes on one core for all three networks.
    """
    chosen = parsing.one_of(way, WAYS, option="--way")

    from ...bench.warm.warm_training import PICTURES, Course, learn
    from ...library import preset
    from ...library.warm_weights import SUFFIX, write_warm_weights

    names, course = shared.words(networks), Course(chosen, lessons, rounds, steps)
    for name in names:
        preset(name)
    for name in names:
        weights = learn(name, course, folder=recordings, watch=shared.say)
        options = f"--networks {name} --way {way} --lessons {lessons} --rounds {rounds} --steps {steps}"
        notes = {
            "pictures": ", ".join(PICTURES),
            "course": course.words(),
            "command": f"python cli.py bench warm-weights {options}",
        }
        write_warm_weights(out / f"{name}{SUFFIX}", weights, notes=notes)
        print(f"written: {out / name}{SUFFIX}")
