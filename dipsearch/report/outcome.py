"""A ``result.json`` in words, as the console and the page show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .wording import clause, decibels, duration, plural


def result_rows(result: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """A ``result.json`` in words: label and sentence, most important first."""
    best, stack = result.get("best") or {}, result.get("stack") or {}
    members = stack.get("members") or ()
    stopped = f"stopped at iteration {best['step']}" if best.get("step") is not None else None
    candidate = clause(best.get("digest"), _estimated(best), stopped, best.get("ended"))
    rows = (
        (
            "restored",
            f"{_image_words(result['image'])}: {task_words(result['task'])} by {_delivered_words(result)}",
        ),
        ("quality", _quality_words(result)),
        ("best candidate", candidate or "none: no candidate was finished"),
        ("stack", clause(plural(len(members), "candidate"), _estimated(stack)) if members else ""),
        ("baselines", _baseline_words(result.get("baselines") or {})),
        ("candidates", _count_words(result.get("trials") or {})),
        ("time", _time_words(result)),
        *(("note", str(warning)) for warning in result.get("warnings") or ()),
    )
    return tuple((label, sentence) for label, sentence in rows if sentence)


def restored_rows(results: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """What a restoration made, a row for each picture: its name, and file, quality, members and time."""
    return tuple(
        (
            str(result["name"]),
            clause(
                str(result["restored"]),
                f"PSNR {decibels(result['psnr'])}" if result.get("psnr") is not None else _estimated(result),
                plural(int(result["members"]), "network"),
                duration(result.get("seconds")),
            ),
        )
        for result in results
    )


def task_words(task: str) -> str:
    """What was done to the picture, for people."""
    return {"denoise": "denoised", "inpaint": "missing pixels filled in", "sr": "enlarged"}.get(task, task)


def _image_words(image: str | Sequence[str]) -> str:
    return image if isinstance(image, str) else plural(len(image), "picture")


def _delivered_words(result: Mapping[str, Any]) -> str:
    members = (result.get("stack") or {}).get("members") or ()
    words = {
        "best": "the best candidate",
        "stack": f"a stack of {plural(len(members), 'candidate')}",
        "refit": "the best candidate, fitted again to all measurements",
    }
    return words.get(str(result.get("delivered")), "nothing: no candidate was finished")


def _estimated(part: Mapping[str, Any]) -> str | None:
    return f"estimated {decibels(part['score'])}" if part.get("score") is not None else None


def _quality_words(result: Mapping[str, Any]) -> str:
    if not result.get("reference"):
        return "no reference was given, so no PSNR"
    ssim = result.get("delivered_ssim")
    parts = {name: (result.get(name) or {}).get("psnr") for name in ("best", "stack")}
    return clause(
        f"PSNR {decibels(result.get('delivered_psnr'))}",
        f"SSIM {ssim:.4f}" if ssim is not None else None,
        f"best candidate alone {decibels(parts['best'])}" if parts["best"] is not None else None,
        f"stack {decibels(parts['stack'])}" if parts["stack"] is not None else None,
    )


def _baseline_words(baselines: Mapping[str, Mapping[str, Any]]) -> str:
    known = {name: values["psnr"] for name, values in baselines.items() if values["psnr"] is not None}
    return clause(*(f"{name} {decibels(psnr)}" for name, psnr in known.items()))


def _count_words(trials: Mapping[str, int]) -> str:
    return clause(
        *(f"{trials[state]} {state}" for state in ("complete", "pruned", "failed") if state in trials)
    )


def _time_words(result: Mapping[str, Any]) -> str:
    budget = result.get("budget_seconds")
    return clause(
        duration(result.get("seconds")) + (f" of {duration(budget)}" if budget else ""),
        f"on {result['device']}" if result.get("device") else None,
    )
