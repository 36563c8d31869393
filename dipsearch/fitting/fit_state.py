"""The state of a fit under way, as a value: what has to be known to go on with it, bit for bit, elsewhere and later.

Its bytes are safetensors: tensors by name, and everything else as JSON in one of them. Nothing in them can run as code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save as save_arrays
from safetensors.torch import load, save
from torch import Tensor

from ..errors import FormatError, first_line
from .saved_step import DRAW, Layout, SavedStep
from .stopping import Check, Ended, Waiting

FORMAT = "dipsearch/fit-state/3"
WORDS, LAYOUT = "json", "layout"
"""The tensors that hold what is no tensor: of all fits, and of each saved step."""

DAMAGED = (
    SafetensorError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What reading bytes may raise that are no state."""


@dataclass(frozen=True, eq=False)
class Iterate:
    """A check point that may be delivered.

    Args:
        check: what the fit showed there.
        image: the averaged output, ``(1, C, H, W)``.
    """

    check: Check
    image: Tensor


@dataclass(frozen=True, eq=False)
class FitState:
    """A fit that was interrupted at a check point.

    Args:
        step: iterations done.
        seconds: that they took.
        ended: why the fit is over; ``None``: it can be advanced.
        rows: step, training loss, score and seconds of every check point, ``(k, 4)``, float64.
        memory: of the stopping rule.
        recent: the latest check points, oldest first.
        best: the one that the rule would deliver; ``None`` so far.
        weights: of the step where that one was chosen, to go on from; ``None`` where nobody will.
        steps: what the next step starts from.
    """

    step: int
    seconds: float
    ended: Ended | None
    rows: NDArray[np.float64]
    memory: Waiting
    recent: tuple[Iterate, ...]
    best: Iterate | None
    weights: SavedStep | None
    steps: SavedStep


def pack(states: Sequence[FitState], notes: Mapping[str, Any]) -> bytes:
    """The bytes of some fits of one network, one to each picture.

    Args:
        notes: plain values that are kept with them.
    """
    tensors: dict[str, Tensor] = {}
    words = {"format": FORMAT, "notes": dict(notes), "fits": []}
    for index, state in enumerate(states):
        tensors[f"{index}/rows"] = torch.from_numpy(np.ascontiguousarray(state.rows))
        tensors |= _named(f"{index}/steps", state.steps)
        just_chosen = state.weights is state.steps
        if state.weights is not None and not just_chosen:
            tensors |= _named(f"{index}/weights", state.weights)
        iterates = [*state.recent, *([] if state.best is None else [state.best])]
        places = [_place(one, iterates) for one in iterates]
        for place, one in enumerate(iterates):
            if places[place] == place:  # the best one often is among the recent
                tensors[f"{index}/{place}/image"] = one.image
        words["fits"].append(  # type: ignore[attr-defined]
            {
                "step": state.step,
                "seconds": state.seconds,
                "ended": state.ended and state.ended.name,
                "memory": asdict(state.memory),
                "checks": [asdict(one.check) for one in iterates],
                "places": places,
                "best": state.best is not None,
                "just_chosen": just_chosen,
            }
        )
    tensors[WORDS] = _as_tensor(json.dumps(words).encode())
    there = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    if any(value.dtype == torch.bfloat16 for value in there.values()):
        return save(there)  # NumPy has no such numbers
    # The same bytes in two thirds of the time, which every slice takes.
    return save_arrays({name: value.numpy() for name, value in there.items()})


def unpack(packed: bytes) -> tuple[list[FitState], dict[str, Any]]:
    """What ``pack`` packed, on the CPU: the fits, and the notes.

    Raises:
        FormatError: the bytes are damaged, or of another version.
    """
    try:
        tensors = load(packed)
        words = json.loads(bytes(tensors.pop(WORDS).numpy()))
        if words["format"] != FORMAT:
            raise ValueError(f"the format is {words['format']!r}")
        states = [_state(one, index, tensors) for index, one in enumerate(words["fits"])]
        return states, words["notes"]
    except DAMAGED as error:
        raise FormatError(
            f"the state of a fit cannot be read ({first_line(error)})",
            f"it is {FORMAT}, in the form of safetensors",
            "the candidate is fitted anew; remove the file",
        ) from error


def _named(prefix: str, saved: SavedStep) -> dict[str, Tensor]:
    content = {**saved.vectors, DRAW: saved.draw, LAYOUT: _as_tensor(saved.layout.as_bytes)}
    return {f"{prefix}/{name}": value for name, value in content.items()}


def _as_tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def _place(one: Iterate, iterates: Sequence[Iterate]) -> int:
    return next(place for place, other in enumerate(iterates) if other.image is one.image)


def _state(words: Mapping[str, Any], index: int, tensors: Mapping[str, Tensor]) -> FitState:
    iterates = [
        Iterate(_check(check), tensors[f"{index}/{place}/image"])
        for check, place in zip(words["checks"], words["places"], strict=True)
    ]
    best = iterates.pop() if words["best"] else None
    steps = _saved(f"{index}/steps", tensors)
    memory = words["memory"]
    return FitState(
        step=int(words["step"]),
        seconds=float(words["seconds"]),
        ended=None if words["ended"] is None else Ended[words["ended"]],
        rows=tensors[f"{index}/rows"].numpy().reshape(-1, 4),
        memory=Waiting(
            tuple(memory["recent"]),
            memory["best_value"],
            memory["best_step"],
            memory["last_step"],
            tuple(_check(one) for one in memory["checks"]),
            None if memory["lowest"] is None else _check(memory["lowest"]),
        ),
        recent=tuple(iterates),
        best=best,
        weights=steps if words["just_chosen"] else _weights(f"{index}/weights", tensors),
        steps=steps,
    )


def _check(words: Mapping[str, Any]) -> Check:
    return Check(**{**words, "parts": tuple(words["parts"])})


def _saved(prefix: str, tensors: Mapping[str, Tensor]) -> SavedStep:
    layout = Layout.from_bytes(bytes(tensors[f"{prefix}/{LAYOUT}"].numpy()))
    vectors = {kind: tensors[f"{prefix}/{kind}"] for kind in layout.lengths}
    return SavedStep(layout, vectors, tensors[f"{prefix}/{DRAW}"])


def _weights(prefix: str, tensors: Mapping[str, Tensor]) -> SavedStep | None:
    return _saved(prefix, tensors) if f"{prefix}/{LAYOUT}" in tensors else None
