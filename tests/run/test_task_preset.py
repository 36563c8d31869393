"""A search of several pictures leaves a preset: its best network with what speaks for it on each of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
import torch
from scipy.stats import wilcoxon

from dipsearch.commands.main import run as typed
from dipsearch.library import read_preset
from dipsearch.library.kept_studies import PLACE, keep_study, kept_networks
from dipsearch.library.kept_study_file import KeptNetwork, KeptPicture, KeptStudy
from dipsearch.library.measurement_features import FEATURES
from dipsearch.network import load_space
from dipsearch.problem import write_image
from dipsearch.run import Outcome, read_study
from dipsearch.run.known_networks import readable_presets
from dipsearch.run.restore_run import genomes_of

from .test_slices import run
from .test_study_side import Ear, furnish, request

COUNT = 5


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A search for five tiny pictures, enough for a paired test; the first of three networks was known before."""
    place = furnish(tmp_path_factory.mktemp("many"))
    for number in range(COUNT):
        rows, columns = np.mgrid[0:24, 0:20] / 24
        clean = np.stack([rows, columns, np.sin((6 + number) * rows) * 0.3 + 0.5])
        write_image(place / f"picture{number}.png", torch.from_numpy(clean).float()[None])
    space = load_space(place / "tiny.yaml")
    known = KeptNetwork(space.genome(space.repair({"depth": 1}, np.random.default_rng(1))), 20.0, 20)
    picture = KeptPicture("0123456789ab", (1, 3, 32, 32), dict.fromkeys(FEATURES, 0.5))
    sources = tuple(str(place / f"picture{number}.png") for number in range(COUNT))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PLACE, str(place / "library"))
        keep_study(KeptStudy("mine", "inpaint", 0, "2026-01-01", "0.1.0", (picture,), (known,)))
        return run(place, replace(request(place, steps=20, trials=3), sources=sources), Ear())


def test_the_preset_has_the_estimates_of_every_picture_beside_the_best_known_network(
    outcome: Outcome,
) -> None:
    found, record = read_preset(outcome.folder / "best" / "preset.yaml"), read_study(outcome.folder)
    winner, known = record.winner(), next(one for one in record.trials if one.operator == "known")
    assert winner is not None and winner.operator != "known"
    assert found.genome == winner.genome and found.tasks == ("inpaint",)
    assert found.evidence is not None and found.evidence.against == "library:mine"
    pictures = found.evidence.pictures
    assert len({one.digest for one in pictures}) == COUNT
    assert fmean(one.estimated_psnr for one in pictures) == pytest.approx(winner.estimated_psnr, abs=1e-3)
    theirs = [one.against for one in pictures if one.against is not None]
    assert fmean(theirs) == pytest.approx(known.estimated_psnr, abs=1e-3)
    apart = [one.estimated_psnr - other for one, other in zip(pictures, theirs, strict=True)]
    assert found.evidence.gain == pytest.approx(fmean(apart), abs=1e-3) and found.evidence.gain > 0
    assert found.evidence.p == pytest.approx(wilcoxon(apart).pvalue, abs=1e-4)


def test_the_preset_is_shown_restored_with_and_kept(
    outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(outcome.folder / "best" / "preset.yaml")
    found = read_preset(file)
    assert genomes_of(file) == [found.genome]
    assert typed(["show", file]) == 0
    assert "against library:mine" in " ".join(capsys.readouterr().out.split())
    monkeypatch.setenv(PLACE, str(tmp_path / "library"))
    assert typed(["library", "add", file, "--name", "many"]) == 0
    assert typed(["library", "add", file, "--name", "again"]) == 2
    assert "in the library already, as many" in capsys.readouterr().err
    presets, left_out = readable_presets(tmp_path / "library")
    assert [one.genome for one in presets] == [found.genome] and left_out == ()
    assert kept_networks((), "inpaint", presets=presets) == (("library:many", found.genome),)
    assert kept_networks((), "denoise", presets=presets) == ()
    assert typed(["library", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["gain"] == found.evidence.gain if found.evidence else None
    assert typed(["library", "list"]) == 0 and "1 preset" in capsys.readouterr().out
    assert typed(["library", "remove", "many"]) == 0 and not list((tmp_path / "library").iterdir())


def test_of_one_picture_there_is_an_architecture_and_no_preset(outcome: Outcome, tmp_path: Path) -> None:
    place = furnish(tmp_path)
    one = run(place, request(place, steps=20, trials=1), Ear())
    assert (one.folder / "best" / "architecture.yaml").is_file()
    assert not (one.folder / "best" / "preset.yaml").exists()
