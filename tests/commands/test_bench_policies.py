"""`bench policies`: what it refuses, and what it writes from recorded fits."""

import json
from pathlib import Path

import numpy as np
import pytest

from dipsearch.bench import policy_table
from dipsearch.bench.policy_archive import DIMENSIONS, RecordedCase, RecordedFit, write_policy_archive
from dipsearch.bench.policy_recording import PRESETS
from dipsearch.commands.main import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with an archive of two cases of three fits each."""
    error = (1e-3 + 3e-3 * np.exp(-np.arange(10, 401, 10) / 100)).astype(np.float32)
    cases = []
    for picture in ("coffee", "kodim19"):
        fits = []
        for seed, name in enumerate((PRESETS[0], "one", "two")):
            direction = np.random.default_rng(seed).choice((-1.0, 1.0), DIMENSIONS)
            drawn = (np.sqrt(error[3::4])[:, None] * direction).astype(np.float32)
            fits.append(RecordedFit(name, 0.05, error, error, error, error, drawn))
        cases.append(RecordedCase(picture, "noise", np.zeros(DIMENSIONS, np.float32), 0.0, tuple(fits)))
    write_policy_archive(tmp_path / "benchmarks" / "policies.npz", cases)
    monkeypatch.setattr(policy_table, "USUAL_SECONDS", 40.0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--orders", "0"], "--orders is 0"),
        (["--networks", "0"], "--networks is 0"),
        (["--workers", "0"], "--workers is 0"),
        (["--out", "nowhere"], "there is no nowhere/policies.npz"),
        (["--out", "damaged"], "damaged/policies.npz"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    folder: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "damaged").mkdir()
    (folder / "damaged" / "policies.npz").write_bytes(b"something else")
    assert run(["bench", "policies", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.strip().count("\n") == 0
    assert not (folder / "BENCHMARKS.md").exists()


def test_every_policy_is_compared_at_every_length(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "policies", "--orders", "1", "--workers", "1"]) == 0
    rows = json.loads((folder / "benchmarks" / "policies.json").read_text())["rows"]
    assert {(row["strategy"], row["set"], row["time"]) for row in rows} == {
        (strategy, name, time)
        for strategy in policy_table.POLICIES
        for name in ("tuning", "fresh")
        for time in policy_table.TIMES
    }
    assert all(row["gain_over_whole"] == 0 for row in rows if row["strategy"] == policy_table.WHOLE)
    page = (folder / "BENCHMARKS.md").read_text()
    assert "<!-- begin policies -->" in page and "### Fresh pictures, 4× (1 cases, 1 orders each)" in page
    assert "written: benchmarks/policies.json" in capsys.readouterr().out
