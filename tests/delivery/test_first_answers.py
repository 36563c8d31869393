"""First answers: what similar patches make of each picture, and where networks find it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from dipsearch.delivery.delivering import whole_problem
from dipsearch.delivery.first_answers import (
    INTERRUPTED_SECONDS,
    first_estimates,
    first_words,
    make_first_answers,
    write_first_pictures,
)
from dipsearch.planning.budget import FIRST_SHARE
from dipsearch.problem import Case, Identity, NoiseModel, Problem, crop_problem, psnr, read_image
from dipsearch.trials.first_files import KeptFirst, write_first
from dipsearch.trials.objective import estimated_psnr
from dipsearch.trials.problem_files import (
    SEARCHED,
    WHOLE,
    pilot_path,
    problem_path,
    read_pilot,
    write_problem,
)

SHAPE = (1, 3, 32, 32)


def truth() -> Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 32), torch.linspace(0, 3, 32), indexing="ij")
    return torch.stack([0.5 + 0.3 * (rows + k).sin() * columns.cos() for k in range(3)])[None].float()


def noisy(seed: int = 0) -> Problem:
    y = truth() + 0.1 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))
    return Problem(y, Identity(), NoiseModel("gaussian", 0.1), SHAPE, observed=torch.ones(1, 1, 32, 32))


def test_there_is_one_from_all_that_was_measured_and_one_from_the_fitted_part(make_runner) -> None:
    runner, worker = make_runner({"cat": noisy()})
    first = make_first_answers(runner)["cat"]
    assert psnr(first.image, truth()) > psnr(noisy().y, truth()) + 8
    assert psnr(first.fitted, truth()) > psnr(noisy().y, truth()) + 7
    assert first.seconds == 1.0  # when the one from all of y was there
    assert [(task.split_seed, task.pilot) for task in worker.done] == [(None, None), (0, None)]


def test_each_gets_its_share_of_the_time_that_is_left(make_runner) -> None:
    runner, worker = make_runner({"cat": noisy(), "dog": noisy(1)}, until=100.0)
    make_first_answers(runner, limited=True)
    assert [task.left for task in worker.done] == [FIRST_SHARE * 100 / 4] * 4  # one worker does all four
    endless, worker = make_runner({"cow": noisy(2)})
    make_first_answers(endless, limited=True)
    assert [task.left for task in worker.done] == [float("inf")] * 2
    searching, worker = make_runner({"fox": noisy(3)}, until=100.0)
    make_first_answers(searching)  # where a plan has seen to the time
    assert [task.left for task in worker.done] == [float("inf")] * 2


def test_who_asks_to_finish_gets_one_of_every_picture_soon(make_runner) -> None:
    runner, worker = make_runner({"cat": noisy(), "dog": noisy(1)})
    runner.heard = lambda: setattr(runner.asked, "by", "Ctrl-C" if worker.done else "")
    assert set(make_first_answers(runner, limited=True)) == {"cat", "dog"}
    assert [task.left for task in worker.done] == [float("inf")] + [INTERRUPTED_SECONDS / 3] * 3


def test_in_a_search_nobody_waits_for_what_networks_would_need(make_runner) -> None:
    runner, worker = make_runner({"cat": noisy()})
    write_first(runner.folder, "cat", KeptFirst(truth(), 1.0))
    runner.asked.by = "Ctrl-C"
    assert make_first_answers(runner) == {} and worker.done == []


def test_networks_find_them_as_their_pilots(make_runner) -> None:
    runner, _ = make_runner({"cat": noisy(), "dog": noisy(1)})
    firsts = make_first_answers(runner)
    assert list(firsts) == ["cat", "dog"]
    for name, first in firsts.items():
        file = pilot_path(runner.folder, kind=WHOLE, name=name)
        assert torch.equal(read_pilot(file), first.fitted)
        assert torch.equal(read_pilot(file, part="full"), first.image)
        searched = pilot_path(runner.folder, kind=SEARCHED, name=name)
        assert torch.equal(read_pilot(searched), first.fitted)
    assert not torch.equal(firsts["cat"].image, firsts["dog"].image)


def test_the_pilot_of_a_crop_is_computed_from_the_crop(make_runner) -> None:
    runner, _ = make_runner({"cat": noisy()})
    part = crop_problem(noisy(), top=8, left=0, height=24, width=24)
    write_problem(problem_path(runner.folder, kind=SEARCHED, name="cat"), part, box=(8, 0, 24, 24))
    first = make_first_answers(runner, on_crops=True)["cat"]
    seen = read_pilot(pilot_path(runner.folder, kind=SEARCHED, name="cat"))
    assert seen.shape == (1, 3, 24, 24)
    assert psnr(seen, truth()[..., 8:, :24]) > psnr(noisy().y, truth()) + 6
    assert first.image.shape == SHAPE


def test_what_is_there_already_is_not_computed_again(make_runner) -> None:
    runner, worker = make_runner({"cat": noisy()})
    before = make_first_answers(runner)["cat"]
    worker.done.clear()
    after = make_first_answers(runner)["cat"]
    assert worker.done == []
    assert torch.equal(before.image, after.image) and torch.equal(before.fitted, after.fitted)


def test_a_lost_task_is_handed_out_again_but_not_for_ever(make_runner) -> None:
    runner, worker = make_runner({"cat": noisy()}, lost=1)
    assert set(make_first_answers(runner)) == {"cat"}
    assert len(worker.done) == 2


def test_a_picture_whose_tasks_are_always_lost_has_none(make_runner) -> None:
    runner, _ = make_runner({"cat": noisy()}, lost=100)
    assert make_first_answers(runner) == {}
    assert runner.seconds == 6.0  # two tasks, three times


def test_it_is_written_as_a_picture_beside_the_result_and_announced_with_its_score(
    make_runner, tmp_path: Path
) -> None:
    runner, _ = make_runner({"cat": noisy()})
    firsts = make_first_answers(runner)
    case = Case("cat", "cat.png", noisy(), None, 8, ())
    files = write_first_pictures({"cat": case}, folder=runner.folder, tell=print)
    assert files == {"cat": "best/first.png"}
    shown = read_image(tmp_path / "best" / "first.png").pixels
    assert float((shown - firsts["cat"].image.clamp(0, 1)).abs().max()) <= 0.5 / 255 + 1e-6
    picture = whole_problem(runner.folder, "cat", seed=0)
    expected = estimated_psnr(float(picture.split.validation_mse(firsts["cat"].fitted)))
    found = first_estimates(runner, firsts)["cat"]
    assert found.estimated_psnr == expected
    # Of so small a picture the error is below what can be told.
    assert found.error > found.mse > 0 and found.at_least == estimated_psnr(found.mse + found.error)
    assert first_words(firsts, files=files) == [
        ("cat", "first answer, by similar patches, after 1 s: best/first.png")
    ]


def test_several_pictures_have_folders_and_names(make_runner, tmp_path: Path) -> None:
    runner, _ = make_runner({"cat": noisy(), "dog": noisy(1)})
    firsts = make_first_answers(runner)
    cases = {name: Case(name, f"{name}.png", noisy(), None, 16, ()) for name in firsts}
    files = write_first_pictures(cases, folder=runner.folder, tell=print)
    assert files == {"cat": "best/cat/first.png", "dog": "best/dog/first.png"}
    assert read_image(tmp_path / files["dog"]).bits == 16
    name, said = first_words(firsts, files={})[1]
    assert name == "dog" and said.startswith("first answer") and "first.png" not in said


@pytest.mark.parametrize("seed", [0, 3])
def test_the_fitted_part_is_that_of_the_study(make_runner, seed: int) -> None:
    runner, worker = make_runner({"cat": noisy()}, seed=seed)
    make_first_answers(runner)
    assert [task.split_seed for task in worker.done] == [None, seed]
