"""``dipsearch degrade``: make a damaged test picture from a clean one, exactly as ``--simulate`` would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from . import options as shared
from . import parsing
from .parsing import NOISES

if TYPE_CHECKING:
    from ..problem import Case, NoiseWord

_WITH_ALPHA = (".png", ".tif", ".tiff")


def degrade(
    source: Annotated[str, typer.Argument(metavar="IMAGE", help="A clean picture: a file or sample:NAME.")],
    task: shared.TaskWord,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where the damaged picture goes.")],
    mask_out: Annotated[
        Path | None,
        typer.Option("--mask-out", metavar="FILE", help="inpaint: write the mask here, not as transparency."),
    ] = None,
    mask: shared.Mask = None,
    invert_mask: shared.InvertMask = False,
    missing: shared.Missing = None,
    sigma: shared.Sigma = None,
    photons: shared.Photons = None,
    factor: shared.Factor = None,
    kernel: shared.Kernel = None,
    noise: Annotated[
        str | None,
        typer.Option(
            "--noise", metavar="|".join(NOISES), help="denoise: another noise, as strong as --level."
        ),
    ] = None,
    level: Annotated[
        float | None,
        typer.Option(
            "--level", metavar="L", help="Grey levels (gaussian), photons (poisson) or percent (others)."
        ),
    ] = None,
    value_range: shared.Range = None,
    seed: shared.Seed = 0,
) -> None:
    """Damage a clean IMAGE: hide pixels, add noise, or make it smaller; say what was done."""
    kind = _noise_word(task, noise, level, others=(sigma, photons))
    if noise == "gaussian":
        sigma = level
    if noise == "poisson":
        photons = level
    options = shared.task_options(
        task,
        mask=mask,
        invert_mask=invert_mask,
        missing=missing,
        sigma=sigma,
        photons=photons,
        factor=factor,
        kernel=kernel,
        reference=None,
        simulate=True,
        value_range=value_range,
    )
    if Path(source).is_dir():
        raise InputError(f"{source} is a folder", "one picture is damaged at a time", "name a file in it")
    (picture,) = parsing.expand_sources([source])
    if mask_out is not None and options.task != "inpaint":
        raise InputError(
            f"--mask-out was given for --task {options.task}", "only inpaint has a mask", "leave it out"
        )
    if options.task == "inpaint" and mask_out is None and out.suffix.lower() not in _WITH_ALPHA:
        raise InputError(
            f"{out} cannot hold transparency",
            f"missing pixels are marked by it; files that can end in {', '.join(_WITH_ALPHA)}",
            "choose such a file, or write the mask apart: --mask-out mask.png",
        )

    if mask_out is not None and mask_out.resolve() == out.resolve():
        raise InputError(
            f"{out} is the picture and the mask", "each is a file", "give --mask-out another name"
        )

    from ..own_files import refuse_overwriting, remember, try_folder
    from ..problem import load_case, origin, picture_files

    written = {file: origin(picture) for file in (out, mask_out) if file is not None}
    refuse_overwriting(written, picture_files([picture], options))
    for file in written:
        try_folder(file.parent)
    case = load_case(picture, options, seed=seed)
    if kind in ("impulse", "speckle"):
        case = _with_noise(case, kind, level=level or 0.0, seed=seed)
    _write(case, out, mask_out)
    remember(written)
    for sentence in (case.range.sentence(), _done(case, mask_out), _left_out(case, out, mask_out)):
        if sentence:
            print(sentence)
    print(_in_words(case, out))


def _noise_word(
    task: str, noise: str | None, level: float | None, *, others: tuple[float | None, ...]
) -> NoiseWord | None:
    if noise is None and level is None:
        return None
    if noise is None or level is None or task != "denoise" or any(value is not None for value in others):
        raise InputError(
            "--noise or --level was given without the other, beside --sigma or --photons, or not to denoise",
            "they belong together and to denoise, and say everything about the noise",
            "write for example --task denoise --noise impulse --level 30",
        )
    return parsing.one_of(noise, NOISES, option="--noise")


def _with_noise(case: Case, noise: NoiseWord, *, level: float, seed: int) -> Case:
    """The case with noise that no task repairs by itself, in the place of its own."""
    from ..problem import add_noise
    from ..problem.case_words import damage_note

    assert case.reference is not None
    damaged = add_noise(case.reference, noise, level=level, seed=seed, limits=case.range.limits)
    notes = (damage_note(damaged.sentence),)
    return replace(case, problem=replace(case.problem, y=damaged.y), notes=notes)


def _write(case: Case, out: Path, mask_out: Path | None) -> None:
    from ..problem import write_image, write_restored

    y, observed = case.problem.y, case.problem.observed
    if case.problem.task != "inpaint":
        write_restored(out, y, case)
    elif mask_out is None:
        # What is missing must not stay readable behind the transparency.
        write_restored(out, y * observed, case, alpha=observed)
    else:
        write_image(mask_out, observed)
        write_restored(out, y * observed, case)


def _done(case: Case, mask_out: Path | None) -> str:
    """What was done to the picture; of hidden pixels also how they are marked."""
    from ..problem.case_words import damage_alone

    said = f"{case.name}: {damage_alone(case.notes)}"
    if case.problem.task != "inpaint":
        return said
    return f"{said}; they are {'transparent' if mask_out is None else f'black in {mask_out.name}'}"


def _left_out(case: Case, out: Path, mask_out: Path | None) -> str:
    """What the file does not keep of the picture; what marks missing pixels replaces its transparency."""
    from ..problem import left_out

    _, _, height, width = case.problem.y.shape
    kept = case.problem.task == "inpaint" and mask_out is None
    return left_out(out, replace(case, alpha=None) if kept else case, size=(height, width))


def _in_words(case: Case, out: Path) -> str:
    from ..problem import psnr, read_image

    channels, height, width = case.problem.y.shape[1:]
    words = f"wrote {out}: {width} × {height} pixels, {channels} channel{'s' if channels > 1 else ''}"
    if case.problem.task != "denoise" or case.reference is None:
        return words
    y = case.problem.y
    if out.suffix.lower() not in (".tif", ".tiff"):
        # Of what was written, which JPEG changes once more, and whole numbers are rounded.
        written = read_image(out)
        y = case.range.into(written.pixels) if written.bits == case.bits else case.range.shown(written.pixels)
    return f"{words}, PSNR {psnr(y, case.reference, data_range=case.data_range):.2f} dB"
