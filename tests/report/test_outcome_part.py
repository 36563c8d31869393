"""A result in words."""

from typing import Any, get_args

from dipsearch.problem import Task
from dipsearch.report import restored_rows, result_rows
from dipsearch.report.outcome_part import task_words

RESULT: dict[str, Any] = {
    "task": "inpaint",
    "image": "cat.png",
    "device": "cpu",
    "budget_seconds": 120.0,
    "seconds": 117.6,
    "trials": {"complete": 2, "pruned": 1, "failed": 0},
    "best": {"digest": "abc", "score": 27.5, "step": 600, "ended": "it rose", "psnr": 27.0, "ssim": 0.81},
    "stack": {"members": [1, 0], "score": 28.0, "psnr": 27.9, "ssim": 0.85},
    "delivered": "stack",
    "delivered_psnr": 27.904,
    "delivered_ssim": 0.85,
    "answers": [
        {"name": "ensemble", "words": "the mean of the best networks", "estimate": 28.0, "share": 1.0}
    ],
    "reference": True,
    "warnings": ["half is missing"],
}


def test_a_result_with_a_reference() -> None:
    assert result_rows(RESULT) == (
        ("restored", "cat.png: missing pixels filled in by the mean of the best networks"),
        (
            "quality",
            "PSNR 27.90 dB, SSIM 0.8500, the best candidate alone would have 27.00 dB, the ensemble 27.90 dB",
        ),
        ("best candidate", "abc, score 27.50 dB, stopped at iteration 600, it rose"),
        ("ensemble", "2 candidates, score 28.00 dB"),
        ("candidates", "2 complete, 1 pruned, 0 failed"),
        ("time", "1 min 58 s of 2 min, on cpu"),
        ("note", "half is missing"),
    )


def test_of_a_gpu_it_is_said_how_busy_it_was() -> None:
    rows = dict(result_rows({**RESULT, "device": "cuda:0", "gpu_busy_share": 0.874}))
    assert rows["time"] == "1 min 58 s of 2 min, on cuda:0, which was busy 87 % of the time"


def test_without_a_reference_no_psnr_is_claimed() -> None:
    blind = {**RESULT, "reference": False, "delivered_psnr": None, "delivered_ssim": None}
    rows = dict(result_rows(blind))
    assert rows["quality"] == "no reference was given, so no PSNR"


def test_several_pictures_are_counted() -> None:
    rows = dict(result_rows({**RESULT, "image": ["a.png", "b.png"], "task": "sr"}))
    assert rows["restored"] == "2 pictures: enlarged by the mean of the best networks"


def test_restored_pictures() -> None:
    result = {
        "name": "cat",
        "restored": "out/cat.png",
        "psnr": None,
        "score": 25.0,
        "members": 1,
        "seconds": 3.25,
    }
    assert restored_rows([result]) == (("cat", "out/cat.png, estimated 25.00 dB, 1 network, 3.2 s"),)
    assert restored_rows([{**result, "psnr": 26.0}])[0][1] == "out/cat.png, PSNR 26.00 dB, 1 network, 3.2 s"


def test_finalists_tell_how_sure_the_choice_is() -> None:
    rows = [
        {
            "number": 7,
            "score": 27.40,
            "standard_error": 0.0,
            "score_error": 0.20,
            "seeds": 3,
            "split": "second",
        },
        {
            "number": 3,
            "score": 27.28,
            "standard_error": 0.15,
            "score_error": 0.21,
            "seeds": 3,
            "split": "second",
        },
    ]
    best = {"digest": "abc", "number": 3, "score": 27.9, "chosen_because": "it is cheaper"}
    words = dict(result_rows({**RESULT, "best": best, "finalists": rows}))
    assert words["best candidate"] == "abc, score 27.28 ± 0.21 dB on a second split"
    assert words["chosen because"] == "it is cheaper"
    assert words["finalists"] == (
        "behind candidate 7: candidate 3 0.12 ± 0.15 dB; scored again on a second split, 3 fits each"
    )
    first = [{**row, "split": "first", "seeds": 1} for row in rows]
    words = dict(result_rows({**RESULT, "best": best, "finalists": first}))
    assert words["best candidate"] == "abc, score 27.28 ± 0.21 dB"
    assert words["finalists"].endswith("; on the search's own split")


