"""``result.json`` read back: the outcome of a study for programs and for the page, checked key by key.

Keys are added from version to version and never renamed, so that unknown ones are let through. What is there has to be
of its type, finite, and inside of the folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ..delivery.answers import COMBINED
from ..json_files import read_json
from ..plain_files import inside
from ..problem.formats.image import MAX_PIXELS
from ..trials.trial import Count
from ..visible import Words, visible
from ..yaml_files import validate

RESULT_FILE = "result.json"


def _plain_name(text: str) -> str:
    if visible(text) != text:
        raise ValueError("it holds characters that cannot be seen")
    return text


def _shape(sizes: list[int]) -> list[int]:
    if sizes[2] * sizes[3] > MAX_PIXELS or sizes[0] != 1:
        raise ValueError(f"it is 1, channels, height, width, with at most {MAX_PIXELS:,} pixels")
    return sizes


Number = Annotated[float, Field(ge=-1e9, le=1e9)]
Seconds = Annotated[float, Field(ge=0, le=1e12)]
Share = Annotated[float, Field(ge=-0.001, le=1.001)]
Side = Annotated[int, Field(ge=1, le=MAX_PIXELS)]
Name = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_plain_name)]


class _Known(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class _Answer(_Known):
    name: Words
    words: Words
    estimate: Number | None
    standard_error: Number | None
    at_least: Number | None
    error_beside_first: Number | None
    flattered: bool
    share: Share
    psnr: Number | None
    ssim: Number | None
    seconds: Seconds


def _delivers(answers: list[_Answer]) -> list[_Answer]:
    parts = sum(answer.share > 0 for answer in answers)
    if answers and parts != 1 and (not parts or all(answer.name != COMBINED for answer in answers)):
        raise ValueError("one of them is delivered, or a mixture of them")
    return answers


Answers = Annotated[list[_Answer], AfterValidator(_delivers)]


class _Measured(_Known):
    """A candidate, an ensemble or a baseline."""

    number: Count | None = None
    digest: Words | None = None
    score: Number | None = None
    score_error: Number | None = None
    at_least: Number | None = None
    standard_error: Number | None = None
    psnr: Number | None = None
    ssim: Number | None = None
    seconds: Seconds | None = None


class _Best(_Measured):
    step: Count | None = None
    ended: Words | None = None
    chosen_because: Words | None = None


class _Ensemble(_Measured):
    members: list[Count] = []
    weights: list[Share] = []


class _Finalist(_Measured):
    number: Count
    score: Number
    seeds: Count
    split: Words


class _Split(_Known):
    kind: Words
    guided: bool
    indirect: bool


class _Uncertainty(_Known):
    file: Name
    image: Name
    mean: Number
    restored: Share = 1.0
    rank_correlation: Number | None = None
    within_one: Share | None = None


class _SearchGain(_Known):
    known: Count | None = None
    made: Count | None = None
    gain: Number | None = None
    standard_error: Number | None = None


class _Gate(_Known):
    sentence: Words | None = None
    numbers: Words | None = None


class _Noise(_Known):
    gate: _Gate | None = None


class _Start(_Known):
    asked: Words
    warm: list[Count] = []
    weights: dict[Words, Words] = {}


class _Expected(_Known):
    network: Words
    behind: Number
    steps: Count
    cases: Count


class _Tried(_Known):
    """Which known networks were tried, and why in this order."""

    order: Words
    features: dict[Words, Number] | None = None
    expected: list[_Expected] = []
    own: list[Words] = []


class _Picture(_Known):
    name: Name
    restored: Name
    answers: Answers = []
    stack: _Ensemble | None = None
    uncertainty: _Uncertainty | None = None


class _Result(_Known):
    task: Words
    image: Words | list[Words]
    shape: Annotated[list[Side], Field(min_length=4, max_length=4), AfterValidator(_shape)] | None = None
    device: Words | None = None
    workers: Annotated[int, Field(ge=0, le=10**6)] | None = None
    budget_seconds: Seconds | None = None
    seconds: Seconds
    gpu_busy_share: Share | None = None
    trials: dict[Words, Count] = {}
    best: _Best | None = None
    stack: _Ensemble | None = None
    delivered: Words | None = None
    answers: Answers = []
    delivered_psnr: Number | None = None
    delivered_ssim: Number | None = None
    baselines: dict[Words, _Measured] = {}
    uncertainty: _Uncertainty | None = None
    split: _Split | None = None
    simulated: bool = False
    interrupted: bool = False
    reference: bool = False
    pictures: list[_Picture] = []
    plan: list[Annotated[list[Words], Field(min_length=2, max_length=2)]] = []
    finalists: list[_Finalist] = []
    search_gain: _SearchGain | None = None
    start: _Start | None = None
    noise: _Noise | None = None
    known: _Tried | None = None
    warnings: list[Words] = []
    details: list[Words] = []
    version: Words | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [picture.name for picture in self.pictures]
        if len(set(names)) < len(names):
            raise ValueError("each of the `pictures` has a name of its own")
        return self


def read_result(folder: Path) -> dict[str, Any] | None:
    """The content of a study's ``result.json``; ``None`` where there is none.

    Raises:
        FormatError: it is not what a search writes, or names a file outside of the folder.
    """
    path = folder / RESULT_FILE
    if not (path.exists() or path.is_symlink()):
        return None
    content = read_json(inside(folder, RESULT_FILE))
    read = validate(_Result, content, source=str(path))
    maps = [read.uncertainty, *(picture.uncertainty for picture in read.pictures)]
    files = [name for one in maps if one is not None for name in (one.file, one.image)]
    for name in [*files, *(picture.restored for picture in read.pictures)]:
        inside(folder, name)
    return read.model_dump(exclude_unset=True)
