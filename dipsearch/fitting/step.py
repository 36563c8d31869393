"""One step of a fit: jitter, forward pass, loss, backward pass, Adam, running average.

All of it works on buffers that never move and reads nothing back, so that an engine can run it as it is, or
record it once as a CUDA graph and replay it. Whatever the step needs is made once, before the loop.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any
from zlib import crc32

import torch
from torch import Tensor, nn

from ..errors import InputError, first_line, out_of_memory
from ..network import Network, OwnNetwork, build, make_input
from ..network.adam import Adam
from ..network.fused import or_plain
from ..problem import Problem, Split
from .average import Average, ExponentialAverage, RunningAverage
from .compute import USUAL, Compute
from .fluctuation import Fluctuation
from .own_draws import SEEDS, OwnDraws
from .precision import arithmetic, effective, forward_pass
from .saved_step import DRAW, Changing, SavedStep, StepState

JITTER_STREAM = 0x5EED
"""Added to the seed of the jitter, so that it does not repeat the random numbers of z."""


NETWORK = "network."
"""What the names of a state begin with that belong to the network."""

AVERAGE = "average."
"""What the names of a state begin with that belong to the average of the outputs."""


class Step:
    """Fits ``f_θ(z + σ_p n)`` to the fitted part of a split with Adam, in channels-last; call it to step.

    Args:
        genome: architecture, input, learning rate, jitter, loss and averaging; or one's own network.
        problem: gives image shape, operator and device.
        split: gives the loss.
        seed: of the weights, of z and of the jitter.
        start: the state to go on from; without ``draw`` in it the jitter begins anew.
        compute: precision and memory; the engine is whoever calls the step.
        fluctuation: whether the restlessness of the outputs is measured, for the rules that need it.
        pilot: (1, C, H, W), a restoration of the fitted part for networks that have one in their input. The jitter
            is added to all of z, the pilot's channels too.
        average: of the outputs; ``None``: the exponential one with the decay that the genome says.

    Raises:
        InputError: the genome needs a pilot, and there is none, or it is of another shape than the image.

    Attributes:
        loss: (), the training loss before the latest step.
        output: (1, C, H, W), the latest raw output.
        average: of the outputs so far.
        fluctuation: of the outputs so far; None unless asked for.
    """

    def __init__(
        self,
        genome: Network,
        problem: Problem,
        *,
        split: Split,
        seed: int,
        start: StepState | None = None,
        compute: Compute = USUAL,
        fluctuation: bool = False,
        pilot: Tensor | None = None,
        average: Average[Any] | None = None,
    ) -> None:
        self.device = device = problem.y.device
        channels = problem.image_shape[1]
        self._shape, self._alike = problem.image_shape, problem.form.channels
        self._z = _in_its_layout(_input(genome, problem.image_shape, seed=seed, pilot=pilot).to(device))
        self._jitter = genome.jitter if self._z.is_floating_point() or self._z.is_complex() else 0
        # Drawn as one plain block in the order of the memory: normal_() on a permuted tensor is eight times
        # slower on a CPU, and a sum over two layouts three times.
        self._noise = torch.empty_like(_last_to_front(self._z), memory_format=torch.contiguous_format)
        self.draw = torch.Generator(device).manual_seed((seed + JITTER_STREAM) % SEEDS)
        self.network: nn.Module = (
            genome.copied().to(device)
            if isinstance(genome, OwnNetwork)
            else build(genome, channels=channels, seed=seed, lean=compute.lean).to(device)
        )
        if not isinstance(genome, OwnNetwork):  # whose modules may be frozen
            self.network.train()
        self._operator, self._split, self._loss_kind = problem.operator, split, genome.loss
        self.adam = Adam(self.network.parameters(), learning_rate=genome.learning_rate)
        self.precision = effective(compute.precision, device)
        self.loss = torch.zeros((), device=device, dtype=torch.float32)
        self.average = RunningAverage(
            average or ExponentialAverage(genome.averaging), shape=problem.image_shape, device=device
        )
        self.output = torch.zeros(problem.image_shape, device=device, dtype=torch.float32)
        self.fluctuation = Fluctuation(shape=problem.image_shape, device=device) if fluctuation else None
        self._input_is_ours = isinstance(genome, OwnNetwork) and genome.z is None
        self._own_draws = OwnDraws(seed, device) if isinstance(genome, OwnNetwork) else None
        # One's own network may put other tensors in the place of its own; ours never move.
        self._there = None if isinstance(genome, OwnNetwork) else Changing(self._changing(), self.device)
        if start is not None:
            self.load(start)

    def __call__(self) -> None:
        """Make one step."""
        with arithmetic(self.precision, self.device):
            or_plain(self._step, self.device)

    def _step(self) -> None:
        z = self._z
        if self._jitter > 0:
            z = z + _front_to_last(self._noise.normal_(0, self._jitter, generator=self.draw))
        self.adam.zero_grad()
        with forward_pass(self.precision, self.device):
            output = _image(
                self._forward(z), self._shape, alike=self._alike
            ).float()  # one's own network may end in short numbers
        loss = self._split.loss(self._operator.A(output), kind=self._loss_kind)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._own_draws is not None and not self.adam.has_gradient:
            raise InputError(
                "the output of the network does not depend on its weights",
                "a fit changes those that module.parameters() has",
                "compute the output from them: without torch.no_grad() or detach(), and not from copies",
            )
        self.adam.step()
        self.loss.copy_(loss.detach())
        self.output = output.detach()
        self.average.update(self.output)
        if self.fluctuation is not None:
            self.fluctuation.update(self.output)

    def _forward(self, z: Tensor) -> object:
        if self._own_draws is None:
            return self.network(z)
        try:
            return self.network(z)
        except RuntimeError as error:
            if out_of_memory(error) or ("size" not in str(error) and "shape" not in str(error)):
                raise
            raise InputError(
                f"the network cannot take the input {tuple(z.shape)}: {first_line(error)}",
                "without z it is noise of this shape"
                if self._input_is_ours
                else "this is the z that was given",
                "give the z that the module takes, or correct the module",
            ) from error

    @property
    def of_ones_own(self) -> bool:
        """Whether its network is a module of the user's."""
        return self._own_draws is not None

    def drawing(self) -> AbstractContextManager[None]:
        """Around some steps: what one's own network draws by itself follows from the seed and the steps before."""
        return nullcontext() if self._own_draws is None else self._own_draws.after(int(self.average.step))

    def save(self) -> SavedStep:
        """A copy of everything that a step changes, for `load`, here or in another process."""
        there = self._there or Changing(self._changing(), self.device)
        return there.saved(self.draw.get_state())

    def load(self, state: StepState) -> None:
        """Go on from a saved state, in place: a recorded graph goes on using the same memory."""
        for name, value in self._changing().items():
            if name in state:
                if value.shape == state[name].shape and all(value.stride()):
                    value.detach().copy_(state[name])
                else:
                    self._replace(name, state[name])
        if DRAW in state:
            self._go_on_drawing(state[DRAW])

    def forget(self) -> None:
        """Let go of what a recording that failed has left: its memory, and a generator that it made unusable."""
        self.adam.zero_grad()
        self.output = torch.zeros(self._shape, device=self.device, dtype=torch.float32)
        self.draw = torch.Generator(self.device)

    def _go_on_drawing(self, state: Tensor) -> None:
        """Take over a generator's state; from one of another kind of device follows a new sequence, always the same."""
        if state.numel() == self.draw.get_state().numel():
            self.draw.set_state(state)
        else:
            self.draw.manual_seed(crc32(state.numpy().tobytes()))

    def _replace(self, name: str, value: Tensor) -> None:
        """Put a buffer of one's own network back that its forward pass makes anew, or that repeats one number."""
        place, _, leaf = name.removeprefix(NETWORK).rpartition(".")
        setattr(self.network.get_submodule(place), leaf, value.to(self.device).clone())

    def _changing(self) -> StepState:
        of_network = self.network.state_dict()
        watched = self.fluctuation.tensors() if self.fluctuation is not None else ()
        return {
            # One's own may say more of itself, and have tensors that are no plain ones: these stay as they are.
            **{f"{NETWORK}{name}": value for name, value in of_network.items() if _is_plain(value)},
            "loss": self.loss,
            **{f"{AVERAGE}{index}": value for index, value in enumerate(self.average.tensors())},
            **{f"fluctuation.{index}": value for index, value in enumerate(watched)},
            **{f"adam.{name}": value for name, value in self.adam.tensors().items()},
        }


