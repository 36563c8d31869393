"""Recording for the table: what is kept of a fit, and that a folder of recordings is gone on with and packed."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from dipsearch.bench.shared.machine import machine_name
from dipsearch.bench.tabular.recorded import fit_recording, table_packing, table_recording
from dipsearch.bench.tabular.recorded.fit_recording import EVERY, MARK, record_fit
from dipsearch.bench.tabular.recorded.sketches import axes_by_chance, products_of_sketches, sketches_of
from dipsearch.bench.tabular.recorded.table_cases import SIDES, PreparedCase, TablePicture, prepared_of
from dipsearch.bench.tabular.recorded.table_genomes import Block, TableGenome
from dipsearch.errors import FormatError, InputError
from dipsearch.fitting.stopping import ValidationMinimum
from dipsearch.library import preset
from dipsearch.network import Genome, load_space
from dipsearch.problem import read_image

NAME = "dipsearch_pilot_16"
PICTURE = TablePicture("astronaut", "sample:astronaut@32", "face", "test")


@pytest.fixture(scope="module")
def case() -> PreparedCase:
    return prepared_of(read_image(PICTURE.source).pixels, "inpaint")


@pytest.fixture(scope="module")
def recorded(case: PreparedCase) -> dict[str, np.ndarray]:
    return record_fit(preset(NAME), case, seed=0, steps=2 * MARK)


def test_a_recording_holds_curves_and_errors_that_agree(
    case: PreparedCase, recorded: dict[str, np.ndarray]
) -> None:
    checks = 2 * MARK // EVERY
    assert all(len(recorded[name]) == checks for name in ("score", "psnr", "now_score", "now_psnr", "step"))
    assert recorded["sketches"].shape == (5, 192) and recorded["beyond"].shape == (5,)
    squares = (recorded["sketches"].astype(np.float64) ** 2).mean(axis=1) + recorded["beyond"]
    for mse, at in zip(squares, (MARK // EVERY - 1, checks - 1, checks - 1), strict=False):
        assert case.psnr_of(mse) == pytest.approx(float(recorded["psnr"][at]), abs=0.02)
    assert (recorded["step"] <= EVERY * np.arange(1, checks + 1)).all()
    assert recorded["psnr"][-1] > recorded["psnr"][0] + 2
    assert str(recorded["ended"]) == "STEPS" and np.isfinite(recorded["polished_score"])


def test_values_that_were_measured_or_score_are_not_judged(case: PreparedCase) -> None:
    assert case.problem.exact is not None
    seen = (case.problem.exact > 0).expand_as(case.clean).reshape(-1).numpy()
    scoring = (case.split.score_weight > 0).expand_as(case.clean).reshape(-1).numpy()
    assert not (case.wanted & (seen | scoring)).any() and case.wanted.sum() > 500
    assert case.share == pytest.approx(0.5, abs=0.02)
    assert case.psnr(case.clean) == pytest.approx(100)


def test_every_task_has_a_case() -> None:
    clean = read_image("sample:astronaut@64").pixels
    for task, share in (("denoise", 1.0), ("inpaint", 0.5), ("sr", 1.0)):
        case = prepared_of(clean, task)
        assert case.share == pytest.approx(share, abs=0.02) and case.first.shape == clean.shape
        assert np.isfinite(case.errors(case.first)).all() and case.psnr(case.first) > 18


def test_sketches_keep_errors_and_on_average_their_products() -> None:
    drawn = np.random.default_rng(0)
    known = drawn.standard_normal((2, 3000))
    errors = 0.05 * (drawn.standard_normal((60, 2)) @ known + 0.5 * drawn.standard_normal((60, 3000)))
    errors[3] = np.nan
    axes = axes_by_chance(known, dimensions=50, seed=1)
    sketches, beyond = sketches_of(errors.astype(np.float16), axes)
    assert sketches.shape == (60, 50) and np.isnan(sketches[3]).all() and np.isnan(beyond[3])
    there = [k for k in range(60) if k != 3]
    exact = errors[there] @ errors[there].T / 3000
    found = sketches[there].astype(np.float64) @ sketches[there].T.astype(np.float64) / 50
    assert np.allclose(np.diag(found) + beyond[there], np.diag(exact), rtol=2e-3)
    apart = ~np.eye(59, dtype=bool)
    sizes = np.sqrt(np.outer(np.diag(exact), np.diag(exact)))
    off = (found - exact)[apart] / sizes[apart]
    assert 0.02 < np.sqrt(np.mean(off**2)) < 0.1  # one in the root of 48, of what is not known
    assert abs(np.mean(off)) < 0.005  # no bias
    along = sketches_of(known, axes)[0].astype(np.float64)  # what is known is exact
    assert np.allclose(along @ along.T / 50, known @ known.T / 3000, rtol=2e-3, atol=2e-3)


def test_products_of_errors_that_are_alike_are_told_by_their_squares() -> None:
    drawn = np.random.default_rng(5)
    known, shared = drawn.standard_normal((1, 4000)), drawn.standard_normal(4000)
    off = []
    for seed in range(40):
        errors = shared + 0.4 * drawn.standard_normal((3, 4000))  # a network with three seeds
        sketches, lacks = sketches_of(errors, axes_by_chance(known, dimensions=60, seed=seed))
        found, exact = products_of_sketches(sketches, lacks), errors @ errors.T / 4000
        assert np.allclose(np.diag(found), np.diag(exact), rtol=1e-3)
        plain = sketches.astype(np.float64) @ sketches.T.astype(np.float64) / 60
        off.append([abs(one.mean() / exact.mean() - 1) for one in (found, plain)])
    corrected, uncorrected = np.mean(off, axis=0)
    assert corrected < 0.02 and corrected < uncorrected / 4


def test_axes_are_the_same_everywhere_and_no_more_than_values() -> None:
    known = np.random.default_rng(2).standard_normal((2, 40))
    axes = axes_by_chance(known, dimensions=12, seed=1)
    assert np.array_equal(axes, axes_by_chance(known, dimensions=12, seed=1)) and axes.shape == (12, 40)
    assert not np.allclose(axes, axes_by_chance(known, dimensions=12, seed=2))
    lengths = np.linalg.norm(axes, axis=1)
    assert np.allclose(lengths[:2], 1, atol=1e-5) and np.allclose(lengths[2:], np.sqrt(38 / 10), atol=1e-4)
    every = axes_by_chance(known, dimensions=100, seed=1)
    assert every.shape == (40, 40) and np.allclose(every @ every.T, np.eye(40), atol=1e-5)


FITTED: dict[int, dict[str, np.ndarray]] = {}


def fitted_once(
    case: PreparedCase, genome: Genome, given: PreparedCase, *, seed: int, steps: int
) -> dict[str, np.ndarray]:
    """What a fit to the one case records, which is the same whoever asks for it."""
    assert (genome, given is case, steps) == (preset(NAME), True, MARK)
    if seed not in FITTED:
        FITTED[seed] = record_fit(genome, case, seed=seed, steps=steps)
    return FITTED[seed]


@pytest.fixture
def small(case: PreparedCase, monkeypatch: pytest.MonkeyPatch) -> list[TableGenome]:
    """One task, one picture, few iterations."""
    for module in (table_recording, table_packing):
        monkeypatch.setattr(module, "TASKS", ("inpaint",))
        monkeypatch.setattr(module, "prepared", lambda picture, task: case)
    monkeypatch.setattr(table_recording, "most_steps", lambda *of: MARK)
    monkeypatch.setattr(table_recording, "record_fit", partial(fitted_once, case))
    genome = preset(NAME)
    return [TableGenome(NAME, "known", genome, load_space("skip").nearest(genome))]


def test_a_folder_is_gone_on_with_and_packed(tmp_path: Path, small: list[TableGenome]) -> None:
    blocks = [Block(NAME, 0), Block(NAME, 1)]
    jobs = table_recording.table_jobs(small, blocks, [PICTURE])
    assert [job.file for job in jobs] == [
        f"fits/{preset(NAME).digest}-{seed}-astronaut-inpaint.npz" for seed in (0, 1)
    ]
    assert table_recording.record_table(jobs, folder=tmp_path, workers=1, hours=1e-9) == 0
    with pytest.raises(InputError, match="holds no genome with fits to all 1 pictures and 1 tasks"):
        table_packing.pack_table(small, blocks, [PICTURE], folder=tmp_path)
    lines: list[str] = []
    assert table_recording.record_table(jobs[:1], folder=tmp_path, workers=1, watch=lines.append) == 1
    assert table_recording.record_table(jobs[:1], folder=tmp_path, workers=1, watch=lines.append) == 1
    assert len(lines) == 1 and lines[0].startswith(f"1 of 1: {NAME} 0 astronaut inpaint: ")
    speeds = {f"{preset(NAME).digest}@{side} on {machine_name('cpu')}": 0.01 for side in SIDES.values()}
    (tmp_path / table_packing.SPEEDS).write_text(json.dumps(speeds))
    table = table_packing.pack_table(small, blocks, [PICTURE], folder=tmp_path)
    assert list(table.cases[0].fits) == [(preset(NAME).digest, 0)]  # the second seed is not there
    fit = table.cases[0].fits[preset(NAME).digest, 0]
    assert fit.sketches.shape == (4, 192) and fit.steps == MARK
    final = table.cases[0].psnr(float((fit.sketches[-3].astype(np.float64) ** 2).mean() + fit.beyond[-3]))
    assert final == pytest.approx(float(fit.psnr[-1]), abs=0.02)
    assert table.query(NAME, MARK, picture="astronaut", task="inpaint").seconds == pytest.approx(0.8)


def test_fits_of_a_genome_become_one_file_when_all_are_there_and_more_pictures_are_added_to_it(
    tmp_path: Path, small: list[TableGenome]
) -> None:
    other = TablePicture("own-one", "sample:astronaut@32", "own", "test")
    one, both = (
        table_recording.table_jobs(small, [Block(NAME, 0)], pictures)
        for pictures in ([PICTURE], [PICTURE, other])
    )
    record = table_recording.record_table
    assert record(one, folder=tmp_path, workers=1) == 1
    file = tmp_path / f"{preset(NAME).digest}-0.npz"
    assert file.exists() and not list((tmp_path / "fits").iterdir())
    before = file.read_bytes()
    assert record(one, folder=tmp_path, workers=1, watch=lambda line: pytest.fail(line)) == 1
    assert file.read_bytes() == before
    assert record(both, folder=tmp_path, workers=1) == 2
    assert set(table_recording.read_fits(tmp_path, file.name)) == {"astronaut-inpaint", "own-one-inpaint"}
    file.write_bytes(before[:100])
    with pytest.raises(FormatError):
        record(both, folder=tmp_path, workers=1)


def test_single_fits_wait_until_all_of_a_genome_are_there(tmp_path: Path, small: list[TableGenome]) -> None:
    other = TablePicture("own-one", "sample:astronaut@32", "own", "test")
    jobs = table_recording.table_jobs(small, [Block(NAME, 0)], [PICTURE, other])
    (tmp_path / "fits").mkdir()
    table_recording._record(jobs[0], tmp_path)
    table_recording.put_together(jobs, tmp_path)
    assert (tmp_path / jobs[0].file).exists() and not (tmp_path / jobs[0].block).exists()
    assert table_recording.recorded_jobs(jobs, tmp_path) == {jobs[0]}
    before = (tmp_path / jobs[0].file).read_bytes()
    assert table_recording.record_table(jobs, folder=tmp_path, workers=1) == 2
    assert (tmp_path / jobs[0].block).exists() and not list((tmp_path / "fits").iterdir())
    # As after a crash between the writing of the one and the removal of the other.
    (tmp_path / jobs[0].file).write_bytes(before)
    whole = (tmp_path / jobs[0].block).read_bytes()
    table_recording.put_together(jobs, tmp_path)
    assert not (tmp_path / jobs[0].file).exists()
    assert table_recording.read_fits(tmp_path, jobs[0].block).keys() == {jobs[0].case, jobs[1].case}
    assert len((tmp_path / jobs[0].block).read_bytes()) == len(whole)


def test_what_is_complete_is_together_when_a_later_fit_fails(
    tmp_path: Path, small: list[TableGenome], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = table_recording.table_jobs(small, [Block(NAME, 0), Block(NAME, 1)], [PICTURE])
    record = table_recording._record

    def failing(job: table_recording.TableJob, folder: Path) -> str:
        if job.seed == 1:
            raise MemoryError
        return record(job, folder)

    monkeypatch.setattr(table_recording, "_record", failing)
    with pytest.raises(MemoryError):
        table_recording.record_table(jobs, folder=tmp_path, workers=1)
    assert (tmp_path / jobs[0].block).exists()


def test_fits_that_were_recorded_with_other_first_answers_are_refused(
    tmp_path: Path, small: list[TableGenome], case: PreparedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [Block(NAME, 0)]
    jobs = table_recording.table_jobs(small, blocks, [PICTURE])
    table_recording.record_table(jobs, folder=tmp_path, workers=1)
    speeds = {f"{preset(NAME).digest}@{side} on {machine_name('cpu')}": 0.01 for side in SIDES.values()}
    (tmp_path / table_packing.SPEEDS).write_text(json.dumps(speeds))
    other = replace(case, first=case.first * 0.98)
    monkeypatch.setattr(table_packing, "prepared", lambda picture, task: other)
    with pytest.raises(FormatError, match="with other first answers or other axes"):
        table_packing.pack_table(small, blocks, [PICTURE], folder=tmp_path)


def test_a_recording_of_another_version_is_not_packed(small: list[TableGenome], tmp_path: Path) -> None:
    jobs = table_recording.table_jobs(small, [Block(NAME, 0)], [PICTURE])
    table_recording.record_table(jobs, folder=tmp_path, workers=1)
    block = tmp_path / jobs[0].block
    arrays = {
        name: values[:-1] if name.endswith(("sketches", "beyond")) else values
        for name, values in np.load(block).items()
    }
    np.savez_compressed(block, **arrays)
    with pytest.raises(
        FormatError, match="has 3 sketches; there is one for every 80 iterations, and 3 of its end"
    ):
        table_packing.pack_table(small, [Block(NAME, 0)], [PICTURE], folder=tmp_path)


def test_a_fit_that_diverges_is_recorded_as_nothing(case: PreparedCase) -> None:
    broken = PreparedCase(
        case.problem, case.split, case.clean, case.pilot * torch.nan, case.first, case.wanted, case.share
    )
    found = record_fit(preset(NAME), broken, seed=0, steps=MARK)
    assert str(found["ended"]) == "DIVERGED" and len(found["score"]) == 0
    assert np.isnan(found["sketches"]).all() and found["sketches"].shape[0] == 3


def test_a_fit_that_its_rule_ends_is_recorded_to_that_check_point(
    case: PreparedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = ValidationMinimum(floor=30, patience=0, patience_share=0.0)
    monkeypatch.setattr(fit_recording, "default_rule", lambda split, patience: hasty)
    found = record_fit(preset(NAME), case, seed=0, steps=2 * MARK)
    assert (
        str(found["ended"]) == "RISEN" and len(found["now_psnr"]) == len(found["score"]) < 2 * MARK // EVERY
    )
    assert (
        np.isfinite(found["now_psnr"]).all()
        and found["sketches"].shape[0] == len(found["score"]) * EVERY // MARK + 3
    )


@pytest.mark.parametrize("content", ["{", "[]", '{"a": "soon"}', '{"a": null}'])
def test_damaged_times_of_iterations_are_refused_in_words(tmp_path: Path, content: str) -> None:
    (tmp_path / table_packing.SPEEDS).write_text(content)
    with pytest.raises(FormatError, match="holds no times of iterations"):
        table_packing.measured_speeds([], tmp_path)
