"""Recordings: that they show the fit which a search would have made, and survive their file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dipsearch.bench.cases.damages import DAMAGES, SMALL, noise_energy, text_mask
from dipsearch.bench.recordings.archive import read_archive, read_entries, write_archive
from dipsearch.bench.recordings.recorder import (
    CONTESTANTS,
    PUBLISHED,
    Job,
    check_folder,
    contestant,
    make_jobs,
)
from dipsearch.bench.recordings.recording import read_recording, record, write_recording
from dipsearch.delivery.consensus import consensus_errors
from dipsearch.errors import FormatError, StudyError
from dipsearch.fitting import Compute, fit
from dipsearch.network import Genome, Scale
from dipsearch.problem import make_split, psnr, write_image
from dipsearch.problem.splits.holes import are_holes

GENOME = Genome(scales=(Scale(8, 8, channels_skip=2),) * 2, upsampling="nearest", input_channels=4)


def clean(side: int = 32) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    return torch.stack([rows, columns, (rows * columns).sqrt()])[None]


@pytest.mark.parametrize("damage", SMALL)
def test_every_damage_makes_a_problem_that_can_be_split(damage: str) -> None:
    problem = DAMAGES[damage].make(clean(64), 0)
    split = make_split(problem, seed=0)
    assert problem.image_shape == (1, 3, 64, 64)
    assert split.kind in ("held-out", "held-out holes", "recorruption", "thinning")
    # The clean picture is judged to be nearly without error, whatever the damage.
    assert abs(float(split.validation_mse(problem.view(clean(64))))) < 0.006


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("es-gaussian-low", "recorruption"),
        ("es-shot-high", "thinning"),
        ("es-impulse-high", "held-out"),
        ("es-speckle-high", "held-out"),
    ],
)
def test_the_large_benchmark_has_whole_pictures_in_eight_bits(tmp_path: Path, damage: str, kind: str) -> None:
    write_image(tmp_path / "a.png", clean(48))
    whole = DAMAGES[damage].clean(str(tmp_path / "a.png"))
    assert whole.shape == (1, 3, 48, 48)
    problem = DAMAGES[damage].make(whole, 0)
    assert torch.allclose((problem.y * 255).round(), problem.y * 255, atol=1e-3)
    assert 0 <= float(problem.y.min()) < float(problem.y.max()) <= 1
    assert make_split(problem, seed=0).kind == kind


def test_text_leaves_holes_not_dust() -> None:
    mask = text_mask(96, 96, seed=0)
    assert are_holes(mask[0, 0].numpy() == 0)
    assert 0.15 < 1 - float(mask.mean()) < 0.3


def test_only_gaussian_noise_has_an_energy_that_a_rule_may_know() -> None:
    assert noise_energy("gaussian-50") == pytest.approx((50 / 255) ** 2 / 0.9)
    assert noise_energy("poisson-30") is None


def test_a_recording_shows_the_fit_that_a_search_would_have_made() -> None:
    problem = DAMAGES["missing-50"].make(clean(), 0)
    recording, judged = record(GENOME, problem, clean(), seed=0, most_steps=30)
    done = fit(
        GENOME, problem, split=make_split(problem, seed=0), seed=0, max_steps=30, compute=Compute("eager")
    )
    assert torch.equal(judged, done.image)
    assert recording.psnr[recording.step == done.step] == pytest.approx(psnr(done.image, clean()), abs=1e-4)
    np.testing.assert_allclose(recording.validation_mse, done.curves.validation_mse, rtol=1e-6)
    assert recording.parts.shape == (3, 0)


@pytest.mark.parametrize(("damage", "parts"), [("gaussian-25-clipped", 0), ("sr-4", 36)])
def test_a_recording_survives_its_file(tmp_path: Path, damage: str, parts: int) -> None:
    problem = DAMAGES[damage].make(clean(96), 0)
    recording, judged = record(GENOME, problem, clean(96), seed=0, most_steps=30)
    write_recording(tmp_path / "a.npz", recording, judged)
    back, image = read_recording(tmp_path / "a.npz")
    assert np.array_equal(np.load(tmp_path / "a.npz")["score"], recording.validation_mse)
    assert np.array_equal(back.psnr, recording.psnr)
    assert back.parts.shape == (3, parts)
    assert np.array_equal(back.parts, recording.parts)
    assert psnr(image, judged) > 65


def test_networks_of_the_benchmark_differ() -> None:
    names = [PUBLISHED, *CONTESTANTS]
    assert len({contestant(name).digest for name in names}) == len(names) >= 9


def test_recordings_of_another_length_are_not_mixed(tmp_path: Path) -> None:
    def jobs(steps: int) -> list[Job]:
        return make_jobs(["sample:coffee"], ["missing-50"], ["narrow"], [0], most_steps=steps)

    (tmp_path / jobs(10)[0].file).write_bytes(b"")  # there already, so that nothing is fitted
    check_folder(tmp_path, jobs(10))
    with pytest.raises(StudyError, match="at most 10 iterations, and 20 are asked for"):
        check_folder(tmp_path, jobs(20))
    (tmp_path / "settings.json").write_text('{"most_steps": 10}')
    with pytest.raises(StudyError, match="scored in another way"):
        check_folder(tmp_path, jobs(10))
    for damaged in ("{", "[]", "{}"):
        (tmp_path / "settings.json").write_text(damaged)
        with pytest.raises(FormatError, match="does not say what its recordings have in common"):
            check_folder(tmp_path, jobs(10))


def test_a_recording_of_an_older_version_is_refused_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "old.npz", step=np.arange(3), loss=np.ones(3))
    with pytest.raises(FormatError, match=r"old.npz has no score, psnr"):
        read_recording(tmp_path / "old.npz")


def test_the_archive_keeps_what_networks_agree_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dipsearch.bench.cases.damages.half_size_crop", lambda source, side: clean(side))
    jobs = make_jobs(
        ["sample:coffee"], ["sr-4", "missing-50"], ["wide", "narrow", "decoder"], [0], most_steps=9
    )
    for index, job in enumerate(jobs):
        damage = DAMAGES[job.damage]
        genome = Genome(scales=(Scale(4 + index, 8),), input_channels=4)
        problem = damage.make(clean(damage.side), 0)
        write_recording(
            tmp_path / job.file, *record(genome, problem, clean(damage.side), seed=0, most_steps=20)
        )
    entries = read_entries(jobs, folder=tmp_path)
    assert [entry.network for entry in entries] == ["wide", "narrow", "decoder"] * 2
    for entry, job in zip(entries, jobs, strict=True):
        problem = DAMAGES[job.damage].make(clean(96), 0)
        case = [other for other in jobs if other.damage == job.damage]
        images = [read_recording(tmp_path / one.file)[1] for one in case]
        errors = consensus_errors(images, problem, split=make_split(problem, seed=0))
        assert entry.consensus == (None if errors is None else errors[case.index(job)])
    write_archive(tmp_path / "a.npz", entries)
    assert [entry.consensus for entry in read_archive(tmp_path / "a.npz")] == [e.consensus for e in entries]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_recording_is_made_on_a_gpu_and_comes_back() -> None:
    problem = DAMAGES["missing-50"].make(clean(), 0)
    recording, judged = record(GENOME, problem, clean(), seed=0, most_steps=30, device="cuda")
    assert len(recording.step) == 3
    assert judged.device.type == "cpu"
