"""Options that say nothing beside others are refused, and not forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from dipsearch.commands.main import run

PICTURE = "sample:coffee@32"
SAMPLING = ["restore", "dipsearch_pilot_32", PICTURE, "--task", "denoise", "--sgld", "50"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["search", "--task", "denoise", PICTURE, "--cluster", "local:2", "--workers", "2"],
            "--workers stand beside",
        ),
        (
            ["search", "--task", "denoise", PICTURE, "--cluster", "local:2", "--device", "cpu"],
            "--device stand beside",
        ),
        (
            ["restore", "dipsearch_pilot_32", PICTURE, "--task", "denoise", "--sgld", "50", "--workers", "2"],
            "beside --sgld",
        ),
        (
            [
                "restore",
                "dipsearch_pilot_32",
                PICTURE,
                "--task",
                "denoise",
                "--sgld",
                "50",
                "--start",
                "cold",
            ],
            "beside --sgld",
        ),
        (["show", "dipsearch_pilot_32", "--storage", "postgresql://host/db"], "--storage was given"),
        (["search", "--recipe", "r.yaml", "--range", "0", "1"], "--range was given"),
        (["search", "--recipe", "r.yaml", PICTURE], "a picture was given"),
        (["search", "--task", "denoise", PICTURE, "--seed", "-1"], "greater than or equal to 0"),
        (["search", "--task", "denoise", PICTURE, "--seed", "9" * 20], "less than or equal to"),
        (["search", "--task", "denoise", PICTURE, "--workers", "9" * 20], "less than or equal to 1024"),
        (["search", "--task", "denoise", PICTURE, "--trials", "9" * 20], "less than or equal to"),
        (["search", "--task", "denoise", PICTURE, "--budget", "999999999h"], "1e+09 s at the most"),
        (["search", "--task", "denoise", PICTURE, "--budget", "4 m"], "without spaces"),
        (["degrade", PICTURE, "--task", "denoise", "--photons", "1e300", "-o", "a.png"], "photons is 1e+300"),
        (["degrade", PICTURE, "--task", "sr", "--factor", "9" * 12, "-o", "a.png"], "from 2 to 1000"),
    ],
)
def test_they_are_named_in_one_line(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text("sources: [a.png]")
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["r.yaml"]
