"""Restoring by Langevin sampling: what is written and what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dipsearch.errors import InputError
from dipsearch.fitting import Langevin
from dipsearch.problem import TaskOptions, read_image, write_image
from dipsearch.run import Silent, run_sampling

SHORT = Langevin(burn_in=10, every=5, steps=30)


def sampled(
    tmp_path: Path,
    options: TaskOptions,
    *,
    source: str = "sample:coffee@32",
    network: str = "dipsearch_nearest_16",
) -> dict[str, object]:
    (result,) = run_sampling(
        network,
        [source],
        options,
        out=tmp_path,
        device="cpu",
        seed=0,
        langevin=SHORT,
        budget_seconds=None,
        callback=Silent(),
    )
    return result


def test_the_mean_and_its_deviation_are_written(tmp_path: Path) -> None:
    result = sampled(tmp_path, TaskOptions("denoise", sigma=25, simulate=True))
    deviation = np.load(tmp_path / "coffee-32-deviation.npz")["deviation"]
    restored = read_image(str(result["restored"])).pixels
    assert deviation.shape == tuple(restored.shape)
    assert deviation.min() > 0
    assert result["samples"] == 5
    assert float(result["psnr"]) > 10  # type: ignore[arg-type]


def test_observed_pixels_are_exact_and_not_unsure(tmp_path: Path) -> None:
    result = sampled(tmp_path, TaskOptions("inpaint", missing=50))
    deviation = np.load(tmp_path / "coffee-32-deviation.npz")["deviation"]
    clean, restored = (read_image(name).pixels for name in ("sample:coffee@32", str(result["restored"])))
    kept = deviation[0, 0] == 0
    assert kept.mean() == pytest.approx(0.5, abs=0.01)
    assert float((clean - restored).abs()[0, :, kept].max()) < 0.5 / 255


def test_a_network_with_a_pilot_gets_the_answer_of_similar_patches(tmp_path: Path) -> None:
    result = sampled(tmp_path, TaskOptions("denoise", sigma=25, simulate=True), network="dipsearch_pilot_32")
    assert result["samples"] == 5
    assert float(result["psnr"]) > 10  # type: ignore[arg-type]


def test_the_measurement_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    write_image(path, read_image("sample:coffee@32").pixels)
    with pytest.raises(InputError, match="that is the damaged picture itself"):
        sampled(tmp_path, TaskOptions("denoise", sigma=25), source=str(path))
