"""Simulated microscope pictures: what the gate's own parameters cost against the true ones, restored by
similar patches.

A camera of 12 bits looks at cells, fibres and beads of our own and at some of scikit-image's pictures; gain,
offset, noise of reading and light are drawn. The same picture is restored twice, once with what the gate finds
in it and once with what is true, and both gains over the noisy picture are compared with the clean one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ...patches import answer
from ...problem import Identity, NoiseModel, Problem, diagnose, psnr, read_image

SIDE, LARGEST = 128, 4095
SAMPLES = ("cell", "microaneurysms", "moon", "retina", "coins", "hubble_deep_field")
PHANTOMS = ("cells", "fibres", "beads", "nuclei", "membranes", "spots")
GAINS, OFFSETS, READS, PHOTONS = (2, 40), (100, 500), (0, 10), (5, 200)


@dataclass(frozen=True)
class MicroscopeRow:
    """One picture: its camera, what was found, and the gains over the noisy picture in dB.

    ``found_gain`` and ``found_zero`` are in units of the camera, the zero being offset − read noise² / gain.
    """

    picture: str
    gain: float
    offset: float
    read: float
    photons: float
    found_gain: float | None
    found_zero: float | None
    branch: str
    noisy: float
    own: float
    told: float

    @property
    def loss(self) -> float:
        """What the true parameters would have gained more, in dB."""
        return self.told - self.own


def measure_microscopes(
    *, seed: int = 0, watch: Callable[[MicroscopeRow], None] | None = None
) -> list[MicroscopeRow]:
    """Restore twelve pictures with the gate's parameters and with the true ones."""
    rows = []
    for number, name in enumerate((*SAMPLES, *PHANTOMS)):
        draw = np.random.default_rng([seed, number])
        row = _row(name, draw)
        rows.append(row)
        if watch is not None:
            watch(row)
    return rows


def microscope_markdown(rows: Sequence[MicroscopeRow], *, command: str, version: str) -> str:
    """The table for people."""
    worst = max(row.loss for row in rows)
    lines = [
        "## Microscopes: the gate's parameters against the true ones",
        "",
        f"`{command}`, dipsearch {version}: {len(rows)} simulated pictures of {SIDE} × {SIDE} in 12 bits, restored by "
        "similar patches alone (the first answer). Gains over the noisy picture in dB; at most "
        f"{worst:.2f} dB are lost by finding the parameters instead of knowing them. Noise of reading in photons; zero "
        "is offset − read noise² / gain, in units of the camera.",
        "",
        "| picture | photons | gain | found | zero | found | read | branch | noisy | own | told |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        zero = row.offset - row.gain * row.read**2
        found = ["–" if one is None else f"{one:.4g}" for one in (row.found_gain, row.found_zero)]
        lines.append(
            f"| {row.picture} | {row.photons:.0f} | {row.gain:.3g} | {found[0]} | {zero:.4g} | {found[1]} | "
            f"{row.read:.2g} | {row.branch} | {row.noisy:.2f} | +{row.own - row.noisy:.2f} | "
            f"+{row.told - row.noisy:.2f} |"
        )
    return "\n".join(lines) + "\n"


def row_values(rows: Sequence[MicroscopeRow]) -> list[dict[str, float | str | None]]:
    """The rows as JSON can hold them."""
    return [
        {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(row).items()}
        for row in rows
    ]


def _row(name: str, draw: np.random.Generator) -> MicroscopeRow:
    scene = _sample(name) if name in SAMPLES else _phantom(name, draw)
    offset, read = draw.uniform(*OFFSETS), draw.uniform(*READS)
    photons = float(np.exp(draw.uniform(*np.log(PHOTONS))))
    # A gain at which the brightest places still fit into 12 bits.
    most = (LARGEST - offset) / (photons + 5 * np.sqrt(photons + read**2))
    gain = min(float(np.exp(draw.uniform(*np.log(GAINS)))), float(most))
    n = scene * photons
    measured = gain * (draw.poisson(n) + read * draw.normal(size=n.shape)) + offset
    y = np.clip(np.rint(measured), 0, LARGEST)
    low, high = 0.0, float(y.max())
    clean, noisy = (
        torch.from_numpy((part - low) / (high - low)).float()[None, None] for part in (gain * n + offset, y)
    )
    span = high - low
    found = diagnose(noisy)
    true = NoiseModel(
        "poisson", gain=gain / span, offset=(offset - low) / span, read_sigma=gain * read / span
    )
    problem = Problem(
        noisy, Identity(), found.noise, (1, 1, SIDE, SIDE), observed=torch.ones(1, 1, SIDE, SIDE)
    )
    data_range = float(clean.max() - clean.min())
    own, told = (
        float(psnr(answer(one), clean, data_range=data_range))
        for one in (problem, replace(problem, noise=true))
    )
    model = found.noise
    counted = model.kind == "poisson" and model.gain is not None
    zero = None
    if counted and model.gain is not None:
        zero = low + span * (model.offset - model.read_sigma**2 / model.gain)
    return MicroscopeRow(
        picture=name,
        gain=gain,
        offset=float(offset),
        read=float(read),
        photons=photons,
        found_gain=model.gain * span if counted and model.gain is not None else None,
        found_zero=zero,
        branch=found.branch,
        noisy=float(psnr(noisy, clean, data_range=data_range)),
        own=own,
        told=told,
    )


def _sample(name: str) -> NDArray[np.float64]:
    x = read_image(f"sample:{name}").pixels.mean(1, keepdim=True)
    side = min(x.shape[-2:])
    top, left = (x.shape[-2] - side) // 2, (x.shape[-1] - side) // 2
    square = x[..., top : top + side, left : left + side]
    plane = F.interpolate(square, (SIDE, SIDE), mode="area")[0, 0].double().numpy()
    return np.asarray((plane - plane.min()) / (plane.max() - plane.min()))


def _phantom(name: str, draw: np.random.Generator) -> NDArray[np.float64]:
    """A scene of our own in [0, 1], on a dark ground."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    scene = np.full((SIDE, SIDE), 0.02)
    for _ in range(
        {"cells": 12, "fibres": 18, "beads": 60, "nuclei": 14, "membranes": 12, "spots": 120}[name]
    ):
        y, x, turn = draw.uniform(0, SIDE), draw.uniform(0, SIDE), draw.uniform(0, np.pi)
        along = (rows - y) * np.sin(turn) + (columns - x) * np.cos(turn)
        across = (rows - y) * np.cos(turn) - (columns - x) * np.sin(turn)
        bright = draw.uniform(0.2, 1)
        if name == "fibres":
            scene += bright * np.exp(-((across + 4 * np.sin(along / 15)) ** 2) / 4)
        elif name in ("beads", "spots"):
            scene += bright * np.exp(-(along**2 + across**2) / (2 * (3.0 if name == "beads" else 1.2) ** 2))
        else:
            radius = np.hypot(along / draw.uniform(10, 18), across / draw.uniform(7, 12))
            edge = 1 / (1 + np.exp(12 * (radius - 1)))
            if name == "membranes":
                edge = np.exp(-((radius - 1) ** 2) / 0.02)
            texture = gaussian_filter(draw.normal(size=scene.shape), 1.5) if name == "nuclei" else 0.0
            scene = np.maximum(scene, bright * edge * (1 + 0.8 * texture))
    return np.asarray(np.clip(scene / scene.max(), 0, 1))
