"""Pictures that benchmarks are run on: small crops of standard test pictures, at half their size.

Half-size pictures show more content on few pixels than crops at native size would. What the tables judge, stopping,
ranking and delivering, was chosen on others; but monarch served for settings of similar patches, shares and policies,
and with kodim07 for constants of the gate. Set14's pepper is Peppers of the nine, its man that of ``inpainting11/``,
and its face the head of ``set5/``: who leaves one out as a picture for tuning leaves out the other.
"""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError

STANDARD = (
    "standard9_es512/F16.png",
    "kodak/kodim07.png",
    "set14/monarch.png",
    "inpainting11/boat.png",
)
"""Files below a folder of standard pictures; the last one is grey."""

NINE = ("Baboon", "F16", "House", "Lena", "Peppers", "kodim01", "kodim02", "kodim03", "kodim12")
"""The pictures of CBM3D (Dabov et al., 2007), on which colour denoising is compared."""

LARGE = tuple(f"standard9_es512/{name}.png" for name in NINE)
"""The nine pictures of 512 × 512 of the early-stopping literature (Wang et al., TMLR 2023, arXiv 2112.06074)."""

BUNDLED = ("sample:astronaut", "sample:chelsea", "sample:coffee", "sample:camera")
"""What comes with scikit-image, for a clone without that folder."""


def picture_sources(data: str | Path | None, *, large: bool = False) -> tuple[str, ...]:
    """The standard pictures below ``data``, or the bundled ones where no folder is given.

    Args:
        large: the nine large ones, which are never bundled.

    Raises:
        InputError: the folder lacks one of them, or none is given for the large ones.
    """
    names = LARGE if large else STANDARD
    if data is None and large:
        raise InputError(
            "the large benchmark has no pictures",
            "it takes " + ", ".join(LARGE),
            "give the folder that holds them with --data",
        )
    if data is None:
        return BUNDLED
    paths = [Path(data) / name for name in names]
    for path in paths:
        if not path.is_file():
            raise InputError(
                f"{path} is not there",
                "the standard pictures are " + ", ".join(names),
                "give the folder that holds them"
                + ("" if large else ", or leave out --data for bundled pictures"),
            )
    return tuple(map(str, paths))
