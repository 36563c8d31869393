"""``fit`` from Python: one network to one measurement."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from .. import fitting
from ..calling import from_python
from ..errors import InputError, first_line, out_of_memory
from ..execution.at_once import patch_device
from ..fitting import (
    Average,
    Check,
    Curves,
    Ended,
    EngineWord,
    Fit,
    Precision,
    StoppingRule,
    fit_all_data,
    give_back_memory,
    may_fit_all_data,
)
from ..fitting.all_data import SHARE, USEFUL
from ..fitting.compute import Compute, leaner
from ..fitting.ongoing import Watcher
from ..fitting.precision import DEFAULT
from ..library.warm_weights import warm_name, warm_start
from ..library.warm_words import cold_words
from ..network import Genome, OwnNetwork, as_network
from ..patches import answer
from ..planning.plan import MAX_STEPS
from ..problem import Problem, Split, make_split
from ..request_words import StartWord
from ..run.devices import choose_devices
from .asked import refuse_other_judges, refuse_other_means, refuse_other_start, seconds_of, whole_number
from .found import Array


@dataclass(frozen=True, eq=False, repr=False)
class Fitted:
    """One network that was fitted to one measurement.

    Args:
        image: the restored image in the form of the measurement, after the fit went on with all of y where it did.
        fit: everything about the fit: chosen step, curves, why it ended; its own image is the one that was judged.
        start: the preset whose learnt weights it began with; ``None``: random ones, or those of one's own module.
    """

    image: Array
    fit: Fit
    start: str | None = None

    @property
    def step(self) -> int:
        """The chosen iteration."""
        return self.fit.step

    @property
    def ended(self) -> Ended:
        """Why the fit ended; its value is a sentence."""
        return self.fit.ended

    @property
    def validation_mse(self) -> float:
        """The split's estimate of the mean squared error, of values about in [0, 1]; it may be slightly negative."""
        return self.fit.validation_mse

    @property
    def curves(self) -> Curves:
        """What was recorded at the check points."""
        return self.fit.curves

    def __repr__(self) -> str:
        return f"Fitted(step {self.fit.step}, {self.fit.ended.value}, {self.fit.seconds:.0f} s)"


