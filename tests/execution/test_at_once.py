"""The first answer comes in the time that there is: by the usual settings, by hurried ones, or by a quicker method."""

from __future__ import annotations

import math
import weakref
from dataclasses import replace

import pytest
import torch
from skimage import data

from dipsearch.execution import answer_speed, timed_answer
from dipsearch.execution.at_once import answer_at_once
from dipsearch.execution.timed_answer import answer_within
from dipsearch.patches import DEFAULT, HURRIED, SHORTENED, PatchSettings, Progress, answer, first_guess
from dipsearch.problem import Case, Identity, Mask, NoiseModel, Operator, Problem, make_split, psnr
from dipsearch.problem.operators import LinearOperator


def clean() -> torch.Tensor:
    picture = data.coffee()[100:196, 200:296, :1].copy()
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


def case(task: str) -> Case:
    x, generator = clean(), torch.Generator().manual_seed(0)
    operator: Operator = Identity()
    if task == "inpaint":
        observed = (torch.rand(1, 1, 96, 96, generator=generator) < 0.5).float()
        operator = Mask(observed)
        problem = Problem(
            x * observed, operator, NoiseModel("none", None, "none"), tuple(x.shape), observed=observed
        )
    else:
        y = x + 0.1 * torch.randn(x.shape, generator=generator)
        ones = torch.ones(1, 1, 96, 96)
        problem = Problem(y, operator, NoiseModel("gaussian", 0.1, "given"), tuple(x.shape), observed=ones)
    return Case("photo", "photo.png", problem, None, 8, ())


def answered(
    task: str, left: float, monkeypatch: pytest.MonkeyPatch, *, probe: float
) -> tuple[float, str, list[str]]:
    """PSNR, how it was made, and what was said, where a hurried answer to a part takes ``probe`` seconds."""
    monkeypatch.setattr(answer_speed, "_seconds_of", lambda part, within: probe)
    said: list[str] = []
    found = answer_at_once(case(task), device="cpu", threads=1, tell=said.append, left=left)
    assert found is not None and torch.isfinite(found.image).all()
    return psnr(found.image.clamp(0, 1), clean()), found.made, said


