"""A result: what a search or a restoration from Python ended with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ..delivery.answer_words import answers_of, delivered_answer, delivered_words, level_words
from ..delivery.answers import UNCHANGED
from ..delivery.shares import BEST, FIRST
from ..errors import DipsearchError, InputError, StudyError
from ..files import copy_folder
from ..library import Architecture, read_architecture
from ..network import Genome
from ..problem import Problem, psnr, ssim
from ..problem.metrics import WINDOW
from ..report import write_page
from ..report.wording import plural
from ..run import StudyRecord, Trial, read_study
from ..run.restore_run import genomes_of
from ..trials.own_parts import OwnParts, operators_of
from ..trials.trial import lost_words, ranked
from .asked import cases_of, own_operators
from .kept import Kept
from .reference import as_image, refuse_other_units
from .shown import before_and_after

Array = Tensor | NDArray[Any]

NOT_AVERAGED = {FIRST, BEST, UNCHANGED}
"""Answers without a network, or with a single one."""


@dataclass(eq=False, repr=False)
class Result:
    """What a search or a restoration ended with.

    A copy is of the same study, and one that was pickled takes it along, unless it was loaded from a folder.

    Args:
        problems: what was restored.
        restored: the images, each (1, C, H, W) about in [0, 1].
        summary: the content of ``result.json`` of a search, and of a restoration its answers.
        folder: the study's, which goes away with this value unless it was saved; ``None`` after a restoration.
        networks: what a restoration used.
        fitted: those of them that it began, as candidates.
    """

    problems: tuple[Problem, ...]
    restored: tuple[Tensor, ...]
    summary: Mapping[str, Any]
    folder: Path | None = None
    networks: tuple[Genome, ...] = ()
    fitted: tuple[Trial, ...] = ()
    _kept: Kept | None = field(default=None, repr=False)
    _record: StudyRecord | None = field(default=None, repr=False)

    @property
    def image(self) -> Array:
        """The restored image in the form of the measurement: array or tensor, its axes, its range, its type.

        Whole numbers are rounded; where they have fewer than 128 steps from black to white, or the largest value of
        counted photons is below 128, the image is in float32 instead, since rounding would cost up to several dB.

        Raises:
            InputError: there are several; ``images`` has them.
        """
        if len(self.restored) > 1:
            raise InputError(
                f"there are {len(self.restored)} images", "image is the only one", "take them from images"
            )
        return self.images[0]

    @property
    def images(self) -> tuple[Array, ...]:
        """All restored images, in the order of the problems."""
        return tuple(p.form.back(x) for p, x in zip(self.problems, self.restored, strict=True))

    @property
    def answers(self) -> Sequence[Mapping[str, Any]]:
        """All answers to the first problem, simplest first: name, words, estimate and standard error of its difference
        to the best one in dB, or at_least (see ``estimated_psnr``), share, seconds."""
        found: Sequence[Mapping[str, Any]] = self.summary["answers"]
        return found

    @property
    def delivered(self) -> str:
        """What the image consists of, in words."""
        return delivered_words(self.answers)

    @property
    def estimated_psnr(self) -> float | None:
        """The PSNR in dB that the measurement itself lets expect, against a range of 1. Of several images that of the
        first one.

        ``None`` without an estimate, and where the estimated mean squared error is not above its own standard error, as
        for few pixels of much noise: then ``at_least`` of the delivered one among ``answers`` is the PSNR of one
        standard error more. Where the operator is no mask, it is that of A x.
        """
        value = delivered_answer(self.answers)["estimate"]
        return None if value is None else float(value)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The networks that were begun, by number: the candidates of a search, or what a restoration fitted."""
        if self.folder is None:
            return self.fitted
        return tuple(t for t in self.record.trials if t.state != "waiting")

    @property
    def best(self) -> Trial | None:
        """The chosen candidate: its ``genome``, ``estimated_psnr``, ``step``, …; ``None`` where none was fitted."""
        if self.folder is None:
            return next(iter(ranked(self.fitted)), None)
        return self.record.winner()

    @property
    def ensemble(self) -> tuple[tuple[Genome | Trial, float], ...]:
        """The networks that were averaged for the first image, with their weights; empty where it has one or none.

        A network of one's own has no genome: it is named by its candidate, which has the ``params`` that made it.
        """
        combined = (self.summary.get("pictures") or [{}])[0].get("stack")
        used = {answer["name"] for answer in self.answers if answer["share"] > 0}
        if not combined or len(combined["members"]) < 2 or used <= NOT_AVERAGED:
            return ()
        named = {trial.number: trial.genome or trial for trial in self.trials}
        return tuple(
            (named[number], float(weight))
            for number, weight in zip(combined["members"], combined["weights"], strict=True)
        )

    @property
    def architecture(self) -> Architecture:
        """The best network as the file that a study exports.

        Raises:
            StudyError: there is none, or this is a restoration.
        """
        file = self._study / "best" / "architecture.yaml"
        if not file.exists():
            raise StudyError(
                "no architecture was exported",
                "a search exports the best genome that it fitted",
                "search with a larger budget, and in a space instead of one's own networks",
            )
        return read_architecture(file)

    @property
    def record(self) -> StudyRecord:
        """The study as it lies on disk.

        Raises:
            StudyError: a restoration has none.
        """
        study = self._study
        if self._record is None:
            with operators_of(study, self._own()):
                self._record = read_study(study)
        return self._record

    @property
    def _study(self) -> Path:
        if self.folder is None:
            raise StudyError(
                "this is a restoration",
                "only a search leaves a study, with a page, a folder and an architecture",
                "its networks are in trials_dataframe() and best, its answers in answers; "
                "keep its image, or search with dipsearch.search",
            )
        return self.folder

    def _own(self) -> OwnParts:
        """The operators that the study's folder does not hold."""
        return own_operators(cases_of(self.problems))

    def genomes(self) -> list[Genome]:
        """The networks that a restoration with this result fits: those of the ensemble, or else the best one.

        Raises:
            StudyError, InputError: there is none, or they are one's own.
        """
        if self.networks:
            return list(self.networks)
        assert self.folder is not None
        if self.best is None:
            lost = lost_words(self.trials, of=self.trials)
            raise StudyError(
                f"the result has no network: {lost or 'similar patches answered before one was fitted'}",
                "restore uses the networks that a search found",
                f"{'mend that' if lost else 'search with a larger budget'}, or name a published network such as "
                "'dipsearch_nearest_48'",
            )
        if self.best.genome is None:
            raise InputError(
                "the result has networks of one's own, which no file holds",
                "a result is used again with the genome of a search space's network",
                "fit one's own networks with dipsearch.fit",
            )
        return genomes_of(self.folder)

    def trials_dataframe(self) -> Any:
        """The networks that were begun, as a pandas data frame, or as a list of dictionaries without pandas.

        Columns: number, state, value (what ranks: the metric, or else the estimate; none where it failed),
        estimated_psnr (in dB), step, seconds, ended, reason (why it failed or was pruned), operator, digest, label, and
        one ``params_`` column for each gene.
        """
        rows = [_row(trial) for trial in self.trials]
        try:
            import pandas
        except ImportError:
            return rows
        return pandas.DataFrame(rows)

    def report(self, path: str | Path) -> Path:
        """Write the page that shows why: one HTML file that needs nothing else."""
        return write_page(self.record, to=Path(path))

    def save(self, folder: str | Path) -> Path:
        """Keep the study in a folder, which ``load``, ``restore`` and the command line understand.

        Raises:
            StudyError: there is something in the folder, or nothing to be saved.
            ResourceError: it cannot be written in full; then nothing of it is.
        """
        place, study = Path(folder), self._study
        if place.exists() and not place.is_dir():
            raise StudyError(f"{place} is a file", "a study has a folder of its own", "choose another folder")
        if place.exists() and any(place.iterdir()):
            raise StudyError(
                f"there is something in {place}", "a study has a folder of its own", "choose another folder"
            )
        copy_folder(study, place)
        return place

    def compare(self, reference: Any) -> dict[str, float]:
        """PSNR in dB and SSIM of the image against a clean one, which no search has seen.

        Both are relative to the range of values that the problem was worked on in, from ``form.low`` to ``form.high``.

        Args:
            reference: in the form of ``image``, and in its units.

        Raises:
            InputError: it is no clean version of this image, or there are several images; see ``compare_all``.
        """
        if len(self.restored) > 1:
            raise InputError(
                f"there are {len(self.restored)} images",
                "compare takes the reference of the only one",
                "give compare_all a list of references",
            )
        return self.compare_all([reference])[0]

    def compare_all(self, references: Sequence[Any]) -> tuple[dict[str, float], ...]:
        """``compare`` for all images.

        Args:
            references: in the order of the problems.

        Raises:
            InputError: there are more or fewer of them than images, or one of them is none of its image.
        """
        if not isinstance(references, Sequence) or len(references) != len(self.restored):
            count = f"{len(references)}" if isinstance(references, Sequence) else type(references).__name__
            raise InputError(
                f"the references are {count}",
                f"it is a list with one for each of {len(self.restored)} images",
                "give them in the order of the problems",
            )
        rows = []
        for restored, problem, reference in zip(self.restored, self.problems, references, strict=True):
            restored = problem.form.repeated(restored)
            x = as_image(reference, problem, shape=tuple(restored.shape))
            refuse_other_units(x, restored, problem)
            large, among = min(x.shape[-2:]) >= WINDOW, 0.0
            gaps = problem.form.gaps  # nothing was measured there, and nothing is handed back
            if gaps is not None:
                restored = torch.where(gaps, x, restored)
                among = 10 * math.log10(1 - float(gaps.double().mean()))
            row = {"psnr": psnr(restored, x) + among}
            rows.append(row | ({"ssim": ssim(restored, x, left_out=gaps)} if large else {}))
        return tuple(rows)

    def __getstate__(self) -> dict[str, Any]:
        folder = self.folder
        if self._kept is not None and folder is not None:
            folder = folder.relative_to(self._kept.name)
        return self.__dict__ | {"folder": folder, "_record": None}  # which can be read again

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._kept is not None and self.folder is not None:
            self.folder = Path(self._kept.name) / self.folder

    def __repr__(self) -> str:
        said = [
            f"{len(self.restored)} images"
            if len(self.restored) > 1
            else _size(self.restored[0], self.problems[0])
        ]
        if answers_of(self.summary):
            said.append(self.delivered)
        if level := level_words([delivered_answer(self.answers)], digits=1):
            of = "" if self.problems[0].pixelwise else " of what was measured"
            which = ", of the first" if len(self.restored) > 1 else ""
            said.append(f"{level} estimated{of}{which}")
        try:
            if self.folder is not None or self.fitted:
                said.append(f"{plural(len(ranked(self.trials)), 'network')} fitted")
        except DipsearchError:
            said.append("its folder cannot be read")
        return f"Result({'; '.join(said)}; {self.summary['seconds']:.0f} s)"

    def _repr_html_(self) -> str:
        pictures = [before_and_after(*pair) for pair in zip(self.problems, self.restored, strict=True)]
        return f"<div>{''.join(pictures)}<p>{escape(repr(self))}</p></div>"


def _row(trial: Trial) -> dict[str, Any]:
    flat = trial.params if trial.genome is None else trial.genome.to_flat()
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        "estimated_psnr": trial.estimated_psnr,
        "step": trial.step,
        "seconds": trial.seconds,
        "ended": trial.ended,
        "reason": trial.reason,
        "operator": trial.operator,
        "digest": trial.digest,
        "label": trial.label,
        **{f"params_{name}": value for name, value in flat.items()},
    }


def _size(x: Tensor, problem: Problem) -> str:
    _, channels, height, width = x.shape
    said = f" with {channels} channels" if channels > 1 else ""
    said = f" with {problem.form.channels} channels, all the same" if problem.form.channels > 1 else said
    return f"{width} × {height}" + said