def _is_plain(value: object) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided and not value.is_quantized


def _in_its_layout(z: Tensor) -> Tensor:
    return z.contiguous(memory_format=torch.channels_last) if z.ndim == 4 else z.contiguous()


def _last_to_front(z: Tensor) -> Tensor:
    return z.permute(0, 2, 3, 1) if z.ndim == 4 else z


def _front_to_last(noise: Tensor) -> Tensor:
    return noise.permute(0, 3, 1, 2) if noise.ndim == 4 else noise


def _image(output: object, shape: tuple[int, int, int, int], *, alike: int) -> Tensor:
    """What a network made, cut to the image's size; of a picture whose so many channels are all the same, their mean,
    where it makes them all."""
    if isinstance(output, Tensor) and output.is_complex():
        raise InputError(
            f"the network made an output {tuple(output.shape)} of complex numbers",
            f"the image is {tuple(shape)}, of real ones: a complex image has two channels for each of its own",
            "return its real part, or torch.cat([output.real, output.imag], dim=1)",
        )
    if isinstance(output, Tensor) and output.ndim == 4 and output.requires_grad:
        image = output[..., : shape[-2], : shape[-1]]
        image = image.mean(1, keepdim=True) if alike > 1 and image.shape[1] == alike else image
        if image.shape == shape:
            return image
        made = str(tuple(output.shape))
    elif isinstance(output, Tensor):
        made = f"{tuple(output.shape)}" + ("" if output.requires_grad else " without a gradient")
    else:
        made = f"of the type {type(output).__name__}"
    raise InputError(
        f"the network made an output {made}",
        f"the image is {tuple(shape)}",
        "give a module that makes an image of at least this size, with as many channels, from its weights",
    )


def _input(genome: Network, shape: tuple[int, int, int, int], *, seed: int, pilot: Tensor | None) -> Tensor:
    """The input z for an image of this shape, padded to the stride."""
    if isinstance(genome, OwnNetwork):
        return genome.input(height=shape[-2], width=shape[-1], seed=seed)
    if genome.needs_pilot and pilot is not None and tuple(pilot.shape) != tuple(shape):
        raise InputError(
            f"the pilot has the shape {tuple(pilot.shape)}",
            f"the image has {tuple(shape)}, and a pilot is a restoration of it",
            "give a restoration of this very picture",
        )
    stride = 2**genome.depth
    height, width = (_up(size, stride) for size in shape[-2:])
    return make_input(genome, height=height, width=width, seed=seed, pilot=pilot)


def _up(size: int, stride: int) -> int:
    return -(-size // stride) * stride
