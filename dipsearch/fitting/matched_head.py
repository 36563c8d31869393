"""A matched head: the last layer of a network, set so that the network begins with a restoration that is there already.

The last layer is a 1×1 convolution, so its weights follow from the features that come in by weighted least squares. A
network whose features hold what is in its pilot then needs no iterations to find levels and contrasts, which
normalisations take away on the way to the last layer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..network import Genome, build, make_input
from .saved_step import StepState

RIDGE = 1e-3
"""Of the mean square of the features, added to that of each: features that say the same share their weight."""

MOST_PIXELS = 2**16
"""That the layer is matched on: 33 unknowns for a colour need no more, and features of all pixels take much memory."""

MARGIN = 0.02
"""Values nearer to black or white than this are taken for this, where a sigmoid has no finite inverse."""

HEAD = "network.head."


def with_matched_head(genome: Genome, state: StepState, *, pilot: Tensor, seed: int) -> StepState:
    """The state of a step whose network makes the pilot as well as its last layer can.

    Args:
        genome: with a pilot in its input.
        state: the network's weights, by the names of ``Step``.
        pilot: (1, C, H, W) in about [0, 1], on the device of the fit; made from the fitted part alone.
        seed: of the fit, for its z.
    """
    channels, height, width = pilot.shape[1:]
    network = build(genome, channels=channels, seed=seed)
    network.load_state_dict({name.removeprefix("network."): value for name, value in state.items()})
    stride = network.stride
    z = make_input(
        genome,
        height=-(-height // stride) * stride,
        width=-(-width // stride) * stride,
        seed=seed,
        pilot=pilot,
    )
    network.to(pilot.device)
    with torch.no_grad():
        features = network.body(z.to(pilot.device))[0, :, :height, :width]
    every = -(-height * width // MOST_PIXELS)
    # One number after the other over the whole picture: a regular grid, but for its last column.
    inputs, wanted = _doubles(features, every), _doubles(pilot[0], every)
    slope = torch.ones(inputs.shape[1], dtype=torch.float64)
    if genome.output == "sigmoid":
        inside = wanted.clamp(MARGIN, 1 - MARGIN)
        wanted = torch.log(inside / (1 - inside))
        slope = (inside * (1 - inside)).mean(dim=0)  # how much of an error comes through the sigmoid
    inputs = torch.cat([inputs, torch.ones_like(inputs[:1])])
    weighted = inputs * slope**2
    square = weighted @ inputs.T
    square += RIDGE * square.diagonal().mean() * torch.eye(len(square), dtype=torch.float64)
    solved = torch.linalg.solve(square, weighted @ wanted.T).float()  # (features + 1, C)
    weight = solved[:-1].T.reshape(channels, -1, 1, 1).contiguous()
    return {**state, f"{HEAD}weight": weight, f"{HEAD}bias": solved[-1].contiguous()}


def _doubles(image: Tensor, every: int) -> Tensor:
    """Every so many pixels of an image (C, H, W), as (C, n) float64 on the CPU."""
    return image.reshape(len(image), -1)[:, ::every].cpu().double()
