"""A ``result.json`` in words, as the console and the page show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..delivery.answer_words import (
    answers_of,
    bar_words,
    delivered_words,
    left_as_it_was,
    made_quickly,
    unit_in,
)
from ..problem import together
from .wording import clause, decibels, duration, plural

GAUSSIAN = 0.68
"""Of Gaussian errors so many are within one standard deviation."""

CALIBRATED = 0.1
"""Shares that are off by less are as good as that: errors of pictures are not Gaussian."""


def result_rows(result: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """A ``result.json`` in words: label and sentence, most important first."""
    best, ensemble = result.get("best") or {}, result.get("stack") or {}
    members = ensemble.get("members") or ()
    gate = (result.get("noise") or {}).get("gate") or {}
    stopped = f"stopped at iteration {best['step']}" if best.get("step") is not None else None
    candidate = clause(best.get("digest"), _best_score(result), stopped, best.get("ended"))
    rows = (
        ("restored", restored_words(result)),
        ("quality", _quality_words(result)),
        *_noise_rows(gate),
        ("first answer", bar_words(result)),
        ("best candidate", candidate or "none: no candidate was finished"),
        ("chosen because", best.get("chosen_because") or ""),
        ("finalists", _finalist_words(result)),
        ("ensemble", clause(plural(len(members), "candidate"), _score(ensemble)) if members else ""),
        ("uncertainty", _uncertainty_words(result)),
        ("candidates", _count_words(result.get("trials") or {})),
        ("time", time_words(result)),
        *(("note", str(one)) for one in result.get("warnings") or () if one != gate.get("sentence")),
    )
    return tuple((label, sentence) for label, sentence in rows if sentence)


def restored_rows(results: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """What a restoration made, a row for each picture: its name, and file, quality, members and time.

    Planes of a stack have one file, and one row where they agree.
    """
    files: dict[str, list[str]] = {}
    for result in results:
        files.setdefault(str(result["restored"]), []).append(str(result["name"]))
    stacks = [(Path(file).stem, tuple(names)) for file, names in files.items() if len(names) > 1]
    rows = [
        (
            str(result["name"]),
            clause(
                str(result["restored"]),
                f"PSNR {decibels(result['psnr'])}" if result.get("psnr") is not None else _estimated(result),
                plural(int(result["members"]), "network")
                if _has_networks(result)
                else _without_networks(result),
                duration(result.get("seconds")),
            ),
        )
        for result in results
    ]
    return tuple(together(rows, stacks))


def _has_networks(result: Mapping[str, Any]) -> bool:
    return bool(result["members"]) and result.get("delivered") not in ("first", "unchanged")


def _without_networks(result: Mapping[str, Any]) -> str:
    if result.get("delivered") == "unchanged":
        return "unchanged"
    return "a quick method" if made_quickly(result.get("answers") or ()) else "similar patches alone"


def restored_words(result: Mapping[str, Any]) -> str:
    """Which picture it was, what was done to it, and by what."""
    how = (
        "left as it was, nothing was found to restore"
        if left_as_it_was(result)
        else f"{task_words(result['task'])} by {delivered_by(result)}"
    )
    return f"{image_words(result['image'])}: {how}"


def task_words(task: str) -> str:
    """What was done to the picture, for people."""
    done = {
        "denoise": "denoised",
        "inpaint": "missing pixels filled in",
        "sr": "enlarged",
        "deblur": "deblurred",
        "invert": "restored from its measurement",
    }
    return done.get(task, task)


def image_words(image: str | Sequence[str]) -> str:
    """The name of the picture without the folders that it lay in, or how many pictures there are."""
    return Path(image).name if isinstance(image, str) else plural(len(image), "picture")


def delivered_by(result: Mapping[str, Any]) -> str:
    """What the restored picture consists of."""
    said = {delivered_words(answers) for answers in answers_of(result)}
    return said.pop() if len(said) == 1 else "whatever suits each best"


def _estimated(part: Mapping[str, Any]) -> str | None:
    return f"estimated {decibels(part['score'])}" if part.get("score") is not None else None


def _score(part: Mapping[str, Any]) -> str | None:
    if part.get("at_least") is not None:
        return f"score {part['at_least']:.2f} dB or more"
    return f"score {decibels(part['score'])}" if part.get("score") is not None else None


def _best_score(result: Mapping[str, Any]) -> str | None:
    """The winner's score with its standard error, where it was computed."""
    best = result.get("best") or {}
    row = next((row for row in _finalists(result) if row["number"] == best.get("number")), None)
    if row is None or (row.get("score_error") is None and row.get("at_least") is None):
        return _score(best)
    where = {"second": " on a second split", "whole picture": " on the whole picture"}.get(row["split"], "")
    if row.get("at_least") is not None:
        return f"{_score(row)}{where}"
    return f"score {row['score']:.2f} ± {row['score_error']:.2f} dB{where}"


