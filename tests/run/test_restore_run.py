"""Restoring with known networks: first answer, fits, polishing and the choice, as a search makes them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from dipsearch.delivery.first_answers import FirstAnswer, make_first_answers
from dipsearch.errors import InputError
from dipsearch.execution.runner import Runner
from dipsearch.execution.slowness import share
from dipsearch.fitting import Compute, Langevin
from dipsearch.network import Genome, Scale
from dipsearch.problem import TaskOptions, load_case, psnr, read_image, write_image
from dipsearch.report import restored_rows
from dipsearch.run import Silent, run_restore, run_sampling
from dipsearch.run.one_by_one import Turn
from dipsearch.run.restoration import Restoration
from dipsearch.run.restore_run import genomes_of
from dipsearch.run.restorer import Restorer
from dipsearch.yaml_files import dump_yaml

PLAIN = Genome((Scale(8, 8),) * 2, upsampling="nearest", input_channels=4)
PILOTED = replace(PLAIN, input_kind="pilot", pilot_scale=1.0)
OPTIONS = TaskOptions("denoise", sigma=25, simulate=True)


class Ear(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


@pytest.fixture
def ensemble(tmp_path: Path) -> Path:
    """The folder of a study whose ensemble has two networks, one with a pilot in its input."""
    members = [
        {"number": n, "weight": 0.5, "genome": genome.to_nested()}
        for n, genome in enumerate((PLAIN, PILOTED))
    ]
    (tmp_path / "study" / "best").mkdir(parents=True)
    content = {"format": "dipsearch/stack/1", "pictures": {"other": members}}
    (tmp_path / "study" / "best" / "stack.yaml").write_text(dump_yaml(content))
    return tmp_path / "study"


def restored(target: Path | str, out: Path, *, budget: float | None, ear: Ear, **more: Any) -> dict[str, Any]:
    (result,) = run_restore(
        target,
        ["sample:coffee@32"],
        OPTIONS,
        out=out,
        device="cpu",
        workers=1,
        seed=0,
        budget_seconds=budget,
        callback=ear,
        **more,
    ).rows
    return result


def test_networks_with_and_without_a_pilot_are_fitted_and_all_answers_are_weighed(
    ensemble: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dipsearch.run.restorer.MAX_STEPS", {"denoise": 60})
    ear = Ear()
    result = restored(ensemble, tmp_path / "out", budget=None, ear=ear)
    assert set(result) == {
        *("name", "source", "restored", "delivered", "score", "psnr", "ssim", "members", "answers"),
        *("seconds", "interrupted", "reference"),
    }
    answers = {row["name"]: row for row in result["answers"]}  # type: ignore[attr-defined]
    assert {"first", "best", "polished"} <= set(answers)
    assert sum(row["share"] for row in answers.values()) == pytest.approx(1, abs=1e-3)
    assert result["delivered"] in {"first", "polished", "combined"}
    assert result["members"] in (1, 2)
    assert answers["first"]["seconds"] < answers["best"]["seconds"] <= answers["polished"]["seconds"]
    delivered = answers[str(result["delivered"])]
    assert result["score"] == delivered["estimate"]  # None where there is but a bound
    assert all((row["estimate"] is None) != (row["at_least"] is None) for row in answers.values())
    image, clean = (read_image(str(file)).pixels for file in (result["restored"], "sample:coffee@32"))
    assert psnr(image, clean) == pytest.approx(result["psnr"], abs=0.05)
    assert float(result["psnr"]) > answers["first"]["psnr"] - 0.5  # type: ignore[arg-type]
    (said,) = [note for note in ear.notes if "first answer" in note]
    assert said.startswith("first answer, by similar patches, after ") and " dB" not in said
    assert not [note for note in ear.notes if note.startswith("worker")]


def test_who_asks_to_finish_hears_at_once_what_is_still_done(tmp_path: Path) -> None:
    problem = load_case("sample:coffee@32", OPTIONS, seed=0).problem
    for phase, said in (
        (
            "restoring",
            "Ctrl-C: no more fits; delivering what there is takes about 3 s (once more: stop at once)",
        ),
        (
            "similar patches",
            "Ctrl-C: no fits; the first answer is finished and delivered (once more: stop at once)",
        ),
    ):
        ear, executor = Ear(), cast(Any, SimpleNamespace(workers=()))
        runner = Runner(tmp_path, ("coffee",), 0, executor, time.monotonic(), ear.note)
        restoration = Restoration(runner, ear, [PLAIN], [problem], 20, phase=phase)
        restoration.heard()
        assert not ear.notes
        runner.asked.by = "Ctrl-C"
        restoration.heard()
        restoration.heard()
        assert ear.notes == [said]


def test_what_is_said_of_one_of_several_pictures_names_it(ensemble: Path, tmp_path: Path) -> None:
    ear = Ear()
    run_restore(
        ensemble,
        ["sample:coffee@32", "sample:cat@32"],
        OPTIONS,
        out=tmp_path / "out",
        device="cpu",
        workers=1,
        seed=0,
        budget_seconds=0.5,
        callback=ear,
        started=time.monotonic() - 0.5,
    )
    said = [note for note in ear.notes if "noise: sigma 25" in note]
    assert [note.partition(":")[0] for note in said] == ["coffee-32", "cat-32"]


def test_where_a_worker_could_not_begin_in_time_none_is_started(
    ensemble: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dipsearch.run.restorer.LocalProcesses", None)
    ear, begun = Ear(), time.monotonic() - 6
    result = restored(ensemble, tmp_path / "out", budget=10, ear=ear, started=begun)
    assert (result["delivered"], result["members"]) == ("first", 0)
    assert [row["name"] for row in result["answers"]] == ["first"] and result["score"] is None
    assert result["psnr"] > 22
    assert "there is no time for networks: the first answer is delivered; give a larger --budget" in ear.notes
    (row,) = restored_rows([result])
    assert any(words in row[1] for words in ("similar patches alone", "a quick method"))


def test_where_bf16_is_not_to_be_had_that_is_said(
    ensemble: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dipsearch.fitting.precision.multiplies_blocks", lambda: False)
    ear, sampled = Ear(), Ear()
    asked: dict[str, Any] = {"device": "cpu", "seed": 0, "compute": Compute(precision="bf16")}
    sources = ["sample:coffee@32"]
    run_restore(
        ensemble, sources, OPTIONS, out=tmp_path / "a", workers=1, budget_seconds=0.5, callback=ear, **asked
    )
    short = Langevin(burn_in=5, every=5, steps=10)
    network = "dipsearch_nearest_16"
    run_sampling(
        network,
        sources,
        OPTIONS,
        out=tmp_path / "b",
        langevin=short,
        budget_seconds=None,
        callback=sampled,
        **asked,
    )
    for one in (ear, sampled):
        assert [note for note in one.notes if "bf16" in note] == [
            "bf16 needs a processor with AMX, and this one has none: fp32 is used"
        ]


def test_when_there_is_no_time_for_a_fit_the_first_answer_is_delivered(
    ensemble: Path, tmp_path: Path
) -> None:
    result = restored(ensemble, tmp_path / "out", budget=0.5, ear=Ear())
    assert (result["delivered"], result["members"]) == ("first", 0)
    assert [row["name"] for row in result["answers"]] == ["first"]  # type: ignore[attr-defined]
    assert float(result["psnr"]) > 22  # type: ignore[arg-type]
    (row,) = restored_rows([result])
    # On a busy machine there is not even time for similar patches.
    assert any(words in row[1] for words in ("similar patches alone", "a quick method"))


def test_where_similar_patches_have_to_hurry_no_network_is_fitted_and_that_is_said(
    ensemble: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hurried(runner: Runner, *, limited: bool) -> dict[str, FirstAnswer]:
        assert limited
        firsts = make_first_answers(runner)
        runner.done = {
            file: (task, replace(done, made="hurried")) for file, (task, done) in runner.done.items()
        }
        return firsts

    monkeypatch.setattr("dipsearch.run.restoration.make_first_answers", hurried)
    ear = Ear()
    result = restored(ensemble, tmp_path / "out", budget=30, ear=ear)
    assert (result["delivered"], result["members"]) == ("first", 0)
    assert [note for note in ear.notes if "less thorough, and none for networks" in note]


def test_a_restoration_that_was_ended_early_says_so(
    ensemble: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "SIGTERM: finished early, with what there was by then"
    monkeypatch.setattr("dipsearch.run.restorer.MAX_STEPS", {"denoise": 20})
    ear = Ear()
    assert restored(ensemble, tmp_path / "out", budget=None, ear=ear)["interrupted"] is False
    assert said not in ear.notes

    def asked(runner: Runner, *, limited: bool) -> dict[str, FirstAnswer]:
        firsts = make_first_answers(runner, limited=limited)
        runner.asked.by = "SIGTERM"
        return firsts

    monkeypatch.setattr("dipsearch.run.restoration.make_first_answers", asked)
    result = restored(ensemble, tmp_path / "out", budget=None, ear=ear)
    assert (result["interrupted"], result["members"]) == (True, 0)
    assert ear.notes.count(said) == 1


def test_the_precision_is_a_part_of_what_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def heard(*given: object, request: str, **more: object) -> SimpleNamespace:
        asked.append(request)
        return SimpleNamespace(run=lambda work: None)

    monkeypatch.setattr("dipsearch.run.restore_run.OneByOne", heard)
    monkeypatch.setattr("dipsearch.run.posterior.OneByOne", heard)
    for precision in ("fp32", "bf16"):
        more: dict[str, Any] = {"out": tmp_path / "out", "device": "cpu", "seed": 0, "budget_seconds": None}
        more |= {"callback": Silent(), "compute": Compute(precision=precision)}
        sources = ["sample:coffee@32"]
        run_restore("dipsearch_nearest_16", sources, OPTIONS, workers=1, **more)
        run_sampling("dipsearch_nearest_16", sources, OPTIONS, langevin=Langevin(), **more)
    assert len(set(asked)) == 4


def test_the_wait_for_workers_is_no_slowness_of_the_next_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not say for what a thread waited, all of its waiting counts."""
    monkeypatch.setattr("dipsearch.run.restorer.MAX_STEPS", {"denoise": 20})
    case, begun = load_case("sample:coffee@32", OPTIONS, seed=0), share()
    with Restorer([PLAIN], ["cpu"], 0, Silent(), since=begun) as restorer:
        restorer.restore([case], ["coffee"], Turn(time.monotonic(), None, None))
        assert restorer.since is not None and restorer.since.worked > begun.worked


