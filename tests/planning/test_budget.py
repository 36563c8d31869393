"""The plan: what a budget buys, on a machine whose speed is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dipsearch.durations import about, seconds_in
from dipsearch.network import Calibration, Genome, Scale, cost
from dipsearch.planning.affordable import GOOD_STEPS
from dipsearch.planning.budget import (
    LEAST_STEPS,
    POLISHING,
    first_alone,
    least_budget_unmeasured,
    make_plan,
    replanned,
)
from dipsearch.planning.plan import ENDLESS, MAX_STEPS, USUAL_STEPS, Load
from dipsearch.planning.plan_lines import picture_line
from dipsearch.planning.rescoring import NOTHING, RESCORING_SHARE, Rescoring

# A core that makes 20 billion multiply-adds of the forward pass a second, and nothing else costs anything.
SLOW = Calibration("cpu", 0.0, 0.0, 1 / 20e9, 0.0, 0.0)


def network(width: int) -> Genome:
    return replace(Genome(), scales=(Scale(width, width),) * 5)


def load(**changes: object) -> Load:
    standard = Load(
        task="inpaint",
        shapes=[(1, 3, 128, 128)],
        starters=[("middle", network(48)), ("narrow", network(16))],
        published=[("wide", network(128))],
        sample=network(8),
        calibration=SLOW,
        spent=5.0,
    )
    return replace(standard, **changes)


CPUS = ("cpu", "cpu")


def test_everything_ends_within_the_budget() -> None:
    plan = make_plan(load(), devices=CPUS, budget=240, trials=None)
    assert plan.search_until is not None
    assert plan.deliver_until is not None
    assert 0.8 * 240 < plan.search_until < plan.deliver_until < 240


def test_time_is_kept_back_for_the_first_answer_and_for_polishing() -> None:
    plain = make_plan(load(), devices=CPUS, budget=240, trials=None)
    plan = make_plan(load(patch_seconds=20.0, has_pilot=True), devices=CPUS, budget=240, trials=None)
    assert plan.search_until is not None
    assert plain.search_until is not None
    assert plan.polishing == pytest.approx(POLISHING * 20.0)
    assert plan.search_until == pytest.approx(plain.search_until - plan.polishing)


@pytest.mark.parametrize(("side", "crop"), [(128, None), (1024, 256)])
def test_what_is_kept_for_the_output_follows_how_slow_the_machine_is_now(side: int, crop: int | None) -> None:
    before = load(
        shapes=[(1, 3, side, side)], searched_on=crop, patch_seconds=2.0, has_pilot=True, slowness=3.0
    )
    plan = make_plan(before, devices=CPUS, budget=2400, trials=None)
    assert plan.crop == crop
    again = replanned(plan, budget=2400, pixels=side**2, slowness=3.0)
    assert again.deliver_until == plan.deliver_until and again.search_until == plan.search_until
    quick = replanned(plan, budget=2400, pixels=side**2, slowness=1.0)
    fresh = make_plan(replace(before, slowness=1.0), devices=CPUS, budget=2400, trials=None)
    assert quick.deliver_until == fresh.deliver_until
    assert quick.search_until == pytest.approx(fresh.search_until)
    assert quick.rescore_until == pytest.approx(fresh.rescore_until)


def test_a_plan_without_a_clock_or_without_networks_stays() -> None:
    untimed = make_plan(load(), devices=CPUS, budget=None, trials=3)
    assert replanned(untimed, budget=60, pixels=128**2, slowness=9.0) is untimed
    short = make_plan(load(patch_seconds=4.0, has_pilot=True), devices=CPUS, budget=12, trials=None)
    assert replanned(short, budget=12, pixels=128**2, slowness=9.0) is short


def test_without_time_for_a_network_the_first_answer_is_all() -> None:
    plan = make_plan(load(patch_seconds=4.0, has_pilot=True), devices=CPUS, budget=12, trials=None)
    assert not plan.networks
    said = " ".join(sentence for _, sentence in plan.lines)
    assert "no time for a network" in said
    assert "-" not in said.replace("-pixel", "").replace("--budget", "")
    # Without a first answer there has to be a network, however little time it has.
    assert make_plan(load(), devices=CPUS, budget=12, trials=None).networks


def test_a_study_to_be_resumed_keeps_its_crop_where_there_is_only_time_to_deliver() -> None:
    asked = load(shapes=[(1, 3, 512, 512)], patch_seconds=4.0, has_pilot=True, searched_on=128, no_time=True)
    plan = make_plan(asked, devices=CPUS, budget=600, trials=None)
    assert not plan.networks and plan.crop == 128 and plan.seconds_per_step > 0
    assert make_plan(replace(asked, no_time=False), devices=CPUS, budget=600, trials=None).networks


def test_a_network_that_is_too_slow_for_the_budget_is_named_and_left_out() -> None:
    plan = make_plan(load(), devices=CPUS, budget=100, trials=None)
    assert plan.left_out == ("wide",)
    assert [name for name, _ in plan.queue] == ["middle", "narrow"]
    assert dict(plan.lines)["too slow for this budget"] == "wide"


def test_a_lighter_network_comes_first_where_a_heavier_one_makes_too_few_steps() -> None:
    tight = make_plan(load(), devices=CPUS, budget=30, trials=None)
    assert tight.affordable_seconds is not None
    seconds = cost(network(48), image_shape=(1, 3, 128, 128), calibration=SLOW).seconds_per_step
    assert seconds is not None
    assert LEAST_STEPS < tight.affordable_seconds / seconds < GOOD_STEPS
    assert [name for name, _ in tight.queue] == ["narrow", "middle"]


def test_a_roomy_budget_tries_the_published_networks_first_and_is_patient() -> None:
    plan = make_plan(load(), devices=CPUS, budget=24 * 3600, trials=None)
    assert [name for name, _ in plan.queue] == ["wide", "middle", "narrow"]
    assert plan.patience == 300


def test_a_candidate_has_time_for_enough_steps_wherever_the_budget_allows_it() -> None:
    plan = make_plan(load(), devices=CPUS, budget=600, trials=None)
    assert plan.affordable_seconds is not None
    assert plan.affordable_seconds / plan.seconds_per_step >= LEAST_STEPS
    assert plan.usual_steps >= LEAST_STEPS
    assert plan.usual_steps <= USUAL_STEPS


def test_a_large_picture_is_searched_on_a_crop() -> None:
    plan = make_plan(load(shapes=[(1, 3, 1024, 1536)]), devices=CPUS, budget=200, trials=None)
    assert plan.crop is not None
    assert 96 <= plan.crop <= 512
    assert "crop" in dict(plan.lines)["searched on"]
    assert plan.search_until is not None
    assert plan.search_until < 130  # the rest is for the whole picture


def test_with_a_clock_a_fit_ends_by_its_rule_and_without_one_by_a_number() -> None:
    timed = make_plan(load(), devices=CPUS, budget=240, trials=None)
    assert timed.max_steps == ENDLESS
    assert timed.usual_steps <= USUAL_STEPS
    assert (
        make_plan(load(calibration=None), devices=CPUS, budget=None, trials=6).max_steps
        == MAX_STEPS["inpaint"]
    )
    for budget, trials in ((240, None), (None, 6)):
        asked = make_plan(load(max_steps=700), devices=CPUS, budget=budget, trials=trials)
        assert asked.max_steps == 700


def test_a_small_picture_is_searched_whole() -> None:
    assert make_plan(load(), devices=CPUS, budget=240, trials=None).crop is None


def test_a_number_of_trials_does_not_depend_on_the_machine() -> None:
    first = make_plan(load(calibration=None, spent=1.0), devices=("cpu",), budget=None, trials=6)
    second = make_plan(load(calibration=None, spent=9.0), devices=("cpu",), budget=None, trials=6)
    assert first == second
    assert first.affordable_seconds is None
    assert first.search_until is None
    assert first.trials == 6


def test_without_a_clock_heavy_networks_wait_behind_light_ones_on_a_cpu_only() -> None:
    on_cpu = make_plan(load(calibration=None), devices=("cpu",), budget=None, trials=6)
    on_gpu = make_plan(load(calibration=None), devices=("cuda:0",), budget=None, trials=6)
    assert [name for name, _ in on_cpu.queue] == ["middle", "narrow", "wide"]
    assert [name for name, _ in on_gpu.queue] == ["wide", "middle", "narrow"]


@pytest.mark.parametrize("budget", [10, 60, 600])
def test_the_plan_speaks(budget: int) -> None:
    lines = dict(make_plan(load(), devices=CPUS, budget=budget, trials=None).lines)
    assert lines["picture"] == "128×128, 3 channels"
    assert f"{budget} s in all" in lines["time"]


def test_a_resumed_study_stays_on_the_crop_that_it_was_begun_on() -> None:
    for searched_on in (None, 128):
        again = load(shapes=[(1, 3, 1024, 1536)], searched_on=searched_on)
        for budget, trials in ((300, None), (24 * 3600, None), (None, 4)):
            assert make_plan(again, devices=CPUS, budget=budget, trials=trials).crop == searched_on


def test_a_crop_for_super_resolution_has_enough_measured_pixels() -> None:
    plan = make_plan(
        load(task="sr", shapes=[(1, 3, 2048, 2048)], factor=8), devices=CPUS, budget=100, trials=None
    )
    assert plan.crop == 96 * 8


def test_a_tiny_picture_is_never_cropped() -> None:
    for side in (9, 24, 70, 100):
        plan = make_plan(load(shapes=[(1, 3, side, side)]), devices=CPUS, budget=6, trials=None)
        assert plan.crop is None


def test_a_small_budget_gives_up_nothing_for_finalists_and_says_what_they_would_need() -> None:
    plan = make_plan(load(), devices=CPUS, budget=60, trials=None)
    assert plan.rescoring == NOTHING
    assert plan.search_until is not None
    assert plan.search_until > 0.8 * 60
    words = dict(plan.lines)["finalists"]
    assert words.startswith("not scored again on a second split, that would need 3 × ")
    assert "it begins at a budget of about" in words


def test_a_large_budget_gives_finalists_a_fifth_at_the_most() -> None:
    plan = make_plan(load(), devices=CPUS, budget=3600, trials=None)
    assert plan.rescoring == Rescoring(5, 3)
    assert plan.search_until is not None
    assert plan.rescore_until is not None
    assert 0 < plan.rescore_until - plan.search_until <= (RESCORING_SHARE + 0.03) * 3600
    assert dict(plan.lines)["finalists"] == "the best 5 are scored again on a second split, 3 seeds each"


@pytest.mark.parametrize(
    ("trials", "wished"), [(6, NOTHING), (16, Rescoring(3, 1)), (36, Rescoring(3, 3)), (60, Rescoring(5, 3))]
)
def test_of_a_number_of_trials_a_fifth_more_is_fitted(trials: int, wished: Rescoring) -> None:
    plan = make_plan(load(calibration=None), devices=CPUS, budget=None, trials=trials)
    assert plan.rescoring == wished


def test_after_a_search_on_a_crop_the_whole_picture_is_the_second_opinion() -> None:
    plan = make_plan(load(shapes=[(1, 3, 1024, 1536)]), devices=CPUS, budget=200, trials=None)
    assert plan.rescoring == NOTHING
    assert dict(plan.lines)["finalists"] == "the best are judged again on the whole picture"


def test_a_crop_is_small_enough_for_six_fits() -> None:
    large = load(shapes=[(1, 3, 2048, 2048)])
    plan = make_plan(large, devices=CPUS, budget=600, trials=None)
    assert plan.crop is not None and plan.search_until is not None
    available = (plan.search_until - large.spent) * len(CPUS)

    def fits(side: int) -> float:
        step = cost(network(48), image_shape=(1, 3, side, side), calibration=SLOW).seconds_per_step
        assert step is not None
        return available / (step * LEAST_STEPS)

    assert fits(plan.crop) >= 6 > fits(plan.crop + 32)  # sides are multiples of 32


def test_a_grey_picture_has_one_channel() -> None:
    grey, many = (1, 1, 96, 96), [(1, 3, 64, 128)] * 5
    assert picture_line([grey]) == ("picture", "96×96, 1 channel")
    assert picture_line(many) == ("picture", "128×64, 128×64, 128×64 and 2 more, 3 channels")


@pytest.mark.parametrize("side", [96, 128, 256, 512])
def test_where_there_is_no_time_for_a_network_it_is_said_how_much_one_needs(side: int) -> None:
    some = load(shapes=[(1, 3, side, side)], patch_seconds=1.0, has_pilot=True)
    none = make_plan(some, devices=CPUS, budget=9, trials=None)
    assert not none.networks and none.networks_from is not None
    needed = about(none.networks_from)
    assert dict(none.lines)["time"].endswith(f"; networks need --budget {needed}")
    assert seconds_in(needed) == none.networks_from > 9  # it is said as it is
    assert make_plan(some, devices=CPUS, budget=none.networks_from, trials=None).networks
    slower = replace(some, calibration=SLOW.slower(2), spent=2 * some.spent, patch_seconds=2.0, slowness=2.0)
    there = make_plan(slower, devices=CPUS, budget=none.networks_from, trials=None)
    assert there.networks and there.networks_from is None
    assert not make_plan(some, devices=CPUS, budget=none.networks_from / 6, trials=None).networks


def test_what_networks_need_is_said_where_nothing_was_measured_too() -> None:
    shapes = [(1, 3, 96, 144)]
    enough = least_budget_unmeasured(6.0, shapes, searched=shapes, slowness=1.0)
    assert enough == 60  # 6 s, 13.8 of a fit and 7.1 of patches, twice
    assert least_budget_unmeasured(6.0, shapes, searched=shapes, slowness=3.0) == 180
    plan = first_alone(5, shapes, devices=CPUS, networks_from=enough)
    assert dict(plan.lines)["time"].endswith("the first answer is delivered; networks need --budget 60s")
