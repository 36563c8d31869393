"""The options that several verbs share, each described once, and the request that they make together.

Every verb that takes a damaged picture asks for the damage in the same words: ``search``, ``restore`` and
``degrade`` annotate their parameters with these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .. import request_words, whole_numbers
from ..errors import InputError
from . import parsing

if TYPE_CHECKING:
    from ..problem import TaskOptions

SOURCES_HELP = "Files, folders, or sample:NAME (bundled, no download; NAME@128: reduced to 128 pixels)."
TASK_HELP = "; ".join(f"{task}: {does}" for task, does in parsing.WHAT_TASKS_DO.items()) + "."
TASK_WORDS = "|".join(parsing.TASKS)

Sources = Annotated[list[str], typer.Argument(metavar="IMAGE", help=SOURCES_HELP)]
TaskWord = Annotated[str, typer.Option("--task", metavar=TASK_WORDS, help=TASK_HELP)]
Mask = Annotated[
    str | None,
    typer.Option("--mask", metavar="FILE", help="inpaint: white pixels were measured, black are missing."),
]
InvertMask = Annotated[bool, typer.Option("--invert-mask", help="inpaint: white is missing instead.")]
Missing = Annotated[
    float | None,
    typer.Option(
        "--missing", metavar="PERCENT", help="inpaint: hide this share of a clean picture's pixels."
    ),
]
Sigma = Annotated[
    float | None,
    typer.Option(
        "--sigma",
        metavar="LEVEL",
        help="denoise, deblur: noise level in the file's units (8 bits: of 255); estimated when absent.",
    ),
]
Photons = Annotated[
    float | None,
    typer.Option(
        "--photons",
        metavar="P",
        help="denoise: the picture counts photons, P of them make white; found out when absent.",
    ),
]
Kernel = Annotated[
    str | None,
    typer.Option(
        "--kernel",
        metavar="gaussian:S|motion:N:DEGREES|FILE|NAME",
        help="deblur: what the picture was blurred with, in pixels; sr: what made it small: lanczos2 (when absent), "
        "lanczos3, bicubic or box.",
    ),
]
Factor = Annotated[
    int | None,
    typer.Option("--factor", metavar="N", help="sr: how many times larger in each direction; 4 when absent."),
]
Reference = Annotated[
    str | None,
    typer.Option(
        "--reference",
        metavar="FILE",
        help="The clean picture: only reports PSNR against it, decides nothing.",
    ),
]
Range = Annotated[
    tuple[float, float] | None,
    typer.Option(
        "--range",
        metavar="LOW HIGH",
        help="Values of the file that are worked on as black and white; the data's own when absent.",
    ),
]
DataRange = Annotated[
    float | None,
    typer.Option(
        "--data-range",
        metavar="R",
        help="What PSNR is relative to, in the units of the file; absent: 255 for 8 bits, else the reference's.",
    ),
]
Axes = Annotated[
    str | None,
    typer.Option(
        "--axes",
        metavar="TYX|ZYX|CYX|…",
        help="What the axes of a TIFF stack are; planes in time T and depth Z are pictures, channels C make one.",
    ),
]
Simulate = Annotated[
    bool, typer.Option("--simulate", help="The picture is clean: damage it, restore it, and compare with it.")
]
Device = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda[:N]|mps", help="Where the networks run.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        max=parsing.MOST_WORKERS,
        help="Processes at work; one per core or per GPU when absent.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed",
        metavar="N",
        min=0,
        max=whole_numbers.LARGEST,
        help="The same seed on the same device gives the same picture, on a GPU nearly.",
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="|".join(parsing.ENGINES),
        help="What makes the steps; auto: the fastest there is.",
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        metavar="|".join(parsing.PRECISIONS),
        help="Of the convolutions: tf32 and fp32 differ on CUDA, bf16 there and on processors with AMX.",
    ),
]
Start = Annotated[
    str,
    typer.Option(
        "--start",
        metavar="|".join(request_words.STARTS),
        help="What known networks begin from: learnt weights or random ones; auto: what was measured to be better.",
    ),
]
Order = Annotated[
    str,
    typer.Option(
        "--order",
        metavar="|".join(request_words.ORDERS),
        help="In which known networks are tried: fixed (so is auto), or by how they did on similar measurements.",
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="The database that keeps the study; what its folder says is not used.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Print everything: the plan, every candidate, the numbers behind what is said.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON on standard output, and nothing else there.")
]


def task_options(
    task: str | None,
    *,
    mask: str | None,
    invert_mask: bool,
    missing: float | None,
    sigma: float | None,
    photons: float | None,
    factor: int | None,
    kernel: str | None,
    reference: str | None,
    simulate: bool,
    value_range: tuple[float, float] | None = None,
    data_range: float | None = None,
    axes: str | None = None,
) -> TaskOptions:
    """The damage as it was typed; numbers and combinations are checked by ``TaskOptions`` itself.

    Raises:
        InputError: a word, a number or a file that cannot be used, or an option of another task.
    """
    if task is None:
        raise InputError(
            "no task was given",
            f"it is {', '.join(f'{task} ({does})' for task, does in parsing.WHAT_TASKS_DO.items())}",
            "write for example --task inpaint",
        )
    word = parsing.one_of(task, parsing.TASKS, option="--task")
    if factor is not None and word != "sr":
        raise InputError(f"--factor was given for {word}", "it belongs to sr", "leave out --factor")
    parsing.existing_file(mask, option="--mask")
    parsing.existing_file(reference, option="--reference")

    from ..problem import TaskOptions

    return TaskOptions(
        task=word,
        mask=mask,
        invert_mask=invert_mask,
        missing=missing,
        sigma=sigma,
        photons=photons,
        factor=4 if factor is None else factor,
        kernel=kernel,
        reference=reference,
        simulate=simulate,
        value_range=value_range,
        data_range=data_range,
        axes=axes,
    )


def with_planes(pictures: tuple[str, ...], options: TaskOptions) -> tuple[str, ...]:
    """The pictures, with each stack replaced by its planes.

    Raises:
        InputError: a stack of which nobody says what its axes are.
    """
    if not any(picture.lower().endswith((".tif", ".tiff")) for picture in pictures):
        return pictures

    from ..problem import stacked_sources

    return stacked_sources(pictures, axes=options.axes)
