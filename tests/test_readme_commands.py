"""The commands of README.md and of the pages beside it do what is said there, typed one after the other in one folder.

``test_readme.py`` and ``test_docs.py`` look at how all of them are written, and run none.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image, ImageCms, PngImagePlugin
from skimage import data

from dipsearch.commands.main import app
from dipsearch.execution import dask_client, dask_start
from dipsearch.library.kept_studies import PLACE

from .shown_commands import COMMAND, ROOT, VERBS, Ran, Reader, shown
from .tiny_space import SPACE

README = ROOT / "README.md"
PAGES = (README, *(ROOT / "docs" / name for name in ("index.md", "architecture.md")))
PAGES += tuple(sorted((ROOT / "docs" / "how_to").glob("*.md")))
NOT_HERE = {
    "make test": "it is what runs this",
    "dashboard": "it serves until Ctrl-C; tests/report/test_live.py does both",
    "bench rivals": "hours; tests/bench/rivals runs parts",
    "bench rivals FOLDER --seconds 20,60,240": "the same",
    "bench files": "minutes; tests/bench/files runs parts",
    "bench table --workers 2 --hours 4": "hours; tests/bench/tabular records a small table",
    "bench replay-search": "that table, and a minute; tests/bench/tabular has a small one",
    "bench policies": "the same",
}
"""Commands that are not run, and why."""
HERE = [
    words
    for words in dict.fromkeys(words for page in PAGES for words in shown(page))
    if words not in NOT_HERE
]
LACKING = {"make": shutil.which("make") is None, "--cluster": find_spec("distributed") is None}
TYPED = [words for words in HERE if not any(word in words and lacks for word, lacks in LACKING.items())]


def cut(picture: np.ndarray, row: int, column: int, side: int) -> np.ndarray:
    """``side`` × ``side`` pixels, each the mean of four."""
    part = picture[row : row + 2 * side, column : column + 2 * side]
    return part.reshape(side, 2, side, 2, 3).mean((1, 3)).round().astype(np.uint8)


HOLES = np.zeros((32, 32), bool)
HOLES[8:11, 4:28] = HOLES[20:24, 20:24] = True
CAT = cut(data.chelsea(), 60, 120, 32)


def lay_out_files() -> None:
    """The files that the pages speak of, in the current folder."""
    coffee, mask = data.coffee(), np.where(HOLES, 0, 255).astype(np.uint8)
    Image.fromarray(mask).save("mask.png")
    scratched = cut(coffee, 100, 200, 32)
    scratched[HOLES] = 255
    Image.fromarray(scratched).save("picture.png")
    Image.fromarray(np.dstack([cut(coffee, 160, 260, 32), mask])).save("other.png")
    about, exif = PngImagePlugin.PngInfo(), Image.Exif()
    about.add_text("Title", "a cat")
    exif[0x013B] = "somebody"  # the artist
    noisy = CAT + np.random.default_rng(0).normal(0, 25, CAT.shape)
    Image.fromarray(noisy.clip(0, 255).round().astype(np.uint8)).save(
        "photo.png",
        pnginfo=about,
        exif=exif,
        dpi=(300, 300),
        icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    )
    Image.fromarray(cut(coffee, 20, 300, 64)).save("astronaut128.png")
    for folder, name, row in (("pictures", "a", 20), ("pictures", "b", 60), ("more", "c", 100)):
        Path(folder).mkdir(exist_ok=True)
        Image.fromarray(cut(data.chelsea(), row, 100, 14)).save(f"{folder}/{name}.png")
    own_network = (ROOT / "docs" / "how_to" / "own_network.md").read_text(encoding="utf-8")
    _, found, space = own_network.partition("```yaml\n")
    assert found
    Path("my_space.yaml").write_text(space.partition("```")[0])
    Path("tiny.yaml").write_text(SPACE)
    shutil.copy(ROOT / "cli.py", ".")  # a reader is in the checkout


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("reader"))
        patch.setenv(PLACE, str(Path("library").absolute()))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setattr(dask_client, "CONNECT_SECONDS", 300.0)  # whoever runs the tests may do much else
        patch.setattr(dask_start, "START_SECONDS", 900.0)
        lay_out_files()
        yield Reader(TYPED)


# -- what is there afterwards ------------------------------------------------------------------------------------


def pixels(file: str) -> np.ndarray:
    return np.asarray(Image.open(file))


def result(study: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("studies", study, "result.json").read_text(encoding="utf-8"))
    return found


def demo(ran: Ran) -> None:
    looked_at = re.findall(r"studies/demo/\S+", ran.out.rpartition("Look at")[2])
    assert looked_at[:2] == ["studies/demo/report.html", "studies/demo/best/restored.png"]
    assert result("demo")["simulated"] is True


def holes_filled(ran: Ran) -> None:
    folder = Path("studies", "picture-inpaint")
    assert (folder / "report.html").exists()
    assert (folder / "best" / "architecture.yaml").exists()  # a network was fitted
    restored, picture = pixels("studies/picture-inpaint/best/restored.png"), pixels("picture.png")
    assert np.array_equal(restored[~HOLES], picture[~HOLES])
    assert np.abs(restored[HOLES] - 255.0).mean() > 40


def less_noise_and_all_else_kept(ran: Ran) -> None:
    assert result("photo-denoise")["noise"]["sigma_in_file"] == 25
    before, after = Image.open("photo.png"), Image.open("studies/photo-denoise/best/restored.png")
    assert np.std(np.asarray(after) - CAT.astype(float)) < 0.7 * np.std(
        np.asarray(before) - CAT.astype(float)
    )
    assert (after.format, after.mode, after.size) == (before.format, before.mode, before.size)
    assert after.info["icc_profile"] == before.info["icc_profile"]
    assert after.info["dpi"] == before.info["dpi"] and after.info["Title"] == "a cat"
    assert after.getexif()[0x013B] == "somebody"


def other_restored(ran: Ran) -> None:
    restored, other = pixels("restored/other.png"), pixels("other.png")
    assert np.array_equal(restored[~HOLES], other[~HOLES][:, :3])
    assert restored.shape == (32, 32, 3)  # nothing is missing any more


def four_times_as_large(ran: Ran) -> None:
    for name in "ab":
        assert pixels(f"studies/enlarge/best/{name}/restored.png").shape == (56, 56, 3)
    assert Path("studies/enlarge/best/architecture.yaml").exists()


def compared_with_the_clean_one(ran: Ran) -> None:
    found = result("astronaut-48-inpaint")
    assert found["reference"] is True and found["delivered_psnr"] > 20


def gone_on_with(ran: Ran) -> None:
    assert result("enlarge")["budget_seconds"] == 2 and result("enlarge")["trials"]["complete"] >= 1
    Path("studies/enlarge/report.html").unlink()  # `report` writes it again


def candidates_printed(ran: Ran) -> None:
    assert result("enlarge")["best"]["digest"][:8] in ran.out


def half_transparent(ran: Ran) -> None:
    assert (pixels("damaged.png")[..., 3] == 0).mean() == pytest.approx(0.5, abs=0.01)


def a_third_struck(ran: Ran) -> None:
    struck = pixels("damaged.png")
    assert struck.shape[2] == 3 and np.isin(struck, (0, 255)).mean() == pytest.approx(0.3, abs=0.1)


def every_option_listed(ran: Ran) -> None:
    command = typer.main.get_command(app).commands["search"]  # type: ignore[attr-defined]
    options = {word for one in command.params for word in one.opts if word.startswith("--")}
    assert len(options) > 20 and all(word in ran.out for word in options)


def enlarged_alone(ran: Ran) -> None:
    assert pixels("studies/photo-sr/best/restored.png").shape == (128, 128, 3)


def in_the_library(ran: Ran) -> None:
    assert "kept: enlarge, 1 network for sr" in ran.out and list(Path("library").glob("enlarge*"))


AFTER: dict[str, Callable[[Ran], None]] = {
    "make demo": demo,
    "search --task inpaint picture.png --mask mask.png": holes_filled,
    "search --task denoise photo.png --sigma 25 --budget 10m": less_noise_and_all_else_kept,
    "restore studies/picture-inpaint other.png --task inpaint": other_restored,
    "search --task sr --factor 4 pictures/ --budget 2h --name enlarge": four_times_as_large,
    "search --task inpaint sample:astronaut --missing 50 --budget 10m": compared_with_the_clean_one,
    "search --resume --name enlarge --budget 10m": gone_on_with,
    "show studies/NAME": candidates_printed,
    "degrade sample:coffee --task inpaint -o damaged.png": half_transparent,
    "degrade sample:coffee --task inpaint -o damaged.png --task denoise --noise impulse --level 30": a_third_struck,
    "search --help": every_option_listed,
    "library add studies/enlarge": in_the_library,
    "search --task sr photo.png --factor 4": enlarged_alone,
}
"""What a page says of a command, looked at right after it."""


@pytest.mark.slow
@pytest.mark.parametrize("words", HERE)
def test_a_command_does_what_its_page_says(words: str, reader: Reader) -> None:
    if words not in TYPED:
        pytest.skip("make or distributed is not installed")
    ran = reader.up_to(words)
    assert ran.code == 0, ran.err
    assert ran.out and "Traceback" not in ran.out + ran.err
    for file in re.findall(r"\b(?:studies|restored)/[\w./+-]*\.\w+", ran.out):
        assert Path(file).exists(), file  # whatever it says to look at
    AFTER.get(words, lambda ran: None)(ran)


def test_what_is_looked_at_and_what_is_left_out_is_on_a_page() -> None:
    found = {words for page in PAGES for words in shown(page)}
    assert AFTER.keys() | NOT_HERE.keys() <= found


def test_no_command_is_overlooked() -> None:
    """A command that stands on a page in another way than the usual two would not be run."""
    assert sorted(typer.main.get_command(app).commands) == sorted(VERBS)  # type: ignore[attr-defined]
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = re.findall(rf"python cli\.py|^dipsearch (?:{'|'.join(VERBS)}) ", text, re.MULTILINE)
        elsewhere = re.findall(rf"`dipsearch (?:{'|'.join(VERBS)})\b", text)
        assert len(COMMAND.findall(text)) == len(named) + len(elsewhere), page.name


def test_the_benches_of_the_pages_are_there() -> None:
    (listed,) = re.findall(
        r"`python cli\.py bench (\w+`(?:,\s*`[\w-]+`)+)", README.read_text(encoding="utf-8")
    )
    bench = typer.main.get_command(app).commands["bench"]  # type: ignore[attr-defined]
    names = re.findall(r"[\w-]+", listed)
    assert len(names) > 10 and set(names) <= set(bench.commands)
    for _, name, *arguments in (words.split() for words in NOT_HERE if words.startswith("bench ")):
        command = bench.commands[name]
        assert not arguments or command.make_context(name, arguments).info_name == name  # runs nothing
