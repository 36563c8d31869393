"""What an interruption, a damaged file or a lack of time leaves is delivered, and nothing of it is taken for more."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import optuna
import pytest
import torch
from optuna.trial import TrialState

from dipsearch.errors import StorageLost
from dipsearch.execution import slowness
from dipsearch.execution.executor import Interrupted, TaskFailed, WorkerSpec
from dipsearch.execution.runner import Asked as Wish
from dipsearch.execution.runner import Runner
from dipsearch.execution.task import Advanced
from dipsearch.network import Genome, Network, OwnNetwork, Scale, load_space
from dipsearch.planning.memory_limit import MemoryLimit
from dipsearch.planning.plan import Plan
from dipsearch.planning.policy import ExpectedGain, Move
from dipsearch.proposal.samplers import make_sampler
from dipsearch.run import Silent, search_time
from dipsearch.run.books import TIME_OVER, Asked, Books
from dipsearch.run.candidate import Candidate
from dipsearch.run.finishing import _with_all_data
from dipsearch.run.run import Run
from dipsearch.run.scheduler import GRACE, Scheduler
from dipsearch.run.search_slices import slice_of
from dipsearch.run.searching import MOST_FRUITLESS, NOT_BEGUN, Search

from ..fitting.test_loop import tiny_genome
from ..trials.test_pilot import run_of, search_of
from .test_racing import advanced, went
from .test_slices import place as place
from .test_slices import run
from .test_study_side import Ear, request

FEW = """
format: dipsearch/space/1
genes: {depth: 1, channels_down: %s}
"""


def test_a_finished_study_without_time_for_more_delivers_what_it_has(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(place)
    first = run(place, asked, Ear())
    monkeypatch.setattr("dipsearch.run.opening.without_time", lambda *args, **kwargs: True)
    ear = Ear()
    again = run(place, request(place, trials=None, budget_seconds=60.0), ear, resume=True)
    assert not ear.plans[0].networks
    assert again.result["trials"] == first.result["trials"]
    assert again.result["best"]["number"] == first.result["best"]["number"]
    assert np.isfinite(again.images[0].numpy()).all()


def test_a_damaged_output_costs_its_candidate_and_no_other(place: Path) -> None:
    asked = request(place)
    first = run(place, asked, Ear())
    (first.folder / "trials" / "0000" / "output.npz").write_bytes(b"PK")
    ear = Ear()
    again = run(place, asked, ear, resume=True)
    assert any(
        "the output of candidate 0 is missing or damaged: delivered without it" in n for n in ear.notes
    )
    assert again.result["best"]["number"] == 1 and np.isfinite(again.images[0].numpy()).all()


def idle_search(folder: Path) -> Search:
    """A search on a small picture without anybody who works."""
    search = search_of(run_of(folder, has_pilot=True))
    runner = SimpleNamespace(seconds=0.0, executor=SimpleNamespace(workers=()), at_work=())
    search.runner = cast(Runner, runner)
    return search


def test_who_asks_to_finish_while_it_delivers_gets_it_soon() -> None:
    said: list[str] = []
    runner = Runner(Path(), ("cat",), 0, cast(Any, SimpleNamespace(workers=())), 0.0, said.append, Wish())
    plan = cast(Plan, SimpleNamespace(deliver_until=None, polishing=5.0))
    searched = SimpleNamespace(
        plan=plan, seconds=0.0, trials=list, request=SimpleNamespace(budget_seconds=None), notes=[], cases=[]
    )
    kept: list[int] = []

    def keep() -> None:
        kept.append(1)
        raise StorageLost("the study was taken over", "nothing had been heard of this process", "wait")

    searched.claim = SimpleNamespace(keep=keep)
    scheduler = Scheduler(cast(Run, searched), runner, Silent())
    runner.deliver(within=GRACE)
    assert scheduler.left() == float("inf")
    runner.asked.by = "Ctrl-C"
    scheduler.heard()
    assert 0 < scheduler.left() <= GRACE and 0 < runner.left() <= GRACE
    assert kept  # a database is told that this process is there, whatever comes of it


def test_a_candidate_without_a_look_does_not_count_where_others_had_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = idle_search(tmp_path)
    candidate = Candidate(0, 0, tiny_genome(), 2000)
    advanced(candidate, 10, went(10, mse=0.01))
    search.candidates[0] = candidate
    noted: list[str] = []
    monkeypatch.setattr(search.books, "note", lambda candidate, reason: noted.append(reason))
    candidate.rests = "its worker died 3 times"
    for others, alone in (([object()], False), ([], True)):
        monkeypatch.setattr("dipsearch.run.searching.ranked", lambda trials, others=others: others)
        search._mark_alone()
        assert candidate.alone is alone
    assert noted == ["its worker died 3 times"]


def test_who_rests_does_so_for_the_reason_that_was_found_first(tmp_path: Path) -> None:
    search = idle_search(tmp_path)
    search.runner.asked, search.runner.say = Wish(), lambda sentence: None
    search.runner.left = lambda: math.inf
    candidate = search.books.ask().candidate
    assert candidate is not None
    search.candidates[candidate.number] = candidate
    advanced(candidate, 10, went(10, mse=0.01))
    why = "its worker died 3 times"
    search._took(slice_of(search.run, candidate), Interrupted(why), 0)
    assert search.deaths == 1
    for found in (Advanced(10, 0, 0.0, 0.0, candidate.pictures), TaskFailed("no room")):  # of its files
        search._took(search._hand_out(candidate, Move(None, 0, "its files are written"), 0.0), found, 0)
        assert search.books.trial(candidate.number).reason == candidate.rests == why
    search.runner.left = lambda: -1.0  # whom the end has cut off no worker was lost with
    candidate.rests = ""
    search._took(slice_of(search.run, candidate), Interrupted("the time is over"), 0)
    assert search.deaths == 1 and candidate.rests == "the time is over"


def test_who_was_to_be_handed_out_again_when_it_was_over_rests(tmp_path: Path) -> None:
    search = idle_search(tmp_path)
    search.policy = ExpectedGain()
    candidate = search.books.ask().candidate
    assert candidate is not None and search._rests

    def cut_off(next_task: Any, took: Any, *, always: bool = False) -> None:
        for one in search.candidates.values():
            one.busy = True  # its worker has died, and nobody heard of it any more

    runner = SimpleNamespace(work=cut_off, checkpoint=lambda: None, asked=Wish(), say=lambda sentence: None)
    search.runner = search.clock.runner = cast(Runner, runner)
    search.work()
    assert search.books.trial(candidate.number).reason == NOT_BEGUN
    assert search.candidates[candidate.number].rests == NOT_BEGUN


def test_proposals_that_are_not_to_be_fitted_are_not_asked_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = idle_search(tmp_path)
    said: list[str] = []
    search.runner.say = said.append
    trial = SimpleNamespace(state="pruned", reason="it is candidate 0 once more")
    monkeypatch.setattr(search.books, "ask", lambda: Asked(0, None))
    monkeypatch.setattr(search.books, "trial", lambda number: trial)
    for _ in range(MOST_FRUITLESS):
        assert search._may_begin(1)
        assert search._new() is None
    assert not search._may_begin(1) and search.failures == 0
    (words,) = said
    assert words.startswith(
        f"no more networks were begun: {MOST_FRUITLESS} proposals in a row were not to be"
    )
    assert words.endswith("fitted, the last one since it is candidate 0 once more")


def test_the_number_that_is_asked_for_is_one_of_candidates_that_are_fitted(tmp_path: Path) -> None:
    search = idle_search(tmp_path)  # which is asked for two
    study, storage = search.run.study, search.run.study._storage
    for _ in range(3):  # of these nothing is fitted
        storage.set_trial_user_attr(study.ask()._trial_id, "reason", "it is candidate 0 once more")
        study.tell(study.trials[-1].number, state=TrialState.PRUNED)
    assert search._may_begin(1)
    cut = study.ask()  # by a pruner, after its first slice
    storage.set_trial_user_attr(cut._trial_id, "fit", {"steps": 50})
    study.tell(cut.number, state=TrialState.PRUNED)
    assert search._may_begin(1)
    assert search.books.ask().candidate is not None
    assert not search._may_begin(1)


def test_who_is_too_large_for_this_machine_rests_on(tmp_path: Path) -> None:
    search, said = idle_search(tmp_path), list[str]()
    search.runner.say = said.append
    begun = search.books.ask().candidate
    assert begun is not None
    search._go_on()
    assert [*search.candidates] == [begun.number]
    search.candidates.clear()
    said.clear()
    limit = MemoryLimit(search.run.settings.image_shape, 10**12, candidate=1)
    search.run.settings = replace(search.run.settings, memory_limit=limit)
    search._go_on()
    (words,) = said
    assert not search.candidates
    assert words.startswith(f"candidate {begun.number} is not gone on with: it is too large for this machine")
    assert len(search.run.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))) == 1


def test_one_slice_that_was_held_up_does_not_end_a_search(tmp_path: Path) -> None:
    search = idle_search(tmp_path)
    search.runner.asked, search.clock.runner, run = Wish(), search.runner, search.run
    run.request = replace(run.request, budget_seconds=100.0)
    run.plan = replace(run.plan, search_until=80.0, deliver_until=90.0)
    search.clock.heard(10**4)  # of one alone nothing follows
    assert run.plan.deliver_until == 90.0
    for _ in range(4):
        search.clock.heard(1.0)
    usual = run.plan
    search.clock.heard(10**4)
    assert run.plan == usual and search.runner.until == usual.deliver_until
    for _ in range(2):
        search.clock.heard(10**4)
    assert run.plan.deliver_until is not None and usual.deliver_until is not None
    assert search.runner.until == run.plan.deliver_until < usual.deliver_until


@pytest.mark.parametrize(
    ("worker", "heard"),
    [
        (WorkerSpec(0, "cpu"), 3.0),
        (WorkerSpec(0, "cuda:0"), 2.0),  # what this process has waited for a processor, beside what it had
        (WorkerSpec(0, "cpu", host="10.0.0.7"), 2.0),
    ],
)
def test_the_delivery_is_planned_anew_whoever_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worker: WorkerSpec, heard: float
) -> None:
    search, scheduled = idle_search(tmp_path), tmp_path / "schedstat"
    search.runner.executor = cast(Any, SimpleNamespace(workers=(worker,)))
    search.runner.asked, search.clock.runner, run = Wish(), search.runner, search.run
    run.request = replace(run.request, budget_seconds=100.0)
    planned: list[float] = []
    monkeypatch.setattr(
        search_time, "replanned", lambda plan, slowness, **more: planned.append(slowness) or plan
    )
    monkeypatch.setattr(slowness, "SCHEDULED", scheduled)
    candidate = search.books.ask().candidate
    assert candidate is not None
    search.candidates[candidate.number] = candidate
    scheduled.write_text("0 0 7")
    search.clock._since = slowness.share()
    for number in range(1, 4):
        task = search._hand_out(candidate, Move(None, 10, ""), 1.0)
        scheduled.write_text(f"{number}000000000 {number}000000000 7")
        step = 10 * number
        search._took(task, Advanced(step, 10, 1.0, 0.0, (went(step, mse=0.01),), slowness=3.0), 0)
    assert planned == [heard]
    scheduled.unlink()
    search.clock.heard(None)
    assert planned == [heard]


@pytest.mark.parametrize(("widths", "networks"), [("8", 1), ("{choice: [8, 16]}", 2)])
def test_a_network_is_not_fitted_a_second_time(tmp_path: Path, widths: str, networks: int) -> None:
    search = idle_search(tmp_path)
    file = tmp_path / "few.yaml"
    file.write_text(FEW % widths)
    space = load_space(file)
    study = search.run.study
    study.sampler = make_sampler("random", space, seed=0)
    books = Books(search.run, space)
    while study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        books.ask()
    asked = [books.ask() for _ in range(networks + 2)]
    assert [one.candidate is not None for one in asked] == [True] * networks + [False] * 2
    found = books.trial(asked[-1].number)
    assert found.state == "pruned" and "once more: nothing else was found in the space" in str(found.reason)
    if networks > 1:  # what is asked for by name is fitted all the same
        study.enqueue_trial(space.flat(cast(Genome, cast(Candidate, asked[0].candidate).network)))
        assert books.ask().candidate is not None


def test_who_is_taken_up_again_in_a_race_tells_all_that_it_showed(tmp_path: Path) -> None:
    search = idle_search(tmp_path)
    candidate = Candidate(0, 0, tiny_genome(), 2000, races=True)
    asked = search._hand_out(candidate, Move(None, 0, "taken up again"), 0.0)
    assert asked.steps == 0 and asked.look == candidate.look
    assert search._hand_out(candidate, Move(None, 7, "first look"), 1.0).steps == candidate.look


def test_the_policy_sees_everybody_who_was_begun(tmp_path: Path) -> None:
    search = idle_search(tmp_path)
    for number in range(20):
        candidate = Candidate(number, number, tiny_genome(), 2000, told=number > 2)
        advanced(candidate, 10, went(10, mse=0.01 / (number + 1)))
        search.candidates[number] = candidate
    search.candidates[20] = Candidate(20, 20, tiny_genome(), 2000, told=True)  # it could not be fitted
    search.candidates[21] = Candidate(21, 21, tiny_genome(), 2000, rests="its worker died 3 times")
    assert [one.number for one in search._situation(1.0).contestants] == list(range(20))


@pytest.mark.parametrize(("steps", "share"), [(50, 0.4), (1000, 0.15)])
def test_members_have_the_time_that_they_need_to_go_on(tmp_path: Path, steps: int, share: float) -> None:
    search = idle_search(tmp_path)
    candidate = Candidate(0, 0, tiny_genome(), 2000)
    advanced(candidate, steps, went(steps, mse=0.01))
    candidate.seconds = 10.0
    search.candidates[0] = candidate
    given: list[Any] = []
    plan = SimpleNamespace(polishing=4.0)  # half of which is to spare
    least = 10 * 20 / steps
    for left in (20.0, least - 1.9, least - 2.1):
        runner = SimpleNamespace(work=lambda next_task, took: given.append(next_task()))
        scheduler = SimpleNamespace(
            search=search, runner=runner, left=lambda left=left: left, run=SimpleNamespace(plan=plan)
        )
        delivery = SimpleNamespace(used={0: 1.0})
        picture = SimpleNamespace(problem=search.run.cases[0].problem)
        _with_all_data(cast(Any, scheduler), cast(Any, [delivery]), cast(Any, [picture]))
    assert given[0].all_data and given[0].seconds == pytest.approx(min(5.0, 2 * 10 * share))
    # In little time it goes on for a while, and in less not at all.
    assert given[1].seconds == pytest.approx(least + 0.1) and given[2] is None


def test_a_damaged_record_of_the_winner_costs_its_recipe_and_no_picture(place: Path) -> None:
    asked = request(place)
    first = run(place, asked, Ear())
    (first.folder / "trials" / f"{first.result['best']['number']:04d}" / "fit.npz").write_bytes(b"PK")
    again = run(place, asked, Ear(), resume=True)
    assert any("there is no best/architecture.yaml" in words for words in again.result["warnings"])
    assert np.isfinite(again.images[0].numpy()).all()


def test_a_disk_that_fails_for_a_moment_ends_the_search_with_a_picture(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dipsearch.run.searching.append_slice", full)
    ear = Ear()
    found = run(place, request(place), ear)
    assert any("the search is over" in note and "No space left" in note for note in ear.notes)
    assert np.isfinite(found.images[0].numpy()).all()


def test_a_good_candidate_whose_last_slice_fails_counts_with_what_it_had_reached(tmp_path: Path) -> None:
    search = idle_search(tmp_path)
    search.runner.asked, said = Wish(), []
    search.runner.say = said.append
    candidate = search.books.ask().candidate
    assert candidate is not None
    search.candidates[candidate.number] = candidate
    advanced(candidate, candidate.look, went(candidate.look, mse=0.01))
    search._took(slice_of(search.run, candidate), TaskFailed("its worker died 3 times"), 0)
    trial = search.books.trial(candidate.number)
    assert trial.state == "complete" and trial.estimated_psnr == pytest.approx(20.0)
    assert "counts with what it had reached" in said[0] and search.failures == 0


def test_who_rested_and_cannot_be_taken_up_counts_with_what_it_had_reached(tmp_path: Path) -> None:
    search = idle_search(tmp_path)
    search.runner.asked, search.runner.say = Wish(), lambda sentence: None
    candidate = search.books.ask().candidate
    assert candidate is not None
    advanced(candidate, candidate.look, went(candidate.look, mse=0.01))
    search.books.note(candidate, reason=TIME_OVER)
    again = Candidate(candidate.number, candidate.key, candidate.network, candidate.max_steps)
    search.candidates[again.number] = again
    search._took(slice_of(search.run, again), TaskFailed("its worker died 3 times"), 0)
    trial = search.books.trial(again.number)
    assert trial.state == "complete" and trial.estimated_psnr == pytest.approx(20.0)
    assert again.told and search.failures == 0


def test_who_has_no_finite_value_does_not_rest(tmp_path: Path) -> None:
    search = idle_search(tmp_path)
    search.policy, search.run.own = ExpectedGain(), replace(search.run.own, metric=lambda x, y, weight: 0.0)
    candidate = search.books.ask().candidate
    assert candidate is not None and search._rests
    advanced(candidate, candidate.look, went(candidate.look, mse=0.01))
    candidate.value = math.inf
    search.candidates[candidate.number] = candidate
    search._tell_all()
    assert search.books.trial(candidate.number).state == "failed"


def test_a_known_network_whose_proposal_was_cut_off_is_tried_all_the_same(tmp_path: Path) -> None:
    search = idle_search(tmp_path)
    search.run.study.enqueue_trial({"depth": 3}, user_attrs={"preset": "known"})
    search.run.study.ask()  # and it is killed before its network is written down
    assert [*search.books.under_way(best=0)] == []
    (again,) = search.run.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    assert again.system_attrs["fixed_params"] == {"depth": 3} and again.user_attrs["preset"] == "known"


def test_networks_of_ones_own_are_made_again_by_their_function(tmp_path: Path) -> None:
    search = idle_search(tmp_path)

    def propose(trial: optuna.Trial) -> torch.nn.Module:
        channels = trial.suggest_int("channels", 4, 64)
        if trial.number == 2 and made:
            raise KeyError("it was changed meanwhile")
        made.append(channels)
        return torch.nn.Conv2d(32, 3 * channels, 1)

    made: list[int] = []
    search.run.own = replace(search.run.own, propose=propose)
    first, second, third = (search.books.ask().candidate for _ in range(3))
    assert first is not None and second is not None and third is None  # the last one was not made
    search.run.study.ask()  # and of this one nothing is known yet
    again = [*search.books.under_way(best=0)]
    assert [one.number for one in again] == [0, 1] and made[2:] == made[:2]
    for ours, theirs in zip((first, second), again, strict=True):
        assert isinstance(ours.network, OwnNetwork) and isinstance(theirs.network, OwnNetwork)
        weights = [network.module.state_dict()["weight"] for network in (ours.network, theirs.network)]
        assert torch.equal(*weights)
    assert search.books.trial(3).state == "pruned"


def test_a_space_that_proposes_what_is_no_genome_costs_that_candidate_and_no_picture(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, calls = Books._network, []

    def invalid_at_times(self: Books, trial: optuna.Trial) -> Network:
        calls.append(trial.number)
        return network(self, trial) if len(calls) % 2 else Genome((Scale(0),))

    monkeypatch.setattr(Books, "_network", invalid_at_times)
    ear = Ear()
    found = run(place, request(place), ear)
    said = "candidates failed: the space made no network: InputError: the gene `channels_down` is 0"
    assert len(calls) > 1 and any(said in words for words in found.result["warnings"])
    assert np.isfinite(found.images[0].numpy()).all()


def test_no_copy_of_the_study_is_made_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searched = run_of(tmp_path, has_pilot=True)
    heard: list[int] = []

    def copied(self: object) -> None:
        raise AssertionError("all trials were copied")

    monkeypatch.setattr(optuna.Study, "trials", property(copied))
    scheduler = Scheduler(searched, cast(Runner, SimpleNamespace(asked=Wish())), Silent())
    searched.study.ask()
    scheduler._call_back(0)
    searched.callbacks = [lambda study, trial: heard.append(trial.number)]
    scheduler._call_back(0)
    assert heard == []  # it is under way, or rests
    searched.study.tell(0, 20.0)
    scheduler._call_back(0)
    assert heard == [0]
