"""The input of the generator: the right distribution, and the same values on every machine."""

import pytest
import torch

from dipsearch.errors import InputError
from dipsearch.network import Genome, Scale, make_input


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


def piloted(depth: int = 3, scale: float = 2.0) -> Genome:
    return Genome((Scale(4, 4),) * depth, input_kind="pilot", input_channels=4, pilot_scale=scale)


def restoration(height: int, width: int) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))


def test_a_pilot_stands_beside_the_noise_of_a_uniform_input_centred_and_scaled() -> None:
    pilot = restoration(16, 24)
    z = make_input(piloted(), height=16, width=24, seed=5, pilot=pilot)
    noise = make_input(genome("uniform", 4, 0.1), height=16, width=24, seed=5)
    assert z.shape == (1, 7, 16, 24) and z.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(z[:, :4], noise)
    assert torch.allclose(z[:, 4:], 2 * (pilot - pilot.mean(dim=(2, 3), keepdim=True)))
    assert z[:, 4:].mean(dim=(2, 3)).abs().max() < 1e-6


def test_a_pilot_is_mirrored_at_the_end_of_its_rows_and_columns() -> None:
    pilot = restoration(13, 10)
    z = make_input(piloted(scale=1.0), height=16, width=16, seed=0, pilot=pilot)[:, 4:]
    assert torch.equal(z[..., 13:, :10], z[..., [11, 10, 9], :10])
    assert torch.equal(z[..., 10:], z[..., [8, 7, 6, 5, 4, 3]])


def test_a_pilot_that_is_too_small_to_be_mirrored_is_repeated() -> None:
    z = make_input(piloted(), height=8, width=8, seed=0, pilot=restoration(3, 8))[:, 4:]
    assert torch.equal(z[..., 3:, :], z[..., 2:3, :].expand(1, 3, 5, 8))


def test_the_pilot_of_another_picture_or_none_is_refused_in_words() -> None:
    with pytest.raises(
        InputError, match=r"has a pilot in its input, and there is none; .*; give one"
    ) as none:
        make_input(piloted(), height=16, width=16, seed=0)
    assert none.value.rule == "a pilot is a restoration of the same measurement, (1, C, H, W)"
    for wrong in (restoration(17, 16), restoration(8, 16), restoration(16, 16)[0], torch.zeros(5)):
        with pytest.raises(InputError, match=r"the pilot has the shape .* for an input of 16 × 16"):
            make_input(piloted(), height=16, width=16, seed=0, pilot=wrong)


def test_other_inputs_do_not_look_at_a_pilot() -> None:
    plain = make_input(genome("uniform"), height=16, width=16, seed=0)
    assert torch.equal(
        plain, make_input(genome("uniform"), height=16, width=16, seed=0, pilot=torch.zeros(1))
    )
