"""The study in one sentence and a few large numbers: what went in, what came out, what it gained, how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..delivery.answer_words import answers_of, delivered_answer, left_as_it_was, level_words
from ..run import StudyRecord
from ..run.study_record import UNREADABLE
from .outcome_part import delivered_by, image_words
from .tables import counts
from .wording import decibels, duration, plural, signed


@dataclass(frozen=True)
class Fact:
    """A large number of the headline, what it is, and a remark below it."""

    value: str
    label: str
    remark: str = ""


@dataclass(frozen=True)
class Headline:
    """What stands on top of the page: a sentence, whether the study is done, and up to four facts."""

    sentence: str
    state: str
    facts: tuple[Fact, ...]


def headline(record: StudyRecord) -> Headline:
    """Say the most important things about a study, in any state."""
    result = record.result
    if result is None:
        return Headline(_unfinished(record), _state(record), _progress(record))
    facts = (*_quality(result), Fact(duration(result.get("seconds")), "for everything", _device(result)))
    return Headline(_sentence(record, result), _state(record), facts[:4])


def _sentence(record: StudyRecord, result: Mapping[str, Any]) -> str:
    picture = image_words(result.get("image") or ())
    what = {
        "inpaint": f"Missing pixels of {picture} filled in",
        "denoise": f"Noise removed from {picture}",
        "sr": f"{picture} enlarged {record.request.options.factor}×",
        "deblur": f"Blur removed from {picture}",
        "invert": f"{picture} restored from its measurement",
    }
    task = record.request.options.task
    if left_as_it_was(result):
        return f"{picture} is left as it was: nothing was found to restore. {_judged(result)}"
    said = f"{what.get(task, task)} {_means(result)}. {_judged(result)}"
    return (
        f"A simulation: a clean picture was damaged and restored. {said}" if result.get("simulated") else said
    )


def _means(result: Mapping[str, Any]) -> str:
    tried = plural(sum((result.get("trials") or {}).values()), "candidate")
    return f"by {delivered_by(result)} ({tried} tried)"


def _judged(result: Mapping[str, Any]) -> str:
    if not result.get("reference"):
        return "Nothing but the damaged picture was used."
    return "Nothing but the damaged picture was used; the reference only served to measure the result."


def _quality(result: Mapping[str, Any]) -> tuple[Fact, ...]:
    delivered = result.get("delivered_psnr")
    if delivered is None:
        level = level_words([delivered_answer(answers) for answers in answers_of(result)])
        where = "of the small picture, " if result.get("task") == "sr" else ""
        if not where and (result.get("split") or {}).get("indirect"):
            where = "of what was measured, "
        return (Fact(level, "estimated PSNR", f"{where}without a reference"),) if level else ()
    ssim = result.get("delivered_ssim")
    facts = [Fact(decibels(delivered), "PSNR", f"SSIM {ssim:.3f}" if ssim is not None else "")]
    for name, baseline in (result.get("baselines") or {}).items():
        if baseline.get("psnr") is not None and result.get("delivered") != "first":
            gain = delivered - baseline["psnr"]
            facts.append(
                Fact(
                    decibels(abs(gain)),
                    f"{'above' if gain >= 0 else 'below'} {name}",
                    f"{'which reach' if name.endswith('s') else 'which reaches'} {decibels(baseline['psnr'])}",
                )
            )
    best = (result.get("best") or {}).get("psnr")
    if best is not None and result.get("delivered") != "best":
        gain = delivered - best
        facts.append(
            Fact(signed(gain, unit="dB"), "over the chosen network", f"which would have {decibels(best)}")
        )
    return tuple(facts)


def _device(result: Mapping[str, Any]) -> str:
    workers = result.get("workers")
    device = str(result.get("device") or "")
    return f"{plural(int(workers), 'worker')} on {device}" if workers and device else device


def _unfinished(record: StudyRecord) -> str:
    found = counts(record)
    if any(sentence.startswith(UNREADABLE) for sentence in record.missing):
        return "The result of this study cannot be read; this is what else there is of it."
    if not record.trials and any(picture.first for picture in record.pictures):
        return "Similar patches have answered; this study has not started a candidate yet."
    if not record.trials:
        return "This study has not started a candidate yet."
    if found["failed"] and not any(found[state] for state in ("complete", "resting", "running")):
        return "No candidate could be fitted; the reasons are below. This study has not delivered a result."
    return "This study has not delivered a result yet; this is what it has found so far."


def _state(record: StudyRecord) -> str:
    if record.result is not None:
        return "finished early" if record.result.get("interrupted") else "finished"
    if any(e.state in ("running", "resting") for e in record.trials):
        return "running, or stopped without delivering"
    return "not delivered"


def _progress(record: StudyRecord) -> tuple[Fact, ...]:
    found = counts(record)
    best = record.ranked()[:1]
    given_up = f"{found['pruned']} given up early"
    if resting := sum(e.counts for e in record.trials) - found["complete"]:
        compared, rests = str(found["complete"] + resting), "rests" if resting == 1 else "rest"
        facts = [Fact(compared, "compared", f"{resting} of them {rests}, {given_up}")]
    else:
        facts = [Fact(str(found["complete"]), "complete", given_up)]
    if best:
        facts.insert(0, Fact(decibels(best[0].estimated_psnr), "best so far", f"candidate {best[0].number}"))
    if found["failed"]:
        facts.append(Fact(str(found["failed"]), "failed"))
    return tuple(facts)
