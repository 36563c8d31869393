"""The comparison on operators: every method on every measurement, none twice, and no search that sees the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from dipsearch.bench.operators import operator_run, operator_search
from dipsearch.bench.operators.operator_cases import INSTRUMENTS, make_case
from dipsearch.bench.operators.operator_fits import FitJob
from dipsearch.bench.operators.operator_rows import OperatorRow, image_row, row_of, score_row
from dipsearch.bench.operators.operator_run import WHAT, Measuring, measure
from dipsearch.bench.operators.operator_search import Found, Restored, networks_of, run_search
from dipsearch.bench.shared.row_file import RowFile
from dipsearch.errors import ResourceError
from dipsearch.problem import Problem, psnr, write_image
from dipsearch.trials.trial_files import trial_folder

NAMES = ["wide", "narrow", "slow"]
PSNR = {"wide": 24.0, "narrow": 23.0, "slow": 25.0}
SCORES = {"wide": 31.0, "narrow": 30.0, "slow": 29.5}


class Searches:
    """In the place of our search."""

    def __init__(self, *, networks: bool = True) -> None:
        self.asked: list[tuple[Problem, int, int]] = []
        self.networks = networks

    def __call__(self, problem: Problem, seconds: int, seed: int) -> Found:
        self.asked.append((problem, seconds, seed))
        delivered = Restored(torch.full(problem.image_shape, 0.5), 40.5)
        alone = Restored(torch.full(problem.image_shape, 0.25), 39.5)
        return Found(delivered, alone if self.networks else None)


class Fits:
    """In the place of fits."""

    def __init__(self) -> None:
        self.asked: list[FitJob] = []

    def __call__(self, jobs: Sequence[FitJob]) -> Iterator[OperatorRow]:
        self.asked += jobs
        for job in jobs:
            case, name = job.case(), job.method.removeprefix("network ")
            if job.method == "dip-oracle":
                yield row_of(case, job.method, limit=job.steps, psnr=22.0)
            else:
                yield row_of(
                    case,
                    job.method,
                    limit=job.steps,
                    psnr=PSNR[name],
                    stop_loss_db=0.1 * len(name),
                    estimate=SCORES[name],
                )


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A picture of 40 × 40; similar patches are grey, and classical methods quick."""
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 40), torch.linspace(0, 2, 40), indexing="ij")
    planes = torch.stack([rows.sin(), columns.cos().abs(), (rows + columns).sin().abs()])
    write_image(tmp_path / "one.png", planes[None] * 0.7 + 0.1)

    def grey(problem: Problem) -> torch.Tensor:
        return torch.full(problem.image_shape, 0.5)

    monkeypatch.setattr(operator_run, "answer", grey)
    for name, one in INSTRUMENTS.items():
        quick = replace(one, classical=dict.fromkeys(one.classical, grey))
        monkeypatch.setitem(INSTRUMENTS, name, quick)
    return str(tmp_path / "one.png")


def opened(folder: Path) -> RowFile[OperatorRow]:
    return RowFile(folder / "operators.json", OperatorRow, command="bench operators", about={})


def wanted(picture: str, folder: Path, **other: Any) -> Measuring:
    values: dict[str, Any] = {
        "sources": [picture],
        "side": 32,
        "instruments": [INSTRUMENTS["motion blur"], INSTRUMENTS["mri"]],
        "what": WHAT,
        "networks": NAMES,
        "seconds": 60,
        "steps": 100,
        "dip_steps": 150,
        "seed": 5,
        "recordings": folder / "kept",
        "search": Searches(),
        "fit": Fits(),
    }
    return Measuring(**(values | other))


def silent(line: str) -> None:
    del line


