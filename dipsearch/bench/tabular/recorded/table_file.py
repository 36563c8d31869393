"""The file of a table: ``table.npz`` with everything that a replay needs, and ``table.json``, which says what it is.

The second one has the command, the versions and the coverage for people, and the checksum of the first one; command and
versions stand in the first one, too (`about` in its index, since 2026-11-28).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ....delivery.shares import ScoreVariance
from ....errors import FormatError
from ....files import replacing, write_text
from ....network import Genome
from ....trials.trial_files import read_npz
from ...recordings.archive import index_of
from .fit_recording import BESIDES, CURVES, MARK
from .table_genomes import TableGenome
from .table_parts import Recorded, TableCase, TableFit

FORMAT = "dipsearch/table/1"


class Whole(Protocol):
    """What is written: a table."""

    @property
    def genomes(self) -> Sequence[Recorded]: ...

    @property
    def cases(self) -> Sequence[TableCase]: ...

    @property
    def coverage(self) -> Mapping[str, Any]: ...


def write_table(path: Path, table: Whole, *, about: Mapping[str, Any]) -> None:
    """Write a table, and beside it what it is.

    Args:
        path: of ``table.npz``.
        table: itself.
        about: command, date and versions.
    """
    fits = [fit for case in table.cases for fit in case.fits.values()]
    columns = {name: np.concatenate([getattr(fit, field) for fit in fits]) for name, field in CURVES.items()}
    index = {
        "format": FORMAT,
        "about": dict(about),
        "genomes": [_genome_entry(one) for one in table.genomes],
        "cases": [_case_entry(case) for case in table.cases],
    }
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            allow_pickle=False,
            index=np.array(json.dumps(index)),
            step=np.concatenate([fit.step for fit in fits]).astype(np.int16),
            sketches=np.concatenate([fit.sketches for fit in fits]).astype(np.float16),
            beyond=np.concatenate([fit.beyond for fit in fits]).astype(np.float32),
            firsts=np.stack([case.first[0] for case in table.cases]).astype(np.float16),
            **columns,
        )
    beside = {
        "format": FORMAT,
        **about,
        "coverage": table.coverage,
        "bytes": path.stat().st_size,
        "sha256": _checksum(path),
    }
    write_text(_beside(path), json.dumps(beside, indent=1, ensure_ascii=False) + "\n")


def read_table(path: Path) -> tuple[tuple[Recorded, ...], tuple[TableCase, ...], dict[str, Any]]:
    """Read what ``write_table`` wrote.

    Returns:
        The genomes, the cases, and what stands beside them.

    Raises:
        FormatError: a file is missing, damaged, or of another format.
    """
    about = _about(path)
    arrays = read_npz(path)
    index = index_of(arrays, path, kind=FORMAT, bench="table")
    try:
        genomes = tuple(_genome(entry) for entry in index["genomes"])
        cases = tuple(_cases(index["cases"], arrays))
        _check_whole(genomes, cases)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FormatError(
            f"{path} is not what its index says ({error or type(error).__name__})",
            f"it is a table of the format {FORMAT}",
            "take the file that bench table wrote",
        ) from error
    return genomes, cases, about


def _about(path: Path) -> dict[str, Any]:
    beside = _beside(path)
    for file in (path, beside):
        if not file.is_file():
            raise FormatError(
                f"there is no {file}",
                "a table is the two files table.npz and table.json",
                "make them with bench table, or copy both",
            )
    try:
        about: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
        kind, checksum = about["format"], about["sha256"]
    except (UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{beside} says nothing of a table ({error or type(error).__name__})",
            "it has the format and the checksum of the file beside it",
            "take both files from one place",
        ) from error
    if kind != FORMAT:
        raise FormatError(
            f"{path} is a table of the format {kind}",
            f"this version reads {FORMAT}",
            "take the version of dipsearch that made it, or record it again with bench table",
        )
    if _checksum(path) != checksum:
        raise FormatError(
            f"{path} is damaged: its checksum is not that in {beside.name}",
            "both files are written together",
            "copy both once more",
        )
    return about


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _genome_entry(one: Recorded) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.genome.kind,
        "genome": one.genome.genome.to_nested(),
        "flat": one.genome.flat,
        "seconds": {str(side): seconds for side, seconds in one.seconds.items()},
        "multiply_adds": one.multiply_adds,
    }


def _genome(entry: Mapping[str, Any]) -> Recorded:
    named = TableGenome(
        entry["name"], entry["kind"], Genome.from_nested(entry["genome"]), dict(entry["flat"])
    )
    return Recorded(
        named, {int(side): value for side, value in entry["seconds"].items()}, entry["multiply_adds"]
    )


def _case_entry(case: TableCase) -> dict[str, Any]:
    return {
        "picture": case.picture,
        "kind": case.kind,
        "task": case.task,
        "set": case.set,
        "side": case.side,
        "share": case.share,
        "first_beyond": case.first[1],
        "first_score": case.first_validation_mse,
        "score_variance": None if case.score_variance is None else asdict(case.score_variance),
        "fits": [
            {
                "digest": fit.digest,
                "seed": fit.seed,
                "ended": fit.ended,
                "checks": len(fit.validation_mse),
                "sketches": len(fit.sketches),
                "polished_score": fit.polished_validation_mse
                if np.isfinite(fit.polished_validation_mse)
                else None,
            }
            for fit in case.fits.values()
        ],
    }


def _check_whole(genomes: Sequence[Recorded], cases: Sequence[TableCase]) -> None:
    """Raise ValueError where a genome or a case is there twice, or a fit that a replay would ask for is missing."""
    digests = {one.digest for one in genomes}
    if len(digests) < len(genomes) or len({one.name for one in genomes}) < len(genomes):
        raise ValueError("a genome occurs twice")
    if len({(case.picture, case.task) for case in cases}) < len(cases):
        raise ValueError("a case occurs twice")
    for case in cases:
        where = f"{case.picture} with the task {case.task}"
        if case.fits.keys() != cases[0].fits.keys():
            raise ValueError(f"{where} has other fits than {cases[0].picture}")
        if {digest for digest, _ in case.fits} != digests or not all(
            (one, 0) in case.fits for one in digests
        ):
            raise ValueError(f"the fits to {where} are not those of the genomes")
        if any(len(fit.sketches) != fit.steps // MARK + BESIDES for fit in case.fits.values()):
            raise ValueError(f"a fit to {where} has too many or too few sketches")


def _cases(entries: list[Mapping[str, Any]], arrays: Mapping[str, NDArray[Any]]) -> Iterator[TableCase]:
    sizes = [(fit["checks"], fit["sketches"]) for entry in entries for fit in entry["fits"]]
    ends = np.cumsum([(0, 0), *sizes], axis=0)
    checks, marks = ends[-1].tolist()
    lengths = dict.fromkeys((*CURVES, "step"), checks) | {
        "sketches": marks,
        "beyond": marks,
        "firsts": len(entries),
    }
    for name, length in lengths.items():
        if len(arrays[name]) != length:
            raise ValueError(f"{name} has {len(arrays[name])} entries instead of {length}")
    sketches = arrays["sketches"].astype(np.float32)
    places = iter(pairwise(ends.tolist()))
    for number, entry in enumerate(entries):
        fits, variance = {}, entry["score_variance"]
        for fit in entry["fits"]:
            (check, mark), (check_end, mark_end) = next(places)
            polished = fit["polished_score"]
            if (fit["digest"], fit["seed"]) in fits:
                raise ValueError(f"a fit to {entry['picture']} occurs twice")
            fits[fit["digest"], fit["seed"]] = TableFit(
                digest=fit["digest"],
                seed=fit["seed"],
                ended=fit["ended"],
                step=arrays["step"][check:check_end].astype(np.int32),
                sketches=sketches[mark:mark_end],
                beyond=arrays["beyond"][mark:mark_end],
                polished_validation_mse=float("nan") if polished is None else polished,
                **{field: arrays[name][check:check_end] for name, field in CURVES.items()},
            )
        yield TableCase(
            picture=entry["picture"],
            kind=entry["kind"],
            task=entry["task"],
            set=entry["set"],
            side=entry["side"],
            share=entry["share"],
            first=(arrays["firsts"][number].astype(np.float32), entry["first_beyond"]),
            first_validation_mse=entry["first_score"],
            score_variance=None if variance is None else ScoreVariance(**variance),
            fits=fits,
        )