def fit(
    problem: Problem,
    network: Genome | OwnNetwork | nn.Module | tuple[nn.Module, Tensor],
    *,
    z: Tensor | None = None,
    seed: int = 0,
    split: Split | None = None,
    steps: int | None = None,
    rule: StoppingRule[Any] | None = None,
    average: Average[Any] | None = None,
    watch: Watcher | None = None,
    budget: str | float | timedelta | None = None,
    device: str = "auto",
    engine: EngineWord = "auto",
    precision: Precision = DEFAULT,
    start: StartWord = "auto",
    all_data: bool = True,
) -> Fitted:
    """Fit one network to a measurement, and stop it by itself.

    Args:
        problem: what was measured.
        network: a genome, or a module with its input z; a module is copied, and begins from its weights as they are.
        z: the input of a module; ``None``: uniform noise.
        seed: of the split, the weights, z and its jitter.
        split: which part of the measurement is fitted and which one scores; ``None``: as the noise asks for.
        steps: iterations at the most; ``None``: as many as the task usually has.
        rule: when to stop and what to deliver; ``None``: the minimum of the split's score.
        average: of the outputs, which is judged and delivered; ``None``: the exponential one that the network says.
        watch: sees every check point until the fit is judged, and may end it: then it does not go on.
        budget: wall time of its iterations at the most: "4m", seconds, or a ``timedelta``; ``None``: it ends by itself.
            Where a fit begins again for lack of memory, what it has taken before counts.
        device: "auto": a GPU that works and is not full where there is one, or else "cpu", as for a module of one's own
            instead of "mps", which lacks 64 bits; "cpu", "cuda" (PyTorch's current one where it uses one already),
            "cuda:1" or "mps". Where the memory of a GPU is too short, the fit begins again in a way that needs less,
            and then on the CPU, with a warning.
        engine: "auto", "eager" or "cuda_graph".
        precision: of the convolutions, as in ``search``.
        start: what the network begins from: "warm": learnt weights, where there are some for it; "cold": random ones;
            "auto": warm for the tasks where that was measured to be no worse. Which it was is in ``Fitted.start``.
        all_data: go on for a while with all of y from the chosen iteration, where that is safe, as ``search`` and
            ``restore`` do, with a warning where the memory is too short for it; ``False``: the image is that of the
            chosen iteration, for comparisons of rules and scores.

    Raises:
        InputError: something cannot be used, or no output of the network was finite.
        ResourceError: the device is not there, or cannot be used.
    """
    if not isinstance(problem, Problem):
        raise InputError(
            f"the problem is {type(problem).__name__}",
            "it is a dipsearch.Problem",
            "write dipsearch.Problem(y, A, noise=...)",
        )
    refuse_other_means(seed=seed, engine=engine, precision=precision, device=device)
    refuse_other_start(start)
    refuse_other_judges(rule=rule, average=average)
    if watch is not None and not callable(watch):
        raise InputError(
            f"watch is {watch!r}", "it is called with a check point and the image there", "give a function"
        )
    if problem.y.device.type != "cpu":
        problem = problem.to("cpu")  # where it is divided, and where the observed values are put back
    chosen, most = as_network(network, z=z), MAX_STEPS[problem.task]
    unused: list[str] = []
    where = _place(str(device), chosen, tell=unused.append)
    for sentence in unused:
        warnings.warn(sentence, stacklevel=2)
    with torch.inference_mode(False), torch.enable_grad():  # whatever the caller has switched off
        split = make_split(problem, seed=seed) if split is None else split
        if not isinstance(split, Split) or split.fit_target.shape != problem.y.shape:
            raise InputError(
                "the split is of another measurement"
                if isinstance(split, Split)
                else f"the split is {split!r}",
                f"it divides y, which has the shape {tuple(problem.y.shape)} inside",
                "make it with dipsearch.make_split(problem, seed=0)",
            )
        warm = warm_name(start, chosen, task=problem.task, channels=problem.image_shape[1])
        if warm is None and start == "warm":
            warnings.warn(cold_words(chosen), stacklevel=2)
        usual, most_seconds, begun = Compute(engine, precision), seconds_of(budget), time.monotonic()
        ways = [(where, means) for means in (usual, *leaner(usual, chosen))]
        ways += [("cpu", usual)] if where != "cpu" else []
        for (place, means), further in zip(ways, [*ways[1:], None], strict=True):
            left = None if most_seconds is None else max(0.0, most_seconds - (time.monotonic() - begun))
            try:
                return _fitted_on(
                    place,
                    problem,
                    chosen,
                    split=split,
                    seed=seed,
                    steps=most if steps is None else whole_number("steps", steps, least=1),
                    rule=rule,
                    average=average,
                    watch=watch,
                    most_seconds=left,
                    compute=means,
                    warm=warm,
                    all_data=all_data,
                )
            except (RuntimeError, MemoryError) as error:
                if further is None or not out_of_memory(error):
                    raise
                shortage = first_line(error)
            # After the block above: while an error is handled, its frames hold what the fit had allocated.
            give_back_memory(place)
            how = f"on '{further[0]}'" if further[0] != place else "in the way that needs less memory"
            warnings.warn(
                f"'{place}' has not enough memory ({shortage}); the fit begins again {how}", stacklevel=2
            )
    raise AssertionError  # the last way has returned or raised


def _place(word: str, network: Genome | OwnNetwork, *, tell: Callable[[str], None]) -> str:
    """The device of a fit; ``tell`` hears why a GPU that is there is not used."""
    if word == "cuda" and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        word = f"cuda:{torch.cuda.current_device()}"
    with from_python():
        found = choose_devices(word, workers=1, tell=tell)[0]
    return "cpu" if (word, found) == ("auto", "mps") and isinstance(network, OwnNetwork) else found