def test_every_method_has_a_row_for_every_measurement_and_none_is_made_twice(
    picture: str, tmp_path: Path
) -> None:
    asked, lines = wanted(picture, tmp_path), list[str]()
    measure(asked, opened(tmp_path), say=lines.append)
    rows = opened(tmp_path).rows
    usual = ["first answer", "networks alone", "delivered", "dip-oracle"]
    usual += [*(f"network {name}" for name in NAMES), "score"]
    assert [(row.operator, row.method) for row in rows] == [
        *(("motion blur", method) for method in ["wiener", "tv", *usual]),
        *(("mri", method) for method in ["zero-filled", "tv", *usual]),
    ]
    assert {(row.picture, row.seed) for row in rows} == {("one@32", 5)}
    assert {row.method: row.limit for row in rows if row.limit} == {
        "networks alone": 60,
        "delivered": 60,
        "dip-oracle": 150,
        **{f"network {name}": 100 for name in NAMES},
        "score": 100,
    }
    assert len(lines) == len(rows)
    said = " ".join(lines[-1].split())
    assert said == "one@32 mri score τ -0.33, its network 24.00 dB, 0.40 below the peak"
    before = (tmp_path / "operators.json").read_bytes()
    measure(asked, opened(tmp_path), say=lines.append)
    assert (tmp_path / "operators.json").read_bytes() == before and len(lines) == len(rows)


def test_the_search_gets_the_problem_alone(picture: str, tmp_path: Path) -> None:
    search = Searches()
    measure(wanted(picture, tmp_path, what=("search",), search=search), opened(tmp_path), say=silent)
    assert [(seconds, seed) for _, seconds, seed in search.asked] == [(60, 5), (60, 5)]
    for (problem, *_), instrument in zip(search.asked, ("motion blur", "mri"), strict=True):
        assert problem.noise.sigma in (0.02, 0.01)
        assert problem.image_shape == (1, 3 if instrument == "motion blur" else 1, 32, 32)
    alone, delivered = opened(tmp_path).rows[:2]
    assert (alone.estimate, delivered.estimate) == (39.5, 40.5)
    assert alone.psnr is not None and delivered.psnr is not None and alone.psnr != delivered.psnr


def test_another_budget_adds_rows_and_another_measurement_replaces_them(picture: str, tmp_path: Path) -> None:
    def measured(**other: Any) -> list[tuple[int | None, str]]:
        measure(wanted(picture, tmp_path, what=("search",), **other), opened(tmp_path), say=silent)
        return [(row.limit, row.measurement) for row in opened(tmp_path).rows if row.operator == "mri"]

    short = measured(search=Searches(networks=False))
    assert [limit for limit, _ in short] == [60]
    both = measured(seconds=120)
    assert [limit for limit, _ in both] == [60, 120, 120]
    write_image(picture, torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0)))
    anew = measured(seconds=120)
    assert [limit for limit, _ in anew] == [60, 120, 120]
    assert anew[0] == both[0] and anew[1][1] != both[1][1]


def test_a_failure_is_said_and_leaves_the_rest(picture: str, tmp_path: Path) -> None:
    def fails(*arguments: object) -> Found:
        raise ResourceError("no memory", "some is needed", "buy some")

    lines: list[str] = []
    asked = wanted(picture, tmp_path, instruments=[INSTRUMENTS["ct"]], search=fails)
    measure(asked, opened(tmp_path), say=lines.append)
    assert sum("delivered: not measured: no memory" in line for line in lines) == 1
    methods = {row.method for row in opened(tmp_path).rows}
    assert {"fbp ramp", "fbp hann", "tv", "dip-oracle", "score"} <= methods and "delivered" not in methods


def test_more_networks_change_the_score_of_a_case(picture: str, tmp_path: Path) -> None:
    only = {"instruments": [INSTRUMENTS["mri"]], "what": ("networks",)}
    fits = Fits()
    measure(wanted(picture, tmp_path, networks=NAMES[:2], fit=fits, **only), opened(tmp_path), say=silent)
    assert [row.method for row in opened(tmp_path).rows] == ["network wide", "network narrow"]
    measure(wanted(picture, tmp_path, fit=fits, **only), opened(tmp_path), say=silent)
    assert [job.method for job in fits.asked] == ["network wide", "network narrow", "network slow"]
    score = opened(tmp_path).rows[-1]
    # By score wide, narrow, slow; by PSNR slow, wide, narrow: one pair of three is in order.
    assert score.kendall_tau == pytest.approx(-1 / 3, abs=1e-4)
    assert (score.method, score.psnr, score.stop_loss_db, score.estimate) == ("score", 24.0, 0.4, 31.0)


