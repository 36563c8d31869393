"""Words of the command line turned into values, each checked before anything is computed or written.

Pure functions: text in, value out, or an ``InputError`` that names the text, the rule and the fix. What can
only be judged with the picture in hand (a factor that does not fit, a mask of another size) is judged where
the picture is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..durations import LONGEST, seconds_in
from ..errors import InputError

if TYPE_CHECKING:
    from ..fitting import EngineWord, Precision
    from ..problem import NoiseWord, Task

Word = TypeVar("Word", bound=str)

WHAT_TASKS_DO: dict[Task, str] = {
    "denoise": "remove noise",
    "inpaint": "fill in missing pixels",
    "sr": "enlarge",
    "deblur": "undo a known blur",
}
TASKS: tuple[Task, ...] = tuple(WHAT_TASKS_DO)
NOISES: tuple[NoiseWord, ...] = ("gaussian", "poisson", "impulse", "speckle")
ENGINES: tuple[EngineWord, ...] = ("auto", "eager", "cuda_graph")
PRECISIONS: tuple[Precision, ...] = ("tf32", "fp32", "bf16")
LARGEST = 10**9
"""The largest whole number that the file of a request takes for trials and steps."""
MOST_WORKERS = 1024
"""No system tells a process of more cores than this, glibc's ``CPU_SETSIZE``; every worker takes memory of its own."""
STUDIES = Path("studies")
STUDY_FILE = "study.yaml"
IMAGE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".webp")

_SAMPLE = "sample:"
_LONGEST_NAME = 100
_PLANE = re.compile(r"\[\d{1,6}\]$")  # of a stack
_DEVICES = re.compile(
    r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?"
)  # what Windows takes for devices


def one_of(text: str, words: Sequence[Word], *, option: str) -> Word:
    """``text`` as one of the words, or an error that suggests the nearest one."""
    for word in words:
        if word == text:
            return word
    near = get_close_matches(text.lower(), words, n=1, cutoff=0.5)
    fix = f"did you mean {option} {near[0]}?" if near else f"write for example {option} {words[0]}"
    raise InputError(f"{option} {text!r} is not known", f"it is one of {', '.join(words)}", fix)


def device_word(text: str) -> str:
    """``text`` when it is auto, cpu, cuda, cuda:N or mps. Whether the device is there is asked later."""
    if re.fullmatch(r"cuda:\d+", text):
        return text
    return one_of(text, ("auto", "cpu", "cuda", "cuda:0", "mps"), option="--device")


def seconds(text: str, *, option: str = "--budget") -> float:
    """A duration such as ``90s``, ``10m``, ``2h`` or ``1h30m``, in seconds."""
    rule = (
        "a duration is a positive number of hours, minutes or seconds with its unit and without spaces, "
        f"{LONGEST:g} s at the most"
    )
    fix = f"write for example {option} 90s, {option} 10m or {option} 1h30m"
    total = seconds_in(text.lower())
    if total is None:
        raise InputError(f"{option} {text!r} is not a duration", rule, fix)
    if not 0 < total <= LONGEST:
        raise InputError(f"{option} {text!r} is {total:g} seconds", rule, fix)
    return total


def study_name(text: str) -> str:
    """``text`` when it can be the name of a folder directly below ``studies/`` on every system."""
    rule = (
        f"a study's name has 1 to {_LONGEST_NAME} letters, digits, '.', '_', '+', '-' or spaces inside, "
        "begins with a letter, a digit or '_', and is no device of Windows such as CON"
    )
    fix = "choose another one with --name, for example --name astronaut-2"
    plain = bool(text) and all(letter.isalnum() or letter in " ._+-" for letter in text)
    if (
        not plain
        or text[0] in " .-"
        or text[-1] in " ."
        or len(text) > _LONGEST_NAME
        or _DEVICES.fullmatch(text)
    ):
        raise InputError(f"the study name {text!r} cannot be used", rule, fix)
    return text


def suggested_name(sources: Sequence[str], task: str) -> str:
    """A name for a study that was given none: the picture, or the folder of several, and the task."""
    first = Path(sources[0].removeprefix(_SAMPLE))
    stem = first.stem if len(sources) == 1 else first.resolve().parent.name
    letters = "".join(letter if letter.isalnum() or letter in "._+-" else "-" for letter in stem)
    return f"{letters.strip('.-')[:60] or 'picture'}-{task}"


def free(name: str, *, root: Path) -> str:
    """``name``, with a number when ``root`` holds one already."""
    numbered = (f"{name}-{number}" for number in range(2, 10_000))
    taken = {entry.name.casefold() for entry in root.iterdir()} if root.is_dir() else set()
    return next(candidate for candidate in (name, *numbered) if candidate.casefold() not in taken)