def _noise_rows(gate: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What the noise gate found, and the numbers that it decided by: each is said after a label and a colon."""
    parts = [str(gate.get(key) or "").partition(": ") for key in ("sentence", "numbers")]
    return tuple((label, sentence) for label, _, sentence in parts)


def _finalist_words(result: Mapping[str, Any]) -> str:
    """How far the other finalists are behind the best one, with standard errors."""
    rows = _finalists(result)
    if len(rows) < 2:
        return ""
    first = rows[0]
    if first.get("at_least") is not None:
        return "their errors are too small to be told, so that the scores only order them"
    behind = [
        f"candidate {row['number']} {first['score'] - row['score']:.2f}"
        + (f" ± {row['standard_error']:.2f} dB" if row.get("standard_error") is not None else " dB")
        for row in rows[1:]
    ]
    judged = {
        "first": "on the search's own split",
        "second": f"scored again on a second split, {plural(first['seeds'], 'fit')} each",
    }.get(first["split"], "on the whole picture")
    return f"behind candidate {first['number']}: {', '.join(behind)}; {judged}"


def _finalists(result: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return result.get("finalists") or ()


def _uncertainty_words(result: Mapping[str, Any]) -> str:
    found = result.get("uncertainty") or {}
    if not found:
        return ""
    ranks, within = found.get("rank_correlation"), found.get("within_one")
    where = " over the restored pixels" if found.get("restored", 1.0) < 1 else ""
    return clause(
        f"{unit_in(result).strength(found['mean'])} on average{where}",
        f"a map in {found['image']}",
        None if ranks is None else f"rank correlation with the true error {ranks:.2f}",
        None if within is None else calibration_words(within),
    )


def calibration_words(within: float) -> str:
    """What the share of true errors within one standard deviation says of an uncertainty."""
    said = f"{100 * within:.0f} % of the true errors are within one deviation (68 % would be expected)"
    if abs(within - GAUSSIAN) < CALIBRATED:
        return said
    return f"{said}: it is too {'cautious' if within > GAUSSIAN else 'sure'}"


def _quality_words(result: Mapping[str, Any]) -> str:
    if not result.get("reference"):
        return "no reference was given, so no PSNR"
    ssim = result.get("delivered_ssim")
    parts = {name: (result.get(name) or {}).get("psnr") for name in ("best", "stack")}
    return clause(
        f"PSNR {decibels(result.get('delivered_psnr'))}{mean_words(result)}",
        f"SSIM {ssim:.4f}" if ssim is not None else None,
        f"the best candidate alone would have {decibels(parts['best'])}"
        if parts["best"] is not None
        else None,
        f"the ensemble {decibels(parts['stack'])}" if parts["stack"] is not None else None,
    )


def mean_words(result: Mapping[str, Any]) -> str:
    """What is said after a number that several pictures have in common."""
    return " on average" if len(result.get("pictures") or ()) > 1 else ""


def _count_words(trials: Mapping[str, int]) -> str:
    return clause(
        *(
            f"{trials[state]} {state}"
            for state in ("complete", "resting", "pruned", "failed")
            if state in trials and (trials[state] or state != "resting")
        )
    )


def time_words(result: Mapping[str, Any]) -> str:
    budget = result.get("budget_seconds")
    return clause(
        duration(result.get("seconds")) + (f" of {duration(budget)}" if budget else ""),
        f"on {result['device']}" if result.get("device") else None,
        f"which was busy {100 * busy:.0f} % of the time" if (busy := result.get("gpu_busy_share")) else None,
    )
