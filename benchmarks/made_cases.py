"""Commands on inputs that users had trouble with, and whether each gives what it has to.

    python benchmarks/made_cases.py FOLDER

FOLDER has one subfolder for each case: 12 bits in 16, a plain surround, photons, grey as RGB, one colour, no mask,
white as missing, a reference in the way, floats beyond 1, metadata, a clean JPEG. The rows go into `made_cases.json`
beside this file: case, command, exit code, what was looked at, and whether it is as it has to be.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from skimage.io import imread
from skimage.metrics import peak_signal_noise_ratio

from dipsearch.bench.shared.machine import versions

ROOT = Path(__file__).resolve().parent.parent
BUDGET = "20s"
NETWORK = "dipsearch_pilot_16"


@dataclass(frozen=True)
class Ran:
    """One command: its exit code, what it printed, and the folder that it ran in."""

    words: str
    code: int
    out: str
    err: str
    folder: Path

    @property
    def answer(self) -> dict[str, object]:
        """The only picture of ``restore --json``."""
        (one,) = json.loads(self.out)
        return one

    @property
    def picture(self) -> Path:
        return self.folder / str(self.answer["restored"])

    @property
    def restored(self) -> np.ndarray:
        return imread(str(self.picture))


class Cases:
    """The commands, one after the other, and the rows that they leave."""

    def __init__(self, made: Path, room: Path) -> None:
        self.made, self.room, self.rows = made, room, list[dict[str, object]]()

    def run(self, words: str, *, encoding: str = "utf-8") -> Ran:
        """A command line in a folder of its own; ``{made}`` is where the inputs are."""
        folder = Path(tempfile.mkdtemp(dir=self.room))
        line = [sys.executable, str(ROOT / "cli.py"), *shlex.split(words.format(made=self.made))]
        done = subprocess.run(
            line,
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)},
        )
        return Ran(words.replace("{made}/", ""), done.returncode, done.stdout, done.stderr, folder)

    def restore(self, image: str, more: str, *, out: str = "out") -> Ran:
        return self.run(f"restore {NETWORK} {{made}}/{image} {more} --budget {BUDGET} --out {out} --json")

    def note(self, case: str, ran: Ran, ok: bool, what: str) -> None:
        traceback = "Traceback" in ran.err
        row = {
            "case": case,
            "command": ran.words,
            "exit_code": ran.code,
            "ok": ok and not traceback,
            "outcome": what,
        }
        self.rows.append(row)
        print("ok    " if row["ok"] else "NOT OK", case, "|", ran.words, "|", what, flush=True)

    def refused(self, case: str, ran: Ran, *named: str) -> None:
        """Exit code 2, one line, and the words that help."""
        said = ran.err.strip().splitlines()[-1] if ran.err.strip() else ""
        left = [path for path in ran.folder.rglob("*") if path.is_file()]
        self.note(case, ran, ran.code == 2 and all(word in said for word in named) and not left, said)

    def read(self, name: str) -> np.ndarray:
        return imread(str(self.made / name))


def _psnr(clean: np.ndarray, image: np.ndarray) -> float:
    """In dB, of the range of the clean picture."""
    span = float(clean.max()) - float(clean.min())
    return float(peak_signal_noise_ratio(clean.astype(float), image.astype(float), data_range=span))


def _gained(cases: Cases, case: str, image: str, clean: str, more: str, *, least: float) -> float:
    """A restoration that has to gain some dB over its input and to keep the input's type and shape."""
    ran = cases.restore(image, more)
    if ran.code:
        cases.note(case, ran, False, ran.err.strip()[-300:])
        return float("nan")
    before, reference = cases.read(image), cases.read(clean)
    was, now = _psnr(reference, before), _psnr(reference, ran.restored)
    kept = ran.restored.dtype == before.dtype and ran.restored.shape == before.shape
    cases.note(
        case,
        ran,
        now - was >= least and kept,
        f"{was:.2f} dB before, {now:.2f} after; {before.dtype}, {before.shape}",
    )
    return now


