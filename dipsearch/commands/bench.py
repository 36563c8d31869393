"""``dipsearch bench``: measurements that can be repeated, as JSON and as sections of BENCHMARKS.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from ..files import write_text
from . import bench_gate, bench_score, parsing

if TYPE_CHECKING:
    from ..bench import SpeedRow

bench = typer.Typer(
    help="Measure: the speed of the loop on this machine, and how right the score is.", no_args_is_help=True
)
bench.command()(bench_score.stopping)
bench.command()(bench_score.ranking)
bench.command()(bench_score.replay)
bench.command()(bench_gate.gate)

PAGE, FOLDER = Path("BENCHMARKS.md"), Path("benchmarks")


@bench.command()
def speed(
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="N,N…", help="Sides of the square picture, in pixels.")
    ] = "128,256,512",
    networks: Annotated[
        str | None, typer.Option("--networks", metavar="NAME,NAME…", help="Which networks; all when absent.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", help="For each network and size, at least.")
    ] = 20.0,
    threads: Annotated[
        int, typer.Option("--threads", metavar="N", help="Threads of the process, on a CPU.")
    ] = 1,
    device: Annotated[
        str, typer.Option("--device", metavar="cpu|cuda[:N]|mps", help="Where the networks run.")
    ] = "cpu",
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where speed-MACHINE.json goes.")
    ] = FOLDER,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="The page whose section is written anew.")
    ] = None,
) -> None:
    """Iterations per second of the engines beside a textbook loop, in turns in one process."""
    sides = _numbers(sizes)
    parsing.at_least(1, threads, option="--threads")
    parsing.device_word(device)
    if not seconds > 0:
        raise InputError(f"--seconds is {seconds:g}", "it is above 0", "write for example --seconds 20")

    import json

    from ..bench import NETWORKS, file_name, measure_speed, speed_markdown, write_section

    names = list(NETWORKS) if networks is None else [name.strip() for name in networks.split(",")]
    for name in names:
        if name not in NETWORKS:
            raise InputError(
                f"there is no network {name!r} in this benchmark",
                f"they are {', '.join(NETWORKS)}",
                "choose from these",
            )
    table = measure_speed(names, sides, device=device, threads=threads, seconds=seconds, watch=_show)
    # A run with more threads is another measurement of the same machine.
    label = f"speed-{file_name(table.machine)}" + (f"-{threads}-threads" if threads > 1 else "")
    write_text(out / f"{label}.json", json.dumps(table.to_dict(), indent=1) + "\n")
    write_section(PAGE if page is None else page, label, speed_markdown(table))
    print(f"written: {out / label}.json and the section {label} of {PAGE if page is None else page}")


@bench.command()
def overhead(
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", help="Length of the search that is measured.")
    ] = 20.0,
) -> None:
    """What a search does besides fitting, as a share of its time, with candidates that compute nothing."""
    if not seconds > 0:
        raise InputError(f"--seconds is {seconds:g}", "it is above 0", "write for example --seconds 20")

    from ..bench import measure_overhead
    from .console import print_pairs

    print_pairs(measure_overhead(seconds=seconds).lines())


def _show(row: SpeedRow) -> None:
    measured = "" if row.memory_measured_mb is None else f", {row.memory_measured_mb:.0f} MB measured"
    print(
        f"{row.network:15} {row.size:4}² {row.engine:10} {row.its_per_s:8.2f} it/s, "
        f"{row.ratio_to_textbook:5.2f}× the textbook loop, {100 * row.peak_share:4.0f} % of the peak, "
        f"{row.memory_predicted_mb:.0f} MB predicted{measured}",
        flush=True,
    )


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 32:
        raise InputError(
            f"--sizes is {text!r}",
            "it is numbers of pixels, at least 32",
            "write for example --sizes 128,256",
        )
    return numbers
