"""Stacks: planes are pictures of their own, go back to where they were, and are never guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from dipsearch.errors import InputError
from dipsearch.problem import (
    TaskOptions,
    load_case,
    read_image,
    stacked_sources,
    stacks_of,
    write_film,
    write_image,
)
from dipsearch.problem.formats.stack import Stack

SIGMA = TaskOptions("denoise", sigma=2000)


def planes(*shape: int) -> np.ndarray:
    values = np.random.default_rng(1).uniform(0.1, 0.9, shape)
    return np.rint(values * 65535).astype(np.uint16)


@pytest.mark.parametrize("axes", ["TYX", "TZYX", "TCYX", "CTYX", "YX", "CYX", "YXS", "TYXS", "ZCYX"])
def test_an_array_is_what_its_planes_make(axes: str) -> None:
    sizes = {"T": 3, "Z": 2, "C": 4, "S": 3, "Y": 9, "X": 11}
    stack = Stack(axes, tuple(sizes[axis] for axis in axes))
    array = planes(*stack.shape)
    pictures = [stack.plane(array, index) for index in range(stack.planes)]
    assert {one.shape[:2] for one in pictures} == {(9, 11)}
    assert np.array_equal(stack.joined(pictures), array)


def test_a_stack_of_which_nobody_says_what_it_is_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "frames.tif"
    tifffile.imwrite(file, planes(10, 16, 16), photometric="minisblack")
    for ask in (lambda: read_image(file), lambda: stacked_sources([str(file)], axes=None)):
        with pytest.raises(InputError, match=r"stack of 10 × 16 × 16.*--axes TYX.*--axes CYX"):
            ask()
    with pytest.raises(InputError, match=r"--axes TZYX was given.*10 × 16 × 16"):
        read_image(file, axes="TZYX")
    assert len(stacked_sources([str(file)], axes="TYX")) == 10
    assert read_image(file, axes="CYX").pixels.shape == (1, 10, 16, 16)
    with pytest.raises(InputError, match=r"10 pictures.*frames.tif\[0\] to frames.tif\[9\]"):
        read_image(file, axes="TYX")
    assert read_image(f"{file}[3]", axes="TYX").name == "frames-0003"
    with pytest.raises(InputError, match="picture 10 of"):
        read_image(f"{file}[10]", axes="TYX")


@pytest.mark.parametrize("kind", ["imagej", "ome", "named"])
def test_the_planes_of_a_film_make_the_same_film_again(tmp_path: Path, kind: str) -> None:
    file = tmp_path / ("film.ome.tif" if kind == "ome" else "film.tif")
    array = planes(3, 2, 16, 20)
    tifffile.imwrite(
        file,
        array,
        imagej=kind == "imagej",
        metadata={"axes": "TCYX"},
        photometric="minisblack",
        resolution=(5, 5),
    )
    sources = stacked_sources([str(file), str(file)], axes=None)
    assert len(sources) == 6 and sources[1] == f"{file}[1]"
    cases = [load_case(source, SIGMA, seed=0) for source in sources[:3]]
    assert all(case.problem.image_shape == (1, 2, 16, 20) for case in cases)
    assert stacks_of(cases) == {file: [0, 1, 2]} and stacks_of(cases[:2]) == {}
    out = tmp_path / "out" / file.name
    write_film(out, [(case.problem.y, case) for case in cases])
    with tifffile.TiffFile(out) as written, tifffile.TiffFile(file) as given:
        assert written.series[0].axes == given.series[0].axes == "TCYX"
        assert np.array_equal(written.asarray(), array)
        assert written.imagej_metadata == given.imagej_metadata and written.ome_metadata == given.ome_metadata
        assert written.pages.first.tags[282].value == given.pages.first.tags[282].value


def test_a_film_with_transparency_keeps_it(tmp_path: Path) -> None:
    array = planes(2, 16, 20, 4)
    file = tmp_path / "film.tif"
    tifffile.imwrite(file, array, photometric="rgb", extrasamples=["unassalpha"], metadata={"axes": "TYXS"})
    cases = [load_case(source, SIGMA, seed=0) for source in stacked_sources([str(file)], axes=None)]
    write_film(tmp_path / "out.tif", [(case.problem.y, case) for case in cases])
    assert np.array_equal(tifffile.imread(tmp_path / "out.tif"), array)


def test_a_reference_that_is_a_stack_too_is_compared_plane_by_plane(tmp_path: Path) -> None:
    array = planes(3, 16, 16)
    for name, values in (("clean.tif", array), ("noisy.tif", array // 2)):
        tifffile.imwrite(tmp_path / name, values, photometric="minisblack", metadata={"axes": "ZYX"})
    options = TaskOptions("denoise", sigma=2000, reference=str(tmp_path / "clean.tif"))
    case = load_case(f"{tmp_path / 'noisy.tif'}[2]", options, seed=0)
    assert case.reference is not None
    found = case.range.back(case.reference) * 65535
    assert np.allclose(found[0, 0], array[2], atol=0.5)


@pytest.mark.parametrize("axes", ["TYX", "ZCYX"])
@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_one_plane_keeps_the_size_of_its_pixels(tmp_path: Path, axes: str, kind: str) -> None:
    shape = (3, 16, 18) if axes == "TYX" else (3, 2, 16, 18)
    film = np.random.default_rng(0).integers(0, 60000, shape).astype(np.uint16)
    path = tmp_path / ("film.ome.tif" if kind == "ome" else "film.tif")
    if kind == "imagej":
        metadata = {"axes": axes, "unit": "um", "spacing": 0.5, "Labels": [*"abcdef"][: film[..., 0, 0].size]}
        tifffile.imwrite(path, film, imagej=True, resolution=(10, 10), metadata=metadata)
    else:
        metadata = {"axes": axes, "PhysicalSizeX": 0.1, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.1}
        tifffile.imwrite(path, film, metadata=metadata)
    image = read_image(f"{path}[1]")
    written = tmp_path / f"b{path.name}"
    write_image(written, image.pixels, bits=16, container=image.container)
    with tifffile.TiffFile(written) as file:
        if kind == "imagej":
            assert file.imagej_metadata["unit"] == "um" and file.imagej_metadata["spacing"] == 0.5
            assert file.pages[0].tags["XResolution"].value == (10, 1)
        else:
            assert 'PhysicalSizeX="0.1"' in file.ome_metadata and 'SizeT="1"' in file.ome_metadata
        assert len(file.series) == 1
        assert np.array_equal(file.series[0].asarray(), film[1])
    assert read_image(written).pixels.shape == image.pixels.shape
