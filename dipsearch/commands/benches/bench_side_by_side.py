"""``dipsearch bench side-by-side``: what several fits at once make of one device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .. import parsing
from . import bench_options as shared

if TYPE_CHECKING:
    from ...bench.costs.side_by_side import SideRow, SideTable


def side_by_side(
    sizes: shared.Sizes = "128,256",
    networks: shared.Networks = "32x4,64x4",
    at_once: Annotated[
        str, typer.Option("--at-once", metavar="K,K…", help="Numbers of fits, beside one alone.")
    ] = "2,4",
    seconds: Annotated[float, typer.Option("--seconds", metavar="S", help="Of each row.")] = 2.0,
    device: shared.Device = "cpu",
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Iterations per second of several fits at once: in turns, on streams, in processes."""
    sides = shared.numbers(sizes, least=32, option="--sizes")
    numbers = shared.numbers(at_once, least=2, option="--at-once")
    parsing.device_word(device)
    shared.refuse_none(seconds, option="--seconds", example=2)

    from ...bench import NETWORKS, file_name, machine_name
    from ...bench.costs.side_by_side import measure_side_by_side, side_by_side_markdown

    device = shared.place_of(device)
    names = shared.known(networks, list(NETWORKS), option="--networks")
    label = f"side-by-side-{file_name(machine_name(device))}"

    def keep(table: SideTable) -> None:
        _show(table.rows[-1])
        shared.write_json(out / f"{label}.json", table.to_dict())

    table = measure_side_by_side(names, sides, at_once=numbers, device=device, seconds=seconds, watch=keep)
    shared.publish(side_by_side_markdown(table), file=out / f"{label}.json", section=label, page=page)


def _show(row: SideRow) -> None:
    made = "not enough memory" if row.its_per_s is None else f"{row.its_per_s:8.1f} it/s"
    gain = "" if row.gain is None else f"  {row.gain:.2f} times one alone"
    shared.say(f"{row.network:16} {row.size:4}²  {row.at_once} {row.way:10} {made}{gain}")