def test_a_network_that_learned_nothing_is_the_last_by_both(picture: str) -> None:
    case = make_case(picture, INSTRUMENTS["mri"], seed=0)
    rows = [
        row_of(case, "network a", limit=10, psnr=20.0, estimate=30.0, stop_loss_db=0.5),
        row_of(case, "network b", limit=10, psnr=None, estimate=None),
        row_of(case, "network c", limit=10, psnr=21.0, estimate=31.0, stop_loss_db=0.1),
    ]
    score = score_row(case, rows, limit=10)
    assert score is not None
    assert (score.kendall_tau, score.psnr, score.stop_loss_db) == (1.0, 21.0, 0.3)
    assert score_row(case, rows, limit=20) is None
    assert score_row(case, [replace(row, measurement="another") for row in rows], limit=10) is None


def test_images_are_cut_to_their_range_before_they_are_compared(picture: str) -> None:
    case = make_case(picture, INSTRUMENTS["mri"], seed=0)
    row = image_row(case, "tv", case.clean + torch.where(case.clean > 0.5, 9.0, 0.0), seconds=1.0)
    cut = torch.where(case.clean > 0.5, 1.0, case.clean)
    assert row.psnr == pytest.approx(psnr(cut, case.clean), abs=1e-4)
    assert row.ssim is not None and row.seconds == 1.0


def test_networks_alone_are_the_mean_of_the_best_outputs_in_the_folder(tmp_path: Path) -> None:
    for number, value in ((3, 0.2), (7, 0.6)):
        trial_folder(tmp_path, number).mkdir(parents=True)
        np.savez(
            trial_folder(tmp_path, number) / "output.npz", x=np.full((1, 1, 8, 8), value, dtype=np.float32)
        )

    def found(**picture: Any) -> Restored | None:
        result: Any = SimpleNamespace(summary={"pictures": [picture]}, folder=tmp_path)
        return networks_of(result)

    mixed = found(
        stack={"members": [3, 7], "weights": [0.25, 0.75], "score": 31.0}, best={"number": 3, "score": 1}
    )
    assert mixed is not None and mixed.estimate == 31.0
    assert torch.allclose(mixed.image, torch.full((1, 1, 8, 8), 0.5))
    best = found(stack=None, best={"number": 7, "score": 30.0})
    assert best is not None and best.estimate == 30.0 and float(best.image.mean()) == pytest.approx(0.6)
    assert found(stack=None, best=None) is None
    assert found(stack=None, best={"number": 9, "score": 30.0}) is None


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_search_that_was_interrupted_is_no_measurement(
    monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    image = torch.zeros(1, 1, 8, 8)
    asked: list[dict[str, Any]] = []

    def search(problem: Problem, **options: Any) -> Any:
        asked.append(options)
        summary = {"interrupted": interrupted, "pictures": [{"best": None, "stack": None}]}
        return SimpleNamespace(restored=(image,), estimated_psnr=30.0, summary=summary, folder=Path())

    monkeypatch.setattr(operator_search, "search", search)
    problem = Problem(torch.rand(16, 16))
    if interrupted:
        with pytest.raises(KeyboardInterrupt):
            run_search(2)(problem, 60, 5)
    else:
        found = run_search(2)(problem, 60, 5)
        assert (found.delivered.image is image, found.delivered.estimate, found.networks) == (
            True,
            30.0,
            None,
        )
    assert asked == [{"budget": 60.0, "workers": 2, "seed": 5}]