def bits(cases: Cases) -> None:
    case = "bits12_in_uint16"
    for more, least in (
        ("--task denoise", 2.0),
        (f"--task inpaint --mask {cases.made}/{case}/mask.png", -99.0),
    ):
        of12, of16 = (
            _gained(cases, case, f"{case}/bit{n}.tif", f"{case}/bit{n}_clean.tif", more, least=least)
            for n in (12, 16)
        )
        cases.rows[-1]["ok"] = bool(cases.rows[-1]["ok"]) and abs(of12 - of16) < 0.3
        print(f"       12 bits {of12:.2f}, 16 bits {of16:.2f} dB", flush=True)


def noises(cases: Cases) -> None:
    ran = cases.restore("plain_surround/screenshot.png", "--task denoise")
    image, before = ran.restored, cases.read("plain_surround/screenshot.png")
    rough = [float(np.abs(np.diff(one[20:108, 20:108].astype(float))).mean()) for one in (before, image)]
    found = "sigma 25" in ran.err or "sigma 24" in ran.err or "sigma 26" in ran.err
    surround = bool((image[:8] == 240).all())
    cases.note("plain_surround", ran, found and surround and rough[1] < 0.5 * rough[0], _noise(ran))
    for case, image_name in (("photons_8bit", "photons120.png"), ("photons_offset", "offset100.tif")):
        ran = cases.run(f"search {{made}}/{case}/{image_name} --task denoise --budget {BUDGET} --name s")
        there = any((ran.folder / "studies" / "s" / "best").glob("restored.*"))
        cases.note(case, ran, ran.code == 0 and there and "noise" in ran.out, _noise(ran))
    grey = _gained(
        cases, "grey_as_rgb", "grey_as_rgb/grey.png", "grey_as_rgb/grey_clean.png", "--task denoise", least=3
    )
    rgb = _gained(
        cases,
        "grey_as_rgb",
        "grey_as_rgb/grey_rgb.png",
        "grey_as_rgb/grey_clean_rgb.png",
        "--task denoise",
        least=3,
    )
    cases.rows[-1]["ok"] = bool(cases.rows[-1]["ok"]) and abs(grey - rgb) < 0.1
    ran = cases.restore("one_colour/green.png", "--task denoise")
    image = ran.restored
    still = bool((image[..., 0] == 0).all() and (image[..., 2] == 0).all())
    gain = [
        _psnr(cases.read("one_colour/green_clean.png")[..., 1], one[..., 1])
        for one in (cases.read("one_colour/green.png"), image)
    ]
    cases.note(
        "one_colour",
        ran,
        still and gain[1] - gain[0] > 3,
        f"{gain[0]:.2f} dB before, {gain[1]:.2f} after; {_noise(ran)}",
    )
    _gained(
        cases,
        "float_beyond_1",
        "float_beyond_1/cells.tif",
        "float_beyond_1/cells_clean.tif",
        "--task denoise",
        least=1,
    )
    ran = cases.restore("clean_jpeg/cat.jpg", "--task denoise")
    clean = cases.read("clean_jpeg/cat_clean.png")
    was, now = _psnr(clean, cases.read("clean_jpeg/cat.jpg")), _psnr(clean, ran.restored)
    cases.note("clean_jpeg", ran, now >= was - 0.01, f"{was:.2f} dB before, {now:.2f} after; {_noise(ran)}")


def _noise(ran: Ran) -> str:
    """What was said of the noise."""
    lines = [line for line in (ran.out + ran.err).splitlines() if "noise" in line]
    return " / ".join(lines)[:400]


def missing(cases: Cases) -> None:
    for case in ("no_mask", "dark_no_mask"):
        cases.refused(
            case, cases.restore(f"{case}/photo.png", "--task inpaint"), "--mask", "--missing", "--simulate"
        )
        ran = cases.run(f"search {{made}}/{case}/photo.png --task inpaint --budget 10s --name s")
        marked = [path.name for path in (ran.folder / "studies").rglob("*") if "simul" in path.name.lower()]
        first = ran.err.strip().splitlines()[0] if ran.err.strip() else ""
        cases.note(case, ran, ran.code == 0 and "simulat" in first.lower() and bool(marked), first)
    folder = "white_means_missing"
    masked = f"--task inpaint --mask {cases.made}/{folder}/"
    cases.refused(
        folder, cases.restore(f"{folder}/photo.png", masked + "mask_white_is_hole.png"), "--invert-mask"
    )
    for mask, more in (("mask_0_1.png", ""), ("mask_white_is_hole.png", " --invert-mask")):
        ran = cases.restore(f"{folder}/photo.png", masked + mask + more)
        hole = cases.read(f"{folder}/mask_white_is_hole.png") > 0
        same = bool((ran.restored[~hole] == cases.read(f"{folder}/photo.png")[~hole]).all())
        cases.note(
            folder, ran, ran.code == 0 and same, "all that was measured is the same, the hole is filled"
        )


