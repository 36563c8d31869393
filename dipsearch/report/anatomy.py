"""One network as plain rows: its scales, the genes that hold for all of it, and what it costs."""

from __future__ import annotations

from ..network import Genome, cost
from .wording import large


def scale_rows(genome: Genome) -> tuple[tuple[str, ...], ...]:
    """A genome scale by scale, full resolution first: scale, down, up, skip; channels × kernel."""
    rows = []
    for index, scale in enumerate(genome.scales):
        skip = f"{scale.channels_skip} × {scale.kernel_skip}" if scale.channels_skip else "none"
        rows.append(
            (
                f"1/{2**index}" if index else "1",
                f"{scale.channels_down} × {scale.kernel_down}",
                f"{scale.channels_up} × {scale.kernel_up}",
                skip,
            )
        )
    return tuple(rows)


def gene_rows(genome: Genome) -> tuple[tuple[str, str], ...]:
    """The genes that hold for the whole network and for its fit: label and value."""
    channels = f", {genome.input_channels} channels" if genome.input_channels is not None else ""
    scale = f", scale {genome.input_scale:g}" if genome.input_scale is not None else ""
    return (
        ("upsampling", genome.upsampling + (", then 1×1 convolution" if genome.up_1x1 else "")),
        ("downsampling", genome.downsampling),
        ("activation", genome.activation),
        ("norm", genome.norm),
        ("padding", genome.padding),
        ("output", genome.output),
        ("input", f"{genome.input_kind}{channels}{scale}"),
        ("jitter of the input", f"{genome.jitter:g}"),
        ("learning rate", f"{genome.learning_rate:g}"),
        ("averaging of outputs", f"{genome.averaging:g}" if genome.averaging else "none"),
        ("loss", genome.loss),
    )


def cost_rows(genome: Genome, image_shape: tuple[int, int, int, int]) -> tuple[tuple[str, str], ...]:
    """What a genome asks of a machine for an image of ``image_shape (1, C, H, W)``."""
    asked = cost(genome, image_shape=image_shape)
    return (
        ("parameters", large(asked.parameters)),
        ("one iteration", f"{large(asked.multiply_adds)} multiply-adds forward"),
        ("memory for one step", f"{large(asked.saved_bytes, unit='B')} of activations"),
    )
