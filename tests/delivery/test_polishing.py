"""Polishing: which answers there are to a picture, and what similar patches make of those of networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from dipsearch.delivery.delivering import Delivery, Member, deliver, whole_problem
from dipsearch.delivery.first_answers import make_first_answers
from dipsearch.delivery.polishing import first_made, gather_answers, patch_seconds
from dipsearch.problem import Identity, Mask, NoiseModel, Problem, psnr
from dipsearch.trials.problem_files import WHOLE, SplitProblem, problem_file
from dipsearch.trials.trial_files import Output

SHAPE = (1, 3, 32, 32)


def truth() -> Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 6, 32), torch.linspace(0, 6, 32), indexing="ij")
    return torch.stack([0.5 + 0.3 * (rows + k).sin() * columns.cos() for k in range(3)])[None].float()


def off(seed: int, size: float) -> Tensor:
    return truth() + size * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def noisy() -> Problem:
    noise = NoiseModel("gaussian", 0.1)
    return Problem(off(100, 0.1), Identity(), noise, SHAPE, observed=torch.ones(1, 1, 32, 32))


def half_missing() -> Problem:
    observed = (torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(5)) < 0.5).float()
    noise = NoiseModel("none", None, "none")
    return Problem(truth() * observed, Mask(observed), noise, SHAPE, observed=observed)


def networks(picture: SplitProblem, *seeds: int, size: float = 0.05) -> Delivery:
    """What so many networks would lead to, each with an error of its own."""
    images = [off(seed, size) for seed in seeds]
    scores = [float(picture.split.validation_mse(picture.problem.view(image))) for image in images]
    members = [
        Member(n, Output(x, x), score) for n, (x, score) in enumerate(zip(images, scores, strict=True))
    ]
    return deliver(picture, members)


def test_the_mean_of_first_answer_and_ensemble_is_polished(make_runner) -> None:
    runner, worker = make_runner({"cat": noisy()})
    firsts, picture = make_first_answers(runner), whole_problem(runner.folder, "cat", seed=0)
    worker.done.clear()
    (answers,) = gather_answers(runner, [firsts["cat"]], [networks(picture, 1, 2, 3)], [picture])
    assert [one.name for one in answers] == ["first", "best", "ensemble", "polished"]
    first, _, ensemble, after = answers
    assert psnr(after.image, truth()) > psnr(ensemble.image, truth()) + 2
    assert psnr(after.judged, truth()) > psnr(ensemble.judged, truth()) + 2
    assert after.seconds > ensemble.seconds
    judged, full = worker.done
    # What is judged is made from the fitted part alone.
    assert (judged.out, judged.split_seed) == ("answers/cat-polished-fitted.npz", 0)
    assert (full.out, full.split_seed) == ("answers/cat-polished-full.npz", None)
    for task, part in ((judged, "judged"), (full, "image")):
        mean = (getattr(first, part) + getattr(ensemble, part)) / 2
        assert torch.allclose(torch.from_numpy(np.load(runner.folder / task.pilot)["x"]), mean, atol=1e-6)


def test_a_single_network_is_no_ensemble(make_runner) -> None:
    runner, _ = make_runner({"cat": noisy()})
    firsts, picture = make_first_answers(runner), whole_problem(runner.folder, "cat", seed=0)
    (answers,) = gather_answers(runner, [firsts["cat"]], [networks(picture, 1)], [picture])
    assert [one.name for one in answers] == ["first", "best", "polished"]


def test_where_there_was_little_time_for_the_first_answer_there_is_none_for_polishing(make_runner) -> None:
    runner, worker = make_runner({"cat": noisy()})
    firsts, picture = make_first_answers(runner), whole_problem(runner.folder, "cat", seed=0)
    runner.done = {file: (task, replace(done, made="hurried")) for file, (task, done) in runner.done.items()}
    worker.done.clear()
    (answers,) = gather_answers(runner, [firsts["cat"]], [networks(picture, 1, 2)], [picture])
    assert [one.name for one in answers] == ["first", "best", "ensemble"] and worker.done == []
    assert first_made(runner, problem_file(kind=WHOLE, name="cat")) == "hurried"


@pytest.mark.parametrize(("until", "begun", "polished"), [(4.1, 2, ["polished"]), (3.0, 1, []), (2.4, 0, [])])
def test_what_would_come_too_late_is_not_begun(
    make_runner, until: float, begun: int, polished: list[str]
) -> None:
    runner, worker = make_runner({"cat": noisy()}, until=until)
    firsts, picture = make_first_answers(runner), whole_problem(runner.folder, "cat", seed=0)
    problem = problem_file(kind=WHOLE, name="cat")
    assert (runner.seconds, patch_seconds(runner, problem)) == (2, 1)
    (answers,) = gather_answers(runner, [firsts["cat"]], [networks(picture, 1, 2)], [picture])
    assert [one.name for one in answers][3:] == polished
    assert len(worker.done) == 2 + begun


def test_without_networks_there_is_nothing_to_polish(make_runner) -> None:
    runner, worker = make_runner({"cat": noisy()})
    firsts, picture = make_first_answers(runner), whole_problem(runner.folder, "cat", seed=0)
    worker.done.clear()
    (answers,) = gather_answers(runner, [firsts["cat"]], [None], [picture])
    assert [one.name for one in answers] == ["first"]
    assert worker.done == []


def test_networks_are_polished_where_there_was_no_first_answer(make_runner) -> None:
    runner, _ = make_runner({"cat": noisy()})
    picture = whole_problem(runner.folder, "cat", seed=0)
    (answers,) = gather_answers(runner, [None], [networks(picture, 1)], [picture])
    assert [one.name for one in answers] == ["best", "polished"]


def test_every_picture_has_answers_of_its_own_and_observed_pixels_in_them(make_runner) -> None:
    runner, _ = make_runner({"cat": noisy(), "dog": half_missing()})
    firsts = make_first_answers(runner)
    pictures = [whole_problem(runner.folder, name, seed=0) for name in runner.names]
    found = gather_answers(
        runner, list(firsts.values()), [None, networks(pictures[1], 1, size=0.02)], pictures
    )
    assert [[one.name for one in answers] for answers in found] == [
        ["first"],
        ["first", "best", "polished"],
    ]
    seen = half_missing().observed.bool().expand(SHAPE)
    for one in found[1]:
        assert torch.equal(one.image[seen], truth()[seen])


def test_an_older_polish_is_not_taken_for_a_new_one(make_runner) -> None:
    runner, worker = make_runner({"cat": noisy()})
    firsts, picture = make_first_answers(runner), whole_problem(runner.folder, "cat", seed=0)
    gather_answers(runner, [firsts["cat"]], [networks(picture, 1)], [picture])
    worker.lost = 100
    (answers,) = gather_answers(runner, [firsts["cat"]], [networks(picture, 2)], [picture])
    assert [one.name for one in answers] == ["first", "best"]