def destinations(cases: Cases) -> None:
    folder = cases.made / "reference_in_the_way"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for out, what in ((str(folder), "the damaged picture itself"), (f"{folder}/photo.png", "photo.png")):
        ran = cases.restore(
            "reference_in_the_way/photo.bmp",
            f"--task inpaint --mask {folder}/mask.png --reference {folder}/photo.png",
            out=out,
        )
        cases.refused("reference_in_the_way", ran, what, "--out")
        unchanged = all((folder / name).read_bytes() == content for name, content in before.items())
        cases.rows[-1]["ok"] = bool(cases.rows[-1]["ok"]) and unchanged
    cases.refused(
        "unwritable --out",
        cases.restore(
            "reference_in_the_way/photo.bmp", f"--task inpaint --mask {folder}/mask.png", out="/proc/x"
        ),
        "/proc/x",
    )


def metadata(cases: Cases) -> None:
    for name in ("photo.png", "photo.tif", "two_channels.tif", "logo.png"):
        task = "--task denoise"
        if name == "logo.png":
            task = f"--task inpaint --mask {cases.made}/metadata/logo_hole.png"
        more = task + (" --sigma 20" if name.startswith("photo") else "")
        ran = cases.restore(f"metadata/{name}", more)
        if ran.code:
            cases.note("metadata", ran, False, ran.err.strip()[-300:])
            continue
        before, after = _tags(cases.made / "metadata" / name), _tags(ran.picture)
        lost = sorted(key for key, value in before.items() if after.get(key) != value)
        cases.note(
            "metadata",
            ran,
            not lost,
            f"kept: {', '.join(before)}" if not lost else f"lost: {', '.join(lost)}",
        )
    ran = cases.restore("metadata/ten_frames.tif", "--task denoise")
    if ran.code:
        cases.refused("metadata", ran, "stack", "--axes")
    else:
        cases.note("metadata", ran, len(ran.restored) == 10, "each frame is a picture of its own")


def _tags(path: Path) -> dict[str, object]:
    """What is not a pixel, and the shape."""
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            kept = {
                name: page.tags[name].value
                for name in ("XResolution", "YResolution", "InterColorProfile")
                if name in page.tags
            }
            return {
                **kept,
                "axes": file.series[0].axes,
                "shape": file.series[0].shape,
                "dtype": str(file.series[0].dtype),
            }
    with Image.open(path) as image:
        kept = {
            "profile": image.info.get("icc_profile"),
            "dpi": image.info.get("dpi"),
            "EXIF": dict(image.getexif()),
        }
        there: dict[str, object] = {key: value for key, value in kept.items() if value}
        if image.mode == "RGBA":
            there["alpha"] = np.asarray(image)[..., 3].tolist()
        return {**there, "mode": image.mode, "size": image.size}


def encodings(cases: Cases) -> None:
    for encoding in ("cp1251", "ascii"):
        ran = cases.run(
            "search sample:coffee@48 --task denoise --sigma 25 --simulate --budget 10s --name s",
            encoding=encoding,
        )
        cases.note(f"PYTHONIOENCODING={encoding}", ran, ran.code == 0, "exit code 0, nothing raised")


PARTS: tuple[Callable[[Cases], None], ...] = (bits, noises, missing, destinations, metadata, encodings)


def main() -> None:
    made = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as room:
        cases = Cases(made, Path(room))
        for part in PARTS:
            part(cases)
    text = json.dumps(
        {
            "command": "python benchmarks/made_cases.py FOLDER",
            "budget": BUDGET,
            "versions": versions(),
            "rows": cases.rows,
        },
        indent=1,
        ensure_ascii=False,
    )
    text = text.replace(str(made) + "/", "")
    (ROOT / "benchmarks" / "made_cases.json").write_text(text + "\n", encoding="utf-8")
    wrong = sum(not row["ok"] for row in cases.rows)
    print(f"{len(cases.rows)} commands, {wrong} not as they have to be")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
