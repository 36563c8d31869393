"""Where results go: never over what exists, and found out before any work."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from dipsearch import own_files
from dipsearch.errors import InputError, ResourceError
from dipsearch.own_files import RECORD, refuse_overwriting, remember, try_folder
from dipsearch.problem import (
    TaskOptions,
    load_case,
    read_image,
    unique_names,
    write_image,
    write_restored,
)
from dipsearch.run.restorable import look_over
from tests.run.transparent_bmp import transparent_bmp

SIGMA = TaskOptions("denoise", sigma=25)


def picture(path: Path, *, seed: int = 0) -> str:
    write_image(path, torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(seed)))
    return str(path)


def asked(out: Path, source: str, options: TaskOptions) -> list[Path]:
    return [one.read(options, seed=0).file for one in look_over([source], options, out=out).restorables]


def film(path: Path) -> list[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    planes = np.random.default_rng(0).integers(0, 255, (2, 24, 24)).astype(np.uint8)
    tifffile.imwrite(path, planes, photometric="minisblack", metadata={"axes": "TYX"}, imagej=True)
    return [f"{path}[{plane}]" for plane in range(2)]


def test_stacks_and_pictures_of_one_name_have_files_of_their_own(tmp_path: Path) -> None:
    sources = [*film(tmp_path / "a" / "film.tif"), *film(tmp_path / "b" / "film.tif")]
    plain = tmp_path / "c" / "film.tif"
    plain.parent.mkdir()
    tifffile.imwrite(plain, np.zeros((24, 24), np.uint8) + np.arange(24, dtype=np.uint8))
    found = look_over([*sources, str(plain)], SIGMA, out=tmp_path / "out").restorables
    assert [one.sources for one in found] == [tuple(sources[:2]), tuple(sources[2:]), (str(plain),)]
    assert len({one.file.name.casefold() for one in found}) == 3
    # The file itself stands for all of its planes; some of them are pictures of their own.
    again = look_over([str(tmp_path / "a" / "film.tif"), sources[3]], SIGMA, out=tmp_path / "out").restorables
    assert [one.sources for one in again] == [tuple(sources[:2]), (sources[3],)]
    assert [one.file.name for one in again] == ["film.tif", "film-0001-2.tif"]
    assert [one.pixels for one in again] == [2 * 24 * 24, 24 * 24]


def test_a_stack_of_one_plane_is_written_in_the_format_that_is_named(tmp_path: Path) -> None:
    path, out = tmp_path / "film.tif", tmp_path / "x.png"
    plane = np.random.default_rng(0).integers(0, 255, (1, 24, 24)).astype(np.uint8)
    tifffile.imwrite(path, plane, photometric="minisblack", metadata={"axes": "TYX"})
    (found,) = look_over([str(path)], SIGMA, out=out).restorables
    opened = found.read(SIGMA, seed=0)
    opened.write([opened.cases[0].problem.y], request=None)
    assert found.stack and Image.open(out).format == "PNG"
    assert np.array_equal(np.asarray(Image.open(out)), plane[0])


def test_names_do_not_depend_on_which_pictures_can_be_read(tmp_path: Path) -> None:
    one, other = picture(tmp_path / "in" / "x.jpg"), picture(tmp_path / "in" / "x.png", seed=1)
    whole, out = Path(one).read_bytes(), tmp_path / "out"
    Path(one).write_bytes(b"")
    (found,) = look_over([one, other], SIGMA, out=out).restorables
    opened = found.read(SIGMA, seed=0)
    opened.write([opened.cases[0].problem.y], request=None)
    Path(one).write_bytes(whole)
    mended = look_over([one, other], SIGMA, out=out).restorables
    assert [file.file.name for file in mended] == ["x.png", opened.file.name] == ["x.png", "x-2.png"]


def test_one_file_is_not_for_several_pictures_of_which_one_can_be_read(tmp_path: Path) -> None:
    one, other = picture(tmp_path / "a.png"), tmp_path / "b.png"
    other.write_bytes(b"")
    with pytest.raises(InputError, match="is one file, and there are 2 pictures"):
        look_over([one, str(other)], SIGMA, out=tmp_path / "r.png")


def test_a_whole_stack_has_one_file_where_that_is_asked_for(tmp_path: Path) -> None:
    sources, out = film(tmp_path / "film.tif"), tmp_path / "f.tif"
    (found,) = look_over(sources, SIGMA, out=out).restorables
    opened = found.read(SIGMA, seed=0)
    assert opened.file == out
    opened.write([case.problem.y for case in opened.cases], request=None)
    with tifffile.TiffFile(out) as written, tifffile.TiffFile(tmp_path / "film.tif") as read:
        assert written.series[0].axes == read.series[0].axes == "TYX"
        assert np.array_equal(written.asarray(), read.asarray())
    with pytest.raises(InputError, match=r"all planes of one stack into one TIFF; .* or --out .*f\.tif"):
        look_over(sources, SIGMA, out=tmp_path / "f.png")


def test_four_colours_are_no_transparency(tmp_path: Path) -> None:
    bands = np.random.default_rng(0).integers(0, 255, (24, 24, 4)).astype(np.uint8)
    path = tmp_path / "aerial.tif"
    tifffile.imwrite(path, bands, photometric="rgb", extrasamples=(0,))
    with pytest.raises(InputError, match="would show the fourth channel of aerial as transparency"):
        asked(tmp_path / "out.png", str(path), TaskOptions("denoise", sigma=25))
    case = load_case(str(path), TaskOptions("denoise", sigma=25), seed=0)
    write_restored(tmp_path / "out.tif", case.problem.y, case)
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.pages.first.photometric == 2 and [int(e) for e in file.pages.first.extrasamples] == [0]


@pytest.mark.parametrize("what", ["picture", "reference", "mask", "sibling"])
def test_no_input_is_ever_written_over(tmp_path: Path, what: str) -> None:
    source = picture(tmp_path / "in" / "photo.png")
    out = tmp_path / "out"
    options = TaskOptions("denoise", sigma=25)
    if what == "picture":
        out = tmp_path / "in"
    else:
        other = out / "photo.png" if what != "sibling" else tmp_path / "in" / "photo_mask.png"
        observed = torch.ones(1, 1, 24, 24)
        observed[..., 5:9, 5:9] = 0
        write_image(other, observed if what != "reference" else torch.rand(1, 3, 24, 24))
        named = {what: str(other)} if what != "sibling" else {}
        options = (
            TaskOptions("denoise", sigma=25, **named)
            if what == "reference"
            else TaskOptions("inpaint", **named)
        )
        out = other if what == "sibling" else out
    with pytest.raises(InputError, match=r"no input is ever written over"):
        asked(out, source, options)


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_an_earlier_result_that_is_an_input_now_is_not_written_over(tmp_path: Path, suffix: str) -> None:
    """Though the file is ours and nobody changed it, and whatever suffix the result turns out to have."""
    photo, out = tmp_path / f"photo{suffix}", tmp_path / "out"
    source = transparent_bmp(photo) if suffix == ".bmp" else picture(photo)
    (file,) = asked(out, source, SIGMA)
    picture(file)
    remember({file: source})
    assert asked(out, source, SIGMA) == [file] == [out / "photo.png"]
    with pytest.raises(InputError, match=r"that is the reference, and no input is ever written over"):
        asked(out, source, TaskOptions("denoise", sigma=25, reference=str(file)))
    with pytest.raises(InputError, match=r"that is the kernel, and no input is ever written over"):
        asked(out, source, TaskOptions("deblur", kernel=str(file)))
    opened = look_over([source], SIGMA, out=out).restorables[0].read(SIGMA, seed=0)
    opened.restorable.inputs[file] = "the mask"  # type: ignore[index]
    with pytest.raises(InputError, match=r"that is the mask, and no input is ever written over"):
        opened.write([opened.cases[0].problem.y], request=None)


def test_of_a_picture_without_its_mask_nothing_is_written_over(tmp_path: Path) -> None:
    one, out = picture(tmp_path / "photo.png"), tmp_path / "out"
    earlier = Path(picture(out / "photo.png"))
    remember({earlier: one})
    other = str(earlier.rename(out / "other.png"))
    earlier.hardlink_to(other)  # the same file by two names, of which one is given
    mask = torch.ones(1, 1, 24, 24)
    mask[..., 4:6, 4:6] = 0
    write_image(tmp_path / "masks" / "photo.png", mask)
    with pytest.raises(InputError, match=r"that is the damaged picture itself"):
        look_over([one, other], TaskOptions("inpaint", mask=str(tmp_path / "masks")), out=out)


def test_only_unchanged_results_of_ours_are_written_over(tmp_path: Path) -> None:
    source, out = picture(tmp_path / "photo.png"), tmp_path / "out"
    options = TaskOptions("denoise", sigma=25)
    (file,) = asked(out, source, options)
    assert file == out / "photo.png" and not out.exists()
    picture(file, seed=1)
    with pytest.raises(InputError, match=r"exists already; only an earlier result"):
        asked(out, source, options)
    remember({file: str(tmp_path / "photo.png")})
    assert asked(out, source, options) == [file] and (out / RECORD).is_file()
    picture(file, seed=2)  # somebody went on working on it
    with pytest.raises(InputError, match="nobody has changed"):
        asked(out, source, options)


def test_a_record_that_is_damaged_lets_nothing_be_written_over(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    picture(file)
    digest = sha256(file.read_bytes()).hexdigest()
    no_source = f'{{"a.png": {{"sha256": "{digest}"}}}}'
    for content in ("", "[]", '{"a.png": 5}', '{"a.png": {"sha256": 5}}', no_source, "{" * 10_000):
        (tmp_path / RECORD).write_text(content)
        with pytest.raises(InputError, match="exists already"):
            refuse_overwriting({file: "sample:cat"}, {})


def test_the_result_of_another_picture_is_not_written_over(tmp_path: Path) -> None:
    one, other = picture(tmp_path / "w1" / "photo.png"), picture(tmp_path / "w2" / "photo.png", seed=1)
    options, out = TaskOptions("denoise", sigma=25), tmp_path / "out"
    (file,) = asked(out, one, options)
    picture(file, seed=2)
    remember({file: one})
    with pytest.raises(InputError, match=r"w1/photo\.png, and would be replaced .*/w2/photo\.png; a result"):
        asked(out, other, options)
    assert asked(out, one, options) == [file]
    assert asked(out, str(tmp_path / "w2" / ".." / "w1" / "photo.png"), options) == [file]
    picture(tmp_path / "w1" / "photo.png", seed=3)  # the same picture, mended by its owner
    assert asked(out, one, options) == [file]


def test_of_a_stack_the_whole_file_is_the_picture(tmp_path: Path) -> None:
    one, other = film(tmp_path / "w1" / "film.tif"), film(tmp_path / "w2" / "film.tif")
    out = tmp_path / "out"
    opened = look_over(one, SIGMA, out=out).restorables[0].read(SIGMA, seed=0)
    opened.write([case.problem.y for case in opened.cases], request=None)
    assert [it.file for it in look_over(one, SIGMA, out=out).restorables] == [opened.file]
    with pytest.raises(InputError, match=r"was made of .*w1/film\.tif, and .* of .*w2/film\.tif;"):
        look_over(other, SIGMA, out=out)


def test_of_many_results_that_are_in_the_way_the_first_is_named(tmp_path: Path) -> None:
    sources = [picture(tmp_path / "in" / f"{number}.png", seed=number) for number in range(4)]
    for number in (1, 2):
        picture(tmp_path / "out" / f"{number}.png", seed=9)
    with pytest.raises(
        InputError, match=r"out/1\.png exists already, and so it is with 1 more of 4 results;"
    ):
        look_over(sources, SIGMA, out=tmp_path / "out")
    with pytest.raises(
        InputError, match=r"in/0\.png, and so it is with 3 more of 4 results; that is the damaged"
    ):
        look_over(sources, SIGMA, out=tmp_path / "in")


def test_a_file_that_comes_while_a_picture_is_restored_is_not_written_over(tmp_path: Path) -> None:
    source, out = picture(tmp_path / "photo.png"), tmp_path / "out"
    opened = look_over([source], SIGMA, out=out).restorables[0].read(SIGMA, seed=0)
    picture(out / "photo.png", seed=1)
    before = (out / "photo.png").read_bytes()
    with pytest.raises(InputError, match="exists already"):
        opened.write([opened.cases[0].problem.y], request=None)
    assert (out / "photo.png").read_bytes() == before


def test_a_result_that_cannot_be_remembered_stands_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = picture(tmp_path / "photo.png"), tmp_path / "out"

    def full(*given: object) -> None:
        raise ResourceError("cannot write the record", "the system says: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("dipsearch.own_files.write_text", full)
        opened = look_over([source], SIGMA, out=out).restorables[0].read(SIGMA, seed=0)
        with pytest.raises(ResourceError, match="No space left"):
            opened.write([opened.cases[0].problem.y], request=None)
    assert asked(out, source, SIGMA) == [out / "photo.png"]


@pytest.mark.parametrize("locks", ["flock", "file"])
def test_processes_that_remember_at_the_same_time_lose_nothing(tmp_path: Path, locks: str) -> None:
    code = (
        "import sys; from pathlib import Path; from dipsearch import own_files\n"
        + ("def flock(*_): raise OSError\nown_files.fcntl.flock = flock\n" if locks == "file" else "")
        + "for n in range(20):\n"
        "    file = Path(sys.argv[1]) / f'{sys.argv[2]}-{n}.png'\n"
        "    file.write_bytes(b'x')\n"
        "    own_files.remember({file: str(n)})\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name], stderr=subprocess.PIPE)
        for name in "abc"
    ]
    assert [process.communicate()[1] for process in started] == [b""] * 3
    assert len(own_files._record(tmp_path)) == 60
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".json"}  # no lock is left over


def test_a_place_where_nothing_can_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResourceError, match="nothing can be written"):
        try_folder(tmp_path / "file" / "below")
    try_folder(tmp_path / "new" / "folders")
    assert not (tmp_path / "new").exists()
    source = picture(tmp_path / "photo.png")
    with pytest.raises(InputError, match="is a file and no picture"):
        asked(tmp_path / "file", source, TaskOptions("denoise", sigma=25))


def test_out_may_be_a_file_of_a_format_that_holds_the_picture(tmp_path: Path) -> None:
    source = picture(tmp_path / "photo.png")
    options = TaskOptions("denoise", sigma=25)
    assert asked(tmp_path / "x" / "other.tif", source, options) == [tmp_path / "x" / "other.tif"]
    deep = tmp_path / "deep.tif"
    write_image(deep, 300 * torch.rand(1, 1, 24, 24), bits=32)
    with pytest.raises(InputError, match="cannot hold 32 bits"):
        asked(tmp_path / "x.png", str(deep), options)
    with pytest.raises(InputError, match="one file, and there are 2 pictures"):
        look_over([source, str(deep)], options, out=tmp_path / "x.png")


def test_a_file_of_a_format_that_is_not_written_is_no_folder(tmp_path: Path) -> None:
    source = picture(tmp_path / "photo.png")
    options = TaskOptions("denoise", sigma=25)
    for name in ("o.gif", "o.GIF", "o.jp2", "o.heic", "o.pdf", "o.png.txt"):
        with pytest.raises(InputError, match=r"pictures are written as \.png, \.tif"):
            asked(tmp_path / name, source, options)
    (tmp_path / "there.gif").mkdir()
    for name in ("there.gif", "results.v2", "results.v10", "runs.old", "2026.11.28", "out"):
        assert asked(tmp_path / name, source, options) == [tmp_path / name / "photo.png"]


def test_names_are_files_of_their_own_on_every_system(tmp_path: Path) -> None:
    assert unique_names(["Cat", "cat", "CAT", "dog"]) == ["Cat", "cat-2", "CAT-3", "dog"]
    assert unique_names(["a", "a", "a-2"]) == ["a", "a-3", "a-2"]  # what has a name of its own keeps it
    assert unique_names(["\u00e9", "e\u0301"]) == ["\u00e9", "e\u0301-2"]  # Apple's systems take them for one
    for name, safe in (
        ("con", "con_"),
        ("NUL", "NUL_"),
        ("com1.old", "com1.old_"),
        ("console", "console"),
        ("a. b..", "a. b"),
        ("scan 0 (copy) #3, r\u00f6t & [x]", "scan 0 (copy) #3, r\u00f6t & [x]"),
        ("a:b?", "a_b_"),
        ("a\u202eb", "a_b"),
    ):
        picture(tmp_path / f"{name}.png")
        assert read_image(tmp_path / f"{name}.png").name == safe


def test_a_jpeg_comes_back_without_loss_or_with_its_own_tables(tmp_path: Path) -> None:
    Image.open(picture(tmp_path / "photo.png")).save(tmp_path / "photo.jpg", quality=83)
    source = str(tmp_path / "photo.jpg")
    options = TaskOptions("denoise", sigma=25)
    (file,) = asked(tmp_path / "out", source, options)
    assert file.suffix == ".png"
    case = load_case(source, options, seed=0)
    write_restored(tmp_path / "out.jpg", case.problem.y, case)
    with Image.open(source) as before, Image.open(tmp_path / "out.jpg") as after:
        assert before.quantization == after.quantization
