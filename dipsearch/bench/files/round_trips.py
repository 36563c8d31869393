"""Round trips: picture files of every kind go through the product, and what is no pixel is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from ...errors import InputError
from ...problem import TaskOptions, load_case, restored_suffix, write_film, write_restored
from ...problem.formats.decoding import stacked_sources
from .kept_parts import lost_parts, parts_of
from .odd_pixels import OddFile

SIGMA_SHARE = 0.02
"""Of the range of each file: the noise that is said to be in it."""

PALETTE = "colours that were restored are in no palette"


@dataclass(frozen=True)
class RoundTrip:
    """One file after its round trip.

    Args:
        file: its name.
        outcome: "kept", "refused" or "lost".
        parts: how many parts were compared.
        lost: the names of those that changed.
        on_purpose: parts that are not as they were, and why.
        words: of a refusal.
    """

    file: str
    outcome: str
    parts: int
    lost: tuple[str, ...]
    on_purpose: dict[str, str]
    words: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "lost": list(self.lost)}


def round_trip(odd: OddFile, folder: Path) -> RoundTrip:
    """Make one file in ``folder``, restore all of its planes a little, write it, and compare."""
    path = folder / odd.name
    odd.write(path)
    try:
        # Its own range comes first, since the strength of noise is in its units.
        sources = stacked_sources([str(path)], axes=None)
        span = load_case(sources[0], TaskOptions("denoise"), seed=0).range.span
        options = TaskOptions("denoise", sigma=SIGMA_SHARE * span)
        cases = [load_case(source, options, seed=0) for source in sources]
    except InputError as error:
        return RoundTrip(odd.name, "refused", 0, (), {}, words=str(error))
    (folder / "out").mkdir(exist_ok=True)
    written = folder / "out" / f"{odd.name}{restored_suffix(cases[0])}"
    restored = [(0.9 * case.problem.y + 0.05, case) for case in cases]
    if len(cases) > 1:
        write_film(written, restored)
    else:
        write_restored(written, *restored[0])
    before, after, purpose = parts_of(path), parts_of(written), on_purpose(odd.name)
    lost = lost_parts(before, after, purpose)
    if "turned" in odd.name:
        lost = [name for name in lost if not _as_turned(name, before, after)]
    return RoundTrip(odd.name, "lost" if lost else "kept", len(before), tuple(lost), purpose)


def on_purpose(name: str) -> dict[str, str]:
    """Parts of a file of this name that are not as they were, with the reason."""
    if name.endswith(".jpg"):
        return {
            "format": "a JPEG becomes a PNG: written as JPEG again, every pixel would change",
            "text": "XMP is a text of a PNG",
        }
    if name == "camera.tif":
        unsaid = ("tag 282 XResolution", "tag 283 YResolution", "tag 296 ResolutionUnit")
        return dict.fromkeys(unsaid, "a TIFF has to have a resolution, and 1 without a unit says nothing")
    if name == "palette.tif":
        tags = (
            "tag 320 ColorMap",
            "tag 262 PhotometricInterpretation",
            "tag 277 SamplesPerPixel",
            "tag 258 BitsPerSample",
        )
        return dict.fromkeys((*tags, "axes", "shape", "tag 284 PlanarConfiguration"), PALETTE)
    return {}


def _as_turned(name: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether a part of a picture that was turned upright changed as it has to."""
    one, other = cast(Any, before.get(name)), cast(Any, after.get(name))
    if name in ("size", "dpi"):
        return bool(one[::-1] == other) or bool(abs(one[0] - other[1]) + abs(one[1] - other[0]) < 0.5)
    if name == "exif":
        return bool({**one, 0x0112: 1} == other)
    if name == "camera":
        return bool({**one, 0xA002: after["size"][0], 0xA003: after["size"][1]} == other)
    tags = {"tag 256 ImageWidth": "tag 257 ImageLength", "tag 282 XResolution": "tag 283 YResolution"}
    tags |= {partner: tag for tag, partner in tags.items()}
    if name in tags:
        return bool(other == before[tags[name]])
    return name in ("shape", "tag 274 Orientation", "tag 278 RowsPerStrip", "tag 270 ImageDescription")


def in_lines(trips: Sequence[RoundTrip]) -> list[str]:
    """The table for people: one line for each file."""
    return [
        f"{trip.file:24} {trip.outcome:8} "
        + (", ".join(trip.lost) if trip.lost else trip.words or f"{trip.parts} parts" + _why(trip.on_purpose))
        for trip in trips
    ]


def _why(on_purpose: dict[str, str]) -> str:
    return f" ({next(iter(on_purpose.values()))})" if on_purpose else ""
