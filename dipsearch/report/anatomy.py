"""One network as plain rows: its scales, its other genes, what it costs, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from ..library import Architecture, Preset, PresetEvidence
from ..network import Genome, cost
from .wording import clause, decibels, duration, large, plural, signed


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
    pilot = f", pilot with scale {genome.pilot_scale:g}" if genome.pilot_scale is not None else ""
    kind = "uniform" if genome.needs_pilot else genome.input_kind
    return (
        (
            "upsampling",
            genome.upsampling.replace("_", " ") + (", then 1×1 convolution" if genome.up_1x1 else ""),
        ),
        ("downsampling", genome.downsampling),
        ("activation", genome.activation.replace("_", " ")),
        ("norm", genome.norm),
        ("padding", genome.padding),
        ("output", genome.output),
        ("input", f"{kind}{channels}{scale}{pilot}"),
        ("jitter of the input", f"{genome.jitter:.3g}"),
        ("learning rate", f"{genome.learning_rate:.3g}"),
        ("averaging of outputs", f"{genome.averaging:g}" if genome.averaging else "none"),
        ("loss", genome.loss),
    )


def cost_rows(genome: Genome, image_shape: Sequence[int]) -> tuple[tuple[str, str], ...]:
    """What a genome asks of a machine for an image of ``image_shape (1, C, H, W)``."""
    asked = cost(genome, image_shape=tuple(image_shape))
    return (
        ("parameters", large(asked.parameters)),
        ("one iteration", f"{large(asked.multiply_adds)} multiply-adds forward"),
        ("memory for one step", f"{large(asked.saved_bytes, unit='B')} of activations"),
    )


def architecture_rows(architecture: Architecture) -> tuple[tuple[str, str], ...]:
    """How an exported network was fitted and where it comes from: label and sentence."""
    fit, origin = architecture.fit, architecture.provenance
    sizes = clause(*(f"{image.shape[3]} × {image.shape[2]}" for image in origin.images))
    versions = clause(*(f"{name} {version}" for name, version in origin.versions.items()))
    return (
        ("task", fit.task),
        ("score", f"{decibels(fit.estimated_psnr)}, estimated without a reference ({fit.split})"),
        ("stopped", f"at iteration {fit.step}: {fit.ended}"),
        ("found on", f"{sizes} pixels, in study {origin.study}, seed {origin.seed}"),
        ("fitted", f"in {duration(origin.seconds)} on {origin.device}, {origin.date}"),
        ("versions", versions),
    )


def preset_rows(found: Preset) -> tuple[tuple[str, str], ...]:
    """What a preset file says of its network: label and sentence."""
    rows = [("task", clause(*found.tasks)), ("title", found.title), ("source", found.source)]
    if (evidence := found.evidence) is not None:
        rows += [("evidence", evidence_words(evidence))]
    return tuple(rows)


def evidence_words(evidence: PresetEvidence) -> str:
    """What speaks for a preset, in a sentence."""
    count = plural(len(evidence.pictures), "picture")
    mean = decibels(fmean(one.estimated_psnr for one in evidence.pictures))
    if evidence.against is None or evidence.gain is None:
        return f"{mean} on {count}, estimated without a reference; no network that was known before was fitted to all"
    chance = "too few for a test" if evidence.p is None else f"Wilcoxon, p = {evidence.p:.3g}"
    return (
        f"{mean} on {count}, estimated without a reference: {signed(evidence.gain)} dB against {evidence.against}, "
        f"picture by picture ({chance})"
    )
