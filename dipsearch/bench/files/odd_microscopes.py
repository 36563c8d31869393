"""Files of microscopes, single pictures and films, as ImageJ and OME programs write them."""

from __future__ import annotations

import numpy as np

from .odd_pixels import HEIGHT, WIDTH, OddFile, pixels, tiff_of


def microscopes() -> list[OddFile]:
    unit = {"axes": "YX", "PhysicalSizeX": 0.1, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.1}
    channels = {
        "axes": "CYX",
        "PhysicalSizeX": 0.1,
        "PhysicalSizeY": 0.2,
        "Channel": {"Name": ["DAPI", "GFP"]},
    }
    two = np.moveaxis(pixels(2, "u2"), 2, 0)
    return [
        OddFile(
            "imagej.tif",
            tiff_of(pixels(1, "u2"), imagej=True, resolution=(10, 10), metadata={"unit": "um", "min": 5.0}),
        ),
        OddFile(
            "imagej_float.tif", tiff_of(pixels(1, "f4"), imagej=True, metadata={"Info": "of a microscope"})
        ),
        OddFile(
            "imagej_channels.tif",
            tiff_of(
                two,
                imagej=True,
                resolution=(10, 10),
                metadata={"axes": "CYX", "unit": "um", "Labels": ["a", "b"]},
            ),
        ),
        OddFile("one.ome.tif", tiff_of(pixels(1, "u2"), metadata=unit)),
        OddFile("channels.ome.tif", tiff_of(two, metadata=channels, compression="zlib")),
        OddFile("big.ome.tif", tiff_of(two, metadata=channels, bigtiff=True, tile=(16, 16))),
        OddFile("named.tif", tiff_of(two, metadata={"axes": "CYX"}, photometric="minisblack")),
    ]


def films() -> list[OddFile]:
    """Stacks, every plane or channel of which is restored, and which come back as one file."""
    frames = np.stack([np.roll(pixels(1, "u2")[..., 0], n, axis=1) for n in range(6)])
    deep = frames.reshape(3, 2, HEIGHT, WIDTH)
    tens = {"unit": "um", "finterval": 0.5, "fps": 2.0}
    sizes = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.2, "PhysicalSizeZ": 0.5, "TimeIncrement": 0.5}
    return [
        OddFile(
            "film_imagej.tif",
            tiff_of(frames, imagej=True, resolution=(10, 10), metadata={"axes": "TYX", **tens}),
        ),
        OddFile(
            "depths_imagej.tif",
            tiff_of(frames.astype("f4"), imagej=True, metadata={"axes": "ZYX", "spacing": 0.3, "unit": "um"}),
        ),
        OddFile(
            "channels_of_a_film_imagej.tif",
            tiff_of(deep, imagej=True, metadata={"axes": "TCYX", **tens, "Labels": list("abcdef")}),
        ),
        OddFile("film.ome.tif", tiff_of(frames, metadata={"axes": "TYX", **sizes}, compression="zlib")),
        OddFile(
            "depths_of_a_film.ome.tif",
            tiff_of(deep, metadata={"axes": "TZYX", **sizes}, bigtiff=True),
        ),
        OddFile(
            "film_in_colours.tif",
            tiff_of(np.stack([pixels(3), pixels(3)[::-1]]), photometric="rgb", metadata={"axes": "TYXS"}),
        ),
    ]
