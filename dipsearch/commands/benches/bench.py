"""``dipsearch bench``: measurements that can be repeated, as JSON and as sections of BENCHMARKS.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import InputError
from .. import parsing
from . import (
    bench_answers,
    bench_files,
    bench_gate,
    bench_interruptions,
    bench_operators,
    bench_patches,
    bench_policies,
    bench_preselection,
    bench_promises,
    bench_published,
    bench_races,
    bench_replay_search,
    bench_rivals,
    bench_score,
    bench_search,
    bench_side_by_side,
    bench_table,
    bench_warm,
    bench_warm_weights,
)
from . import bench_options as shared

if TYPE_CHECKING:
    from ...bench import SpeedRow, SpeedTable

bench = typer.Typer(
    help="Measure: the speed of the loop on this machine, how right the score is, and how good the rivals are.",
    no_args_is_help=True,
)
for verb in (
    bench_score.stopping, bench_score.ranking, bench_score.replay, bench_gate.gate, bench_files.files,
    bench_rivals.rivals, bench_published.published, bench_answers.answers, bench_patches.patches,
    bench_operators.operators, bench_policies.policies, bench_races.races, bench_table.table,
    bench_replay_search.replay_search, bench_search.search, bench_promises.promises,
    bench_interruptions.interruptions, bench_preselection.preselection, bench_warm.warm,
    bench_warm_weights.warm_weights, bench_side_by_side.side_by_side,
):  # fmt: skip
    bench.command()(verb)


@bench.command()
def speed(
    sizes: shared.Sizes = "128,256,512",
    networks: shared.Networks = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", help="For each network and size, at least.")
    ] = 20.0,
    threads: Annotated[
        int, typer.Option("--threads", metavar="N", min=1, help="Threads of the process, on a CPU.")
    ] = 1,
    device: shared.Device = "cpu",
    memory: Annotated[
        bool,
        typer.Option("--memory/--no-memory", help="Measure the memory too, in a process for each row."),
    ] = True,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Iterations per second of the engines beside a textbook loop, in turns in one process."""
    sides = shared.numbers(sizes, least=32, option="--sizes")
    parsing.device_word(device)
    shared.refuse_none(seconds, option="--seconds", example=20)

    from ...bench import NETWORKS, file_name, machine_name, measure_speed, speed_markdown

    names = shared.known(networks, list(NETWORKS), option="--networks")
    if min(sides) <= (deepest := max(2 ** NETWORKS[name].depth for name in names)):
        raise InputError(
            f"--sizes has {min(sides)}",
            f"at the deepest scale of these networks more than a pixel has to be left: above {deepest}",
            "choose larger ones, or other --networks",
        )
    device = shared.place_of(device)
    # A run with more threads is another measurement of the same machine.
    label = f"speed-{file_name(machine_name(device))}" + (f"-{threads}-threads" if threads > 1 else "")

    def keep(table: SpeedTable) -> None:
        _show(table.rows[-1])
        shared.write_json(out / f"{label}.json", table.to_dict())

    table = measure_speed(
        names, sides, device=device, threads=threads, seconds=seconds, memory=memory, watch=keep
    )
    shared.publish(speed_markdown(table), file=out / f"{label}.json", section=label, page=page)


@bench.command()
def overhead(
    seconds: Annotated[
        float,
        typer.Option(
            "--seconds",
            metavar="S",
            help="Length of the search that is measured, as it would be if it computed anything.",
        ),
    ] = 300.0,
    scaling: Annotated[
        bool, typer.Option("--scaling", help="How much faster two workers are than one, too.")
    ] = False,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="What a slice takes by Dask against local processes, too.")
    ] = False,
    out: shared.Out = shared.FOLDER,
) -> None:
    """What a search does besides iterating, as a share of its time, with fits that compute nothing."""
    shared.refuse_none(seconds, option="--seconds", example=300)

    import io

    import optuna
    from rich.console import Console

    from ...bench import measure_overhead
    from ..console import LiveConsole, print_pairs, words_of

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # as a search does
    # The live display of a terminal, but for the terminal.
    screen = Console(file=io.StringIO(), force_terminal=True, width=120, highlight=False, markup=False)
    shown = LiveConsole(screen, words_of(verbose=True))
    try:
        measured = measure_overhead(
            seconds=seconds, callback=shown, scaling=scaling, cluster=cluster, watch=shared.say
        )
    finally:
        shown.close()
    shared.write_json(out / "overhead.json", measured.to_dict())
    print_pairs(measured.lines())


def _show(row: SpeedRow) -> None:
    measured = "" if row.memory_measured_mb is None else f", {row.memory_measured_mb:.0f} MB measured"
    print(
        f"{row.network:15} {row.size:4}² {row.engine:10} {row.its_per_s:8.2f} it/s, "
        f"{row.ratio_to_textbook:5.2f}× the textbook loop, {100 * row.peak_share:4.0f} % of the peak, "
        f"{row.memory_predicted_mb:.0f} MB predicted{measured}",
        flush=True,
    )