def _fitted_on(
    where: str,
    problem: Problem,
    chosen: Genome | OwnNetwork,
    *,
    split: Split,
    seed: int,
    steps: int,
    rule: StoppingRule[Any] | None,
    average: Average[Any] | None,
    watch: Watcher | None,
    most_seconds: float | None,
    compute: Compute,
    warm: str | None,
    all_data: bool,
) -> Fitted:
    """The fit on a device, by some means; the other arguments are those of ``fit``, and the preset whose learnt weights
    it begins with.

    Raises:
        RuntimeError, MemoryError: there is not enough memory for it.
    """
    with torch.inference_mode(False), torch.enable_grad():
        there = problem.to(where)
        beside = there if patch_device(str(where)) == str(where) else problem
        pilot = answer(beside, split=split.to(beside.y.device)).to(where) if chosen.needs_pilot else None
        channels = problem.image_shape[1]
        goes_on, broken_off = all_data and _may_go_on(problem, split), False

        def seen(check: Check, image: Tensor) -> Ended | None:
            nonlocal broken_off
            wanted = None if watch is None else watch(check, image)
            if wanted is not None and not isinstance(wanted, Ended):
                raise InputError(
                    f"watch returned {wanted!r}",
                    "it returns None, or a dipsearch.fitting.Ended where the fit is to end",
                    "return for example Ended.PRUNED, or nothing",
                )
            broken_off = wanted is not None
            return wanted

        done = fitting.fit(
            chosen,
            there,
            split=split.to(where),
            seed=seed,
            max_steps=steps,
            rule=rule,
            average=average,
            watch=None if watch is None else seen,
            seconds=most_seconds / (1 + SHARE) if goes_on and most_seconds else most_seconds,
            start=None if warm is None else warm_start(chosen, channels=channels, seed=seed, pilot=pilot),
            keep_weights=goes_on,
            compute=compute,
            pilot=pilot,
        )
        if not bool(done.image.isfinite().all()):
            made = "the network" if average is None else "the network, or the average of its outputs,"
            raise InputError(
                f"{made} made values that are NaN or infinite ({done.ended.value})",
                "a fit delivers an average of outputs, which are finite numbers",
                "correct it or its z, or lower its learning rate: dipsearch.OwnNetwork(module, z, learning_rate=0.001)",
            )
        if done.ended is Ended.DIVERGED:
            warnings.warn(f"the image is that of iteration {done.step}: {done.ended.value}", stacklevel=3)
        if goes_on and not broken_off and done.ended in USEFUL:
            left = None if most_seconds is None else max(0.0, most_seconds - done.seconds)
            done = _gone_on(
                done, chosen, there, beside=beside, seed=seed, seconds=left, compute=compute, average=average
            )
        done = replace(done, weights=None)
        image = done.image if done.full is None else done.full
        return Fitted(problem.form.back(fitting.data_consistent(image.cpu(), problem)), done, warm)


def _may_go_on(problem: Problem, split: Split) -> bool:
    """Whether a fit to this split, which may be one's own, may go on with all data.

    Noisy values that were held out would be new, and their noise with them.
    """
    divided = problem.exact is not None or split.kind in ("recorruption", "thinning")
    return split.kind != "whole" and divided and may_fit_all_data(problem)


def _gone_on(
    done: Fit,
    network: Genome | OwnNetwork,
    problem: Problem,
    *,
    beside: Problem,
    seed: int,
    seconds: float | None,
    compute: Compute,
    average: Average[Any] | None,
) -> Fit:
    """The fit after it went on; as it was where a network of the user's fails, or the memory is too short.

    Args:
        beside: the problem where similar patches answer it.
    """
    try:
        pilot = answer(beside).to(problem.y.device) if network.needs_pilot else None
        return fit_all_data(
            done,
            network,
            problem,
            seed=seed,
            seconds=seconds,
            compute=compute,
            pilot=pilot,
            average=average,
        )
    except Exception as error:
        if not isinstance(network, OwnNetwork) and not out_of_memory(error):
            raise
        # It is not our code, or would need another way, and the fit that was judged is there.
        said = f"{type(error).__name__}: {first_line(error)}"
        warnings.warn(f"the fit does not go on with all data: {said}", stacklevel=4)
        return done
