"""The card: a page in Markdown that says what a result is, for whoever finds the folder later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .evaluation import Evaluation
from .finalists import FIRST, SECOND


def _blended(result: Mapping[str, Any]) -> str:
    blend = result["blend"]
    return f" with {100 * blend['share']:.0f} % of {blend['name']}" if blend else ""


_DELIVERED = {
    "best": "best candidate",
    "stack": "stack",
    "refit": "refit of its members to all of the measurement",
    "stacks": "mean of what two splits of the measurement led to",
}


def card(result: Mapping[str, Any], winner: Evaluation) -> str:
    """The card of a ``result.json``.

    Args:
        result: its content.
        winner: the candidate that was chosen.
    """
    best, stack = result["best"], result["stack"]
    label = winner.genome.label if winner.genome else "?"
    lines = [
        f"# {result['task']}: {result['image']}",
        "",
        f"Delivered: the {_DELIVERED[result['delivered']]}{_blended(result)}, after {result['seconds']:.0f} s on "
        f"{result['workers']} × {result['device']}.",
        "",
        "| | estimated PSNR without a reference | PSNR against the reference |",
        "|---|---|---|",
        f"| best candidate (number {best['number']}) | {_cell(best['score'])} | {_cell(best['psnr'])} |",
        f"| stack of {len(stack['members'])} | {_cell(stack['score'])} | {_cell(stack['psnr'])} |",
        f"| delivered | | {_cell(result['delivered_psnr'])} |",
    ]
    lines += [
        f"| {name} | {_cell(baseline['score'])} | {_cell(baseline['psnr'])} |"
        for name, baseline in result["baselines"].items()
    ]
    lines += [
        "",
        f"The architecture: {label} (genome {best['digest']}), stopped at iteration {best['step']}: {best['ended']}. "
        f"It was chosen because {best['chosen_because']}.",
        *_finalists(result),
        *_uncertainty(result),
        "",
        f"Candidates: {result['trials']['complete']} complete, {result['trials']['pruned']} given up early, "
        f"{result['trials']['failed']} failed. Space {result['space']}, sampler {result['sampler']}, "
        f"seed {result['seed']}, dipsearch {result['version']}.",
    ]
    if result["warnings"]:
        lines += ["", "Worth knowing:", "", *(f"- {warning}" for warning in result["warnings"])]
    return "\n".join(lines) + "\n"


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
            f"| {row['number']} | {_cell(row['score'], row['score_error'])} | "
            + (_cell(row["score"] - rows[0]["score"], row["standard_error"]) if index else "")
            + " |"
            for index, row in enumerate(rows)
        ),
    ]


def _uncertainty(result: Mapping[str, Any]) -> list[str]:
    found = result["uncertainty"]
    if not found:
        return []
    line = (
        f"How far each pixel may be off is in {found['file']} (standard deviations, {255 * found['mean']:.1f} of 255 "
        f"on average); in {found['image']} white stands for {255 * found['white']:.1f}."
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
