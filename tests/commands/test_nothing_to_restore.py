"""A search of a picture in which nothing is found to restore: it ends at once, and says so in every place."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dipsearch.commands.main import run


def test_a_clean_picture_is_left_as_it_was_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows, columns = np.mgrid[:48, :48]
    clean = np.uint8(2 * rows + columns + 40)
    Image.fromarray(clean).save("clean.png")
    assert (
        run(["search", "clean.png", "--task", "denoise", "--budget", "60s", "--workers", "1", "--name", "a"])
        == 0
    )
    said = capsys.readouterr().out
    assert "restored:  clean.png: left as it was, nothing was found to restore" in said
    assert "no time" not in said and "denoised" not in said
    assert run(["show", "studies/a"]) == 0
    assert "clean.png: left as it was, nothing was found to restore" in capsys.readouterr().out
    page = Path("studies/a/report.html").read_text(encoding="utf-8")
    assert "clean.png is left as it was: nothing was found to restore." in page
    assert np.array_equal(np.asarray(Image.open("studies/a/best/restored.png")), clean)