def test_uncertainty() -> None:
    words = dict(
        result_rows(
            {
                **RESULT,
                "uncertainty": {"mean": 0.02, "image": "best/uncertainty.png", "rank_correlation": 0.61},
            }
        )
    )
    assert words["uncertainty"] == (
        "5.1 of 255 on average, a map in best/uncertainty.png, rank correlation with the true error 0.61"
    )


def test_an_uncertainty_is_averaged_over_what_was_restored_and_compared_with_the_truth() -> None:
    found = {"mean": 0.08, "restored": 0.07, "image": "best/uncertainty.png", "within_one": 0.91}
    words = dict(result_rows({**RESULT, "uncertainty": found}))["uncertainty"]
    assert words.startswith("20.4 of 255 on average over the restored pixels, ")
    assert words.endswith(
        "91 % of the true errors are within one deviation (68 % would be expected): it is too cautious"
    )
    for within, said in ((0.4, "it is too sure"), (0.7, "expected)")):
        rows = dict(result_rows({**RESULT, "uncertainty": {**found, "within_one": within}}))
        assert rows["uncertainty"].endswith(said)


def test_an_uncertainty_is_in_the_units_of_the_file() -> None:
    found = {"mean": 0.02, "image": "best/uncertainty.png"}
    for white, said in ((4095.0, "81.9 in the file's units"), (1.0, "5.1 of 255"), (255.0, "5.1 of 255")):
        pictures = [{"range": {"black": 0.0, "white": white, "psnr": white}, "answers": RESULT["answers"]}]
        rows = dict(result_rows({**RESULT, "uncertainty": found, "pictures": pictures}))
        assert rows["uncertainty"].startswith(f"{said} on average, ")


def test_what_the_gate_measured_is_said_with_what_it_found() -> None:
    gate = {
        "sentence": "noise: sigma 25.1 of 255, estimated",
        "numbers": "measured of the noise: sigma 25.0; plain 0 %",
    }
    said = [*RESULT["warnings"], gate["sentence"]]
    rows = dict(result_rows({**RESULT, "warnings": said, "noise": {"kind": "gaussian", "gate": gate}}))
    assert rows["note"] == "half is missing"  # and nothing is said twice
    assert rows["noise"] == "sigma 25.1 of 255, estimated"
    assert rows["measured of the noise"] == "sigma 25.0; plain 0 %"
    assert "noise" not in dict(result_rows({**RESULT, "noise": {"kind": "none", "gate": None}}))


def test_of_every_task_it_is_said_what_was_done() -> None:
    done = {task: task_words(task) for task in get_args(Task)}
    assert done["deblur"] == "deblurred" and not {task for task, words in done.items() if words == task}


def test_a_score_that_only_orders_is_no_level() -> None:
    best = {"digest": "abc", "number": 3, "score": 46.8, "at_least": 37.2}
    rows = [
        {"number": number, "score": score, "standard_error": None, "score_error": 4.93, "at_least": bound,
         "seeds": 1, "split": "first"}
        for number, score, bound in ((3, 46.8, 37.21), (1, 38.9, 36.5))
    ]  # fmt: skip
    stack = {"members": [3, 1], "score": None, "at_least": 37.4, "psnr": None, "ssim": None}
    words = dict(result_rows({**RESULT, "best": best, "stack": stack, "finalists": rows}))
    assert words["best candidate"] == "abc, score 37.21 dB or more"
    assert words["ensemble"] == "2 candidates, score 37.40 dB or more"
    assert "dB" not in words["finalists"]