@pytest.mark.parametrize("task", ["denoise", "inpaint"])
def test_less_time_gives_a_rougher_answer_and_never_none(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # All of the picture is 2.25 times as large as the part.
    usual, hurried, none = (answered(task, left, monkeypatch, probe=0.4) for left in (math.inf, 1.0, 0.5))
    assert [usual[1], hurried[1], none[1]] == ["as usual", "hurried", "by a quick method"]
    assert usual[0] > hurried[0] - 0.5 and hurried[0] > none[0]
    measured = psnr(case(task).problem.y.clamp(0, 1), clean())
    assert none[0] > measured + 2  # a quick method is better than nothing


def test_the_clock_is_read_when_a_gpu_has_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []

    class OnGpu:
        is_cuda, device = True, "cuda:1"

    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    answer_speed.finished(torch.zeros(1))
    assert waited == []
    answer_speed.finished(OnGpu())  # type: ignore[arg-type]
    assert waited == ["cuda:1"]


class Full:
    """A GPU without room, in the place of what answers; a tensor of another kind of device stands for one on it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []
        self.held: list[weakref.ref[torch.Tensor]] = []

    def __call__(self, problem: Problem, *, left: float, **more: object) -> timed_answer.TimedAnswer:
        self.asked.append((problem.y.device.type, left))
        if problem.y.device.type != "cpu":
            self.held.append(weakref.ref(problem.y))
            raise torch.OutOfMemoryError("CUDA out of memory")
        assert [one() for one in self.held] == [None]  # its memory is free
        return timed_answer.TimedAnswer(problem.y, "as usual")


def test_where_a_gpu_is_full_the_processor_answers_in_the_time_that_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpu, said, warmed = Full(), list[str](), list[str]()
    monkeypatch.setattr("dipsearch.execution.at_once.answer_within", gpu)
    monkeypatch.setattr("dipsearch.execution.at_once.warm_up_patches", warmed.append)
    found = answer_at_once(case("denoise"), device="meta", threads=1, tell=said.append, left=60.0)
    assert found is not None and found.image.device.type == "cpu"
    assert [where for where, _ in gpu.asked] == ["meta", "cpu"] and gpu.asked[1][1] < 60
    assert warmed == ["meta"]
    assert said == ["photo: meta has not enough memory for similar patches: the processor finds them"]


def test_loading_the_libraries_of_a_gpu_is_no_part_of_what_patches_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    given: list[float] = []

    def loads(device: str) -> None:
        clock[0] += 7

    def answers(problem: Problem, *, left: float, **more: object) -> timed_answer.TimedAnswer:
        given.append(left)
        clock[0] += 2
        return timed_answer.TimedAnswer(torch.zeros(problem.image_shape), "as usual")

    monkeypatch.setattr("dipsearch.execution.at_once.time.perf_counter", lambda: clock[0])
    monkeypatch.setattr("dipsearch.execution.at_once.warm_up_patches", loads)
    monkeypatch.setattr("dipsearch.execution.at_once.answer_within", answers)
    found = answer_at_once(case("denoise"), device="meta", threads=1, tell=print, left=60.0)
    assert found is not None and found.seconds == 2 and given == [53]


def test_where_time_is_plenty_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(part: Problem, within: float) -> float:
        raise AssertionError("the speed was measured")

    monkeypatch.setattr(answer_speed, "_seconds_of", never)
    found = answer_at_once(case("denoise"), device="cpu", threads=1, tell=print, left=60.0)
    assert found is not None and found.made == "as usual"


def test_where_there_is_next_to_no_time_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(part: Problem, within: float) -> float:
        raise AssertionError("the speed was measured")

    monkeypatch.setattr(answer_speed, "_seconds_of", never)
    found = answer_at_once(case("denoise"), device="cpu", threads=1, tell=print, left=0.01)
    assert found is not None and found.made == "by a quick method"


def test_without_time_values_that_are_hidden_or_struck_are_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_speed, "_seconds_of", lambda part, within: 1.0)
    x, struck = clean(), torch.rand(1, 1, 96, 96, generator=torch.Generator().manual_seed(1))
    y = torch.where(struck < 0.15, 0.0, torch.where(struck > 0.85, 1.0, x))
    ones = torch.ones(1, 1, 96, 96)
    salted = Problem(y, Identity(), NoiseModel("impulse", None, "given"), tuple(x.shape), observed=ones)
    found = answer_within(salted, left=0.1, threads=1)
    assert found.made == "by a quick method"
    assert psnr(found.image.clamp(0, 1), x) > psnr(y, x) + 10
    noisy = case("denoise").problem
    unsure = replace(noisy, noise=NoiseModel("unknown", 0.1, "given"))
    split = make_split(unsure, seed=0)
    assert split.kind == "held-out"
    guess = answer_within(unsure, left=0.1, threads=1, split=split).image.clamp(0, 1)
    hidden = split.score_weight.expand_as(x) > 0
    assert float((guess - x)[hidden].square().mean()) < 0.01  # and no black pixels


def test_a_hole_where_the_speed_would_be_measured_is_no_reason_to_give_up() -> None:
    observed = torch.ones(1, 1, 96, 96)
    observed[..., 14:82, 14:82] = 0
    x = clean()
    noise = NoiseModel("none", None, "none")
    problem = Problem(x * observed, Mask(observed), noise, tuple(x.shape), observed=observed)
    found = answer_within(problem, left=2.0, threads=1)
    assert found.made == "hurried" and torch.isfinite(found.image).all()


def test_an_answer_whose_tiles_come_too_late_is_begun_anew_with_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine tiles: the usual settings need 90 seconds of 40, which may become 60; the shortened ones 48."""
    now, made, heard = [0.0], [], []
    monkeypatch.setattr(timed_answer.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(timed_answer, "affordable", lambda *arguments, **named: DEFAULT)

    def slow(
        problem: Problem, *, settings: PatchSettings, progress: Progress, **named: object
    ) -> torch.Tensor:
        for tile in range(9):
            now[0] += 10.0 * answer_speed.choices(problem)[settings] / answer_speed.OTHERS[0]
            made.append(settings)
            progress(tile + 1, 9)
        return problem.y

    monkeypatch.setattr(timed_answer, "answer", slow)
    problem = case("inpaint").problem
    found = answer_within(problem, left=40.0, threads=1, progress=lambda done, tiles: heard.append(done))
    assert found.made == "hurried" and heard == [1, *range(1, 10)]
    assert made == [DEFAULT, *[SHORTENED] * 9]
    now[0] = 0.0
    made.clear()
    assert answer_within(problem, left=70.0, threads=1).made == "as usual"  # a little late is soon enough
    assert made == [DEFAULT] * 9


@pytest.mark.parametrize("settings", [HURRIED, DEFAULT])
def test_who_is_too_slow_with_any_settings_goes_on(settings: PatchSettings) -> None:
    heard: list[int] = []
    pace = timed_answer._Pace(case("inpaint").problem, settings, 0.0, lambda done, tiles: heard.append(done))
    pace._begun -= 100.0
    pace(1, 9)  # and nothing is raised, for whatever comes instead would be later still
    assert heard == [1]


def holes() -> Problem:
    """Two holes far from the middle, where nothing is missing."""
    x, observed = clean(), torch.ones(1, 1, 96, 96)
    observed[..., 4:32, 6:38] = 0
    observed[..., 70:90, 60:92] = 0
    return Problem(
        x * observed, Mask(observed), NoiseModel("none", None, "none"), tuple(x.shape), observed=observed
    )


def test_the_speed_is_measured_where_something_is_missing() -> None:
    part = answer_speed._probed(holes())
    assert tuple(part.y.shape[-2:]) == (64, 64)
    assert 28 * 32 <= int((part.observed == 0).sum()) <= 28 * 32 + 20 * 32
    assert answer_speed._worked_on(holes()) == 28 * 32 + 20 * 32
    assert answer_speed._worked_on(case("denoise").problem) == 96 * 96


def test_an_answer_is_left_at_what_there_is_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one tile, which no progress is heard of, and with the most thorough settings."""
    now = [0.0]

    def clock() -> float:
        now[0] += 0.5  # whoever looks at it has worked
        return now[0]

    monkeypatch.setattr(timed_answer.time, "perf_counter", clock)
    monkeypatch.setattr(timed_answer, "affordable", lambda *arguments, **named: DEFAULT)
    monkeypatch.setattr(timed_answer, "seconds_of_guess", lambda problem, threads: 1.0)
    problem = holes()
    found = answer_within(problem, left=4.0, threads=1)
    assert found.made == "hurried" and 5 <= now[0] <= 7
    guess, whole = first_guess(problem), answer(problem, settings=DEFAULT)
    assert torch.allclose(found.image * problem.observed, problem.y, atol=1e-6)
    assert not torch.equal(found.image, guess) and not torch.equal(found.image, whole)


def test_passes_that_there_is_no_time_for_are_not_made() -> None:
    for task, least in (("denoise", 2.0), ("inpaint", 8.0)):
        problem = case(task).problem
        asked = [0]

        def over(asked: list[int] = asked) -> bool:
            asked[0] += 1
            return asked[0] > 2

        found = answer(problem, settings=DEFAULT, over=over)
        assert asked[0] <= 5
        assert psnr(found.clamp(0, 1), clean()) > psnr(problem.y.clamp(0, 1), clean()) + least
        assert torch.equal(
            answer(problem, over=lambda: True), first_guess(problem, noise_sigma=problem.noise.sigma or 0.0)
        )


def test_of_an_operator_that_cannot_be_cropped_it_is_known_what_patches_would_have_needed() -> None:
    shape = (1, 1, 32, 32)
    operator = LinearOperator(lambda x: x.flip(-1), lambda y: y.flip(-1), image_shape=shape)
    y = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    problem = Problem(y, operator, NoiseModel("gaussian", 0.1, "given"), shape, observed=torch.ones(shape))
    found = answer_within(problem, left=1e-9, threads=1)
    assert found.made == "by a quick method" and found.usually > 1e-9
