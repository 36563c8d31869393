"""`bench stopping`, `ranking` and `replay`: what they refuse, and what they write from recordings that are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from dipsearch.bench.cases.damages import DAMAGES
from dipsearch.bench.recordings.recorder import SCORING, make_jobs
from dipsearch.bench.recordings.recording import record, write_recording
from dipsearch.commands.main import run
from dipsearch.network import Genome, Scale


def clean(side: int = 96) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    return torch.stack([rows, columns, (rows * columns).sqrt()])[None]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--damages", "rain"], "--damages 'rain' is not known"),
        (["--damages", "es-shot-low"], "--damages 'es-shot-low' is not known"),
        (["--networks", "wide,unet"], "--networks 'unet' is not known"),
        (["--steps", "3"], "--steps"),
        (["--seeds", "0"], "--seeds"),
        (["--large"], "the large benchmark has no pictures"),
        (["--large", "--data", "nowhere"], "standard9_es512/Baboon.png is not there"),
        (["--recorded-only", "--recordings", "nothing"], "holds no recording of these pictures"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(run(["bench", "stopping", *arguments]))
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.strip().count("\n") == 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without CUDA")
def test_the_large_benchmark_is_not_begun_on_a_cpu_by_accident(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("Baboon", "F16", "House", "Lena", "Peppers", "kodim01", "kodim02", "kodim03", "kodim12"):
        (tmp_path / "standard9_es512").mkdir(exist_ok=True)
        (tmp_path / "standard9_es512" / f"{name}.png").write_bytes(b"")
    assert run(["bench", "stopping", "--large", "--data", str(tmp_path)]) == 2
    assert "no CUDA device is at hand" in capsys.readouterr().err


def test_tables_are_made_from_what_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dipsearch.bench.cases.damages.half_size_crop", lambda source, side: clean(side))
    monkeypatch.chdir(tmp_path)
    networks = ["wide", "narrow", "decoder"]
    jobs = make_jobs(["sample:astronaut"], ["gaussian-10"], networks, [0], most_steps=100)
    damage = DAMAGES["gaussian-10"]
    for index, job in enumerate(jobs):
        genome = Genome(scales=(Scale(4 + index, 8),), input_channels=4)
        made = record(genome, damage.make(clean(), 0), clean(), seed=0, most_steps=20)
        write_recording(tmp_path / "made" / job.file, *made)
    (tmp_path / "made" / "settings.json").write_text(json.dumps({"most_steps": 100, "scoring": SCORING}))
    given = ["--recorded-only", "--recordings", "made", "--out", "out", "--page", "page.md"]
    assert run(["bench", "stopping", *given]) == 0
    assert run(["bench", "ranking", *given]) == 0
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    for name in ("stopping", "ranking"):
        table = json.loads((tmp_path / "out" / f"{name}.json").read_text(encoding="utf-8"))
        assert table["command"]
        assert table["versions"]["dipsearch"]
        assert f"<!-- begin {name} -->" in page
        assert {row["damage"] for row in table["rows"]} == {"gaussian-10", "gaussian, σ known", "all"}
    capsys.readouterr()
    assert run(["bench", "ranking", "--networks", "wide", *given]) == 2
    assert "there is nothing to write into the table ranking" in capsys.readouterr().err
    assert page == (tmp_path / "page.md").read_text(encoding="utf-8")
    assert run(["bench", "replay", "out/recordings.npz", "--patience", "50"]) == 0
    assert "patience 50 or 0.5 t" in capsys.readouterr().out