def test_a_worker_takes_as_long_to_begin_as_all_before_the_first_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the first turns had nothing to restore."""
    monkeypatch.setattr("dipsearch.run.restorer.LocalProcesses", None)
    case, now = load_case("sample:coffee@32", OPTIONS, seed=0), time.monotonic()
    with Restorer([PLAIN], ["cpu"], 0, Silent()) as restorer:
        ((choice, delivery),) = restorer.restore([case], ["coffee"], Turn(now, 4.0, 4.0, before=6.0))
    assert (choice.chosen, delivery) == ("first", None)


def test_a_picture_of_which_nothing_says_what_is_missing_is_not_restored(tmp_path: Path) -> None:
    write_image(tmp_path / "plain.png", torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    with pytest.raises(InputError, match=r"--mask, by transparency.*--missing 50 or --simulate"):
        run_restore(
            "dipsearch_nearest_16",
            [str(tmp_path / "plain.png")],
            TaskOptions("inpaint"),
            out=tmp_path / "restored",
            device="cpu",
            workers=1,
            seed=0,
            budget_seconds=None,
            callback=Silent(),
        )
    assert not (tmp_path / "restored").exists()


def test_a_study_that_delivered_without_a_network_says_so(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(InputError, match=r"none was fitted to its end; .*result.json warns why"):
        genomes_of(tmp_path)
    (tmp_path / "result.json").unlink()
    with pytest.raises(InputError, match="once it has delivered"):
        genomes_of(tmp_path)


def test_networks_that_no_learnt_weights_fit_begin_cold_and_that_is_said_once(
    ensemble: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dipsearch.run.restorer.MAX_STEPS", {"denoise": 20})
    ear = Ear()
    restored(ensemble, tmp_path / "out", budget=None, ear=ear, start="warm")
    assert [note for note in ear.notes if "no learnt weights fit" in note] == [
        note for note in ear.notes if "begins cold" in note
    ]
    assert len([note for note in ear.notes if "begins cold" in note]) == 1  # two, of the same words
    case, ear = load_case("sample:coffee@32", OPTIONS, seed=0), Ear()
    with Restorer([PLAIN], ["cpu"], 0, ear, start="warm") as restorer:
        for name in ("a", "b"):
            restorer.restore([case], [name], Turn(time.monotonic(), None, None, several=True))
    assert len([note for note in ear.notes if "begins cold" in note]) == 1


def test_that_there_is_no_time_for_networks_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dipsearch.run.restorer.LocalProcesses", None)
    case, ear = load_case("sample:coffee@32", OPTIONS, seed=0), Ear()
    with Restorer([PLAIN], ["cpu"], 0, ear) as restorer:
        for name in ("a", "b"):
            now = time.monotonic()
            restorer.restore([case], [name], Turn(now, 4.0, 4.0, several=True, before=6.0))
    assert len([note for note in ear.notes if "no time for networks: " in note]) == 1
