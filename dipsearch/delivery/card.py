"""The card: a page in Markdown that says what a result is, for whoever finds the folder later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..trials.trial import Trial
from .answer_words import bar_words, delivered_words, level_words, unit_in
from .finalists import FIRST, SECOND


def card(result: Mapping[str, Any], winner: Trial | None) -> str:
    """The card of a ``result.json``.

    Args:
        result: its content.
        winner: the candidate that was chosen; ``None`` where nothing was fitted.
    """
    images = result["image"] if isinstance(result["image"], list) else [result["image"]]
    of = f" of the first picture, {images[0]}" if len(images) > 1 else ""
    lines = [
        f"# {result['task']}: {', '.join(images)}",
        "",
        f"Delivered{of} is {delivered_words(result['answers'])}, after {result['seconds']:.0f} s on "
        f"{result['workers']} × {result['device']}.",
        *_bar(result),
        "",
        "| | share | estimated PSNR without a reference | difference to the best | PSNR against the reference |",
        "|---|---|---|---|---|",
        *_answers(result["answers"]),
        *([] if winner is None else _architecture(result["best"], winner)),
        *_finalists(result),
        *_uncertainty(result),
        "",
        f"Candidates: {result['trials']['complete']} complete, {result['trials'].get('resting', 0)} resting, "
        f"{result['trials']['pruned']} given up early, {result['trials']['failed']} failed. "
        f"Space {result['space']}, sampler {result['sampler']}, seed {result['seed']}, dipsearch {result['version']}.",
    ]
    if result["warnings"]:
        lines += ["", "Worth knowing:", "", *(f"- {warning}" for warning in result["warnings"])]
    return "\n".join(lines) + "\n"


def _bar(result: Mapping[str, Any]) -> list[str]:
    """What similar patches reached alone, and what networks added."""
    said = bar_words(result)
    return ["", f"{said[0].upper()}{said[1:]}."] if said else []


def _answers(answers: Sequence[Mapping[str, Any]]) -> list[str]:
    """The lines of the table; errors are those of the difference to the best."""
    best = max((a["estimate"] for a in answers if a["estimate"] is not None), default=None)
    lines = []
    for answer in answers:
        estimate, share = answer["estimate"], answer["share"]
        behind = None if estimate is None or best is None or estimate == best else estimate - best
        lines.append(
            f"| {answer['words']} | {f'{100 * share:.0f} %' if share else ''} | {level_words([answer]) or '–'} | "
            f"{'' if behind is None else _cell(behind, answer['standard_error'])} | {_cell(answer['psnr'])} |"
        )
    return lines


def _architecture(best: Mapping[str, Any], winner: Trial) -> list[str]:
    label = winner.genome.label if winner.genome else "?"
    ended = f": {best['ended']}" if best["ended"] else ""
    return [
        "",
        f"The architecture: {label} (genome {best['digest']}), stopped at iteration {best['step']}{ended}. "
        f"It was chosen because {best['chosen_because']}.",
    ]


def _finalists(result: Mapping[str, Any]) -> list[str]:
    rows = result["finalists"]
    if not rows:
        return []
    seeds = "one fit" if rows[0]["seeds"] == 1 else f"{rows[0]['seeds']} fits"
    judged = {
        FIRST: "on the split that the search used: the best of many scores, so the first is flattered",
        SECOND: f"on a second split that the search never saw, {seeds} each",
    }.get(rows[0]["split"], "on the whole picture, of which the search saw a crop")
    return [
        "",
        f"The finalists, judged {judged}. Errors are standard errors, from a paired bootstrap over blocks of pixels.",
        "",
        "| candidate | estimated PSNR | difference to the best |",
        "|---|---|---|",
        *(
            f"| {row['number']} | {_level(row) or _cell(row['score'], row['score_error'])} | "
            + (
                _cell(row["score"] - rows[0]["score"], row["standard_error"])
                if index and not _level(row)
                else ""
            )
            + " |"
            for index, row in enumerate(rows)
        ),
    ]


def _level(row: Mapping[str, Any]) -> str:
    """The bound of a score that only orders; empty for others."""
    return "" if row.get("at_least") is None else f"{row['at_least']:.2f} dB or more"


def _uncertainty(result: Mapping[str, Any]) -> list[str]:
    found = result["uncertainty"]
    if not found:
        return []
    unit = unit_in(result)
    where = "" if found.get("restored", 1.0) == 1 else " over the restored pixels"
    line = (
        f"How far each pixel may be off is in {found['file']} (standard deviations, {unit.strength(found['mean'])} "
        f"on average{where}); in {found['image']} white stands for {unit.strength(found['white'])}."
    )
    if found["rank_correlation"] is not None:
        line += (
            f" Compared with the reference: rank correlation {found['rank_correlation']:.2f}, "
            f"{100 * found['within_one']:.0f} % of the errors within one and {100 * found['within_two']:.0f} % within "
            "two standard deviations."
        )
    return ["", line]


def _cell(value: float | None, error: float | None = None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f} dB" if error is None else f"{value:.2f} ± {error:.2f} dB"
