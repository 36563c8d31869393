"""The plan in words, for the console and the page: said before the work starts."""

from __future__ import annotations

from collections.abc import Sequence

from ..calling import option
from ..durations import about
from .plan import USUAL_STEPS, Load, Plan, least_steps
from .rescoring import MANY, RESCORING_SHARE


def lines_of(
    plan: Plan, load: Load, *, budget: float | None, seconds_per_step: float | None
) -> tuple[tuple[str, str], ...]:
    """The plan as labels and sentences.

    Args:
        plan: what was decided.
        load: what it was decided for.
        budget: seconds of wall time for everything, or ``None``.
        seconds_per_step: of a usual network on every picture; ``None`` where it was not measured.
    """
    lines = [picture_line(load.shapes)]
    if not plan.networks:
        lines.append(
            (
                "time",
                f"{budget or 0:.0f} s in all: no time for a network, the first answer is delivered{enough_words(plan)}",
            )
        )
        return tuple(lines)
    kinds = ", ".join(sorted(set(plan.devices)))
    lines.append(("workers", f"{len(plan.devices)} on {kinds}, one candidate each at a time"))
    lines.append(("memory", load.memory_limit.sentence))
    if plan.crop is not None:
        lines.append(
            (
                "searched on",
                f"a representative {plan.crop}×{plan.crop} crop at native resolution; the best are "
                "fitted to the whole picture afterwards",
            )
        )
    if plan.trials is not None:
        lines.append(("candidates", f"{plan.trials}"))
    if budget is not None and seconds_per_step is not None and plan.search_until:
        look = least_steps(load.typical)
        each = seconds_per_step * look
        looks = len(plan.devices) * (plan.search_until - load.spent) / each
        lines.append(
            ("time", f"{budget:.0f} s in all: search until {plan.search_until:.0f} s, the rest to deliver")
        )
        lines.append(
            (
                "first look",
                f"{look} iterations of each candidate, about {each:.0f} s of a usual network "
                f"({1000 * seconds_per_step:.0f} ms each)",
            )
        )
        lines.append(
            (
                "networks",
                f"time to try about {max(1, round(looks))}; the most promising ones are fitted further",
            )
        )
    if plan.queue:
        first = ", ".join(name for name, _ in plan.queue[:4])
        lines.append(("tried first", first + (" …" if len(plan.queue) > 4 else "")))
    if plan.left_out:
        lines.append(("too slow for this budget", ", ".join(plan.left_out)))
    if load.too_large:
        lines.append(("too large for this machine", ", ".join(load.too_large)))
    lines.append(("finalists", _finalists(plan, load, budget=budget, seconds_per_step=seconds_per_step)))
    return tuple(lines)


def enough_words(plan: Plan) -> str:
    """What budget networks would need, as the end of a sentence; empty where time is not what they lack."""
    if plan.networks_from is None:
        return ""
    return f"; networks need {option('budget', about(plan.networks_from))}"


def picture_line(shapes: Sequence[tuple[int, int, int, int]]) -> tuple[str, str]:
    """The pictures' sizes and channels."""
    sizes = ", ".join(f"{shape[-1]}×{shape[-2]}" for shape in shapes[:3])
    more = f" and {len(shapes) - 3} more" if len(shapes) > 3 else ""
    channels = shapes[0][1]
    return "picture", f"{sizes}{more}, {channels} channel{'' if channels == 1 else 's'}"


def _finalists(plan: Plan, load: Load, *, budget: float | None, seconds_per_step: float | None) -> str:
    """What becomes of the best candidates: scored again, or why not and what it would take."""
    again = plan.rescoring
    if again.finalists:
        seeds = "one seed" if again.seeds == 1 else f"{again.seeds} seeds"
        return f"the best {again.finalists} are scored again on a second split, {seeds} each"
    if plan.crop is not None:
        return "the best are judged again on the whole picture"
    if budget is None or seconds_per_step is None:
        most = "" if plan.trials is None else f", it begins at {MANY * len(plan.devices)} candidates"
        return f"not scored again on a second split{most}"
    each = seconds_per_step * USUAL_STEPS
    enough = MANY * each / (1 - RESCORING_SHARE)
    return (
        f"not scored again on a second split, that would need 3 × {each:.0f} s more; "
        f"it begins at a budget of about {-(-enough // 60):.0f} min"
    )