def storage_url(text: str | None) -> str | None:
    """``--storage`` when it is absent or a database's address; a password in it is never echoed."""
    if text is not None and not re.match(r"[a-z][a-z0-9+]*://", text):
        raise InputError(
            "--storage is not the address of a database",
            "it starts with the kind of database and '://'",
            "write for example --storage postgresql+psycopg://user@host/studies, or leave it out",
        )
    return text


def expand_sources(given: Sequence[str], *, leave_out: Iterable[str | None] = ()) -> tuple[str, ...]:
    """Pictures that were named one by one, by folder, or as ``sample:NAME``, in the order given.

    A folder stands for the pictures in it, sorted by name, and not for those in folders below; masks (``*_mask.*``) and
    the files named in ``leave_out`` (the mask and the reference of the same command) are not among them.

    Raises:
        InputError: nothing given, something that does not exist, a folder without pictures, one given twice.
    """
    apart = {Path(path).resolve() for path in leave_out if path}
    found: list[str] = []
    for source in given:
        found.extend(_expand(source, apart))
    if not found:
        raise InputError(
            "no picture was given",
            "a command needs at least one",
            "name a file, a folder or sample:astronaut",
        )
    twice = [source for source, times in Counter(found).items() if times > 1]
    if twice:
        raise InputError(f"{twice[0]} was given twice", "every picture counts once", "name it once")
    return tuple(found)


def study_folder(text: str, *, root: Path = STUDIES) -> Path:
    """The folder of a study that was named by its folder or by its name below ``root``."""
    for folder in (Path(text), root / text):
        if (folder / STUDY_FILE).is_file():
            return folder
    there = sorted(file.parent.name for file in root.glob(f"*/{STUDY_FILE}"))
    near = get_close_matches(text, there, n=1)
    fix = (
        f"did you mean {near[0]}?"
        if near
        else f"studies here: {', '.join(there[:8])}"
        if there
        else "begin one"
    )
    raise InputError(
        f"{text} is not a study", f"a study is a folder with a {STUDY_FILE}, or its name in {root}", fix
    )


def architecture_or_study(text: str, *, root: Path = STUDIES) -> str:
    """The path of a file or of a study's folder; anything else (the name of a network) as it is."""
    if not Path(text).exists() and (root / text / STUDY_FILE).is_file():
        return str(root / text)
    return text


def picture_size(text: str) -> tuple[int, int]:
    """``640x480`` as (width, height)."""
    match = re.fullmatch(r"([1-9]\d{0,5})[x×]([1-9]\d{0,5})", text.strip().lower())
    if match is None:
        raise InputError(
            f"--size {text!r} is not a size",
            "it is WIDTHxHEIGHT in pixels",
            "write for example --size 640x480",
        )
    return int(match[1]), int(match[2])


def existing_file(path: str | None, *, option: str) -> str | None:
    """``path`` when it is absent or names a file (or a folder of files) that exists."""
    if path == "":
        raise InputError(f"{option} is empty", "it names a picture", "check the variable that it came from")
    if path is not None and not path.startswith(_SAMPLE) and not Path(path).exists():
        folder, name = Path(path).parent, Path(path).name
        there = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        near = [one for one in there if one.casefold() == name.casefold()] or get_close_matches(
            name, there, n=1
        )
        fix = f"did you mean {folder / near[0]}?" if near else "check the spelling and the folder"
        raise InputError(f"{option} {path} does not exist", "it names a picture", fix)
    return path


def _expand(source: str, apart: set[Path]) -> list[str]:
    if source.startswith(_SAMPLE):
        return [source]
    if not source:
        raise InputError(
            "the name of a picture is empty",
            "a picture is a file, a folder of pictures, or sample:NAME",
            "check the variable that it came from",
        )
    if source == "-":
        raise InputError(
            "- was given as a picture",
            "standard input is not read",
            "write what comes from there to a file, and give that; a file of this name is ./-",
        )
    path = Path(source)
    if path.is_dir():
        pictures = [
            str(file)
            for file in sorted(path.iterdir())
            if file.suffix.lower() in IMAGE_SUFFIXES
            and not file.is_dir()
            and not file.name.startswith(".")
            and not file.stem.casefold().endswith("_mask")
            and file.resolve() not in apart
        ]
        if not pictures:
            raise InputError(
                f"the folder {source} holds no picture",
                f"pictures end in {', '.join(IMAGE_SUFFIXES)}",
                "name another folder, or the files themselves",
            )
        return pictures
    if not path.is_file() and not (_PLANE.search(source) and Path(_PLANE.sub("", source)).is_file()):
        raise InputError(
            f"{source} {'is a pipe or a device' if path.exists() else 'does not exist'}",
            "a picture is a file, a folder of pictures, or sample:NAME",
            "check the spelling; sample:astronaut is always there",
        )
    return [source]
