"""The generator: the wiring of 2018, for every gene and every size that its stride allows."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from dipsearch.errors import InputError
from dipsearch.network import Generator, Genome, Scale, build, load_space, make_input
from dipsearch.network.gene_rules import WORDS
from dipsearch.network.layers import Normalisation, concatenate, halve

TINY = (Scale(6, 5, channels_skip=3), Scale(4, 7, 5, 1, 0, None))


def parameters_by_hand(genome: Genome, channels: int) -> int:
    """The published wiring: a convolution has in·out·k² + out parameters, a normalisation 2·channels."""

    def block(channels_in: int, channels_out: int, kernel: int) -> int:
        return channels_in * channels_out * kernel**2 + channels_out + 2 * channels_out

    total, above = 0, genome.width_of_input(channels)
    for index, scale in enumerate(genome.scales):
        last = index == genome.depth - 1
        below = scale.channels_down if last else genome.scales[index + 1].channels_up
        total += block(above, scale.channels_down, scale.kernel_down)
        total += block(scale.channels_down, scale.channels_down, scale.kernel_down)
        if scale.kernel_skip is not None:
            total += block(above, scale.channels_skip, scale.kernel_skip)
        joined = below + scale.channels_skip
        total += 2 * joined + block(joined, scale.channels_up, scale.kernel_up)
        total += block(scale.channels_up, scale.channels_up, 1) if genome.up_1x1 else 0
        above = scale.channels_down
    return total + genome.scales[0].channels_up * channels + channels


def tiny_variants() -> list[Genome]:
    """One tiny genome for every word of every gene, and one for every choice of kernels and depth."""
    words = [
        Genome(TINY, **{gene: word}, **_without_input(gene, word))  # type: ignore[arg-type]
        for gene, allowed in WORDS.items()
        for word in allowed
    ]
    kernels = [
        Genome((Scale(4, 4, kernel, kernel, 2, kernel),), up_1x1=kernel < 5) for kernel in (1, 3, 5, 7)
    ]
    return [*words, *kernels, Genome((Scale(3, 3),) * 4)]


def _without_input(gene: str, word: str) -> dict[str, object]:
    if word == "meshgrid":
        return {"input_channels": None, "input_scale": None}
    return {"input_channels": 3, "pilot_scale": 1.0 if word == "pilot" else None}


def test_the_published_denoising_network_has_its_parameters() -> None:
    generator = build(Genome(), channels=3, seed=0)
    assert sum(parameter.numel() for parameter in generator.parameters()) == 2_217_831
    assert parameters_by_hand(Genome(), 3) == 2_217_831
    assert generator.stride == 32


@pytest.mark.parametrize("genome", tiny_variants(), ids=lambda genome: genome.digest)
def test_every_gene_gives_a_network_that_can_be_fitted(genome: Genome) -> None:
    generator = build(genome, channels=2, seed=1)
    z = make_input(genome, height=32, width=16, seed=1, pilot=torch.rand(1, 2, 32, 16))
    x = generator(z)
    x.square().mean().backward()
    assert x.shape == (1, 2, 32, 16)
    assert x.isfinite().all()
    for parameter in generator.parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all()


def test_random_genomes_have_the_parameters_that_the_wiring_says() -> None:
    space, generator = load_space("skip"), np.random.default_rng(2)
    for genome in (space.genome(space.sample(generator)) for _ in range(5)):
        with torch.device("meta"):
            built = Generator(genome, channels=3)
        assert sum(parameter.numel() for parameter in built.parameters()) == parameters_by_hand(genome, 3)


def test_any_multiple_of_the_stride_will_do_even_one_stride() -> None:
    genome = Genome((Scale(4, 4),) * 4, input_channels=2)
    generator = build(genome, channels=1, seed=0)
    for height, width in ((16, 16), (16, 48), (32, 16)):
        assert generator(make_input(genome, height=height, width=width, seed=0)).shape == (
            1,
            1,
            height,
            width,
        )


def test_another_size_is_refused_in_words() -> None:
    generator = build(Genome(TINY), channels=3, seed=0)
    with pytest.raises(InputError, match="multiples of 4"):
        generator(torch.zeros(1, 32, 16, 18))


def test_the_output_is_inside_zero_and_one_only_with_a_sigmoid() -> None:
    z = 100 * torch.randn(1, 32, 16, 16, generator=torch.Generator().manual_seed(0))
    bounded = build(Genome(TINY), channels=1, seed=0)(z)
    assert bounded.min() >= 0 and bounded.max() <= 1
    free = build(Genome(TINY, output="none"), channels=1, seed=0)(z)
    assert (torch.sigmoid(free) - bounded).abs().max() < 1e-6


def test_weights_depend_on_the_seed_and_nothing_global_is_touched() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (build(Genome(TINY), channels=3, seed=seed) for seed in (7, 7, 8))
    make_input(Genome(TINY), height=16, width=16, seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)
    for one, two, three in zip(first.parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
        if one.ndim == 4:
            assert not torch.equal(one, three)


def test_nothing_is_remembered_but_the_weights() -> None:
    generator = build(Genome(TINY), channels=3, seed=0)
    assert list(generator.buffers()) == []
    z = make_input(Genome(TINY), height=16, width=16, seed=0)
    assert torch.equal(generator(z), generator.eval()(z))


def test_a_single_pixel_normalises_to_the_learned_shift() -> None:
    norm = Normalisation("batch", 3)
    with torch.no_grad():
        norm.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    assert (norm(torch.randn(1, 3, 1, 1)).flatten() - norm.bias).abs().max() < 1e-4


def test_batch_normalisation_uses_the_present_picture() -> None:
    x = torch.randn(1, 4, 9, 7, generator=torch.Generator().manual_seed(0))
    expected = F.batch_norm(x, None, None, torch.ones(4), torch.zeros(4), training=True)
    assert (Normalisation("batch", 4)(x) - expected).abs().max() < 1e-6
    assert (Normalisation("instance", 4)(x) - expected).abs().max() < 1e-6
    assert list(Normalisation("instance", 4).parameters()) == []


def test_lanczos_halving_keeps_constants_and_removes_the_finest_stripes() -> None:
    constant = torch.full((1, 2, 8, 6), 0.7)
    assert (halve(constant, "lanczos2") - 0.7).abs().max() < 1e-6
    stripes = (torch.arange(32) % 2).float().view(1, 1, 1, 32).expand(1, 1, 8, 32).contiguous()
    inner = halve(stripes, "lanczos2")[..., 2:-2]
    assert (inner - 0.5).abs().max() < 1e-6


def test_concatenation_hands_whole_gradients_on() -> None:
    first, second = torch.randn(1, 3, 4, 4, requires_grad=True), torch.randn(1, 5, 4, 4, requires_grad=True)
    joined = concatenate(first, second)
    along = torch.arange(joined.numel(), dtype=torch.float32).view_as(joined)
    of_first, of_second = torch.autograd.grad(joined, (first, second), along)
    assert torch.equal(torch.cat([of_first, of_second], 1), along)
    assert of_second.is_contiguous(memory_format=torch.channels_last)


def test_the_same_step_gives_the_same_bits() -> None:
    genome = Genome((Scale(32, 32), Scale(24, 24)), input_channels=4)
    z = make_input(genome, height=32, width=32, seed=0)
    runs = []
    for _ in range(2):
        generator = build(genome, channels=3, seed=0)
        generator(z).square().mean().backward()
        runs.append([parameter.grad for parameter in generator.parameters()])
    assert all(torch.equal(one, two) for one, two in zip(*runs, strict=True))  # type: ignore[arg-type]
