"""The literature's table as Markdown: ours beside what was published, by sets and picture by picture.

The published figures, in dB, are those of Ulyanov, Vedaldi and Lempitsky, Deep Image Prior (arXiv 1711.10925 and its
supplement), who also have those of CBM3D (Dabov et al., 2007), non-local means, LapSRN (Lai et al., 2017), SRResNet
(Ledig et al., 2017), bicubic interpolation and convolutional sparse coding (Papyan et al., 2017). Trained networks have
seen many other pictures. What is known to one digit only (×4 of Set5) stands here so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from ..rivals.own_search import search_title
from ..rivals.rival_rows import rounded
from ..rivals.rivals import RIVALS
from ..shared.sections import NOTHING, crossed, or_dash
from .published_rows import OURS, PublishedRow
from .published_tasks import SETS, TASKS, PublishedTask


@dataclass(frozen=True)
class PublishedFigure:
    """The figure of one method on one set.

    Args:
        task, set: as in the tasks of this benchmark.
        method: as the tables have it.
        mean: over the set.
        pictures: of single ones, by name.
    """

    task: str
    set: str
    method: str
    mean: float
    pictures: Mapping[str, float] = field(default_factory=dict)


DIP = "Deep Image Prior"

FIGURES: tuple[PublishedFigure, ...] = (
    PublishedFigure("denoise", "standard9", DIP, 31.00),
    PublishedFigure("denoise", "standard9", "CBM3D", 31.42),
    PublishedFigure("denoise", "standard9", "non-local means", 30.26),
    PublishedFigure("sr4", "set5", DIP, 29.9),
    PublishedFigure("sr4", "set5", "SRResNet (trained)", 32.0),
    PublishedFigure("sr4", "set5", "bicubic", 28.44),
    PublishedFigure("sr4", "set14", DIP, 27.00),
    PublishedFigure("sr4", "set14", "SRResNet (trained)", 28.53),
    PublishedFigure("sr4", "set14", "bicubic", 26.05),
    PublishedFigure("sr8", "set5", DIP, 25.88),
    PublishedFigure("sr8", "set5", "LapSRN (trained)", 26.10),
    PublishedFigure("sr8", "set5", "bicubic", 24.37),
    PublishedFigure("sr8", "set14", DIP, 24.14),
    PublishedFigure("sr8", "set14", "LapSRN (trained)", 24.35),
    PublishedFigure("sr8", "set14", "bicubic", 23.09),
    PublishedFigure(
        "inpaint", "inpainting11", DIP, 33.48,
        {"barbara": 32.22, "boat": 33.06, "house": 39.16, "lena": 36.16, "peppers": 33.05, "cameraman": 29.80,
         "couple": 32.52, "fingerprint": 32.84, "hill": 32.77, "man": 32.20, "montage": 34.54},
    ),
    PublishedFigure("inpaint", "inpainting11", "convolutional sparse coding", 31.19),
)  # fmt: skip


def figures_of(task: str, set: str) -> list[PublishedFigure]:
    """What is published of a set."""
    return [figure for figure in FIGURES if (figure.task, figure.set) == (task, set)]


TITLES = {"dipsearch": "dipsearch", "networks": "networks alone", "first": "first answer"}

LEGEND = (
    "PSNR in dB, higher is better. Of ours: what a search delivered, its networks alone, and its first answer, from "
    "similar patches; all three from one search of each picture. What was published was measured on the same pictures "
    "with other random numbers. A mean over fewer pictures than the set has says so, and cannot be compared with one "
    "over all of it. Seconds: the mean, in brackets the shortest and the longest."
)


@dataclass(frozen=True)
class MeasuredMethod:
    """What one method made of one set.

    Args:
        title: with the budget, where there is one.
        ours: it is one of our answers.
        rows: one for each picture and seed.
    """

    title: str
    ours: bool
    rows: tuple[PublishedRow, ...]

    def by_picture(self, value: Callable[[PublishedRow], float | None]) -> dict[str, float]:
        """The mean over seeds, of the pictures that have a value."""
        found: dict[str, list[float]] = {}
        for row in self.rows:
            if (number := value(row)) is not None:
                found.setdefault(row.picture, []).append(number)
        return {picture: fmean(numbers) for picture, numbers in found.items()}

    def mean(self, value: Callable[[PublishedRow], float | None]) -> str:
        """The mean over the pictures, and how many they are where some of the set are missing."""
        values, whole = self.by_picture(value), len(SETS[self.rows[0].set])
        if not values:
            return NOTHING
        fewer = "" if len(values) == whole else f" ({len(values)} of {whole})"
        return f"{fmean(values.values()):.2f}{fewer}"


def published_markdown(rows: Sequence[PublishedRow], *, command: str, date: str) -> str:
    """The section: a heading, the means of all sets, and a table for each set that has rows.

    Args:
        command, date: that wrote it.
    """
    parts = ["## The literature's table", f"`{command}`, {date}. {LEGEND}"]
    if not rows:
        return "\n\n".join([*parts, "Nothing was measured yet."])
    there = {(row.task, row.set) for row in rows}
    places = [(task, name) for task in TASKS.values() for name in task.sets if (task.name, name) in there]
    parts.append(means_table(rows, places))
    for task, name in places:
        parts += [
            f"### {task.title}: {name}",
            task.protocol,
            set_table(measured_methods(rows, task.name, name=name), task, name=name),
        ]
    devices = sorted({f"{row.device} ({row.version})" for row in rows})
    together = sorted({row.at_once for row in rows if row.method in OURS})
    if together and together != [1]:
        devices.append(f"searches at the same time on one device: {', '.join(map(str, together))}")
    return "\n\n".join([*parts, f"Measured on {'; '.join(devices)}."])


def measured_methods(rows: Sequence[PublishedRow], task: str, *, name: str) -> list[MeasuredMethod]:
    """The methods that have rows of a set: ours first, the largest budget first."""
    here = sorted((row for row in rows if (row.task, row.set) == (task, name)), key=_rank)
    titles = dict.fromkeys(_title(row) for row in here)
    return [
        MeasuredMethod(title, own[0].method in OURS, own)
        for title in titles
        if (own := tuple(row for row in here if _title(row) == title))
    ]


def means_table(rows: Sequence[PublishedRow], places: Sequence[tuple[PublishedTask, str]]) -> str:
    """A line for each set: the means of ours, of rivals that were measured here, and what was published."""
    cells: dict[tuple[str, str], str] = {}
    for task, name in places:
        line, value = f"{task.title}, {name}", _value(task)
        methods = measured_methods(rows, task.name, name=name)
        cells |= {(line, method.title): method.mean(value) for method in methods if method.ours}
    for task, name in places:
        line, value = f"{task.title}, {name}", _value(task)
        methods = measured_methods(rows, task.name, name=name)
        figures = figures_of(task.name, name)
        cells[line, "rivals, measured"] = _listed(
            [f"{method.title} {method.mean(value)}" for method in methods if not method.ours]
        )
        cells[line, f"{DIP}, published"] = _listed(
            [f"{figure.mean:.2f}" for figure in figures if figure.method == DIP]
        )
        cells[line, "others, published"] = _listed(
            [f"{figure.method} {figure.mean:.2f}" for figure in figures if figure.method != DIP]
        )
    return crossed("task, set", cells)


def set_table(methods: Sequence[MeasuredMethod], task: PublishedTask, *, name: str) -> str:
    """Methods against the pictures of a set; published figures below."""
    value, cells = _value(task), dict[tuple[str, str], str]()
    for method in methods:
        by_picture = method.by_picture(value)
        cells |= {(method.title, picture): or_dash(by_picture.get(picture)) for picture in SETS[name]}
        cells[method.title, "mean"] = method.mean(value)
        if task.luma:
            cells[method.title, "mean, all channels"] = method.mean(lambda row: row.psnr)
        cells[method.title, "seconds"] = _seconds(method)
        cells[method.title, "measured on"] = _places(method.rows)
    for figure in figures_of(task.name, name):
        title = f"{figure.method}, published"
        cells |= {(title, picture): or_dash(figure.pictures.get(picture)) for picture in SETS[name]}
        cells[title, "mean"] = f"{figure.mean:.2f}"
    return crossed("method", cells)


def _places(rows: Sequence[PublishedRow]) -> str:
    """The devices that rows were measured on; with how many, where they are several."""
    count = Counter(row.device for row in rows)
    return ", ".join(f"{device} ({number})" if len(count) > 1 else device for device, number in count.items())


def _seconds(method: MeasuredMethod) -> str:
    """The mean over the pictures, with the shortest and the longest time of a row."""
    means = method.by_picture(lambda row: row.seconds).values()
    if not means:
        return NOTHING
    all_of_them = [row.seconds for row in method.rows if row.seconds is not None]
    ends = [rounded(each) for each in (min(all_of_them), max(all_of_them))]
    return rounded(fmean(means)) + (f" ({'–'.join(ends)})" if len(set(ends)) > 1 else "")


def _value(task: PublishedTask) -> Callable[[PublishedRow], float | None]:
    """The figure that the literature compares by."""
    return (lambda row: row.psnr_y) if task.luma else (lambda row: row.psnr)


def _title(row: PublishedRow) -> str:
    """A method as the tables have it; the first answer does not depend on the budget."""
    if row.method not in OURS:
        return RIVALS[row.method].title if row.method in RIVALS else row.method
    budget = "" if row.method == "first" or row.budget is None else f" {search_title(row.budget)}"
    return f"{TITLES[row.method]}{budget}"


def _rank(row: PublishedRow) -> tuple[int, int]:
    order = [*OURS, *RIVALS]
    return (order.index(row.method) if row.method in order else len(order)), -(row.budget or 0)


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or NOTHING
