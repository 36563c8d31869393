"""Files with changed bytes: they are read, or refused in one sentence, and what was read can be written again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dipsearch.bench.files.odd_files import odd_files
from dipsearch.errors import DipsearchError, InputError
from dipsearch.problem import TaskOptions, load_case, restored_suffix, write_restored

ROUNDS = 6
FILES = odd_files()


@pytest.mark.parametrize("odd", FILES, ids=[odd.name for odd in FILES])
@pytest.mark.filterwarnings("ignore")
def test_no_byte_of_a_file_leads_to_a_traceback(odd, tmp_path: Path) -> None:
    path = tmp_path / odd.name
    odd.write(path)
    whole = path.read_bytes()
    random = np.random.default_rng(len(whole))
    for round_number in range(ROUNDS):
        content = bytearray(whole)
        # Heads and tails hold what is no pixel.
        reach = min(len(content), 400) if round_number % 2 else len(content)
        places = random.integers(0, reach, 1 + round_number)
        for place in places:
            at = int(place) if round_number % 3 else len(content) - 1 - int(place)
            content[at] = int(random.integers(0, 256))
        if round_number == ROUNDS - 1:
            content = content[: int(random.integers(1, len(content)))]
        path.write_bytes(bytes(content))
        try:
            case = load_case(str(path), TaskOptions("inpaint", missing=50), seed=0)
        except InputError as error:
            assert error.given and error.rule and error.fix and "\n" not in str(error)
            continue
        try:
            write_restored(tmp_path / "out" / f"a{restored_suffix(case)}", case.problem.y, case)
        except DipsearchError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"GIF89a", "it is a GIF"),
        (b"\0\0\0\x1cftypavif", "it is an AVIF picture"),
        (b"\0\0\0\x1cftypheic", "it is a HEIC picture"),
        (b"8BPS", "it is a Photoshop document"),
        (b"hello", "it is none of a format that is read"),
    ],
)
def test_a_file_of_another_format_is_called_by_its_name(start: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(start + bytes(60))
    with pytest.raises(InputError, match=said):
        load_case(str(tmp_path / "a.png"), TaskOptions("denoise"), seed=0)


@pytest.mark.parametrize(("suffix", "length"), [(".png", 20), (".jpg", 30)])
def test_a_damaged_file_of_ours_is_called_damaged(suffix: str, length: int, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (24, 24)).save(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match="whether it is damaged"):
        load_case(str(path), TaskOptions("denoise", sigma=5), seed=0)
