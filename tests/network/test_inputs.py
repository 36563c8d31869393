"""The input of the generator: the right distribution, and the same values on every machine."""

import pytest
import torch

from dipsearch.network import Genome, make_input


def genome(kind: str, channels: int | None = 6, scale: float | None = 0.5) -> Genome:
    return Genome(input_kind=kind, input_channels=channels, input_scale=scale)  # type: ignore[arg-type]


def test_uniform_noise_lies_between_zero_and_the_scale() -> None:
    z = make_input(genome("uniform"), height=32, width=48, seed=0)
    assert z.shape == (1, 6, 32, 48) and z.dtype == torch.float32
    assert z.min() >= 0 and z.max() <= 0.5
    assert abs(z.mean() - 0.25) < 0.005 and abs(z.std() - 0.5 / 12**0.5) < 0.003


def test_gaussian_noise_has_the_scale_as_its_deviation() -> None:
    z = make_input(genome("gaussian"), height=32, width=48, seed=0)
    assert abs(z.mean()) < 0.02 and abs(z.std() - 0.5) < 0.01


def test_a_mesh_grid_runs_from_zero_to_one_across_and_down() -> None:
    z = make_input(genome("meshgrid", None, None), height=4, width=8, seed=0)
    assert torch.equal(z[0, 0, 0], torch.linspace(0, 1, 8)) and torch.equal(
        z[0, 1, :, 0], torch.linspace(0, 1, 4)
    )
    assert torch.equal(z, make_input(genome("meshgrid", None, None), height=4, width=8, seed=1))


def test_fourier_features_are_waves_between_one_and_a_quarter_of_the_pixels_per_picture() -> None:
    z = make_input(genome("fourier", 24), height=64, width=64, seed=0)[0]
    assert z.abs().amax(dim=(1, 2)).min() > 0.45 and z.abs().max() <= 0.5
    spectrum = torch.fft.fft2(z - z.mean(dim=(1, 2), keepdim=True)).abs()
    peak = spectrum.flatten(1).argmax(dim=1)
    row, column = (torch.minimum(index, 64 - index) for index in (peak // 64, peak % 64))
    periods = (row**2 + column**2).float().sqrt()
    assert periods.max() <= 17 and (periods < 3).any() and (periods > 8).any()


@pytest.mark.parametrize("kind", ["uniform", "gaussian", "fourier"])
def test_values_depend_on_the_seed_alone(kind: str) -> None:
    first, again, other = (make_input(genome(kind), height=16, width=16, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_values_are_drawn_in_plain_order_and_laid_out_channels_last() -> None:
    z = make_input(genome("uniform", 3, 1.0), height=16, width=8, seed=9)
    drawn = torch.rand(1, 3, 16, 8, generator=torch.Generator().manual_seed(9))
    assert torch.equal(z, drawn) and z.is_contiguous(memory_format=torch.channels_last)
