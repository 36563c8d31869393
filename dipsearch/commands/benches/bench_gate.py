"""``dipsearch bench gate``: how often the right kind of noise is recognised, on damage that is known."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import parsing
from . import bench_options as shared

if TYPE_CHECKING:
    from ...bench.gate.gate_table import GateRow


def gate(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="IMAGE", help="Clean pictures or folders of them; bundled ones when absent."),
    ] = None,
    rounds: Annotated[
        int, typer.Option("--rounds", metavar="N", min=1, help="Cases per picture and damage.")
    ] = 2,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the damage.")] = 0,
    microscope: Annotated[
        bool,
        typer.Option(
            "--microscope",
            help="Instead: simulated microscopes, restored with found and with true parameters.",
        ),
    ] = False,
    out: shared.Out = shared.FOLDER,
    page: shared.Page = shared.PAGE,
) -> None:
    """Damage clean pictures in known ways and ask which noise they have: a table of damages by branches."""
    if microscope:
        _microscopes(seed, out, page)
        return

    from ... import __version__
    from ...bench.gate.gate_table import gate_markdown
    from ...bench.gate.noise_cases import PICTURES, SEEN, TUNING, measure_gate

    pictures = parsing.expand_sources(sources) if sources else PICTURES
    table = measure_gate(pictures, rounds=rounds, seed=seed, watch=_show)
    # Folders are named without what leads to them: the table is for readers on other machines.
    named = " ".join(f"{Path(source).name}/" if Path(source).is_dir() else source for source in sources or ())
    command = " ".join(
        part for part in ("dipsearch bench gate", named, f"--rounds {rounds} --seed {seed}") if part
    )
    values: dict[str, Any] = {"command": command, "version": __version__, "rounds": rounds, "seed": seed}
    values |= {"tuning": TUNING, **table.to_dict()}
    values["pictures"] = [Path(picture).name for picture in values["pictures"]]
    values["wrong"] = [{**row, "picture": Path(row["picture"]).name} for row in values["wrong"]]
    shared.write_json(out / "gate.json", values)
    kinds = Counter(row.kind for row in table.rows)
    for kind, count in kinds.items():
        print(f"{kind:32} {count:4} cases, {100 * table.share_right(kind):5.1f} % right")
    print(f"{'all':32} {len(table.rows):4} cases, {100 * table.share_right():5.1f} % right")
    tuned = f" Constants were chosen on {TUNING}. {SEEN}"
    text = gate_markdown(table, command=command, version=__version__, tuning=tuned)
    shared.publish(text, file=out / "gate.json", section="gate", page=page)


def _microscopes(seed: int, out: Path, page: Path) -> None:
    from ... import __version__
    from ...bench.gate.microscope import measure_microscopes, microscope_markdown, row_values

    rows = measure_microscopes(
        seed=seed, watch=lambda row: print(f"{row.picture}: {row.branch}, {row.loss:+.2f} dB", flush=True)
    )
    command = f"dipsearch bench gate --microscope --seed {seed}"
    file = out / "microscope.json"
    shared.write_json(file, {"command": command, "version": __version__, "rows": row_values(rows)})
    text = microscope_markdown(rows, command=command, version=__version__)
    shared.publish(text, file=file, section="microscope", page=page)


def _show(row: GateRow) -> None:
    if not row.right:
        print(f"{Path(row.picture).name}, {row.side} px, {row.kind} ({row.level}): {row.branch}", flush=True)
